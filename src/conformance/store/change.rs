//! Changes that depend on what is there.

use super::{alike, entry, fields, has, has_not, with};
use crate::{
    backend::Backend,
    conformance::bench::{Bench, Found, ensure, refused},
    error::ErrorKind,
    value::Value,
};

pub(in crate::conformance) async fn compare_and_swap<B: Backend>(t: &Bench<B>) -> Found {
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

pub(in crate::conformance) async fn numbers_and_text<B: Backend>(t: &Bench<B>) -> Found {
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

pub(in crate::conformance) async fn metadata<B: Backend>(t: &Bench<B>) -> Found {
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
