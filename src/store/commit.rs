//! A commit of several keys: tried, and tried again where somebody was faster or an answer was lost.

use super::{AtomicOutcome, Check, Entry, Ops, atomic::Write, point::new_record};
use crate::{
    backend::{
        Applied, Change, Commit, Expect, Freshness, Mutation,
        update::{
            is_lost, max_attempts, outrun, passes, pause, read_again, remembers, unknown,
            wrong_count,
        },
    },
    error::Result,
    key::Key,
    record::{Record, Stored},
};

/// One key of a commit: what was checked, and what is to be written.
#[derive(Clone, Copy)]
pub(super) struct Planned<'a> {
    pub(super) key: Key<'a>,
    pub(super) check: Option<(usize, &'a Check)>,
    pub(super) write: Option<usize>,
}

impl Ops<'_> {
    pub(super) async fn commit_plan(
        &self,
        plan: &[Planned<'_>],
        writes: &[(String, Write)],
    ) -> Result<AtomicOutcome> {
        let backend = self.backend;
        let id = self.write_id();
        let checked: Vec<Key<'_>> = plan
            .iter()
            .filter(|p| p.check.is_some())
            .map(|p| p.key)
            .collect();
        // What the lost commit expected, where an answer was lost.
        let mut lost: Option<Vec<Option<Stored>>> = None;
        let mut last_error = None;
        let attempts = max_attempts(backend);
        for attempt in 0..attempts {
            if attempt > 0 {
                wait!(pause(backend, self.host(), attempt));
                self.check_open()?;
            }
            let mut found = Vec::new();
            if !checked.is_empty() {
                found = match wait!(backend.dyn_read(&checked, Freshness::Latest)) {
                    Ok(found) if found.len() == checked.len() => found,
                    Ok(found) => return Err(wrong_count("read", checked.len(), found.len())),
                    Err(error) if passes(&error) => {
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
                return wait!(self.judge_lost(plan, writes.len(), id));
            }
            if let Some(lost) = self.failed_check(plan, &found) {
                return Ok(lost);
            }
            // Times to live begin when the write is tried.
            let mut records = new_records(writes, self.now().get())?;
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
            match wait!(backend.dyn_commit(&batch)) {
                Ok(Commit::Done(applied)) => return done(plan, writes.len(), applied),
                Ok(Commit::Conflict { .. }) => last_error = None,
                Err(error) if is_lost(&error) => lost = Some(found),
                Err(error) if passes(&error) => last_error = Some(error),
                Err(error) => return Err(error),
            }
        }
        if lost.is_some() {
            return wait!(self.judge_lost(plan, writes.len(), id));
        }
        if let Some(error) = last_error {
            return Err(error);
        }
        Err(outrun(attempts))
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
        writes: usize,
        id: Option<u64>,
    ) -> Result<AtomicOutcome> {
        let name = plan.first().map_or("", |p| p.key.as_str());
        let keys: Vec<Key<'_>> = plan
            .iter()
            .filter(|p| p.write.is_some())
            .map(|p| p.key)
            .collect();
        let found = wait!(read_again(self.backend, self.host(), &keys));
        let ours = |stored: &Stored| id.is_some_and(|id| stored.record.writes.contains(&id));
        if !found.iter().flatten().any(ours) {
            return Err(unknown(name));
        }
        let mut versions = vec![None; writes];
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

    /// The id by which a record remembers a write, where an answer may be lost.
    pub(super) fn write_id(&self) -> Option<u64> {
        remembers(&self.common.limits).then(|| self.host().random())
    }
}

/// The record of each write at `now`; `None` for a delete.
fn new_records(writes: &[(String, Write)], now: u64) -> Result<Vec<Option<Record>>> {
    let record = |(value, options): &_| new_record(Clone::clone(value), options, now);
    let mut records = Vec::with_capacity(writes.len());
    for (_, write) in writes {
        records.push(write.as_ref().map(record).transpose()?);
    }
    Ok(records)
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
