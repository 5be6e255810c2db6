//! What the trait provides, where a backend has a way of its own.

use super::{
    bench::{Bench, Fault, Found, ensure, refused, same, same_list},
    samples::KEYS,
};
use crate::{
    backend::{Backend, Decision, Freshness, Scan, Want},
    error::{Error, ErrorKind},
    key::{Key, Namespace},
    pattern::Pattern,
    record::{Record, Version},
};
use std::{collections::BTreeMap, ops::ControlFlow};

pub(super) async fn visit<B: Backend>(t: &Bench<B>) -> Found {
    let mut record = t.record("v");
    record.metadata = Some(Box::new([("m", 1.into())].into_iter().collect()));
    record.writes = vec![7];
    let version = t.put("a", &record).await?;
    let mut keys = Vec::new();
    for key in ["b", "a", "c", "a"] {
        keys.push(Key::new(&t.space, key)?);
    }
    let mut seen = Vec::new();
    t.backend()
        .visit(&keys, Freshness::Latest, |at, stored| {
            seen.push((at, stored.map(|s| s.to_stored())));
        })
        .await?;
    let places: Vec<usize> = seen.iter().map(|(at, _)| *at).collect();
    same_list("the places visited", &places, &[0, 1, 2, 3])?;
    for (at, stored) in seen {
        ensure!(
            stored.is_some() == (at % 2 == 1),
            "place {at} lends {stored:?}"
        );
        if let Some(stored) = stored {
            same("a", &stored.record, &record)?;
            ensure!(stored.version == version, "a visit lends another version");
        }
    }
    Ok(())
}

/// A backend that remembers writes adds an id.
fn without_ids(mut record: Record) -> Record {
    record.writes.clear();
    record
}

pub(super) async fn put<B: Backend>(t: &Bench<B>) -> Found {
    for value in 0..3 {
        let record = t.record(value);
        let key = Key::new(&t.space, "a")?;
        let version = t.backend().put(&*t.host, key, record.clone()).await?;
        let Some(stored) = t.read("a").await? else {
            return Err(Fault("what was put is not there".into()));
        };
        ensure!(stored.version == version, "put tells another version");
        same("a", &without_ids(stored.record), &record)?;
    }
    Ok(())
}

pub(super) async fn put_many<B: Backend>(t: &Bench<B>) -> Found {
    let mut entries = Vec::new();
    for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5)] {
        entries.push((Key::new(&t.space, key)?, t.record(value)));
    }
    let results = t.backend().put_many(&*t.host, entries.into_iter()).await;
    ensure!(
        results.len() == 5,
        "put_many of 5 answered {}",
        results.len()
    );
    let mut versions = Vec::new();
    for result in results {
        versions.push(result?);
    }
    for (key, value, at) in [("a", 5, 4), ("b", 2, 1), ("c", 4, 3)] {
        let Some(stored) = t.read(key).await? else {
            return Err(Fault("what was put is not there".into()));
        };
        same(key, &without_ids(stored.record), &t.record(value))?;
        ensure!(
            versions.get(at) == Some(&stored.version),
            "put_many tells another version"
        );
    }
    let none = t.backend().put_many(&*t.host, std::iter::empty()).await;
    ensure!(
        none.is_empty(),
        "put_many of nothing answered {}",
        none.len()
    );
    Ok(())
}

pub(super) async fn update<B: Backend>(t: &Bench<B>) -> Found {
    let key = || Key::new(&t.space, "a");
    let put = |value| Ok(Decision::Put(t.record(value)));
    let first = t
        .backend()
        .update(&*t.host, key()?, |old| {
            if old.is_some() {
                return Err(Error::new(ErrorKind::Corrupt, "there is something already"));
            }
            put(1)
        })
        .await?;
    let stored = t.read("a").await?.map(|s| s.version);
    ensure!(
        first.is_some() && stored == first,
        "update tells {first:?}, stored is {stored:?}"
    );
    let kept = t
        .backend()
        .update(&*t.host, key()?, |_| Ok(Decision::Keep))
        .await?;
    ensure!(kept.is_none(), "an update that keeps tells {kept:?}");
    ensure!(
        t.read("a").await?.map(|s| s.version) == first,
        "keeping changed the version"
    );
    let stop =
        |_: Option<crate::record::StoredRef<'_>>| Err(Error::new(ErrorKind::TypeMismatch, "stop"));
    let stopped = t.backend().update(&*t.host, key()?, stop).await;
    refused(
        "an update whose decision fails",
        stopped,
        &[ErrorKind::TypeMismatch],
    )?;
    ensure!(
        t.read("a").await?.map(|s| s.version) == first,
        "a failed update changed the version"
    );
    let second = t
        .backend()
        .update(&*t.host, key()?, |old| {
            match old.and_then(|s| s.value.as_int()) {
                Some(n) => put(n + 1),
                None => Err(Error::new(ErrorKind::Corrupt, "nothing is there")),
            }
        })
        .await?;
    ensure!(
        second.is_some() && second != first,
        "a second update tells {second:?}"
    );
    let Some(stored) = t.read("a").await? else {
        return Err(Fault("what was updated is not there".into()));
    };
    same("a", &without_ids(stored.record), &t.record(2))?;
    let gone = t
        .backend()
        .update(&*t.host, key()?, |_| Ok(Decision::Delete))
        .await?;
    ensure!(gone.is_none(), "an update that deletes tells {gone:?}");
    t.lacks("a").await
}

pub(super) async fn walk<B: Backend>(t: &Bench<B>) -> Found {
    t.fill(&KEYS).await?;
    let other = Namespace::new("other")?;
    t.put_in(&other, "a", &t.record(1)).await?;
    for (text, reverse) in [("**", false), ("**", true), ("a.**", false), ("**.b", true)] {
        let pattern = Pattern::parse(text)?;
        let query = Scan {
            prefix: pattern.literal_prefix(),
            pattern: Some(&pattern),
            reverse,
            limit: 7,
            want: Want::Records,
            ..t.all()
        };
        let mut keys: Vec<String> = Vec::new();
        let mut faults = Vec::new();
        let mut after: Option<Box<str>> = None;
        for _ in 0..KEYS.len() + 2 {
            let page = Scan {
                after: after.as_deref(),
                ..query
            };
            let next = t
                .backend()
                .walk(&page, |found| {
                    let matches = pattern.matches(found.key);
                    if found.matched && !matches {
                        faults.push(format!("{} is told to match {text:?}", found.key));
                    }
                    if found
                        .stored
                        .is_none_or(|s| s.value.as_text() != Some(found.key))
                    {
                        faults.push(format!("{} comes with {:?}", found.key, found.stored));
                    }
                    if matches {
                        keys.push(found.key.to_owned());
                    }
                    ControlFlow::Continue(())
                })
                .await?;
            after = next;
            if after.is_none() {
                break;
            }
        }
        ensure!(faults.is_empty(), "{}", faults.join("; "));
        let mut wanted: Vec<&str> = KEYS.into_iter().filter(|k| pattern.matches(k)).collect();
        if reverse {
            wanted.reverse();
        }
        same_list(&format!("a walk over {text:?}"), &keys, &wanted)?;
    }
    breaks_off(t).await?;
    lends_ids(t).await
}

async fn breaks_off<B: Backend>(t: &Bench<B>) -> Found {
    let mut seen = 0;
    t.backend()
        .walk(&t.all(), |_| {
            seen += 1;
            if seen == 3 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .await?;
    ensure!(seen == 3, "a walk that breaks off after 3 saw {seen}");
    Ok(())
}

/// An id is one key's for as long as it is stored, and lent "for the first time" once.
async fn lends_ids<B: Backend>(t: &Bench<B>) -> Found {
    let mut texts: BTreeMap<u32, String> = BTreeMap::new();
    for round in 0..4 {
        let mut faults = Vec::new();
        let mut query = Scan {
            ids: true,
            limit: usize::MAX,
            ..t.all()
        };
        if !t.backend().immediate() {
            query.limit = 1000;
        }
        t.backend()
            .walk(&query, |found| {
                let Some(id) = found.id else {
                    return ControlFlow::Continue(());
                };
                if found.first {
                    texts.insert(id, found.key.to_owned());
                } else if texts.get(&id).map(|t| &**t) != Some(found.key) {
                    faults.push(format!(
                        "round {round}: the id {id} of {} was lent for {:?}",
                        found.key,
                        texts.get(&id)
                    ));
                }
                ControlFlow::Continue(())
            })
            .await?;
        ensure!(faults.is_empty(), "{}", faults.join("; "));
        for key in ["a.b", "z", "A"].iter().skip(round % 2) {
            t.delete(key).await?;
        }
        for key in [format!("new.{round}"), "z".to_owned(), format!("a.{round}")] {
            t.put(&key, &t.record(1)).await?;
        }
    }
    let version: Option<Version> = t.read("z").await?.map(|s| s.version);
    ensure!(
        version.is_some(),
        "a key that was written again is not there"
    );
    Ok(())
}
