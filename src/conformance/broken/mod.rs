//! Backends that are broken on purpose, one fault each.

mod commit;
mod defect;
mod record;
mod scan;

pub use defect::Defect;

use crate::{
    backend::{Backend, Commit, Freshness, Limits, Mutation, Page, Scan},
    error::{Error, ErrorKind, Result},
    key::{Key, Namespace},
    maybe_send::Lock,
    record::{Stored, Version},
};
use std::collections::BTreeMap;

/// A backend with one [`Defect`] over one that works.
pub struct Broken<B> {
    inner: B,
    defect: Defect,
    state: Lock<State>,
}

#[derive(Default)]
struct State {
    requests: u64,
    last_written: Option<String>,
    /// The number of the write of each key since it was created, and the version it stands for.
    numbers: BTreeMap<(Namespace, String), (u64, Version)>,
}

/// The batch that the defects about limits claim.
const CLAIMED: usize = 10;

impl<B: Backend> Broken<B> {
    /// `inner` with this defect.
    pub fn new(inner: B, defect: Defect) -> Broken<B> {
        Broken {
            inner,
            defect,
            state: Lock::default(),
        }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn count(&self) -> u64 {
        self.state.with(|state| {
            state.requests += 1;
            state.requests
        })
    }
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        "too many mutations: make fewer at once",
    )
}

impl<B: Backend> Backend for Broken<B> {
    fn limits(&self) -> Limits {
        let mut limits = self.inner.limits();
        if matches!(
            self.defect,
            Defect::RefusesWithinLimits
                | Defect::AcceptsBeyondLimits
                | Defect::WritesBeforeItRefuses
        ) {
            limits.max_batch = CLAIMED;
        }
        limits
    }

    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        let mut places = Vec::new();
        for key in keys {
            places.push(self.place(key.namespace(), key.as_str())?);
        }
        let mut below = Vec::new();
        for (space, key) in &places {
            below.push(Key::new(space, key)?);
        }
        let found = self.inner.read(&below, fresh).await?;
        let mut found: Vec<Option<Stored>> = found
            .into_iter()
            .zip(&places)
            .map(|(stored, (space, key))| Some(self.show(space, key, stored?)))
            .collect();
        if self.is(Defect::ReadsOutOfOrder) {
            found.reverse();
        }
        Ok(found)
    }

    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        match self.defect {
            Defect::RefusesWithinLimits if batch.len() == CLAIMED => return Err(too_many()),
            Defect::RefusesWithinLimits if batch.len() > CLAIMED => return Err(too_many()),
            Defect::WritesBeforeItRefuses if batch.len() > CLAIMED => {
                if let Some(some) = batch.get(..CLAIMED) {
                    self.make(some).await?;
                }
                return Err(too_many());
            }
            _ => {}
        }
        self.make(batch).await
    }

    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        let mut results: Vec<Result<Commit>> = Vec::with_capacity(batch.len());
        let mut stopped = false;
        for one in batch {
            let result = if stopped {
                Ok(Commit::Conflict { index: 0 })
            } else {
                self.make(std::slice::from_ref(one)).await
            };
            stopped = self.is(Defect::WriteStopsEarly)
                && (stopped || matches!(result, Ok(Commit::Conflict { .. })));
            results.push(result);
        }
        results
    }

    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        self.page(query).await
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        let mut names = self.inner.namespaces().await?;
        if self.is(Defect::ForgetsNamespaces) {
            names.retain(|name| name.as_str().is_empty());
        }
        Ok(names)
    }

    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        let (space, _) = self.place(namespace, "x")?;
        match self.defect {
            Defect::SweepsEverything => {
                let mut count = 0;
                for name in self.inner.namespaces().await? {
                    count += self.inner.sweep(&name, before).await?.unwrap_or(0);
                }
                Ok(Some(count))
            }
            Defect::SweepsTooEarly => self.inner.sweep(&space, before + 60_000).await,
            _ => self.inner.sweep(&space, before).await,
        }
    }
}
