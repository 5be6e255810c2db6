//! What the store makes of the backend.

use super::{
    bench::{Bench, Fault, Found, KEYS, ensure, refused, same_list},
    contend::{Work, contend},
};
use crate::{
    backend::Backend,
    error::ErrorKind,
    pattern::Pattern,
    record::Metadata,
    store::{AtomicOutcome, Check, Entry, Outcome, ScanOptions, SetOptions, Ttl},
    value::Value,
};

async fn entry<B: Backend>(t: &Bench<B>, key: &str) -> Found<Entry> {
    match t.store.get_entry(key).await? {
        Some(entry) => Ok(entry),
        None => Err(Fault(format!("there is no entry under {key:?}"))),
    }
}

async fn has<B: Backend>(t: &Bench<B>, key: &str, value: impl Into<Value>) -> Found {
    let (found, value) = (t.store.get(key).await?, Some(value.into()));
    ensure!(found == value, "under {key:?} is {found:?}, not {value:?}");
    Ok(())
}

async fn has_not<B: Backend>(t: &Bench<B>, key: &str) -> Found {
    let found = t.store.get(key).await?;
    ensure!(found.is_none(), "under {key:?} is {found:?}, not nothing");
    Ok(())
}

fn fields(pairs: &[(&str, i32)]) -> Metadata {
    pairs.iter().map(|(n, v)| (*n, Value::from(*v))).collect()
}

fn with(ttl: Option<f64>, metadata: &[(&str, i32)]) -> Found<SetOptions> {
    Ok(SetOptions {
        ttl: ttl.map(Ttl::seconds).transpose()?,
        metadata: Some(fields(metadata)),
        ..SetOptions::default()
    })
}

pub(super) async fn one_key<B: Backend>(t: &Bench<B>) -> Found {
    has_not(t, "a").await?;
    ensure!(
        !t.store.delete("a").await?,
        "deleting nothing is told as a delete"
    );
    let told = t.store.set("a", 1).await?;
    has(t, "a", 1).await?;
    let first = entry(t, "a").await?;
    ensure!(first.version == told, "set tells another version");
    ensure!(
        first.created_at == first.updated_at,
        "a new entry was updated at another time"
    );
    t.wait(30).await;
    t.store.set_with("a", 2, with(None, &[("m", 1)])?).await?;
    let second = entry(t, "a").await?;
    ensure!(
        second.created_at > first.created_at,
        "set makes a new entry with a new time"
    );
    ensure!(
        second.metadata.get("m") == Some(&1.into()),
        "metadata is not there"
    );
    ensure!(t.store.exists("a").await?, "an entry does not exist");
    ensure!(
        t.store.get_and_delete("a").await? == Some(2.into()),
        "what was taken out is wrong"
    );
    ensure!(
        t.store.get_and_delete("a").await?.is_none(),
        "what was taken out is there again"
    );
    ensure!(!t.store.exists("a").await?, "a deleted entry exists");
    t.store.set("a", 3).await?;
    ensure!(t.store.delete("a").await?, "a delete is told as nothing");
    ensure!(
        !t.store.delete("a").await?,
        "a second delete is told as a delete"
    );
    has_not(t, "a").await
}

pub(super) async fn conditions<B: Backend>(t: &Bench<B>) -> Found {
    let if_absent = SetOptions {
        if_absent: true,
        ..SetOptions::default()
    };
    let first = t.store.set_with("a", 1, if_absent.clone()).await?;
    let Outcome::Done(Some(version)) = first else {
        return Err(Fault(format!("the first set if absent answered {first:?}")));
    };
    match t.store.set_with("a", 2, if_absent).await? {
        Outcome::Lost(Some(there)) => {
            ensure!(
                there.version == version && there.value == 1.into(),
                "lost to {there:?}"
            );
        }
        other => {
            return Err(Fault(format!(
                "the second set if absent answered {other:?}"
            )));
        }
    }
    let at = |version: &crate::record::Version| SetOptions {
        if_version: Some(version.clone()),
        ..SetOptions::default()
    };
    ensure!(
        t.store.set_with("a", 2, at(&version)).await?.is_done(),
        "the right version lost"
    );
    ensure!(
        !t.store.set_with("a", 3, at(&version)).await?.is_done(),
        "an old version won"
    );
    ensure!(
        !t.store.delete_if("a", &version).await?.is_done(),
        "an old version deleted"
    );
    has(t, "a", 2).await?;
    let now = entry(t, "a").await?.version;
    ensure!(
        t.store.delete_if("a", &now).await?.is_done(),
        "the right version did not delete"
    );
    ensure!(
        !t.store.delete_if("a", &now).await?.is_done(),
        "a version deleted twice"
    );
    t.store.set("a", 2).await?;
    ensure!(
        !t.store.set_with("a", 4, at(&now)).await?.is_done(),
        "a version came again"
    );
    t.store
        .set_with("k", 1, with(Some(500.0), &[("m", 1)])?)
        .await?;
    let keep = SetOptions {
        keep_ttl: true,
        keep_metadata: true,
        ..SetOptions::default()
    };
    let before = entry(t, "k").await?;
    t.store.set_with("k", 2, keep).await?;
    let after = entry(t, "k").await?;
    ensure!(
        after.value == 2.into() && after.expires_at == before.expires_at,
        "keep_ttl lost it"
    );
    ensure!(
        after.metadata.get("m") == Some(&1.into()),
        "keep_metadata lost it"
    );
    t.store.set("k", 3).await?;
    let after = entry(t, "k").await?;
    ensure!(
        after.expires_at.is_none() && after.metadata.is_empty(),
        "set kept something"
    );
    Ok(())
}

pub(super) async fn compare_and_swap<B: Backend>(t: &Bench<B>) -> Found {
    let cas = async |old: Option<Value>, new: Option<Value>| {
        t.store
            .compare_and_swap("a", old.as_ref(), new)
            .await
            .map(|outcome| outcome.is_done())
    };
    ensure!(
        !cas(Some(1.into()), Some(2.into())).await?,
        "1 was swapped, where nothing was"
    );
    ensure!(cas(None, None).await?, "absent is not absent");
    ensure!(
        cas(None, Some(1.into())).await?,
        "absent could not be swapped"
    );
    ensure!(
        !cas(None, Some(2.into())).await?,
        "absent was swapped, where something was"
    );
    ensure!(
        !cas(Some("1".into()), Some(2.into())).await?,
        "text was taken for a number"
    );
    ensure!(
        cas(Some(1.0.into()), Some(Value::Null)).await?,
        "1.0 is not 1"
    );
    has(t, "a", Value::Null).await?;
    ensure!(
        !cas(None, Some(2.into())).await?,
        "null was taken for absent"
    );
    ensure!(
        cas(Some(Value::Null), None).await?,
        "null could not be swapped"
    );
    has_not(t, "a").await?;
    t.store
        .set_with("a", 1, with(Some(500.0), &[("m", 1)])?)
        .await?;
    let before = entry(t, "a").await?;
    ensure!(
        cas(Some(1.into()), Some(2.into())).await?,
        "1 could not be swapped"
    );
    let after = entry(t, "a").await?;
    ensure!(after.expires_at == before.expires_at, "the expiry changed");
    ensure!(
        after.created_at == before.created_at,
        "the time of creation changed"
    );
    ensure!(
        alike(&after.metadata, &before.metadata),
        "the metadata changed"
    );
    Ok(())
}

/// Metadata compares as values do.
fn alike(a: &Metadata, b: &Metadata) -> bool {
    Value::from(a.clone()).same(&Value::from(b.clone()))
}

pub(super) async fn numbers_and_text<B: Backend>(t: &Bench<B>) -> Found {
    let increment = async |key: &str, delta: Value| t.store.increment(key, delta).await;
    let sum = increment("n", 1.into()).await?;
    ensure!(sum.as_int() == Some(1), "absent and 1 make {sum:?}");
    let sum = increment("n", (-8).into()).await?;
    ensure!(sum.as_int() == Some(-7), "1 and -8 make {sum:?}");
    let sum = increment("n", 0.5.into()).await?;
    ensure!(sum == (-6.5).into(), "-7 and 0.5 make {sum:?}");
    has(t, "n", -6.5).await?;
    t.store.set("n", i64::MAX).await?;
    refused(
        "an overflow",
        increment("n", 1.into()).await,
        &[ErrorKind::InvalidArgument],
    )?;
    has(t, "n", i64::MAX).await?;
    let text = t.store.append("t", "é").await?;
    ensure!(text == "é".into(), "absent and é make {text:?}");
    let text = t.store.append("t", "x").await?;
    ensure!(text == "éx".into(), "é and x make {text:?}");
    let wrong = t.store.append("t", &[1_u8][..]).await;
    refused("bytes appended to text", wrong, &[ErrorKind::TypeMismatch])?;
    refused(
        "text incremented",
        increment("t", 1.into()).await,
        &[ErrorKind::TypeMismatch],
    )?;
    t.store.append("b", &[0_u8, 255][..]).await?;
    t.store.append("b", &[1_u8][..]).await?;
    has(t, "b", &[0_u8, 255, 1][..]).await?;
    has(t, "t", "éx").await?;
    let seen = t.store.update("t", |old| async move {
        let old = old
            .and_then(|v| v.as_text().map(str::to_owned))
            .unwrap_or_default();
        Ok((old + "!").into())
    });
    ensure!(seen.await? == "éx!".into(), "an update told something else");
    has(t, "t", "éx!").await
}

pub(super) async fn metadata<B: Backend>(t: &Bench<B>) -> Found {
    ensure!(
        !t.store.set_metadata("a", fields(&[("x", 1)])).await?,
        "nothing got metadata"
    );
    ensure!(
        t.store.get_metadata("a").await?.is_none(),
        "nothing has metadata"
    );
    t.store
        .set_with("a", "v", with(Some(500.0), &[("x", 1), ("y", 2)])?)
        .await?;
    let before = entry(t, "a").await?;
    ensure!(
        t.store
            .set_metadata("a", fields(&[("y", 3), ("z", 4)]))
            .await?,
        "no entry is told"
    );
    let after = entry(t, "a").await?;
    ensure!(
        alike(&after.metadata, &fields(&[("x", 1), ("y", 3), ("z", 4)])),
        "merged to {:?}",
        after.metadata
    );
    ensure!(
        after.value == "v".into()
            && after.expires_at == before.expires_at
            && after.created_at == before.created_at
            && after.version != before.version,
        "a change of metadata changed {after:?}"
    );
    ensure!(
        t.store.replace_metadata("a", fields(&[("q", 1)])).await?,
        "no entry is told"
    );
    let replaced = t.store.get_metadata("a").await?;
    ensure!(
        replaced
            .as_ref()
            .is_some_and(|m| alike(m, &fields(&[("q", 1)]))),
        "replaced by {replaced:?}"
    );
    Ok(())
}

pub(super) async fn time_to_live<B: Backend>(t: &Bench<B>) -> Found {
    for key in ["a", "b", "c", "d"] {
        t.store
            .set_with(key, 1, with(Some(0.05), &[("old", 1)])?)
            .await?;
    }
    t.store.set_with("e", 1, with(Some(500.0), &[])?).await?;
    let stale = t.store.get_entry("a").await?.map(|e| e.version);
    t.wait(80).await;
    has_not(t, "a").await?;
    ensure!(!t.store.exists("a").await?, "an expired entry exists");
    ensure!(
        t.store.ttl("a").await?.is_none(),
        "an expired entry has time left"
    );
    ensure!(
        t.store.get_many(&["a", "e"]).await? == [None, Some(1.into())],
        "get_many sees it"
    );
    same_list("the keys", &t.store.keys("**").await?, &["e"])?;
    ensure!(!t.store.delete("d").await?, "an expired entry was deleted");
    ensure!(
        !t.store.expire("b", Ttl::seconds(10.0)?).await?,
        "an expired entry was prolonged"
    );
    ensure!(
        !t.store.rename("b", "z").await?,
        "an expired entry was renamed"
    );
    let sum = t.store.increment("a", 5).await?;
    ensure!(
        sum.as_int() == Some(5),
        "an expired number was incremented to {sum:?}"
    );
    let new = entry(t, "a").await?;
    ensure!(
        new.metadata.is_empty() && new.expires_at.is_none(),
        "something was inherited"
    );
    ensure!(Some(new.version) != stale, "a version came again");
    let if_absent = SetOptions {
        if_absent: true,
        ..SetOptions::default()
    };
    ensure!(
        t.store.set_with("b", 2, if_absent).await?.is_done(),
        "expired is not absent"
    );
    let swapped = t.store.compare_and_swap("c", None, Some(3.into())).await?;
    ensure!(swapped.is_done(), "expired is not absent");
    let left = t.store.ttl("e").await?.flatten().map(|left| left.as_secs());
    ensure!(
        left.is_some_and(|s| (400..=500).contains(&s)),
        "500 s are {left:?} s"
    );
    ensure!(
        t.store.persist("e").await?,
        "an entry could not be persisted"
    );
    ensure!(
        t.store.ttl("e").await? == Some(None),
        "a persisted entry expires"
    );
    ensure!(
        t.store.expire("e", Ttl::seconds(0.05)?).await?,
        "an entry could not expire"
    );
    t.wait(80).await;
    has_not(t, "e").await?;
    for (key, value) in [("a", 5), ("b", 2), ("c", 3)] {
        has(t, key, value).await?;
    }
    Ok(())
}

pub(super) async fn garbage<B: Backend>(t: &Bench<B>) -> Found {
    let skew = t.backend().limits().clock_skew;
    for key in ["a", "b.c", "d"] {
        t.store.set_with(key, 1, with(Some(0.02), &[])?).await?;
    }
    t.store.set("e", 1).await?;
    t.store.set_with("f", 1, with(Some(5000.0), &[])?).await?;
    t.wait(40).await;
    t.store.set("d", 2).await?;
    if skew > 0 {
        let early = t.store.cleanup_expired().await?;
        ensure!(
            early == 0,
            "{early} entries that others may still see were removed"
        );
        return Ok(());
    }
    let count = t.store.cleanup_expired().await?;
    ensure!(count == 2, "2 entries had expired, {count} were removed");
    let again = t.store.cleanup_expired().await?;
    ensure!(again == 0, "{again} entries were removed a second time");
    same_list("what is stored", &t.keys(t.all()).await?, &["d", "e", "f"])
}

pub(super) async fn many<B: Backend>(t: &Bench<B>) -> Found {
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

pub(super) async fn patterns<B: Backend>(t: &Bench<B>) -> Found {
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

pub(super) async fn pages<B: Backend>(t: &Bench<B>) -> Found {
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

pub(super) async fn rename_and_copy<B: Backend>(t: &Bench<B>) -> Found {
    ensure!(!t.store.rename("a", "b").await?, "nothing was renamed");
    ensure!(!t.store.copy("a", "b").await?, "nothing was copied");
    t.store
        .set_with("a", "v", with(Some(500.0), &[("m", 1)])?)
        .await?;
    t.store
        .set_with("b", "old", with(None, &[("old", 1)])?)
        .await?;
    let before = entry(t, "a").await?;
    t.wait(20).await;
    ensure!(
        t.store.rename("a", "b").await?,
        "an entry could not be renamed"
    );
    has_not(t, "a").await?;
    let after = entry(t, "b").await?;
    ensure!(
        after.value == before.value
            && alike(&after.metadata, &before.metadata)
            && after.expires_at == before.expires_at
            && after.created_at == before.created_at,
        "{before:?} was renamed to {after:?}"
    );
    ensure!(
        t.store.copy("b", "c.d").await?,
        "an entry could not be copied"
    );
    let copy = entry(t, "c.d").await?;
    ensure!(
        copy.value == before.value
            && alike(&copy.metadata, &before.metadata)
            && copy.expires_at == before.expires_at,
        "{before:?} was copied to {copy:?}"
    );
    t.store.set("b", 2).await?;
    has(t, "c.d", "v").await?;
    ensure!(
        t.store.rename("b", "b").await?,
        "an entry is not its own name"
    );
    has(t, "b", 2).await
}

pub(super) async fn atomic<B: Backend>(t: &Bench<B>) -> Found {
    let max = t.backend().limits().max_batch;
    let one = t.store.atomic().check("a", Check::Absent).set("a", 1);
    let AtomicOutcome::Done(versions) = one.commit().await? else {
        return Err(Fault("an atomic change of one key lost".into()));
    };
    let version = entry(t, "a").await?.version;
    ensure!(
        versions == [Some(version.clone())],
        "atomic tells {versions:?}"
    );
    let again = t.store.atomic().check("a", Check::Absent).set("a", 2);
    ensure!(
        matches!(
            again.commit().await?,
            AtomicOutcome::Lost {
                index: 0,
                entry: Some(_)
            }
        ),
        "a check that fails did not"
    );
    let two = t.store.atomic().check("a", Check::Version(version.clone()));
    let two = two.set("b", 1).set("c", 2).delete("a").commit().await;
    if max < 3 {
        refused(
            "more than max_batch",
            two,
            &[ErrorKind::InvalidArgument, ErrorKind::Unsupported],
        )?;
        has(t, "a", 1).await?;
        return has_not(t, "b").await;
    }
    let AtomicOutcome::Done(versions) = two? else {
        return Err(Fault("an atomic change whose check holds lost".into()));
    };
    ensure!(
        versions.len() == 3 && versions.iter().map(Option::is_some).eq([true, true, false]),
        "atomic tells {versions:?}"
    );
    has_not(t, "a").await?;
    has(t, "b", 1).await?;
    has(t, "c", 2).await?;
    let lost = t
        .store
        .atomic()
        .check("c", Check::Version(version))
        .check("d", Check::Absent);
    let lost = lost.set("b", 9).delete("c").set("d", 9).commit().await?;
    ensure!(
        matches!(lost, AtomicOutcome::Lost { index: 0, .. }),
        "an old version won"
    );
    has(t, "b", 1).await?;
    has(t, "c", 2).await?;
    has_not(t, "d").await
}

pub(super) async fn interleaved_changes<B: Backend>(t: &Bench<B>) -> Found {
    for work in Work::ALL {
        if work == Work::Atomic && t.backend().limits().max_batch < 2 {
            continue;
        }
        let tally = contend(&t.store, work, 5, 6, 7).await.map_err(Fault)?;
        ensure!(
            tally.unknown == 0 && tally.done == 30,
            "30 of {work:?} by 5 workers: {tally:?}"
        );
    }
    Ok(())
}

pub(super) async fn namespaces<B: Backend>(t: &Bench<B>) -> Found {
    let (one, two) = (t.store.namespace("one")?, t.store.namespace("two")?);
    ensure!(
        t.store.namespaces().await?.is_empty(),
        "an empty store has namespaces"
    );
    t.store.set("k", 0).await?;
    one.set("k", 1).await?;
    two.set_with("k", 2, with(Some(0.02), &[])?).await?;
    same_list(
        "the namespaces",
        &t.store.namespaces().await?,
        &["", "one", "two"],
    )?;
    t.wait(40).await;
    same_list("the namespaces", &one.namespaces().await?, &["", "one"])?;
    two.set("k", 2).await?;
    let cleared = one.clear().await?;
    ensure!(cleared == 1, "1 entry was cleared, {cleared} are told");
    has(t, "k", 0).await?;
    ensure!(
        two.get("k").await? == Some(2.into()),
        "another namespace was cleared"
    );
    one.close().await?;
    refused("a closed store", one.get("k").await, &[ErrorKind::Closed])?;
    has(t, "k", 0).await?;
    ensure!(
        two.get("k").await? == Some(2.into()),
        "another namespace was closed"
    );
    Ok(())
}

pub(super) async fn closed<B: Backend>(t: &Bench<B>) -> Found {
    let other = t.store.namespace("other")?;
    t.store.set("k", 0).await?;
    t.store.close().await?;
    refused(
        "a closed store",
        t.store.get("k").await,
        &[ErrorKind::Closed],
    )?;
    refused(
        "a closed store",
        t.store.set("k", 1).await,
        &[ErrorKind::Closed],
    )?;
    refused(
        "a closed store",
        t.store.keys("**").await,
        &[ErrorKind::Closed],
    )?;
    refused(
        "a closed connection",
        other.get("k").await,
        &[ErrorKind::Closed],
    )?;
    t.store.close().await?;
    Ok(())
}
