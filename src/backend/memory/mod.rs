//! The memory backend: everything in this process.

use super::{
    Applied, Backend, Change, Commit, Decision, Expect, Found, Freshness, Item, Limits, Mutation,
    Page, Scan, Want, Was,
};
use crate::{
    error::{Error, ErrorKind, Result},
    host::Host,
    key::{Key, Namespace},
    maybe_send::{Lock, MaybeSend},
    pattern::Verdict,
    record::{Record, Stored, StoredRef, Version},
};
use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

/// What a [`Memory`] can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryOptions {
    /// How many entries it holds at most, over all namespaces; then writes are refused with
    /// `quota-exceeded`. Nothing is ever evicted.
    pub max_entries: Option<usize>,
}

/// The memory backend.
pub struct Memory {
    state: Lock<State>,
    host: Arc<dyn Host>,
}

type Space = BTreeMap<Box<str>, Stored>;

struct State {
    spaces: BTreeMap<Namespace, Space>,
    version: u64,
    count: usize,
    max: usize,
}

impl State {
    fn get(&self, key: Key<'_>) -> Option<&Stored> {
        self.spaces.get(key.namespace())?.get(key.as_str())
    }

    fn room(&mut self, more: usize, host: &dyn Host) -> Result<()> {
        if self.count.saturating_add(more) <= self.max {
            return Ok(());
        }
        let now = host.now();
        for space in self.spaces.values_mut() {
            space.retain(|_, s| s.record.expires_at.is_none_or(|at| at.get() > now));
        }
        self.count = self.spaces.values().map(BTreeMap::len).sum();
        if self.count.saturating_add(more) <= self.max {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::QuotaExceeded,
            "the store is full: delete entries, or raise `max_entries`",
        ))
    }

    fn put(&mut self, key: Key<'_>, record: Record, host: &dyn Host) -> Result<Version> {
        if self.get(key).is_none() {
            self.room(1, host)?;
            self.count += 1;
        }
        self.version += 1;
        let version = Version::Number(self.version);
        let stored = Stored {
            record,
            version: version.clone(),
        };
        self.spaces
            .entry(key.namespace().clone())
            .or_default()
            .insert(key.as_str().into(), stored);
        Ok(version)
    }

    fn delete(&mut self, key: Key<'_>) -> Was {
        let removed = self
            .spaces
            .get_mut(key.namespace())
            .and_then(|s| s.remove(key.as_str()));
        match removed {
            None => Was::Absent,
            Some(stored) => {
                self.count -= 1;
                Was::Stored(stored.record.expires_at)
            }
        }
    }

    fn holds(&self, key: Key<'_>, expect: Expect<'_>) -> bool {
        match expect {
            Expect::Any => true,
            Expect::Absent => self.get(key).is_none(),
            Expect::At(version) => self.get(key).is_some_and(|s| s.version == *version),
        }
    }

    fn commit(&mut self, batch: &[Mutation<'_>], host: &dyn Host) -> Result<Commit> {
        if let Some(index) = batch.iter().position(|m| !self.holds(m.key, m.expect)) {
            return Ok(Commit::Conflict { index });
        }
        let new = batch
            .iter()
            .filter(|m| matches!(m.change, Change::Put(_)) && self.get(m.key).is_none())
            .count();
        let gone = batch
            .iter()
            .filter(|m| matches!(m.change, Change::Delete) && self.get(m.key).is_some())
            .count();
        self.room(new.saturating_sub(gone), host)?;
        let mut applied = Vec::with_capacity(batch.len());
        let max = std::mem::replace(&mut self.max, usize::MAX);
        for m in batch {
            applied.push(match m.change {
                Change::Put(record) => Applied::Written(self.put(m.key, record.clone(), host)?),
                Change::Delete => Applied::Deleted(self.delete(m.key)),
                Change::Keep => Applied::Checked,
            });
        }
        self.max = max;
        Ok(Commit::Done(applied))
    }
}

impl Memory {
    /// An empty one.
    pub fn new(options: MemoryOptions, host: Arc<dyn Host>) -> Memory {
        Memory {
            state: Lock::new(State {
                spaces: BTreeMap::new(),
                version: 0,
                count: 0,
                max: options.max_entries.unwrap_or(usize::MAX),
            }),
            host,
        }
    }

    /// Removes the entries of a namespace that expired at `before` or earlier; how many they were.
    pub fn sweep(&self, namespace: &Namespace, before: u64) -> u64 {
        self.state.with(|state| {
            let Some(space) = state.spaces.get_mut(namespace) else {
                return 0;
            };
            let was = space.len();
            space.retain(|_, s| s.record.expires_at.is_none_or(|at| at.get() > before));
            let gone = was - space.len();
            state.count -= gone;
            gone as u64
        })
    }

    fn walk_now(
        &self,
        query: &Scan<'_>,
        mut f: impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> Option<Box<str>> {
        let mut matcher = query.pattern.map(crate::pattern::Pattern::matcher);
        self.state.with(|state| {
            let space = state.spaces.get(query.namespace)?;
            let forward = space.iter();
            let mut keys: Box<dyn Iterator<Item = (&Box<str>, &Stored)>> = if query.reverse {
                Box::new(forward.rev())
            } else {
                Box::new(forward)
            };
            let mut left = query.limit;
            keys.find_map(|(key, stored)| {
                let key = &**key;
                if !key.starts_with(query.prefix)
                    || query
                        .after
                        .is_some_and(|a| if query.reverse { key >= a } else { key <= a })
                    || matcher
                        .as_mut()
                        .is_some_and(|m| m.check(key) != Verdict::Match)
                {
                    return None;
                }
                let found = Found {
                    key,
                    expires_at: stored.record.expires_at,
                    stored: Some(stored.lend()),
                    matched: true,
                    id: None,
                    first: true,
                };
                if f(found).is_break() {
                    return Some(None);
                }
                left = left.saturating_sub(1);
                (left == 0).then(|| Some(Box::from(key)))
            })
            .flatten()
        })
    }
}

impl Backend for Memory {
    fn limits(&self) -> Limits {
        Limits::default()
    }

    async fn read(&self, keys: &[Key<'_>], _: Freshness) -> Result<Vec<Option<Stored>>> {
        Ok(self
            .state
            .with(|state| keys.iter().map(|key| state.get(*key).cloned()).collect()))
    }

    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        self.state.with(|state| state.commit(batch, &*self.host))
    }

    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        let mut items = Vec::new();
        let resume = self.walk_now(query, |found| {
            items.push(Item {
                key: found.key.into(),
                expires_at: found.expires_at,
                stored: match query.want {
                    Want::Keys => None,
                    Want::Records => found.stored.map(|s| s.to_stored()),
                },
            });
            ControlFlow::Continue(())
        });
        Ok(Page { items, resume })
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        Ok(self.state.with(|state| {
            state
                .spaces
                .iter()
                .filter(|(_, s)| !s.is_empty())
                .map(|(n, _)| n.clone())
                .collect()
        }))
    }

    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        Ok(Some(Memory::sweep(self, namespace, before)))
    }

    fn immediate(&self) -> bool {
        true
    }

    async fn visit(
        &self,
        keys: &[Key<'_>],
        _: Freshness,
        mut f: impl FnMut(usize, Option<StoredRef<'_>>) + MaybeSend,
    ) -> Result<()> {
        self.state.with(|state| {
            for (at, key) in keys.iter().enumerate() {
                f(at, state.get(*key).map(Stored::lend));
            }
        });
        Ok(())
    }

    async fn put(&self, _: &dyn Host, key: Key<'_>, record: Record) -> Result<Version> {
        self.state.with(|state| state.put(key, record, &*self.host))
    }

    async fn put_many<'k>(
        &self,
        _: &dyn Host,
        entries: impl ExactSizeIterator<Item = (Key<'k>, Record)> + MaybeSend,
    ) -> Vec<Result<Version>> {
        self.state.with(|state| {
            entries
                .map(|(key, record)| state.put(key, record, &*self.host))
                .collect()
        })
    }

    async fn update(
        &self,
        _: &dyn Host,
        key: Key<'_>,
        mut decide: impl FnMut(Option<StoredRef<'_>>) -> Result<Decision> + MaybeSend,
    ) -> Result<Option<Version>> {
        self.state.with(|state| {
            Ok(match decide(state.get(key).map(Stored::lend))? {
                Decision::Put(record) => Some(state.put(key, record, &*self.host)?),
                Decision::Delete => {
                    state.delete(key);
                    None
                }
                Decision::Keep => None,
            })
        })
    }

    async fn walk(
        &self,
        query: &Scan<'_>,
        f: impl FnMut(Found<'_>) -> ControlFlow<()> + MaybeSend,
    ) -> Result<Option<Box<str>>> {
        Ok(self.walk_now(query, f))
    }
}
