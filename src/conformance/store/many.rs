//! Operations on many keys, named or matched.

use super::has_not;
use crate::{
    backend::Backend,
    conformance::{
        bench::{Bench, Found, ensure, refused, same_list},
        samples::KEYS,
    },
    error::ErrorKind,
    pattern::Pattern,
    store::{ScanOptions, SetOptions},
};

pub(in crate::conformance) async fn many<B: Backend>(t: &Bench<B>) -> Found {
    let entries = [("a", 1), ("b", 2), ("a", 3)].map(|(k, v)| (k, v, SetOptions::default()));
    for result in t.store.set_many(entries).await? {
        result?;
    }
    let found = t.store.get_many(&["b", "zz", "a", "b"]).await?;
    let wanted = [Some(2.into()), None, Some(3.into()), Some(2.into())];
    ensure!(found == wanted, "get_many gives {found:?}");
    let bad = [("c", 1), ("d..e", 2)].map(|(k, v)| (k, v, SetOptions::default()));
    let bad = t.store.set_many(bad).await.map(|_| ());
    refused("a bad key among many", bad, &[ErrorKind::InvalidKey])?;
    has_not(t, "c").await?;
    let count = t.store.delete_many(&["a", "zz", "a"]).await?;
    ensure!(count == 1, "1 entry was deleted, {count} are told");
    same_list("the keys", &t.store.keys("**").await?, &["b"])
}

pub(in crate::conformance) async fn patterns<B: Backend>(t: &Bench<B>) -> Found {
    t.fill(&KEYS).await?;
    for text in [
        "**", "a.*", "a.**", "**.b", "**.c", "a.b*", "{a,A}.b", "?", "a[ !/]b", "\\*", "a.b.c",
        "{z,~}", "zz.*",
    ] {
        let pattern = Pattern::parse(text)?;
        let wanted: Vec<&str> = KEYS.into_iter().filter(|k| pattern.matches(k)).collect();
        same_list(text, &t.store.keys(text).await?, &wanted)?;
        let count = t.store.count_pattern(text).await?;
        ensure!(count == wanted.len() as u64, "{text:?} counts {count}");
        let pairs = t.store.get_pattern(text).await?;
        ensure!(
            pairs
                .iter()
                .all(|(key, value)| value.as_text() == Some(key)),
            "get_pattern gives other values"
        );
        let keys: Vec<String> = pairs.into_iter().map(|(key, _)| key).collect();
        same_list(text, &keys, &wanted)?;
    }
    let count = t.store.delete_pattern("a.**").await?;
    ensure!(count == 6, "6 keys match a.**, {count} were deleted");
    let left: Vec<&str> = KEYS.into_iter().filter(|k| !k.starts_with("a.")).collect();
    same_list("what is left", &t.store.keys("**").await?, &left)?;
    t.store.clear().await?;
    same_list::<String, &str>("what clear leaves", &t.store.keys("**").await?, &[])
}

pub(in crate::conformance) async fn pages<B: Backend>(t: &Bench<B>) -> Found {
    let keys: Vec<String> = (0..2300).map(|i| format!("p.{i:05}")).collect();
    t.fill(&keys).await?;
    t.store.set("q", 1).await?;
    same_list("all keys", &t.store.keys("p.*").await?, &keys)?;
    for (after, reverse, limit) in [
        (None, false, 1001),
        (Some("p.00999"), false, 5),
        (Some("p.009"), true, 3),
        (Some("q"), true, 1200),
        (Some("p.02298"), false, 10),
    ] {
        let beyond = |key: &&String| {
            after.is_none_or(|mark| {
                if reverse {
                    ***key < *mark
                } else {
                    ***key > *mark
                }
            })
        };
        let mut wanted: Vec<&str> = keys.iter().filter(beyond).map(String::as_str).collect();
        if reverse {
            wanted.reverse();
        }
        wanted.truncate(limit);
        let options = ScanOptions {
            limit: Some(limit),
            after: after.map(str::to_owned),
            reverse,
        };
        let what = format!("{limit} keys after {after:?}, reverse {reverse}");
        same_list(&what, &t.store.keys_with("p.*", &options).await?, &wanted)?;
        let mut scan = t.store.scan("p.*", options)?;
        let mut found = Vec::new();
        while let Some(entry) = scan.next().await? {
            ensure!(
                entry.value.as_text() == Some(&entry.key),
                "a scan gives other values"
            );
            found.push(entry.key);
        }
        same_list(&what, &found, &wanted)?;
    }
    let few = t.store.keys("p.*7").await?;
    ensure!(
        few.len() == 230,
        "230 keys end in 7, {} were found",
        few.len()
    );
    let count = t.store.delete_pattern("p.**").await?;
    ensure!(count == 2300, "2,300 keys match, {count} were deleted");
    same_list("what is left", &t.store.keys("**").await?, &["q"])
}
