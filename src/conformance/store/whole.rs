//! Namespaces, and what closing does.

use super::{has, with};
use crate::{
    backend::Backend,
    conformance::bench::{Bench, Found, ensure, refused, same_list},
    error::ErrorKind,
};

pub(in crate::conformance) async fn namespaces<B: Backend>(t: &Bench<B>) -> Found {
    let (one, two) = (t.store.namespace("one")?, t.store.namespace("two")?);
    ensure!(
        t.store.namespaces().await?.is_empty(),
        "an empty store has namespaces"
    );
    t.store.set("k", 0).await?;
    one.set("k", 1).await?;
    two.set("k", 2).await?;
    same_list(
        "the namespaces",
        &t.store.namespaces().await?,
        &["", "one", "two"],
    )?;
    two.set_with("k", 2, with(Some(0.02), &[])?).await?;
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

pub(in crate::conformance) async fn closed<B: Backend>(t: &Bench<B>) -> Found {
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
