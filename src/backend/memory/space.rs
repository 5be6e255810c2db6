//! The keys of one namespace: a hash table of ids, and an index once a scan has asked for it.

use super::{entry::Entry, hashing::Hashing, index::Index, slab::Slab};
use crate::{key::Namespace, record::Record};
use hashbrown::HashTable;
use std::num::NonZeroU64;

pub(super) struct Space {
    pub(super) name: Namespace,
    table: HashTable<u32>,
    index: Option<Box<Index>>,
    /// No entry expires before.
    soonest: u64,
}

impl Space {
    pub(super) fn new(name: Namespace) -> Space {
        Space {
            name,
            table: HashTable::new(),
            index: None,
            soonest: u64::MAX,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, key: &str, slab: &Slab) -> Option<&u32> {
        self.table.find(hash, |id| slab.is_key(*id, key.as_bytes()))
    }

    #[inline]
    fn expires(&mut self, at: Option<NonZeroU64>) {
        if let Some(at) = at {
            self.soonest = self.soonest.min(at.get());
        }
    }

    /// Writes over the entry `id`.
    #[inline]
    pub(super) fn replace(&mut self, id: u32, record: Record, version: u64, slab: &mut Slab) {
        self.expires(record.expires_at);
        if let Some(entry) = slab.get_mut(id) {
            drop(entry.replace(record, version));
        }
    }

    /// Writes an entry under a key that is not there; false when there are no more ids.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        key: &str,
        record: Record,
        version: u64,
        slab: &mut Slab,
        hashing: &Hashing,
    ) -> bool {
        let expires_at = record.expires_at;
        let Some(id) = slab.insert(Entry::new(key, record, version)) else {
            return false;
        };
        self.expires(expires_at);
        self.table
            .insert_unique(hash, id, |id| hashing.of_any(slab.key(*id)));
        if let Some(index) = &mut self.index {
            index.added(id);
            self.discard_stale(slab);
        }
        true
    }

    /// Removes the entry under a key, and says when it was to expire; `None` where there is none.
    pub(super) fn remove(
        &mut self,
        hash: u64,
        key: &str,
        slab: &mut Slab,
    ) -> Option<Option<NonZeroU64>> {
        let found = self
            .table
            .find_entry(hash, |id| slab.is_key(*id, key.as_bytes()))
            .ok()?;
        let (id, _) = found.remove();
        let expires_at = slab.get(id).and_then(Entry::expires_at);
        release(id, self.index.as_deref_mut(), slab);
        self.discard_stale(slab);
        Some(expires_at)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.table.iter().copied()
    }

    /// Removes what expires at `before` or earlier, and says how many entries that were.
    pub(super) fn sweep(&mut self, before: u64, slab: &mut Slab) -> usize {
        if before < self.soonest {
            return 0;
        }
        let Space {
            table,
            index,
            soonest,
            ..
        } = self;
        let was = table.len();
        *soonest = u64::MAX;
        table.retain(|id| match slab.get(*id).and_then(Entry::expires_at) {
            Some(at) if at.get() <= before => {
                release(*id, index.as_deref_mut(), slab);
                false
            }
            Some(at) => {
                *soonest = at.get().min(*soonest);
                true
            }
            None => true,
        });
        let gone = was - table.len();
        self.discard_stale(slab);
        gone
    }

    #[inline]
    fn discard_stale(&mut self, slab: &mut Slab) {
        if let Some(index) = self.index.take_if(|index| index.is_stale()) {
            index.discard(slab);
        }
    }

    /// The index, which knows every write by now.
    pub(super) fn index(&mut self, slab: &mut Slab, hashing: &Hashing) -> &mut Index {
        let table = &self.table;
        let index = self
            .index
            .get_or_insert_with(|| Box::new(Index::build(table.iter().copied().collect(), slab)));
        index.refresh(slab, hashing);
        index
    }

    /// Notes how many keys a walk looked at, and how many of them in vain for want of postings.
    pub(super) fn looked(&mut self, at: usize, in_vain: Option<usize>) {
        if let Some(index) = &mut self.index {
            index.looked(at, in_vain.unwrap_or_default());
        }
    }
}

/// Gives the slot of an entry that is no longer in the table back: at once, or when no index names
/// its id any more.
fn release(id: u32, index: Option<&mut Index>, slab: &mut Slab) {
    match index {
        None => drop(slab.remove(id)),
        Some(index) => {
            index.removed(id);
            drop(slab.bury(id));
        }
    }
}
