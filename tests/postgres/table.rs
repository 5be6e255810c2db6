//! What is in the table, and whose.

use super::*;

/// A name that would do harm where it is not quoted, in a schema of its own.
const SCHEMA: &str = "the \"schema\"";
const TABLE: &str = "a\"b'; DROP TABLE kv_store; --";

#[test]
fn what_somebody_else_wrote_is_refused_and_left() {
    let _alone = alone();
    without_table();
    block_on(async {
        let clock = clock();
        let store = store(native(), clock).await;
        for (envelope, says) in [
            ("\\x0068656c6c6f", "no record"),
            ("\\x02", "version 2"),
            ("\\x", "no record"),
        ] {
            postgres(&format!(
                "DELETE FROM kv_store;
                 INSERT INTO kv_store (namespace, key, envelope) VALUES ('', 'theirs', '{envelope}')"
            ));
            let theirs = || postgres("SELECT xmin, envelope FROM kv_store");
            let before = theirs();
            let many = [("theirs", 1, SetOptions::default())];
            for (what, result) in [
                ("get", store.get("theirs").await.map(drop)),
                ("set", store.set("theirs", 1).await.map(drop)),
                (
                    "set_many",
                    match store.set_many(many).await {
                        Ok(mut results) => results.remove(0).map(drop),
                        Err(error) => Err(error),
                    },
                ),
                ("increment", store.increment("theirs", 1).await.map(drop)),
                ("delete", store.delete("theirs").await.map(drop)),
                ("keys", store.keys("**").await.map(drop)),
                ("get_pattern", store.get_pattern("t*").await.map(drop)),
                (
                    "atomic",
                    store
                        .atomic()
                        .set("mine", 1)
                        .delete("theirs")
                        .commit()
                        .await
                        .map(drop),
                ),
            ] {
                let error = result.expect_err(what);
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
                assert!(
                    error.message().contains(says) || error.message().contains("one of a newer"),
                    "{what}: {error}"
                );
            }
            assert_eq!(store.cleanup_expired().await.expect("clean-up"), 0);
            assert_eq!(theirs(), before);
        }
    });
}

#[test]
fn names_and_keys_are_never_statements() {
    let _alone = alone();
    block_on(async {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let (schema, table) = (
            quoted(SCHEMA),
            format!("{}.{}", quoted(SCHEMA), quoted(TABLE)),
        );
        postgres(&format!(
            "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}"
        ));
        let options = PostgresOptions {
            schema: Some(SCHEMA.to_owned()),
            table: TABLE.to_owned(),
            create: true,
        };
        let clock = clock();
        let backend = Postgres::open(neon(native(), &clock), Arc::clone(&clock), &options).await;
        let store = Store::new(backend.expect("a backend"), clock);
        let mut keys = [
            "'; DROP TABLE x; --",
            "a\\'b",
            "\"",
            "{a,b}",
            "NULL",
            "$1",
            "$$",
            "%s",
            "\\",
            "\\\\x41",
            "a b",
            "/*",
            "*/",
            "\\u0000",
            "(a|b)+",
            "^$",
            "[[:alpha:]]",
            "ä\u{1f600}",
            "--",
            ";",
        ];
        keys.sort_unstable();
        let space = store.namespace("'; -- \"").expect("a namespace");
        for key in keys {
            space.set(key, key).await.expect(key);
        }
        assert_eq!(
            space
                .get_many(&keys)
                .await
                .expect("get_many")
                .iter()
                .flatten()
                .count(),
            keys.len()
        );
        for key in keys {
            assert_eq!(space.get(key).await.expect(key), Some(key.into()), "{key}");
            let pattern = dataknobs_kv::escape_pattern(key);
            assert_eq!(
                space.keys(&format!("{{{pattern},}}")).await.expect(key),
                [key]
            );
            assert_eq!(
                space.keys(&format!("{pattern}*")).await.expect(key).first(),
                Some(&key.to_owned())
            );
        }
        assert_eq!(space.keys("**").await.expect("keys"), keys);
        assert!(store.keys("**").await.expect("keys").is_empty());
        let count = postgres(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(count.trim(), keys.len().to_string());
        postgres(&format!("DROP SCHEMA {schema} CASCADE"));
    });
}

/// What is beside the envelope, for people.
#[test]
fn people_see_metadata_and_times() {
    let _alone = alone();
    without_table();
    block_on(async {
        let store = store(native(), clock()).await;
        let metadata = [("source", "a\0b\\".into()), ("n", 1.5.into())]
            .into_iter()
            .collect();
        let options = SetOptions {
            metadata: Some(metadata),
            ttl: Some(Ttl::seconds(60.0).expect("a time")),
            ..SetOptions::default()
        };
        store.set_with("k", "v", options).await.expect("set");
        let row = postgres(
            "SELECT metadata, expires_at - updated_at, created_at = updated_at,
               abs(extract(epoch FROM updated_at - now())) < 10 FROM kv_store",
        );
        assert_eq!(
            row.trim(),
            "{\"n\": 1.5, \"source\": \"a\u{fffd}b\\\\\"}|00:01:00|t|t"
        );
    });
}
