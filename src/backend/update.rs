//! The only read-change-write loop there is, and what a lost answer means.
//!
//! Simulated with a fifth of the commits dropped and a third processed with the answer lost, a
//! naive retry counted 250 increments as 393. A record therefore remembers the ids of its last
//! writes, and the loop looks before it tries again.

use super::{
    Applied, Behind, Change, Commit, Decide, Decision, Expect, Freshness, Limits, Mutation,
};
use crate::{
    error::{Error, ErrorKind, Result},
    host::Host,
    key::Key,
    maybe_send::{BoxFuture, MaybeSend},
    record::{Record, Stored, Version},
    sorted::{last_of_each, order_of},
};

/// After how many lost races, or requests that never arrived, the loop gives up.
const MAX_ATTEMPTS: u32 = 40;
/// The same where nothing waits and nothing gets lost: whoever loses a race there, somebody else won
/// it, and all come to an end. The bound is for a function that writes its own key.
const MAX_RACES: u32 = 10_000;
/// After so many of them others get a turn: timers, an abort.
#[cfg(feature = "later")]
const RACES_A_TURN: u32 = 100;
/// The longest pause between two attempts, in milliseconds.
#[cfg(feature = "later")]
const MAX_PAUSE: u64 = 200;

/// May a request or its answer get lost? Not where there is only memory: what is done then is 3 KB of wasm.
const LOSES: bool = cfg!(feature = "later");

/// Is an error one after which another attempt may pass?
pub(crate) fn passes(error: &Error) -> bool {
    LOSES && error.retryable()
}

/// Does an error say that the answer to a write was lost?
pub(crate) fn is_lost(error: &Error) -> bool {
    LOSES && error.kind() == ErrorKind::OutcomeUnknown
}

/// Must records remember who wrote them, as answers may be lost?
pub(crate) fn remembers(limits: &Limits) -> bool {
    LOSES && limits.loses_answers
}

/// The error of a backend that answers for another number of keys than it was asked for.
#[cold]
pub(crate) fn wrong_count(what: &str, asked: usize, got: usize) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("the backend's {what} answered {got} items for {asked}: it is broken"),
    )
}

#[cold]
pub(crate) fn unknown(key: &str) -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the answer to a write was lost, and what is stored now does not tell whether it happened: \
         read the key and decide",
    )
    .with_key(key)
}

/// The version of a write whose own version nobody told: of no entry, so that a condition on it
/// fails instead of passing wrongly.
fn untold() -> Version {
    Version::Token("".into())
}

/// How often a change is tried.
pub(crate) fn max_attempts(backend: Behind<'_>) -> u32 {
    if backend.dyn_immediate() {
        MAX_RACES
    } else {
        MAX_ATTEMPTS
    }
}

/// The error of a change that others outran every time.
#[cold]
pub(crate) fn outrun(attempts: u32) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("other writers won {attempts} times in a row: try again"),
    )
}

/// A pause before attempt `attempt` (1, 2, …): full jitter over an exponential bound.
#[cfg(feature = "later")]
pub(crate) async fn pause(backend: Behind<'_>, host: &dyn Host, attempt: u32) {
    if backend.dyn_immediate() {
        if attempt.is_multiple_of(RACES_A_TURN) {
            host.sleep(0).await;
        }
        return;
    }
    let bound = (1_u64 << attempt.min(10)).min(MAX_PAUSE);
    host.sleep(host.random() % bound).await;
}

/// Nobody else is there to lose a race to.
#[cfg(not(feature = "later"))]
pub(crate) async fn pause(_: Behind<'_>, _: &dyn Host, _: u32) {}

/// What is there after an answer was lost: asked until somebody answers.
pub(crate) async fn read_again(
    backend: Behind<'_>,
    host: &dyn Host,
    keys: &[Key<'_>],
) -> Vec<Option<Stored>> {
    for attempt in 1..=MAX_ATTEMPTS {
        match wait!(backend.dyn_read(keys, Freshness::Latest)) {
            Ok(found) => return found,
            Err(error) if passes(&error) => wait!(pause(backend, host, attempt)),
            Err(_) => break,
        }
    }
    Vec::new()
}

/// A write whose answer was lost.
struct Lost {
    /// The version that the write expected; `None`: no record.
    expected: Option<Version>,
    /// The last write id of the record that it expected.
    before: Option<u64>,
    /// The id of the write; `None` for a delete.
    id: Option<u64>,
}

enum Verdict {
    Happened(Version),
    NotYet,
    Unknown,
}

impl Lost {
    /// What the record that is there now says about the write.
    fn judge(&self, now: Option<&Stored>) -> Verdict {
        if now.map(|s| &s.version) == self.expected.as_ref() {
            return Verdict::NotYet;
        }
        let (Some(now), Some(id)) = (now, self.id) else {
            return Verdict::Unknown;
        };
        let writes = &now.record.writes;
        if writes.contains(&id) {
            return Verdict::Happened(match writes.last() {
                Some(last) if *last == id => now.version.clone(),
                _ => untold(),
            });
        }
        // Every change keeps the ids before it: where the predecessor's id is still in the ring,
        // all that came after it is too, and ours is not among them.
        match self.before {
            Some(before) if writes.contains(&before) => Verdict::NotYet,
            _ => Verdict::Unknown,
        }
    }
}

/// Decides what to do with what was read, perhaps by running user code that waits.
pub(crate) trait DecideLater: MaybeSend {
    fn decide(&mut self, found: Option<Stored>) -> BoxFuture<'_, Result<Decision>>;
}

/// A decision that waits for nothing.
pub(crate) struct AtOnce<'d>(pub(crate) &'d mut dyn Decide);

impl DecideLater for AtOnce<'_> {
    fn decide(&mut self, found: Option<Stored>) -> BoxFuture<'_, Result<Decision>> {
        let decision = self.0.decide(found.as_ref().map(Stored::lend));
        Box::pin(std::future::ready(decision))
    }
}

/// Reads the record under `key`, asks `decide`, and commits what it says on the condition that the
/// record is still the same; all again where it is not.
pub(crate) async fn read_change_write(
    backend: Behind<'_>,
    host: &dyn Host,
    key: Key<'_>,
    decide: &mut dyn DecideLater,
) -> Result<Option<Version>> {
    let remember = remembers(&backend.dyn_limits());
    let mut lost: Option<Lost> = None;
    let mut last_error = None;
    let attempts = max_attempts(backend);
    for attempt in 0..attempts {
        if attempt > 0 {
            wait!(pause(backend, host, attempt));
        }
        let found = match wait!(backend.dyn_read(&[key], Freshness::Latest)) {
            Ok(mut found) if found.len() == 1 => found.pop().flatten(),
            Ok(found) => {
                return Err(wrong_count("read", 1, found.len()).with_key(key.as_str()));
            }
            Err(error) if passes(&error) => {
                last_error = Some(error);
                continue;
            }
            Err(_) if lost.is_some() => return Err(unknown(key.as_str())),
            Err(error) => return Err(error.with_key(key.as_str())),
        };
        if let Some(before) = lost.take() {
            match before.judge(found.as_ref()) {
                Verdict::Happened(version) => return Ok(before.id.map(|_| version)),
                Verdict::NotYet => {}
                Verdict::Unknown => return Err(unknown(key.as_str())),
            }
        }
        let expected = found.as_ref().map(|s| s.version.clone());
        let before = found.as_ref().and_then(|s| s.record.writes.last().copied());
        let mut decision = decide.decide(found).await?;
        let id = match &mut decision {
            Decision::Put(record) if remember => {
                let id = host.random();
                record.remember(id);
                Some(id)
            }
            _ => None,
        };
        let mutation = Mutation {
            key,
            expect: expected.as_ref().map_or(Expect::Absent, Expect::At),
            change: match &decision {
                Decision::Put(record) => Change::Put(record),
                Decision::Delete => Change::Delete,
                Decision::Keep => return Ok(None),
            },
        };
        match wait!(backend.dyn_commit(&[mutation])) {
            Ok(Commit::Done(applied)) => return written(applied),
            Ok(Commit::Conflict { .. }) => last_error = None,
            Err(error) if is_lost(&error) => {
                lost = Some(Lost {
                    expected,
                    before,
                    id,
                });
            }
            Err(error) if passes(&error) => last_error = Some(error),
            Err(error) => return Err(error.with_key(key.as_str())),
        }
    }
    Err(match (lost, last_error) {
        (Some(_), _) => unknown(key.as_str()),
        (None, Some(error)) => error.with_key(key.as_str()),
        (None, None) => outrun(attempts).with_key(key.as_str()),
    })
}

fn written(applied: Vec<Applied>) -> Result<Option<Version>> {
    match <[Applied; 1]>::try_from(applied) {
        Ok([Applied::Written(version)]) => Ok(Some(version)),
        Ok(_) => Ok(None),
        Err(wrong) => Err(wrong_count("commit", 1, wrong.len())),
    }
}

/// Writes one record blindly, in one request.
pub(crate) async fn put(
    backend: Behind<'_>,
    host: &dyn Host,
    key: Key<'_>,
    record: Record,
) -> Result<Version> {
    let mut results = wait!(backend.dyn_put_many(host, vec![(key, record)]));
    match results.pop() {
        Some(result) => result,
        None => Err(wrong_count("write", 1, 0)),
    }
}

/// Writes records blindly, each for itself. Of a repeated key only the last record is sent.
pub(crate) async fn put_many(
    backend: Behind<'_>,
    host: &dyn Host,
    mut entries: Vec<(Key<'_>, Record)>,
) -> Vec<Result<Version>> {
    let remember = remembers(&backend.dyn_limits());
    if remember {
        for (_, record) in &mut entries {
            record.remember(host.random());
        }
    }
    let keys: Vec<Key<'_>> = entries.iter().map(|(key, _)| *key).collect();
    let last = last_of_each(&keys);
    let sent = entries
        .iter()
        .zip(&last)
        .filter(|(_, last)| **last)
        .map(|(entry, _)| entry);
    let batch: Vec<Mutation<'_>> = sent
        .map(|(key, record)| Mutation {
            key: *key,
            expect: Expect::Any,
            change: Change::Put(record),
        })
        .collect();
    let answers = wait!(backend.dyn_write(&batch));
    if answers.len() != batch.len() {
        let error = wrong_count("write", batch.len(), answers.len());
        return entries.iter().map(|_| Err(error.clone())).collect();
    }
    let mut results: Vec<Result<Version>> = Vec::with_capacity(batch.len());
    for (mutation, answer) in batch.iter().zip(answers) {
        let result = match answer {
            Ok(Commit::Done(applied)) => written(applied).map(|v| v.unwrap_or_else(untold)),
            Ok(Commit::Conflict { .. }) => Err(Error::new(
                ErrorKind::Corrupt,
                "the backend refused a write without a condition as a conflict: it is broken",
            )),
            Err(error) if is_lost(&error) => {
                wait!(look(backend, host, mutation))
            }
            Err(error) => Err(error),
        };
        results.push(result.map_err(|e| e.with_key(mutation.key.as_str())));
    }
    drop(batch);
    if results.len() == entries.len() {
        return results;
    }
    // A repeated key: every one of its places gets the result of the last, which comes first here.
    let mut sent = 0;
    let mut place: Vec<usize> = last
        .iter()
        .map(|last| {
            sent += usize::from(*last);
            sent - usize::from(*last)
        })
        .collect();
    let mut of_last = 0;
    for at in order_of(&keys) {
        if let (Some(place), Some(last)) = (place.get_mut(at), last.get(at)) {
            if *last {
                of_last = *place;
            }
            *place = of_last;
        }
    }
    place
        .iter()
        .filter_map(|at| results.get(*at).cloned())
        .collect()
}

/// A blind write whose answer was lost: it happened if the record remembers it. It is never sent
/// again: had it happened and been overwritten, that would undo a later write.
async fn look(backend: Behind<'_>, host: &dyn Host, mutation: &Mutation<'_>) -> Result<Version> {
    let Change::Put(record) = mutation.change else {
        return Err(unknown(mutation.key.as_str()));
    };
    let now = wait!(read_again(backend, host, &[mutation.key]))
        .pop()
        .flatten();
    let lost = Lost {
        expected: Some(untold()),
        before: None,
        id: record.writes.last().copied(),
    };
    match lost.judge(now.as_ref()) {
        Verdict::Happened(version) => Ok(version),
        _ => Err(unknown(mutation.key.as_str())),
    }
}
