//! What a defect makes of commits.

use super::{Broken, Defect};
use crate::{
    backend::{Applied, Backend, Change, Commit, Expect, Freshness, Mutation, Was},
    error::Result,
    key::{Key, Namespace},
    record::{Stored, Version},
};

impl<B: Backend> Broken<B> {
    async fn stored(&self, space: &Namespace, key: &str) -> Result<Option<Stored>> {
        let key = Key::new(space, key)?;
        Ok(self
            .inner
            .read(&[key], Freshness::Latest)
            .await?
            .pop()
            .flatten())
    }

    /// The condition that the defect makes of one, in the versions of the backend below.
    async fn expected(&self, m: &Mutation<'_>, space: &Namespace, key: &str) -> Result<Wanted> {
        let stored = self.stored(space, key).await?;
        let there = stored.as_ref().map(|s| s.version.clone());
        Ok(match m.expect {
            Expect::Any => Wanted::Any,
            _ if self.is(Defect::IgnoresExpectations) => Wanted::Any,
            Expect::Absent => match stored {
                Some(s) if self.is(Defect::ForgetsExpired) && s.record.expires_at.is_some() => {
                    Wanted::Any
                }
                _ => Wanted::Absent,
            },
            Expect::At(version) => match &stored {
                Some(s) => {
                    let fits = self.is(Defect::ExpectsAnyVersion)
                        || self.shown(space, key, &s.record, &s.version) == *version;
                    match (fits, there) {
                        (true, Some(there)) => Wanted::At(there),
                        _ => Wanted::At(Version::Token("never".into())),
                    }
                }
                None => Wanted::At(version.clone()),
            },
        })
    }

    pub(super) async fn make(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        let mut places = Vec::new();
        let mut wanted = Vec::new();
        let mut kept = Vec::new();
        for m in batch {
            let (space, key) = self.place(m.key.namespace(), m.key.as_str())?;
            wanted.push(self.expected(m, &space, &key).await?);
            kept.push(self.stored(&space, &key).await?.map(|s| s.record));
            places.push((space, key));
        }
        let mut below = Vec::new();
        for (at, m) in batch.iter().enumerate() {
            let (Some((space, key)), Some(expect), Some(kept)) =
                (places.get(at), wanted.get(at), kept.get(at))
            else {
                continue;
            };
            let skipped = match m.change {
                Change::Put(_) => self.is(Defect::LosesWrites) && self.count().is_multiple_of(3),
                Change::Delete => {
                    self.is(Defect::ResurrectsDeleted) && self.count().is_multiple_of(2)
                }
                Change::Keep => false,
            };
            below.push(Mutation {
                key: Key::new(space, key)?,
                expect: expect.lend(),
                change: match (m.change, kept) {
                    _ if skipped => Change::Keep,
                    (Change::Keep, Some(kept)) if self.is(Defect::ChecksWrite) => Change::Put(kept),
                    (change, _) => change,
                },
            });
        }
        let commit = self.inner.commit(&below).await?;
        let mut applied = match commit {
            Commit::Conflict { index } => return self.conflict(&below, index).await,
            Commit::Done(applied) => applied,
        };
        for ((m, (space, key)), done) in batch.iter().zip(&places).zip(&mut applied) {
            match (m.change, &mut *done) {
                (Change::Put(record), Applied::Written(version)) => {
                    *version = self.shown(space, key, record, version);
                    if self.is(Defect::TellsAnotherVersion) {
                        *version = Version::Number((1 << 40) + self.count());
                    }
                    self.state.with(|s| s.last_written = Some(key.clone()));
                }
                (Change::Put(_), other) => *other = Applied::Written(Version::Number(u64::MAX)),
                (Change::Delete, other) => {
                    if self.is(Defect::DeletesTellNothing) {
                        *other = Applied::Deleted(Was::Absent);
                    } else if matches!(other, Applied::Checked) {
                        *other = Applied::Deleted(Was::Unknown);
                    }
                    self.state
                        .with(|s| s.numbers.remove(&(space.clone(), key.clone())));
                }
                (Change::Keep, other) => *other = Applied::Checked,
            }
        }
        Ok(Commit::Done(applied))
    }

    async fn conflict(&self, batch: &[Mutation<'_>], index: usize) -> Result<Commit> {
        if self.is(Defect::HalfAppliesBatches)
            && let Some(before) = batch.get(..index)
        {
            self.inner.commit(before).await?;
        }
        let index = if self.is(Defect::TellsTheWrongConflict) {
            0
        } else {
            index
        };
        Ok(Commit::Conflict { index })
    }
}

/// A condition of its own.
enum Wanted {
    Any,
    Absent,
    At(Version),
}

impl Wanted {
    fn lend(&self) -> Expect<'_> {
        match self {
            Wanted::Any => Expect::Any,
            Wanted::Absent => Expect::Absent,
            Wanted::At(version) => Expect::At(version),
        }
    }
}
