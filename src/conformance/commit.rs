//! Changing records, one and several.

use super::bench::{Bench, Found, after, ensure, written};
use crate::{
    backend::{Applied, Backend, Change, Commit, Expect, Mutation, Was},
    key::Key,
    record::Version,
};

pub(super) async fn nothing<B: Backend>(t: &Bench<B>) -> Found {
    let commit = t.backend().commit(&[]).await?;
    ensure!(
        commit == Commit::Done(vec![]),
        "an empty commit answered {commit:?}"
    );
    let answers = t.backend().write(&[]).await;
    ensure!(
        answers.is_empty(),
        "an empty write answered {}",
        answers.len()
    );
    Ok(())
}

pub(super) async fn versions_are_never_used_twice<B: Backend>(t: &Bench<B>) -> Found {
    let record = t.record("the same bytes");
    let mut seen: Vec<Version> = Vec::new();
    for round in 0..6 {
        if round % 2 == 1 {
            t.delete("a").await?;
        }
        for _ in 0..2 {
            let version = t.put("a", &record).await?;
            ensure!(!seen.contains(&version), "the version {version} came twice");
            let again = Version::parse(&version.to_string());
            ensure!(
                again == version,
                "the version {version:?} does not survive as text"
            );
            seen.push(version);
        }
    }
    // What an old version guards must stay guarded.
    for version in &seen[..seen.len() - 1] {
        let stale = t
            .commit(&t.space, "a", Expect::At(version), Change::Delete)
            .await?;
        ensure!(
            stale == Commit::Conflict { index: 0 },
            "an old version still counts"
        );
    }
    t.holds("a", &record).await
}

pub(super) async fn told_versions_are_those_stored<B: Backend>(t: &Bench<B>) -> Found {
    for round in 0..3 {
        let told = t.put("a", &t.record(round)).await?;
        let stored = t.read("a").await?.map(|s| s.version);
        ensure!(
            stored.as_ref() == Some(&told),
            "the commit told the version {told}, a read {stored:?}"
        );
        let again = t.read("a").await?.map(|s| s.version);
        ensure!(stored == again, "reading changed the version");
    }
    Ok(())
}

pub(super) async fn delete_removes_and_tells<B: Backend>(t: &Bench<B>) -> Found {
    let was = t.delete("a").await?;
    ensure!(
        matches!(was, Was::Absent | Was::Unknown),
        "deleting nothing answered {was:?}"
    );
    let expires_at = after(t.host.now(), 500_000);
    for (round, expires_at) in [None, expires_at, None, None].into_iter().enumerate() {
        let mut record = t.record(1);
        record.expires_at = expires_at;
        t.put("a", &record).await?;
        t.put("a.b", &record).await?;
        let was = t.delete("a").await?;
        ensure!(
            was == Was::Stored(expires_at) || was == Was::Unknown,
            "round {round}: deleting a record that expires at {expires_at:?} answered {was:?}"
        );
        t.lacks("a").await?;
        t.lacks("a").await?;
        t.holds("a.b", &record).await?;
        t.delete("a.b").await?;
        t.lacks("a.b").await?;
    }
    let left = t.keys(t.all()).await?;
    ensure!(left.is_empty(), "deleted keys are scanned: {left:?}");
    Ok(())
}

pub(super) async fn expect_absent<B: Backend>(t: &Bench<B>) -> Found {
    let (one, two) = (t.record(1), t.record(2));
    let first = t
        .commit(&t.space, "a", Expect::Absent, Change::Put(&one))
        .await?;
    written(first)?;
    let second = t
        .commit(&t.space, "a", Expect::Absent, Change::Put(&two))
        .await?;
    ensure!(
        second == Commit::Conflict { index: 0 },
        "absent was expected, a record there, and the answer {second:?}"
    );
    t.holds("a", &one).await?;
    t.delete("a").await?;
    written(
        t.commit(&t.space, "a", Expect::Absent, Change::Put(&two))
            .await?,
    )?;
    t.holds("a", &two).await
}

pub(super) async fn expect_a_version<B: Backend>(t: &Bench<B>) -> Found {
    let record = |n| t.record(n);
    let old = t.put("a", &record(1)).await?;
    let other = t.put("b", &record(1)).await?;
    let new = written(
        t.commit(&t.space, "a", Expect::At(&old), Change::Put(&record(2)))
            .await?,
    )?;
    let foreign = Version::Token("no version of anybody".into());
    for (what, version) in [
        ("old", &old),
        ("another key's", &other),
        ("foreign", &foreign),
    ] {
        for change in [Change::Put(&record(3)), Change::Delete, Change::Keep] {
            let commit = t.commit(&t.space, "a", Expect::At(version), change).await?;
            ensure!(
                commit == Commit::Conflict { index: 0 },
                "a condition on an {what} version answered {commit:?}"
            );
        }
    }
    t.holds("a", &record(2)).await?;
    let absent = t
        .commit(&t.space, "zz", Expect::At(&new), Change::Put(&record(3)))
        .await?;
    ensure!(
        absent == Commit::Conflict { index: 0 },
        "a condition on an absent key's version answered {absent:?}"
    );
    t.lacks("zz").await?;
    let gone = t
        .commit(&t.space, "a", Expect::At(&new), Change::Delete)
        .await?;
    ensure!(
        matches!(gone, Commit::Done(_)),
        "deleting at the right version answered {gone:?}"
    );
    t.lacks("a").await
}

pub(super) async fn expect_without_a_change<B: Backend>(t: &Bench<B>) -> Found {
    let record = t.record(1);
    let version = t.put("a", &record).await?;
    for (key, expect, holds) in [
        ("a", Expect::At(&version), true),
        ("a", Expect::Absent, false),
        ("b", Expect::Absent, true),
        ("b", Expect::At(&version), false),
        ("a", Expect::Any, true),
    ] {
        let commit = t.commit(&t.space, key, expect, Change::Keep).await?;
        let wanted = if holds {
            Commit::Done(vec![Applied::Checked])
        } else {
            Commit::Conflict { index: 0 }
        };
        ensure!(
            commit == wanted,
            "checking {key} for {expect:?} answered {commit:?}"
        );
    }
    let stored = t.read("a").await?.map(|s| s.version);
    ensure!(stored == Some(version), "a check changed the version");
    t.lacks("b").await
}

pub(super) async fn expired_records_are_records<B: Backend>(t: &Bench<B>) -> Found {
    let mut record = t.record(1);
    record.expires_at = after(t.host.now(), 20);
    let version = t.put("a", &record).await?;
    t.put("b", &record).await?;
    t.wait(40).await;
    t.holds("a", &record).await?;
    let create = t
        .commit(&t.space, "a", Expect::Absent, Change::Put(&t.record(2)))
        .await?;
    ensure!(
        create == Commit::Conflict { index: 0 },
        "an expired record counts as absent for a commit: {create:?}"
    );
    let was = t.delete("b").await?;
    ensure!(
        was == Was::Stored(record.expires_at) || was == Was::Unknown,
        "deleting an expired record answered {was:?}"
    );
    let next = t.record(2);
    let replace = t
        .commit(&t.space, "a", Expect::At(&version), Change::Put(&next))
        .await?;
    written(replace)?;
    t.holds("a", &next).await
}

pub(super) async fn several_all_or_nothing<B: Backend>(t: &Bench<B>) -> Found {
    if t.backend().limits().max_batch < 4 {
        return Ok(());
    }
    let (one, two) = (t.record(1), t.record(2));
    let at = t.put("b", &one).await?;
    t.put("c", &one).await?;
    let key = |text| Key::new(&t.space, text);
    let put = |key, expect| Mutation {
        key,
        expect,
        change: Change::Put(&two),
    };
    let failing = [
        put(key("a")?, Expect::Any),
        put(key("b")?, Expect::At(&at)),
        Mutation {
            key: key("c")?,
            expect: Expect::Any,
            change: Change::Delete,
        },
        put(key("d")?, Expect::At(&at)),
    ];
    let commit = t.backend().commit(&failing).await?;
    ensure!(
        commit == Commit::Conflict { index: 3 },
        "a failing batch answered {commit:?}"
    );
    t.lacks("a").await?;
    t.holds("b", &one).await?;
    t.holds("c", &one).await?;
    t.lacks("d").await?;
    let [a, b, c, _] = failing;
    let d = Mutation {
        key: key("d")?,
        expect: Expect::Absent,
        change: Change::Keep,
    };
    let Commit::Done(applied) = t.backend().commit(&[d, c, b, a]).await? else {
        return Err(super::bench::Fault(
            "a batch whose expectations hold met a conflict".into(),
        ));
    };
    let [
        Applied::Checked,
        Applied::Deleted(_),
        Applied::Written(v),
        Applied::Written(w),
    ] = &applied[..]
    else {
        return Err(super::bench::Fault(format!("a batch answered {applied:?}")));
    };
    for (key, version) in [("b", v), ("a", w)] {
        t.holds(key, &two).await?;
        let stored = t.read(key).await?.map(|s| s.version);
        ensure!(
            stored.as_ref() == Some(version),
            "a batch told the wrong version of {key}"
        );
    }
    t.lacks("c").await?;
    t.lacks("d").await
}

pub(super) async fn the_first_conflict_is_told<B: Backend>(t: &Bench<B>) -> Found {
    if t.backend().limits().max_batch < 4 {
        return Ok(());
    }
    t.fill(&["a", "b", "c", "d"]).await?;
    let stale = Version::Token("stale".into());
    for first in 0..4 {
        let mut batch = Vec::new();
        for (at, key) in ["d", "b", "a", "c"].into_iter().enumerate() {
            batch.push(Mutation {
                key: Key::new(&t.space, key)?,
                expect: if at < first {
                    Expect::Any
                } else {
                    Expect::At(&stale)
                },
                change: Change::Keep,
            });
        }
        let commit = t.backend().commit(&batch).await?;
        ensure!(
            commit == Commit::Conflict { index: first },
            "the conflict is at {first}, the answer {commit:?}"
        );
    }
    Ok(())
}

pub(super) async fn write_each_for_itself<B: Backend>(t: &Bench<B>) -> Found {
    let (one, two) = (t.record(1), t.record(2));
    let at = t.put("b", &one).await?;
    t.put("c", &one).await?;
    let m = |text, expect, change| {
        Key::new(&t.space, text).map(|key| Mutation {
            key,
            expect,
            change,
        })
    };
    let stale = Version::Token("stale".into());
    let batch = [
        m("a", Expect::Any, Change::Put(&two))?,
        m("d", Expect::At(&stale), Change::Put(&two))?,
        m("b", Expect::At(&at), Change::Put(&two))?,
        m("e", Expect::Absent, Change::Put(&two))?,
        m("c", Expect::Any, Change::Delete)?,
        m("f", Expect::Any, Change::Delete)?,
    ];
    let answers = t.backend().write(&batch).await;
    ensure!(
        answers.len() == 6,
        "a write of 6 answered {}",
        answers.len()
    );
    let mut kinds = String::new();
    for answer in answers {
        kinds.push(match answer? {
            Commit::Conflict { index: 0 } => '!',
            Commit::Done(applied) => match &applied[..] {
                [Applied::Written(_)] => 'w',
                [Applied::Deleted(_)] => 'd',
                _ => '?',
            },
            Commit::Conflict { .. } => '?',
        });
    }
    ensure!(kinds == "w!wwdd", "a write answered {kinds:?}, not w!wwdd");
    for key in ["a", "b", "e"] {
        t.holds(key, &two).await?;
    }
    for key in ["c", "d", "f"] {
        t.lacks(key).await?;
    }
    Ok(())
}

pub(super) async fn write_a_large_batch<B: Backend>(t: &Bench<B>) -> Found {
    let keys: Vec<String> = (0..1500).map(|i| format!("k.{i:05}")).collect();
    t.fill(&keys).await?;
    super::bench::same_list("the keys", &t.keys(t.all()).await?, &keys)?;
    let mut batch = Vec::new();
    for key in &keys {
        batch.push(Mutation {
            key: Key::new(&t.space, key)?,
            expect: Expect::Any,
            change: Change::Delete,
        });
    }
    let answers = t.backend().write(&batch).await;
    ensure!(
        answers.len() == batch.len(),
        "a write answered {} items",
        answers.len()
    );
    for answer in answers {
        answer?;
    }
    let left = t.keys(t.all()).await?;
    ensure!(left.is_empty(), "{} deleted keys are left", left.len());
    Ok(())
}
