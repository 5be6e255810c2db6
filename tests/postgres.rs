//! The suite over a real PostgreSQL, through the gateway. `make servers` starts what it needs.
#![cfg(all(feature = "postgres", feature = "reqwest"))]

#[path = "postgres/counting.rs"]
mod counting;
#[path = "postgres/races.rs"]
mod races;
#[path = "servers/mod.rs"]
mod servers;
#[path = "postgres/table.rs"]
mod table;

use counting::Counting;
use dataknobs_kv::{
    Error, ErrorKind, Host, ScanOptions, SetOptions, Store, System, Ttl,
    backend::postgres::{Neon, Postgres, PostgresOptions},
    conformance::{BadLine, Faults, Work, contend, run},
    http::{Http, HttpClient, HttpOptions, Native, ServerClock},
};
use servers::{Ahead, alone, block_on, named, postgres};
use std::sync::Arc;

fn clock() -> Arc<ServerClock> {
    ServerClock::new(Arc::new(System::default()))
}

fn native() -> Arc<dyn HttpClient> {
    Arc::new(Native::new().expect("a client"))
}

fn neon(client: Arc<dyn HttpClient>, clock: &Arc<ServerClock>) -> Neon {
    let http = Http::new(client, Arc::clone(clock), HttpOptions::default());
    let url = format!("{}sql", named("KV_GATEWAY_URL"));
    let connection = format!("postgres://u:{}@h/d", named("KV_GATEWAY_TOKEN"));
    Neon::new(http, url.parse().expect("a URL"), &connection, None).expect("headers")
}

async fn open(
    client: Arc<dyn HttpClient>,
    clock: &Arc<ServerClock>,
) -> Result<Postgres<Neon>, Error> {
    let options = PostgresOptions::default();
    Postgres::open(neon(client, clock), Arc::clone(clock), &options).await
}

async fn store(client: Arc<dyn HttpClient>, clock: Arc<ServerClock>) -> Store<Postgres<Neon>> {
    let backend = open(client, &clock).await;
    Store::new(backend.expect("a backend"), clock)
}

fn without_table() {
    postgres("DROP TABLE IF EXISTS kv_store");
}

#[test]
fn the_suite() {
    let _alone = alone();
    without_table();
    block_on(async {
        let (client, clock) = (native(), clock());
        let host: Arc<dyn Host> = clock.clone();
        let report = run(host, async || {
            let backend = open(Arc::clone(&client), &clock).await?;
            postgres("TRUNCATE kv_store");
            Ok(backend)
        })
        .await;
        assert!(report.checks().len() > 50, "{}", report.checks().len());
        report.assert();
    });
}

/// 20 writers, with requests that do not arrive, answers that do not, and proxies in between.
#[test]
fn writers_on_a_bad_line_count_exactly() {
    let _alone = alone();
    let faults = Faults {
        dropped: 0.1,
        lost: 0.1,
        busy: 0.1,
        broken: 0.1,
    };
    block_on(async {
        for work in [Work::Increment, Work::Swap, Work::Atomic] {
            without_table();
            let clock = clock();
            let line = Arc::new(BadLine::new(native(), faults, 7));
            let store = store(line, clock).await;
            let tally = contend(&store, work, 20, 6, 1).await.expect("exact");
            println!("{work:?}: {tally:?}");
            assert_eq!(tally.done + tally.unknown, 120, "{work:?}");
        }
    });
}

#[test]
fn each_operation_is_as_few_requests_as_said() {
    let _alone = alone();
    without_table();
    block_on(async {
        let client = Arc::new(Counting::new(native()));
        let store = store(client.clone(), clock()).await;
        let keys: Vec<String> = (0..100).map(|i| format!("k.{i}")).collect();
        let entries = keys.iter().map(|key| (key, 7, SetOptions::default()));
        client.count();
        store.set("k.1", 1).await.expect("set");
        assert_eq!(client.count(), 1, "set");
        store.get("k.1").await.expect("get");
        assert_eq!(client.count(), 1, "get");
        assert!(store.delete("k.1").await.expect("delete"));
        assert_eq!(client.count(), 1, "delete");
        for result in store.set_many(entries).await.expect("set_many") {
            result.expect("set");
        }
        assert_eq!(client.count(), 1, "set_many of 100");
        assert_eq!(store.get_many(&keys).await.expect("get_many").len(), 100);
        assert_eq!(client.count(), 1, "get_many of 100");
        store.delete_many(&keys).await.expect("delete_many");
        assert_eq!(client.count(), 1, "delete_many of 100");
        store.increment("n", 1).await.expect("increment");
        assert_eq!(client.count(), 2, "increment");
        store.keys("k.*").await.expect("keys");
        assert_eq!(client.count(), 1, "keys");
    });
}

/// What is too much for one answer, or one request, is several.
#[test]
fn large_batches_are_split() {
    let _alone = alone();
    without_table();
    block_on(async {
        let client = Arc::new(Counting::new(native()));
        let store = store(client.clone(), clock()).await;
        let keys: Vec<String> = (0..7).map(|i| format!("k.{i}")).collect();
        let text = |i: usize| i.to_string().repeat(1_500_000);
        let entries = keys.iter().enumerate();
        let entries = entries.map(|(i, key)| (key, text(i), SetOptions::default()));
        client.count();
        for result in store.set_many(entries).await.expect("set_many") {
            result.expect("set");
        }
        assert_eq!(client.count(), 4, "two records a request");
        let mut asked = keys.clone();
        asked.insert(4, "absent".to_owned());
        let found = store.get_many(&asked).await.expect("get_many");
        assert_eq!(client.count(), 3, "three records an answer");
        let mut places: Vec<usize> = (0..7).collect();
        places.insert(4, usize::MAX);
        for (value, place) in found.into_iter().zip(places) {
            let expected = (place < 7).then(|| text(place).into());
            assert!(value == expected, "the value of {place}");
        }
        for reverse in [false, true] {
            let options = ScanOptions {
                reverse,
                ..ScanOptions::default()
            };
            let entries = store.entries("k.*", &options).await.expect("entries");
            assert_eq!(client.count(), 3, "three records a page");
            let mut order: Vec<usize> = (0..7).collect();
            if reverse {
                order.reverse();
            }
            assert_eq!(entries.len(), 7);
            for (entry, place) in entries.iter().zip(order) {
                assert_eq!(entry.key, keys[place]);
                assert!(entry.value == text(place).into(), "{}", entry.key);
            }
        }
        assert_eq!(store.keys("k.*").await.expect("keys"), keys);
        assert_eq!(client.count(), 1, "keys");
    });
}

async fn fails(url: &str, connection: &str, options: &PostgresOptions) -> Error {
    let clock = clock();
    let http = Http::new(native(), Arc::clone(&clock), HttpOptions::default());
    let url = url.parse().expect("a URL");
    let neon = Neon::new(http, url, connection, None).expect("headers");
    match Postgres::open(neon, clock, options).await {
        Err(error) => error,
        Ok(_) => panic!("{url} was opened", url = options.table),
    }
}

#[test]
fn what_is_wrong_with_an_address_is_said() {
    let _alone = alone();
    block_on(async {
        without_table();
        let gateway = named("KV_GATEWAY_URL");
        let url = format!("{gateway}sql");
        let right = format!("postgres://u:{}@h/d", named("KV_GATEWAY_TOKEN"));
        let secret = "postgres://u:secret-of-ours@h/d";
        let options = PostgresOptions::default();
        for (url, connection, kind) in [
            (url.as_str(), secret, ErrorKind::AccessDenied),
            ("http://127.0.0.1:1/", secret, ErrorKind::Unavailable),
            (&format!("{gateway}elsewhere"), &right, ErrorKind::NotFound),
            (&named("KV_WEBDIS_URL"), secret, ErrorKind::Corrupt),
        ] {
            let error = fails(url, connection, &options).await;
            assert_eq!(error.kind(), kind, "{url}: {error}");
            assert!(!error.message().contains("secret"), "{error}");
        }
        let create = false;
        let error = fails(
            &url,
            &right,
            &PostgresOptions {
                create,
                ..options.clone()
            },
        )
        .await;
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.message().contains("no table \"kv_store\""), "{error}");
        let schema = Some("nowhere".to_owned());
        let error = fails(
            &url,
            &right,
            &PostgresOptions {
                schema,
                ..options.clone()
            },
        )
        .await;
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        postgres("CREATE TABLE kv_store (key text PRIMARY KEY, value text)");
        let error = fails(&url, &right, &options).await;
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.message().contains("columns are key text"), "{error}");
        without_table();
    });
}

#[test]
fn the_servers_clock_is_the_stores() {
    let _alone = alone();
    without_table();
    block_on(async {
        let right = store(native(), clock()).await;
        let ahead = store(native(), ServerClock::new(Arc::new(Ahead::default()))).await;
        let minutes = SetOptions {
            ttl: Some(Ttl::seconds(300.0).expect("a time")),
            ..SetOptions::default()
        };
        right.set_with("k", 1, minutes.clone()).await.expect("set");
        ahead.set_with("l", 1, minutes).await.expect("set");
        assert_eq!(ahead.cleanup_expired().await.expect("clean-up"), 0);
        assert_eq!(ahead.keys("**").await.expect("keys"), ["k", "l"]);
        for (store, key) in [(&right, "l"), (&ahead, "k")] {
            let left = store.ttl(key).await.expect("ttl");
            let left = left.flatten().expect("it expires").as_secs_f64();
            assert!((295.0..=300.1).contains(&left), "{left}");
        }
    });
}
