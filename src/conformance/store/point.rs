//! Operations on one key, and its copies.

use super::{alike, entry, has, has_not, with};
use crate::{
    backend::Backend,
    conformance::bench::{Bench, Fault, Found, ensure},
    record::Version,
    store::{Outcome, SetOptions},
};

pub(in crate::conformance) async fn one_key<B: Backend>(t: &Bench<B>) -> Found {
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

pub(in crate::conformance) async fn conditions<B: Backend>(t: &Bench<B>) -> Found {
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
    let at = |version: &Version| SetOptions {
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

pub(in crate::conformance) async fn rename_and_copy<B: Backend>(t: &Bench<B>) -> Found {
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
