//! Checks and writes over several keys, all or nothing.

use super::{Entry, SetOptions, Store};
use crate::{
    backend::{
        Applied, Backend, Change, Commit, Expect, Freshness, Mutation,
        update::{pause, read_again, unknown, wrong_count},
    },
    error::{Error, ErrorKind, Result},
    key::Key,
    record::{Record, Stored, Version},
    sorted::order,
    value::Value,
};

/// How often a commit that lost a race, or its answer, looks again.
const MAX_ATTEMPTS: u32 = 40;

/// What a check of [`Atomic`] expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// No entry.
    Absent,
    /// The entry of this version.
    Version(Version),
}

/// How [`Atomic::commit`] ended.
#[derive(Clone, Debug)]
pub enum AtomicOutcome {
    /// Everything was written. The version of each write in its order; `None` for a delete.
    Done(Vec<Option<Version>>),
    /// Nothing was: the check at `index` (of the checks, in their order) did not hold.
    Lost {
        /// Which check.
        index: usize,
        /// What is under its key instead.
        entry: Option<Box<Entry>>,
    },
}

/// Checks and writes that are made all or nothing: see [`Store::atomic`].
#[must_use = "nothing happens before commit"]
pub struct Atomic<'s, B: Backend> {
    store: &'s Store<B>,
    checks: Vec<(String, Check)>,
    /// `None`: a delete.
    writes: Vec<(String, Option<(Value, SetOptions)>)>,
}

impl<B: Backend> Store<B> {
    /// Begins a change of several keys that is made all or nothing.
    ///
    /// ```
    /// # use dataknobs_kv::{AtomicOutcome, Check, Store};
    /// # pollster::block_on(async {
    /// # let store = Store::memory();
    /// let booked = store
    ///     .atomic()
    ///     .check("seat.12", Check::Absent)
    ///     .set("seat.12", "Ada")
    ///     .set("guest.Ada", 12)
    ///     .commit()
    ///     .await?;
    /// assert!(matches!(booked, AtomicOutcome::Done(_)));
    /// # Ok::<(), dataknobs_kv::Error>(()) }).unwrap();
    /// ```
    pub fn atomic(&self) -> Atomic<'_, B> {
        Atomic {
            store: self,
            checks: Vec::new(),
            writes: Vec::new(),
        }
    }
}

/// One key of a commit: what was checked, and what is to be written.
#[derive(Clone, Copy)]
struct Planned<'a> {
    key: Key<'a>,
    check: Option<(usize, &'a Check)>,
    write: Option<usize>,
}

impl<B: Backend> Atomic<'_, B> {
    /// Everything depends on `key` being as `check` says.
    pub fn check(mut self, key: impl Into<String>, check: Check) -> Self {
        self.checks.push((key.into(), check));
        self
    }

    /// Writes a new entry with `value` under `key`.
    pub fn set(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set_with(key, value, SetOptions::default())
    }

    /// Writes a new entry as `options` say (a time to live, metadata; conditions are checks here).
    pub fn set_with(
        mut self,
        key: impl Into<String>,
        value: impl Into<Value>,
        options: SetOptions,
    ) -> Self {
        self.writes
            .push((key.into(), Some((value.into(), options))));
        self
    }

    /// Removes the entry under `key`.
    pub fn delete(mut self, key: impl Into<String>) -> Self {
        self.writes.push((key.into(), None));
        self
    }

    /// Makes every write if every check holds, or nothing.
    ///
    /// # Errors
    /// `invalid-key`; `invalid-argument`: a key in two checks or in two writes, a condition among
    /// the options, or more keys than the backend can change at once (`max_batch`); `closed`;
    /// `outcome-unknown`; and what the backend says.
    pub async fn commit(self) -> Result<AtomicOutcome> {
        let store = self.store;
        store.check_open()?;
        let records = self.records()?;
        let plan = self.plan()?;
        let max = store.shared.limits.max_batch;
        if plan.len() > max {
            return Err(Error::new(
                if max < 2 {
                    ErrorKind::Unsupported
                } else {
                    ErrorKind::InvalidArgument
                },
                format!(
                    "this backend changes at most {max} keys at once; this has {}",
                    plan.len()
                ),
            ));
        }
        let id = store
            .shared
            .limits
            .loses_answers
            .then(|| store.host().random());
        store.commit_plan(&plan, records, id).await
    }

    /// The record of each write; `None` for a delete.
    fn records(&self) -> Result<Vec<Option<Record>>> {
        let mut now = self.store.now();
        self.writes
            .iter()
            .map(|(key, write)| {
                let Some((value, options)) = write else {
                    return Ok(None);
                };
                let mut options = options.clone();
                options
                    .check()
                    .and_then(|()| {
                        if !options.is_blind() {
                            return Err(Error::new(
                                ErrorKind::InvalidArgument,
                                "a set inside atomic() takes ttl and metadata only: put the \
                                 condition into check()",
                            ));
                        }
                        self.store.new_record(value.clone(), &options, &mut now)
                    })
                    .map(Some)
                    .map_err(|e| e.with_key(key))
            })
            .collect()
    }

    fn plan(&self) -> Result<Vec<Planned<'_>>> {
        let mut plan: Vec<Planned<'_>> = Vec::new();
        for (index, (key, check)) in self.checks.iter().enumerate() {
            let (key, check) = (self.store.key(key)?, Some((index, check)));
            plan.push(Planned {
                key,
                check,
                write: None,
            });
        }
        for (index, (key, _)) in self.writes.iter().enumerate() {
            let (key, write) = (self.store.key(key)?, Some(index));
            plan.push(Planned {
                key,
                check: None,
                write,
            });
        }
        let order = order(plan.len(), &mut |a, b| {
            plan.get(a)
                .map(|p| p.key)
                .cmp(&plan.get(b).map(|p| p.key))
                .then(a.cmp(&b))
        });
        let mut merged: Vec<Planned<'_>> = Vec::with_capacity(plan.len());
        for planned in order.into_iter().filter_map(|at| plan.get(at)) {
            let key = planned.key;
            match merged.last_mut().filter(|last| last.key == key) {
                None => merged.push(*planned),
                Some(last) if planned.check.is_none() && last.write.is_none() => {
                    last.write = planned.write;
                }
                Some(_) if planned.check.is_some() => return Err(repeated("checks", key.as_str())),
                Some(_) => return Err(repeated("writes", key.as_str())),
            }
        }
        Ok(merged)
    }
}

fn repeated(what: &str, key: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("a key is in two {what} of one atomic(): name it once"),
    )
    .with_key(key)
}

impl<B: Backend> Store<B> {
    async fn commit_plan(
        &self,
        plan: &[Planned<'_>],
        mut records: Vec<Option<Record>>,
        id: Option<u64>,
    ) -> Result<AtomicOutcome> {
        let backend = &self.cold();
        let checked: Vec<Key<'_>> = plan
            .iter()
            .filter(|p| p.check.is_some())
            .map(|p| p.key)
            .collect();
        // What the lost commit expected, where an answer was lost.
        let mut lost: Option<Vec<Option<Stored>>> = None;
        let mut last_error = None;
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                pause(backend, self.host(), attempt).await;
            }
            let mut found = Vec::new();
            if !checked.is_empty() {
                found = match backend.read(&checked, Freshness::Latest).await {
                    Ok(found) if found.len() == checked.len() => found,
                    Ok(found) => return Err(wrong_count("read", checked.len(), found.len())),
                    Err(error) if error.retryable() => {
                        last_error = Some(error);
                        continue;
                    }
                    // Whether the lost commit happened can't be told any more.
                    Err(_) if lost.is_some() => break,
                    Err(error) => return Err(error),
                };
            }
            if let Some(expected) = lost.take()
                && !surely_not_done(plan, &expected, &found, id)
            {
                return self.judge_lost(plan, &records, id).await;
            }
            if let Some(lost) = self.failed_check(plan, &found) {
                return Ok(lost);
            }
            if let Some(id) = id {
                sign(plan, &mut records, &found, id);
            }
            let mut at = found.iter().map(|s| s.as_ref().map(|s| &s.version));
            let batch: Vec<Mutation<'_>> = plan
                .iter()
                .map(|planned| Mutation {
                    key: planned.key,
                    expect: match planned.check.and_then(|_| at.next()) {
                        None => Expect::Any,
                        Some(None) => Expect::Absent,
                        Some(Some(version)) => Expect::At(version),
                    },
                    change: match planned.write.and_then(|w| records.get(w)) {
                        None => Change::Keep,
                        Some(None) => Change::Delete,
                        Some(Some(record)) => Change::Put(record),
                    },
                })
                .collect();
            match backend.commit(&batch).await {
                Ok(Commit::Done(applied)) => return done(plan, records.len(), applied),
                Ok(Commit::Conflict { .. }) => last_error = None,
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => lost = Some(found),
                Err(error) if error.retryable() => last_error = Some(error),
                Err(error) => return Err(error),
            }
        }
        if lost.is_some() {
            return self.judge_lost(plan, &records, id).await;
        }
        if let Some(error) = last_error {
            return Err(error);
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("other writers won {MAX_ATTEMPTS} times in a row: try again"),
        ))
    }

    /// The first check that what was found does not pass.
    fn failed_check(
        &self,
        plan: &[Planned<'_>],
        found: &[Option<Stored>],
    ) -> Option<AtomicOutcome> {
        let mut now = self.now();
        plan.iter()
            .filter_map(|p| p.check.map(|check| (p.key, check)))
            .zip(found)
            .filter_map(|((key, (index, check)), stored)| {
                let live = now.live(stored.as_ref().map(Stored::lend));
                let holds = match (check, &live) {
                    (Check::Absent, live) => live.is_none(),
                    (Check::Version(version), Some(live)) => live.version == *version,
                    (Check::Version(_), None) => false,
                };
                (!holds).then(|| AtomicOutcome::Lost {
                    index,
                    entry: live.map(|s| Box::new(Entry::new(key.as_str(), s))),
                })
            })
            .min_by_key(|outcome| match outcome {
                AtomicOutcome::Lost { index, .. } => *index,
                AtomicOutcome::Done(_) => usize::MAX,
            })
    }

    /// Did a commit whose answer was lost happen? Yes where a record that it wrote remembers it.
    async fn judge_lost(
        &self,
        plan: &[Planned<'_>],
        records: &[Option<Record>],
        id: Option<u64>,
    ) -> Result<AtomicOutcome> {
        let name = plan.first().map_or("", |p| p.key.as_str());
        let keys: Vec<Key<'_>> = plan
            .iter()
            .filter(|p| p.write.is_some())
            .map(|p| p.key)
            .collect();
        let found = read_again(&self.cold(), self.host(), &keys).await;
        let ours = |stored: &Stored| id.is_some_and(|id| stored.record.writes.contains(&id));
        if !found.iter().flatten().any(ours) {
            return Err(unknown(name));
        }
        let mut versions = vec![None; records.len()];
        let writes = plan.iter().filter_map(|p| p.write);
        for (write, stored) in writes.zip(&found) {
            let version = stored
                .as_ref()
                .filter(|s| s.record.writes.last().copied() == id)
                .map(|s| s.version.clone());
            if let Some(slot) = versions.get_mut(write) {
                *slot = version;
            }
        }
        Ok(AtomicOutcome::Done(versions))
    }

    /// [`rename`](Store::rename) between two different keys.
    pub(super) async fn move_entry(&self, from: Key<'_>, to: Key<'_>) -> Result<bool> {
        let backend = &self.cold();
        for attempt in 0..MAX_ATTEMPTS {
            pause(backend, self.host(), attempt).await;
            let mut found = backend.read(&[from], Freshness::Latest).await?;
            let stored = found.pop().flatten();
            let Some(live) = stored
                .as_ref()
                .filter(|s| self.now().live(Some(s.lend())).is_some())
            else {
                return Ok(false);
            };
            let mut record = live.record.clone();
            record.writes.clear();
            let id = self
                .shared
                .limits
                .loses_answers
                .then(|| self.host().random());
            if let Some(id) = id {
                record.remember(id);
            }
            let take = Mutation {
                key: from,
                expect: Expect::At(&live.version),
                change: Change::Delete,
            };
            let give = Mutation {
                key: to,
                expect: Expect::Any,
                change: Change::Put(&record),
            };
            if self.shared.limits.max_batch < 2 {
                backend.put(self.host(), to, record.clone()).await?;
                return match backend.commit(&[take]).await? {
                    Commit::Done(_) => Ok(true),
                    Commit::Conflict { .. } => continue,
                };
            }
            match backend.commit(&[take, give]).await {
                Ok(Commit::Done(_)) => return Ok(true),
                Ok(Commit::Conflict { .. }) => {}
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                    let now = read_again(backend, self.host(), &[from, to]).await;
                    match &*now {
                        [_, Some(there)]
                            if id.is_some_and(|id| there.record.writes.contains(&id)) =>
                        {
                            return Ok(true);
                        }
                        [Some(here), _] if here.version == live.version => {}
                        _ => return Err(unknown(from.as_str())),
                    }
                }
                Err(error) if error.retryable() => {}
                Err(error) => return Err(error.with_key(from.as_str())),
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("other writers won {MAX_ATTEMPTS} times in a row: try again"),
        )
        .with_key(from.as_str()))
    }
}

/// Writes the id of this commit into its records: into the ring that is there, where the key is
/// checked, so that others can still tell of their own lost writes.
fn sign(plan: &[Planned<'_>], records: &mut [Option<Record>], found: &[Option<Stored>], id: u64) {
    let mut found = found.iter();
    for planned in plan {
        let stored = planned.check.and_then(|_| found.next()?.as_ref());
        if let Some(Some(record)) = planned.write.and_then(|at| records.get_mut(at)) {
            record.writes = stored.map(|s| s.record.writes.clone()).unwrap_or_default();
            record.remember(id);
        }
    }
}

/// Does a key that a lost commit checked and writes say that the commit did not happen? It does with
/// the version that was expected, and with a ring that holds the write before it and not this one.
fn surely_not_done(
    plan: &[Planned<'_>],
    expected: &[Option<Stored>],
    found: &[Option<Stored>],
    id: Option<u64>,
) -> bool {
    let checked = plan.iter().filter(|p| p.check.is_some());
    let mut said = false;
    for ((planned, before), now) in checked.zip(expected).zip(found) {
        if planned.write.is_none() {
            continue;
        }
        let ring = now.as_ref().map_or(&[][..], |s| &s.record.writes);
        if id.is_some_and(|id| ring.contains(&id)) {
            return false;
        }
        let same = now.as_ref().map(|s| &s.version) == before.as_ref().map(|s| &s.version);
        let last = before.as_ref().and_then(|s| s.record.writes.last());
        said |= same || last.is_some_and(|last| ring.contains(last));
    }
    said
}

fn done(plan: &[Planned<'_>], writes: usize, applied: Vec<Applied>) -> Result<AtomicOutcome> {
    if applied.len() != plan.len() {
        return Err(wrong_count("commit", plan.len(), applied.len()));
    }
    let mut versions = vec![None; writes];
    for (planned, applied) in plan.iter().zip(applied) {
        if let (Some(at), Applied::Written(version)) = (planned.write, applied)
            && let Some(slot) = versions.get_mut(at)
        {
            *slot = Some(version);
        }
    }
    Ok(AtomicOutcome::Done(versions))
}
