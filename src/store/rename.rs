//! Moving an entry to another key.

use super::Ops;
use crate::{
    backend::{
        Change, Commit, Expect, Freshness, Mutation,
        update::{self, is_lost, max_attempts, outrun, passes, pause, read_again, unknown},
    },
    error::Result,
    key::Key,
};

impl Ops<'_> {
    /// [`rename`](super::Store::rename) between two different keys.
    pub(super) async fn move_entry(&self, from: Key<'_>, to: Key<'_>) -> Result<bool> {
        wait!(self.try_to_move(from, to)).map_err(|e| e.with_key(from.as_str()))
    }

    async fn try_to_move(&self, from: Key<'_>, to: Key<'_>) -> Result<bool> {
        let (backend, host) = (self.backend, self.host());
        let attempts = max_attempts(backend);
        let mut last_error = None;
        for attempt in 0..attempts {
            if attempt > 0 {
                wait!(pause(backend, host, attempt));
                self.check_open()?;
            }
            let found = match wait!(backend.dyn_read(&[from], Freshness::Latest)) {
                Ok(mut found) => found.pop().flatten(),
                Err(error) if passes(&error) => {
                    last_error = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let now = host.now();
            let Some(live) = found.filter(|s| !s.lend().expired(now)) else {
                return Ok(false);
            };
            let mut record = live.record;
            record.writes.clear();
            let id = self.write_id();
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
            let commit = if self.common.limits.max_batch < 2 {
                wait!(update::put(backend, host, to, record.clone()))?;
                wait!(backend.dyn_commit(&[take]))
            } else {
                wait!(backend.dyn_commit(&[take, give]))
            };
            match commit {
                Ok(Commit::Done(_)) => return Ok(true),
                Ok(Commit::Conflict { .. }) => last_error = None,
                Err(error) if is_lost(&error) => {
                    let now = wait!(read_again(backend, host, &[from, to]));
                    match &*now {
                        [Some(here), _] if here.version == live.version => {}
                        [_, Some(there)]
                            if id.is_some_and(|id| there.record.writes.contains(&id)) =>
                        {
                            return Ok(true);
                        }
                        _ => return Err(unknown(from.as_str())),
                    }
                }
                Err(error) if passes(&error) => last_error = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last_error.unwrap_or_else(|| outrun(attempts)))
    }
}
