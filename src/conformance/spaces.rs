//! Namespaces.

use super::bench::{Bench, Found, after, ensure, same_list};
use crate::{
    backend::{Backend, Change, Commit, Expect, Scan},
    key::Namespace,
};

pub(super) async fn never_see_each_other<B: Backend>(t: &Bench<B>) -> Found {
    let (a, b) = (Namespace::new("a")?, Namespace::new("b")?);
    let spaces = [&t.space, &a, &b];
    for space in spaces {
        t.put_in(space, "k", &t.record(space.as_str())).await?;
    }
    for space in spaces {
        t.holds_in(space, "k", &t.record(space.as_str())).await?;
        let scan = Scan {
            namespace: space,
            ..t.all()
        };
        same_list("a namespace's keys", &t.keys(scan).await?, &["k"])?;
    }
    let create = t
        .commit(&b, "other", Expect::Absent, Change::Put(&t.record(1)))
        .await?;
    ensure!(
        matches!(create, Commit::Done(_)),
        "a new key met a conflict"
    );
    t.lacks("other").await?;
    t.commit(&a, "k", Expect::Any, Change::Delete).await?;
    t.holds("k", &t.record("")).await?;
    t.holds_in(&b, "k", &t.record("b")).await?;
    ensure!(
        t.read_in(&a, "k").await?.is_none(),
        "a deleted key is there"
    );
    Ok(())
}

pub(super) async fn whatever_the_names<B: Backend>(t: &Bench<B>) -> Found {
    let names = [
        "",
        " ",
        "*",
        "A",
        "__proto__",
        "a",
        "a ",
        "a/b",
        "a:b",
        "default",
        "e\u{301}",
        "null",
        "\u{e9}",
        "\u{1f600}",
    ];
    let mut long = vec!["n".repeat(64), "n".repeat(63), "n".repeat(63) + "N"];
    long.extend(names.iter().map(|name| (*name).to_owned()));
    let keys = ["a.b.c", "b.c", "b:c", "c", "a"];
    let mut spaces = Vec::new();
    for name in &long {
        spaces.push(Namespace::new(name)?);
    }
    for space in &spaces {
        for key in keys {
            let record = t.record(format!("{} {key}", space.as_str()));
            t.put_in(space, key, &record).await?;
        }
    }
    for space in &spaces {
        for key in keys {
            let record = t.record(format!("{} {key}", space.as_str()));
            t.holds_in(space, key, &record).await?;
        }
        let scan = Scan {
            namespace: space,
            ..t.all()
        };
        let mut wanted = keys.to_vec();
        wanted.sort_unstable();
        let what = format!("the keys of {:?}", space.as_str());
        same_list(&what, &t.keys(scan).await?, &wanted)?;
    }
    Ok(())
}

pub(super) async fn are_listed<B: Backend>(t: &Bench<B>) -> Found {
    let mut names = vec!["", "A", "a", "b-c", "é"];
    for name in &names {
        t.put_in(&Namespace::new(name)?, "k", &t.record(1)).await?;
    }
    let found = t.backend().namespaces().await?;
    let mut found: Vec<&str> = found.iter().map(Namespace::as_str).collect();
    found.sort_unstable();
    names.sort_unstable();
    same_list("the namespaces", &found, &names)
}

pub(super) async fn sweep_its_own_expired_only<B: Backend>(t: &Bench<B>) -> Found {
    let now = t.host.now();
    let other = Namespace::new("other")?;
    let expiring = |milliseconds| {
        let mut record = t.record(1);
        record.expires_at = after(now, milliseconds);
        record
    };
    for (key, record) in [
        ("a", expiring(10)),
        ("b", t.record(1)),
        ("c", expiring(11)),
        ("d", expiring(20)),
        ("e", expiring(21)),
        ("f", expiring(3_600_000)),
    ] {
        t.put(key, &record).await?;
        t.put_in(&other, key, &record).await?;
    }
    t.wait(50).await;
    let Some(count) = t.backend().sweep(&t.space, now + 20).await? else {
        same_list(
            "the keys",
            &t.keys(t.all()).await?,
            &["a", "b", "c", "d", "e", "f"],
        )?;
        return Ok(());
    };
    ensure!(count == 3, "a sweep of 3 expired records counts {count}");
    same_list(
        "what a sweep leaves",
        &t.keys(t.all()).await?,
        &["b", "e", "f"],
    )?;
    let scan = Scan {
        namespace: &other,
        ..t.all()
    };
    same_list(
        "another namespace after a sweep",
        &t.keys(scan).await?,
        &["a", "b", "c", "d", "e", "f"],
    )?;
    let again = t.backend().sweep(&t.space, now + 20).await?;
    ensure!(again == Some(0), "a second sweep answers {again:?}");
    let nothing = t
        .backend()
        .sweep(&Namespace::new("nobody")?, now + 20)
        .await?;
    ensure!(nothing == Some(0), "a sweep of nothing answers {nothing:?}");
    Ok(())
}
