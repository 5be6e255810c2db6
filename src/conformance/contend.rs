//! Several workers on the same keys, in an order that comes again with the same seed.

use super::host::next_random;
use crate::{
    backend::Backend,
    error::{Error, ErrorKind, Result},
    store::{AtomicOutcome, Check, Outcome, SetOptions, Store},
    value::Value,
};
use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll},
};

/// How workers change what they share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// `increment`.
    Increment,
    /// `append`.
    Append,
    /// `update`.
    Update,
    /// `get`, then `compare_and_swap`.
    Swap,
    /// `get_entry`, then `set` on its version.
    Version,
    /// Two keys at once with `atomic`.
    Atomic,
}

impl Work {
    /// Every one.
    pub const ALL: [Work; 6] = [
        Work::Increment,
        Work::Append,
        Work::Update,
        Work::Swap,
        Work::Version,
        Work::Atomic,
    ];
}

/// What the workers were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Changes that were acknowledged.
    pub done: u64,
    /// Changes that ended with `outcome-unknown`.
    pub unknown: u64,
    /// Of those, changes that are there.
    pub unknown_done: u64,
}

/// Lets `workers` make `each` changes of the same key, and checks that every acknowledged change is
/// there exactly once, every one of unknown outcome at most once, and nothing else.
///
/// # Errors
/// What is wrong.
pub async fn contend<B: Backend>(
    store: &Store<B>,
    work: Work,
    workers: u64,
    each: u64,
    seed: u64,
) -> Result<Tally, String> {
    let space = store
        .namespace(&format!("{work:?}"))
        .map_err(|e| e.to_string())?;
    let space = &space;
    let worker = |name: u64| async move {
        let mut told = Vec::new();
        for turn in 0..each {
            let token = format!("{name}.{turn} ");
            // What surely did not happen is tried again, as a caller would.
            let mut tries = 0;
            let result = loop {
                match change(space, work, &token).await {
                    Err(error) if error.retryable() && tries < 1000 => tries += 1,
                    result => break result,
                }
            };
            // Nothing that comes after it could make that good.
            let failed = matches!(&result, Err(e) if e.kind() != ErrorKind::OutcomeUnknown);
            told.push((token, result));
            if failed {
                break;
            }
        }
        told
    };
    let workers = (0..workers).map(|name| Box::pin(worker(name)) as Pin<Box<_>>);
    let told: Vec<(String, Result<()>)> = interleave(seed, workers.collect())
        .await
        .into_iter()
        .flatten()
        .collect();
    let mut tally = Tally::default();
    let mut unknown = Vec::new();
    let mut done = Vec::new();
    for (token, result) in told {
        match result {
            Ok(()) => done.push(token),
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => unknown.push(token),
            Err(error) => return Err(format!("{work:?} of {token}: {error}")),
        }
    }
    tally.done = done.len() as u64;
    tally.unknown = unknown.len() as u64;
    for key in if work == Work::Atomic {
        &["k", "l"][..]
    } else {
        &["k"]
    } {
        let value = patiently(async || space.get(key).await)
            .await
            .map_err(|e| e.to_string())?;
        if work == Work::Increment {
            let count = value.and_then(|v| v.as_int()).unwrap_or(0) as u64;
            if !(tally.done..=tally.done + tally.unknown).contains(&count) {
                return Err(format!("counted {count}, but {tally:?}"));
            }
            tally.unknown_done = count - tally.done;
            continue;
        }
        let text = value.as_ref().and_then(Value::as_text).unwrap_or_default();
        let mut there: BTreeMap<&str, u64> = BTreeMap::new();
        for token in text.split_inclusive(' ') {
            *there.entry(token).or_default() += 1;
        }
        for token in &done {
            match there.remove(&**token) {
                Some(1) => {}
                times => return Err(format!("{work:?}: {token} is there {times:?} times")),
            }
        }
        tally.unknown_done = there.len() as u64;
        if let Some((token, times)) = there
            .iter()
            .find(|(token, times)| **times != 1 || !unknown.iter().any(|u| u == *token))
        {
            return Err(format!(
                "{work:?}: {token} is there {times} times, which nobody was told"
            ));
        }
    }
    if work == Work::Atomic {
        let left = patiently(async || space.get("k").await)
            .await
            .map_err(|e| e.to_string())?;
        let right = patiently(async || space.get("l").await)
            .await
            .map_err(|e| e.to_string())?;
        if left != right {
            return Err(format!("half of an atomic change: {left:?} and {right:?}"));
        }
    }
    Ok(tally)
}

async fn patiently<T>(read: impl AsyncFn() -> Result<T>) -> Result<T> {
    for _ in 0..100 {
        match read().await {
            Err(error) if error.retryable() => {}
            result => return result,
        }
    }
    read().await
}

fn with(text: Option<&Value>, token: &str) -> Value {
    let text = text.and_then(Value::as_text).unwrap_or_default();
    format!("{text}{token}").into()
}

async fn change<B: Backend>(store: &Store<B>, work: Work, token: &str) -> Result<()> {
    match work {
        Work::Increment => return store.increment("k", 1).await.map(drop),
        Work::Append => return store.append("k", token).await.map(drop),
        Work::Update => {
            let add = |old: Option<Value>| {
                let new = with(old.as_ref(), token);
                async move {
                    super::host::Yield::default().await;
                    Ok(new)
                }
            };
            return store.update("k", add).await.map(drop);
        }
        Work::Swap | Work::Version | Work::Atomic => {}
    }
    for _ in 0..10_000 {
        let done = match work {
            Work::Swap => {
                let old = store.get("k").await?;
                let new = with(old.as_ref(), token);
                store
                    .compare_and_swap("k", old.as_ref(), Some(new))
                    .await?
                    .is_done()
            }
            Work::Version => {
                let old = store.get_entry("k").await?;
                let options = SetOptions {
                    if_absent: old.is_none(),
                    if_version: old.as_ref().map(|e| e.version.clone()),
                    ..SetOptions::default()
                };
                let new = with(old.as_ref().map(|e| &e.value), token);
                matches!(store.set_with("k", new, options).await?, Outcome::Done(_))
            }
            _ => {
                let (k, l) = (store.get_entry("k").await?, store.get_entry("l").await?);
                let mut atomic = store.atomic();
                for (key, old) in [("k", k), ("l", l)] {
                    let check = match &old {
                        Some(entry) => Check::Version(entry.version.clone()),
                        None => Check::Absent,
                    };
                    let new = with(old.as_ref().map(|e| &e.value), token);
                    atomic = atomic.check(key, check).set(key, new);
                }
                matches!(atomic.commit().await?, AtomicOutcome::Done(_))
            }
        };
        if done {
            return Ok(());
        }
    }
    Err(Error::new(
        ErrorKind::Corrupt,
        "a condition never held: every race was lost",
    ))
}

/// Runs `tasks` together: at each turn some of them go on, chosen by `seed`.
pub async fn interleave<T>(seed: u64, tasks: Vec<Pin<Box<dyn Future<Output = T> + '_>>>) -> Vec<T> {
    let mut tasks: Vec<_> = tasks.into_iter().map(|task| (Some(task), None)).collect();
    let mut random = seed;
    std::future::poll_fn(|context: &mut Context<'_>| {
        let mut left = false;
        let mut skipped = false;
        let from = next_random(&mut random) as usize;
        for at in 0..tasks.len() {
            let turn = (from % tasks.len() + at) % tasks.len();
            let Some((slot, result)) = tasks.get_mut(turn) else {
                continue;
            };
            let Some(task) = slot else { continue };
            left = true;
            if next_random(&mut random).is_multiple_of(2) {
                skipped = true;
                continue;
            }
            if let Poll::Ready(done) = task.as_mut().poll(context) {
                *result = Some(done);
                *slot = None;
            }
        }
        if !left {
            return Poll::Ready(());
        }
        if skipped {
            context.waker().wake_by_ref();
        }
        // The last one may just have ended.
        if tasks.iter().all(|(slot, _)| slot.is_none()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    tasks.into_iter().filter_map(|(_, result)| result).collect()
}
