//! The memory backend: everything in this process.
//!
//! A slab (`slab`) keeps the entries of all namespaces; a namespace (`space`) is a hash table of
//! their ids. What scans need, the order of the keys (`ids`) and the postings of their segments
//! (`postings`), is made when a scan first asks and follows at the next one (`index`).

#[cfg(not(feature = "later"))]
mod behind;
mod bytes;
mod changes;
mod commit;
mod entry;
mod hashing;
mod hear;
mod ids;
mod index;
mod loading;
mod places;
mod postings;
mod recording;
mod slab;
mod sort;
mod space;
mod state;
mod sweep;
#[cfg(test)]
mod tests;
mod walk;

use super::{
    Backend, Commit, Decision, Found, Freshness, Item, Limits, Mutation, Page, Scan, Want, update,
};
use crate::{
    error::{Error, ErrorKind, Result},
    host::Host,
    key::{Key, Namespace},
    maybe_send::{Lock, MaybeSend},
    record::{Record, Stored, StoredRef, Version},
    watch::Ear,
};
pub use recording::Dump;
use state::State;
use std::{future::ready, ops::ControlFlow, sync::Arc};

/// What a [`Memory`] can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryOptions {
    /// How many entries it holds at most, over all namespaces; then writes are refused with
    /// `quota-exceeded`. Nothing is ever evicted.
    pub max_entries: Option<usize>,
}

impl MemoryOptions {
    /// Options with a bound on the entries, as a binding gets it.
    ///
    /// # Errors
    /// `invalid-argument`: 0.
    pub fn bounded(max_entries: Option<u64>) -> Result<MemoryOptions> {
        if max_entries == Some(0) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "the most entries that a store may hold are a whole number of at least 1",
            ));
        }
        let bound = |max| usize::try_from(max).unwrap_or(usize::MAX);
        Ok(MemoryOptions {
            max_entries: max_entries.map(bound),
        })
    }
}

/// The memory backend. A clone is the same memory.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Lock<State>>,
    host: Arc<dyn Host>,
}

impl Memory {
    /// An empty one.
    // On wasm there is one thread, and the lock is a cell.
    #[cfg_attr(target_family = "wasm", allow(clippy::arc_with_non_send_sync))]
    pub fn new(options: MemoryOptions, host: Arc<dyn Host>) -> Memory {
        let state = State::new(options.max_entries.unwrap_or(usize::MAX), &*host);
        Memory {
            state: Arc::new(Lock::new(state)),
            host,
        }
    }

    pub(crate) fn host(&self) -> &dyn Host {
        &*self.host
    }

    pub(crate) fn shared_host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// Changes something, and wakes who waits to hear of it once the lock is free.
    #[inline]
    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let (result, told) = self.state.with(|state| (change(state), state.ears.told()));
        if told {
            self.wake();
        }
        result
    }

    #[cold]
    fn wake(&self) {
        let woken = self.state.with(|state| state.ears.woken());
        woken.into_iter().for_each(std::task::Waker::wake);
    }

    /// Is there somebody who watches?
    #[cfg(feature = "later")]
    pub(crate) fn is_watched(&self) -> bool {
        self.state.with(|state| !state.ears.is_empty())
    }

    /// Removes the entries of a namespace that expired at `before` or earlier; how many they were.
    pub fn sweep(&self, namespace: &Namespace, before: u64) -> u64 {
        self.with(|state| state.sweep(namespace, before)) as u64
    }
}

/// What the hot methods do is done when they are called, and their futures hold the answer: a
/// record is not moved into a future and out again.
impl Backend for Memory {
    fn limits(&self) -> Limits {
        Limits::default()
    }

    async fn read(&self, keys: &[Key<'_>], _: Freshness) -> Result<Vec<Option<Stored>>> {
        Ok(self.state.with(|state| {
            keys.iter()
                .map(|key| state.get(*key).map(|stored| stored.to_stored()))
                .collect()
        }))
    }

    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        self.with(|state| state.commit(batch, &*self.host))
    }

    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        self.with(|state| {
            let each = batch.iter().map(std::slice::from_ref);
            each.map(|one| state.commit(one, &*self.host)).collect()
        })
    }

    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        let mut items = Vec::new();
        let resume = self.state.with(|state| {
            state.walk(query, |found| {
                items.push(Item {
                    key: found.key.into(),
                    expires_at: found.expires_at,
                    stored: match query.want {
                        Want::Keys => None,
                        Want::Records => found.stored.map(|stored| stored.to_stored()),
                    },
                });
                ControlFlow::Continue(())
            })
        });
        Ok(Page { items, resume })
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        Ok(self.state.with(|state| state.namespaces()))
    }

    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        Ok(Some(Memory::sweep(self, namespace, before)))
    }

    #[cfg(not(feature = "later"))]
    #[inline]
    fn erased(&self) -> super::Behind<'_> {
        self
    }

    #[inline]
    fn immediate(&self) -> bool {
        true
    }

    fn watch(&self, namespace: &Namespace, ear: Ear) -> bool {
        self.state
            .with(|state| state.ears.add(namespace.clone(), ear));
        true
    }

    async fn close(&self) -> Result<()> {
        self.state.with(State::clear);
        Ok(())
    }

    #[inline]
    fn visit(
        &self,
        keys: &[Key<'_>],
        _: Freshness,
        mut f: impl FnMut(usize, Option<StoredRef<'_>>) + MaybeSend,
    ) -> impl Future<Output = Result<()>> + MaybeSend {
        self.state.with(|state| {
            // Most often all are in one namespace.
            let mut place = None;
            for (at, key) in keys.iter().enumerate() {
                let here = match place {
                    Some((name, here)) if std::ptr::eq(name, key.namespace()) => here,
                    _ => state.place(key.namespace()),
                };
                place = Some((key.namespace(), here));
                f(at, state.get_in(here, key.as_str()));
            }
        });
        ready(Ok(()))
    }

    #[inline]
    fn put(
        &self,
        _: &dyn Host,
        key: Key<'_>,
        record: Record,
    ) -> impl Future<Output = Result<Version>> + MaybeSend {
        ready(self.with(|state| state.put(key, record, &*self.host)))
    }

    async fn put_many<'k>(
        &self,
        host: &dyn Host,
        entries: impl ExactSizeIterator<Item = (Key<'k>, Record)> + MaybeSend,
    ) -> Vec<Result<Version>> {
        // One event for a key, also where a batch names it twice.
        if self.state.with(|state| !state.ears.is_empty()) {
            return wait!(update::put_many(self, host, entries.collect()));
        }
        self.with(|state| {
            let mut results = Vec::with_capacity(entries.len());
            for (key, record) in entries {
                results.push(state.put(key, record, &*self.host));
            }
            results
        })
    }

    #[inline]
    fn update(
        &self,
        _: &dyn Host,
        key: Key<'_>,
        decide: impl FnMut(Option<StoredRef<'_>>) -> Result<Decision> + MaybeSend,
    ) -> impl Future<Output = Result<Option<Version>>> + MaybeSend {
        ready(self.with(|state| state.update(key, &*self.host, decide)))
    }

    #[inline]
    async fn walk(
        &self,
        query: &Scan<'_>,
        f: impl FnMut(Found<'_>) -> ControlFlow<()> + MaybeSend,
    ) -> Result<Option<Box<str>>> {
        Ok(self.state.with(|state| state.walk(query, f)))
    }
}
