//! Scanning.

use super::{
    bench::{Bench, Found, after, ensure, same_list},
    samples::KEYS,
};
use crate::{
    backend::{Backend, Scan, Want},
    pattern::Pattern,
};

const BOTH: [bool; 2] = [false, true];

fn turned<T>(mut list: Vec<T>, reverse: bool) -> Vec<T> {
    if reverse {
        list.reverse();
    }
    list
}

pub(super) async fn empty<B: Backend>(t: &Bench<B>) -> Found {
    for reverse in BOTH {
        let keys = t.keys(Scan { reverse, ..t.all() }).await?;
        ensure!(keys.is_empty(), "an empty backend holds {keys:?}");
        let some = Scan {
            prefix: "a.",
            after: Some("a.b"),
            reverse,
            ..t.all()
        };
        ensure!(
            t.keys(some).await?.is_empty(),
            "an empty backend holds keys"
        );
    }
    Ok(())
}

pub(super) async fn byte_order<B: Backend>(t: &Bench<B>) -> Found {
    let mixed: Vec<&str> = (0..KEYS.len()).map(|i| KEYS[i * 23 % KEYS.len()]).collect();
    t.fill(&mixed).await?;
    for want in [Want::Keys, Want::Records] {
        for reverse in BOTH {
            let found = t
                .keys(Scan {
                    want,
                    reverse,
                    ..t.all()
                })
                .await?;
            same_list("the order", &found, &turned(KEYS.to_vec(), reverse))?;
        }
    }
    Ok(())
}

pub(super) async fn pages_are_complete<B: Backend>(t: &Bench<B>) -> Found {
    let mut keys: Vec<String> = (0..30).map(|i| format!("m.{i}")).collect();
    keys.extend(KEYS.iter().map(|key| (*key).to_owned()));
    t.fill(&keys).await?;
    keys.sort();
    for limit in [1, 2, 3, 7, keys.len() - 1, keys.len(), keys.len() + 1] {
        for reverse in BOTH {
            for want in [Want::Keys, Want::Records] {
                let query = Scan {
                    limit,
                    reverse,
                    want,
                    ..t.all()
                };
                let what = format!("pages of {limit}, reverse {reverse}");
                same_list(&what, &t.keys(query).await?, &turned(keys.clone(), reverse))?;
            }
        }
    }
    Ok(())
}

pub(super) async fn after_is_exclusive<B: Backend>(t: &Bench<B>) -> Found {
    t.fill(&KEYS).await?;
    let absent = [
        "!",
        "a.a",
        "a.b.",
        "a.c",
        "b",
        "\u{f000}",
        "\u{1f5ff}",
        "zz",
    ];
    let valid = absent
        .into_iter()
        .filter(|key| crate::key::check_key(key).is_ok());
    for mark in KEYS.into_iter().chain(valid) {
        for reverse in BOTH {
            let wanted: Vec<&str> = KEYS
                .into_iter()
                .filter(|key| if reverse { *key < mark } else { *key > mark })
                .collect();
            let query = Scan {
                after: Some(mark),
                reverse,
                limit: 9,
                ..t.all()
            };
            let what = format!("after {mark:?}, reverse {reverse}");
            same_list(&what, &t.keys(query).await?, &turned(wanted, reverse))?;
        }
    }
    Ok(())
}

/// A backend may return too much; what begins with the prefix must be there, in order.
pub(super) async fn prefix_is_complete<B: Backend>(t: &Bench<B>) -> Found {
    t.fill(&KEYS).await?;
    for prefix in [
        "a",
        "a.",
        "a.b",
        "a.b.",
        "A",
        "\u{e000}",
        "\u{e000}.",
        "\u{1f600}",
        "é",
        "%",
        "_",
        "zz",
    ] {
        for mark in [
            None,
            Some("a.b"),
            Some("a.b.b"),
            Some(" "),
            Some("~"),
            Some("\u{10fffd}"),
        ] {
            for reverse in BOTH {
                let beyond = |key: &str| {
                    mark.is_none_or(|mark| if reverse { key < mark } else { key > mark })
                };
                let wanted: Vec<&str> = KEYS
                    .into_iter()
                    .filter(|key| key.starts_with(prefix) && beyond(key))
                    .collect();
                let query = Scan {
                    prefix,
                    after: mark,
                    reverse,
                    limit: 2,
                    ..t.all()
                };
                let mut found = t.keys(query).await?;
                found.retain(|key| key.starts_with(prefix));
                let what = format!("prefix {prefix:?} after {mark:?}, reverse {reverse}");
                same_list(&what, &found, &turned(wanted, reverse))?;
            }
        }
    }
    Ok(())
}

/// The pattern is a hint: what matches it must be there.
pub(super) async fn pattern_is_complete<B: Backend>(t: &Bench<B>) -> Found {
    t.fill(&KEYS).await?;
    for text in [
        "**",
        "*",
        "a.*",
        "a.**",
        "**.a",
        "**.b",
        "**.c",
        "a.b*",
        "{a,A}.b",
        "?",
        "[a-z]",
        "a[ !/]b",
        "\u{1f600}",
        "*.b.*",
    ] {
        let pattern = Pattern::parse(text)?;
        let wanted: Vec<&str> = KEYS.into_iter().filter(|k| pattern.matches(k)).collect();
        ensure!(
            !wanted.is_empty() || text.starts_with("*."),
            "{text:?} should match something"
        );
        for (reverse, limit) in [(false, 1), (false, 100), (true, 3)] {
            let query = Scan {
                prefix: pattern.literal_prefix(),
                pattern: Some(&pattern),
                reverse,
                limit,
                ..t.all()
            };
            let mut found = t.keys(query).await?;
            found.retain(|key| pattern.matches(key));
            same_list(
                &format!("what matches {text:?}"),
                &found,
                &turned(wanted.clone(), reverse),
            )?;
        }
    }
    Ok(())
}

pub(super) async fn keys_and_records<B: Backend>(t: &Bench<B>) -> Found {
    let now = t.host.now();
    for (at, key) in ["a", "b", "c.d"].into_iter().enumerate() {
        let mut record = t.record(key);
        record.expires_at = (at > 0).then(|| after(now, 700_000 + at as u64)).flatten();
        t.put(key, &record).await?;
    }
    for want in [Want::Keys, Want::Records] {
        for item in t.scan(Scan { want, ..t.all() }).await? {
            let Some(stored) = t.read(&item.key).await? else {
                return Err(super::bench::Fault(format!(
                    "{:?} is scanned, not stored",
                    item.key
                )));
            };
            ensure!(
                item.expires_at == stored.record.expires_at,
                "a scan tells that {} expires at {:?}",
                item.key,
                item.expires_at
            );
            match (want, item.stored) {
                (Want::Records, Some(scanned)) => {
                    super::bench::same(&item.key, &scanned.record, &stored.record)?;
                    ensure!(
                        scanned.version == stored.version,
                        "a scan tells another version"
                    );
                }
                (Want::Records, None) => {
                    return Err(super::bench::Fault("a scan for records gives none".into()));
                }
                (Want::Keys, _) => {}
            }
        }
    }
    Ok(())
}

pub(super) async fn sees_acknowledged_writes<B: Backend>(t: &Bench<B>) -> Found {
    let mut wanted: Vec<String> = Vec::new();
    let pattern = Pattern::parse("**.x")?;
    for round in 0..12_usize {
        let key = format!("k{}.x", round * 7 % 12);
        t.put(&key, &t.record(1)).await?;
        wanted.push(key);
        wanted.sort();
        if round % 3 == 2 {
            let gone = wanted.remove(round % wanted.len());
            t.delete(&gone).await?;
        }
        same_list("what was just written", &t.keys(t.all()).await?, &wanted)?;
        let query = Scan {
            pattern: Some(&pattern),
            ..t.all()
        };
        same_list("what was just written", &t.keys(query).await?, &wanted)?;
    }
    Ok(())
}

pub(super) async fn untouched_keys_appear_once<B: Backend>(t: &Bench<B>) -> Found {
    let keys: Vec<String> = (10..40).map(|i| format!("k.{i}")).collect();
    t.fill(&keys).await?;
    for reverse in BOTH {
        let mut seen: Vec<Box<str>> = Vec::new();
        let mut resume: Option<Box<str>> = None;
        for page in 0..100 {
            let query = Scan {
                after: resume.as_deref(),
                limit: 4,
                reverse,
                ..t.all()
            };
            let found = t.backend().scan(&query).await?;
            seen.extend(found.items.into_iter().map(|item| item.key));
            // Others come and go between the pages, on both sides of where the scan is.
            for i in 0..5 {
                let other = format!("k.{}.{i}", 10 + (page * 7 + i * 11) % 30);
                if (page + i) % 3 == 0 {
                    t.delete(&other).await?;
                } else {
                    t.put(&other, &t.record(1)).await?;
                }
            }
            match found.resume {
                Some(next) => resume = Some(next),
                None => break,
            }
        }
        seen.retain(|key| keys.iter().any(|k| **k == **key));
        let seen: Vec<&str> = seen.iter().map(|key| &**key).collect();
        same_list(
            "keys that nobody touched",
            &seen,
            &turned(keys.iter().collect(), reverse),
        )?;
    }
    Ok(())
}
