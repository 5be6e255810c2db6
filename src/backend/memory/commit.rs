//! Several changes at once, all or none.

use super::state::{State, full};
use crate::{
    backend::{Applied, Change, Commit, Expect, Mutation},
    error::Result,
    host::Host,
};

impl State {
    /// Does what a mutation expects hold, and does the mutation add an entry (1) or take one (-1)?
    fn check(&mut self, mutation: &Mutation<'_>) -> (bool, isize) {
        let found = self.get(mutation.key);
        let holds = match mutation.expect {
            Expect::Any => true,
            Expect::Absent => found.is_none(),
            Expect::At(version) => found.is_some_and(|stored| stored.version == *version),
        };
        let grows = match (mutation.change, found.is_some()) {
            (Change::Put(_), false) => 1,
            (Change::Delete, true) => -1,
            _ => 0,
        };
        (holds, grows)
    }

    pub(super) fn commit(&mut self, batch: &[Mutation<'_>], host: &dyn Host) -> Result<Commit> {
        // A sweep may take what was expected: then all is checked again, and nothing is left to
        // sweep.
        loop {
            let mut growth = 0;
            for (index, mutation) in batch.iter().enumerate() {
                let (holds, grows) = self.check(mutation);
                if !holds {
                    return Ok(Commit::Conflict { index });
                }
                growth += grows;
            }
            if self.count.saturating_add_signed(growth) <= self.max {
                break;
            }
            if self.sweep_all(host) == 0 {
                return Err(full(self.max));
            }
        }
        // Deletions may come after what they make room for.
        let max = std::mem::replace(&mut self.max, usize::MAX);
        let mut applied = Vec::with_capacity(batch.len());
        let done = batch.iter().try_for_each(|mutation| {
            applied.push(self.apply(mutation, host)?);
            Ok(())
        });
        self.max = max;
        done.map(|()| Commit::Done(applied))
    }

    fn apply(&mut self, mutation: &Mutation<'_>, host: &dyn Host) -> Result<Applied> {
        Ok(match mutation.change {
            Change::Put(record) => {
                Applied::Written(self.put(mutation.key, record.clone(), host)?)
            }
            Change::Delete => Applied::Deleted(self.delete(mutation.key, host)),
            Change::Keep => Applied::Checked,
        })
    }
}
