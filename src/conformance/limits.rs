//! What a backend claims, from both sides.

use super::bench::{Bench, Fault, Found, ensure, refused, same_list};
use crate::{
    backend::{Backend, Change, Commit, Expect, Mutation},
    error::ErrorKind,
    key::{Key, MAX_KEY_BYTES},
};

pub(super) async fn batch<B: Backend>(t: &Bench<B>) -> Found {
    let max = t.backend().limits().max_batch;
    ensure!(max > 0, "a backend changes at least one key at once");
    let record = t.record(1);
    let keys: Vec<String> = (0..=max.min(400)).map(|i| format!("k.{i:04}")).collect();
    let mut batch = Vec::new();
    for key in &keys {
        batch.push(Mutation {
            key: Key::new(&t.space, key)?,
            expect: Expect::Absent,
            change: Change::Put(&record),
        });
    }
    if max < batch.len() {
        let result = t.backend().commit(&batch).await;
        refused(
            &format!("a commit of {} where {max} are the limit", batch.len()),
            result,
            &[ErrorKind::InvalidArgument, ErrorKind::Unsupported],
        )?;
        let written = t.keys(t.all()).await?;
        ensure!(
            written.is_empty(),
            "a refused commit wrote {} keys",
            written.len()
        );
        batch.truncate(max);
    }
    match t.backend().commit(&batch).await? {
        Commit::Done(applied) => ensure!(
            applied.len() == batch.len(),
            "a commit of {} answered {}",
            batch.len(),
            applied.len()
        ),
        conflict => return Err(Fault(format!("a commit of new keys answered {conflict:?}"))),
    }
    let wanted: Vec<&str> = batch.iter().map(|m| m.key.as_str()).collect();
    same_list(
        "the keys of a large commit",
        &t.keys(t.all()).await?,
        &wanted,
    )
}

pub(super) async fn key<B: Backend>(t: &Bench<B>) -> Found {
    let max = t.backend().limits().max_key;
    ensure!(
        (64..=MAX_KEY_BYTES).contains(&max),
        "a backend takes keys of 64 to {MAX_KEY_BYTES} bytes; this one claims {max}"
    );
    let longest = "k".repeat(max);
    t.store.set(&longest, 1).await?;
    ensure!(
        t.store.get(&longest).await? == Some(1.into()),
        "the longest key is not there"
    );
    let wide = "😀".repeat(max / 4);
    t.store.set(&wide, 2).await?;
    ensure!(
        t.store.get(&wide).await? == Some(2.into()),
        "the longest key is not there"
    );
    ensure!(
        t.store.get(&longest).await? == Some(1.into()),
        "the longest key is not there"
    );
    refused(
        "a longer key",
        t.store.set(&(longest + "k"), 1).await,
        &[ErrorKind::InvalidKey],
    )
}

pub(super) async fn value<B: Backend>(t: &Bench<B>) -> Found {
    let max = t.backend().limits().max_value;
    if max == usize::MAX {
        let large = t.record("x".repeat(3_000_000));
        t.put("a", &large).await?;
        return t.holds("a", &large).await;
    }
    // The envelope is a little longer than its text: find the text that fills it.
    let frame = t.record("x".repeat(max)).encode()?.len() - max;
    let fits = t.record("x".repeat(max - frame));
    ensure!(
        fits.encode()?.len() == max,
        "an envelope of {max} bytes could not be made"
    );
    t.put("a", &fits).await?;
    t.holds("a", &fits).await?;
    let over = t.record("x".repeat(max - frame + 1));
    let key = Key::new(&t.space, "a")?;
    let mutation = Mutation {
        key,
        expect: Expect::Any,
        change: Change::Put(&over),
    };
    refused(
        "a value above the limit",
        t.backend().commit(&[mutation]).await,
        &[ErrorKind::InvalidArgument, ErrorKind::QuotaExceeded],
    )?;
    t.holds("a", &fits).await
}
