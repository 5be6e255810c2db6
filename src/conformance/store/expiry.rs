//! What expires, and what is left of it.

use super::{entry, has, has_not, with};
use crate::{
    backend::Backend,
    conformance::bench::{Bench, Found, ensure, same_list},
    store::{SetOptions, Ttl},
};

pub(in crate::conformance) async fn time_to_live<B: Backend>(t: &Bench<B>) -> Found {
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

pub(in crate::conformance) async fn garbage<B: Backend>(t: &Bench<B>) -> Found {
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
