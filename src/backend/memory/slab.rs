//! The entries of all namespaces, by id. In chunks, so that growing copies nothing and never needs
//! twice the room.

use super::{
    bytes::same,
    entry::{Entry, Held},
};

const CHUNK: usize = 256;
/// The end of the list of free slots.
const NONE: u32 = u32::MAX;
/// No id reaches this bit: postings mark with it.
pub(super) const ID_LIMIT: u32 = 1 << 31;

#[cfg(target_family = "wasm")]
const _: () = assert!(size_of::<Slot>() == 72);

enum Slot {
    /// The next free slot.
    Free(u32),
    Used(Entry),
}

/// Of a fixed size: the place in it, a byte, needs no check.
type Chunk = Box<[Slot; CHUNK]>;

pub(super) struct Slab {
    chunks: Vec<Chunk>,
    free: u32,
}

impl Default for Slab {
    fn default() -> Self {
        Slab {
            chunks: Vec::new(),
            free: NONE,
        }
    }
}

impl Slab {
    #[inline]
    fn slot(&self, id: u32) -> Option<&Slot> {
        let chunk = self.chunks.get(id as usize / CHUNK)?;
        Some(&chunk[usize::from(id as u8)])
    }

    #[inline]
    fn slot_mut(&mut self, id: u32) -> Option<&mut Slot> {
        let chunk = self.chunks.get_mut(id as usize / CHUNK)?;
        Some(&mut chunk[usize::from(id as u8)])
    }

    #[inline]
    pub(super) fn get(&self, id: u32) -> Option<&Entry> {
        match self.slot(id)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free(_) => None,
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Entry> {
        match self.slot_mut(id)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free(_) => None,
        }
    }

    /// Is this the key of the entry?
    #[inline]
    pub(super) fn is_key(&self, id: u32, key: &[u8]) -> bool {
        self.get(id)
            .is_some_and(|entry| same(entry.key().as_bytes(), key))
    }

    /// The key's bytes; of a free slot there are none.
    #[inline]
    pub(super) fn key(&self, id: u32) -> &[u8] {
        self.get(id).map_or(&[], |entry| entry.key().as_bytes())
    }

    /// Reads a little of each entry, so that the waits for memory are one wait, before each is
    /// needed: a walk in the order of keys meets entries in no order of memory. The tag is an
    /// entry's first byte and the flags are its last, so that both its cache lines are read.
    pub(super) fn touch(&self, ids: &[u32]) {
        std::hint::black_box(ids.iter().filter(|id| self.is_dead(**id)).count());
    }

    /// Are there many slots?
    pub(super) fn is_large(&self) -> bool {
        self.chunks.len() > 16
    }

    #[inline]
    pub(super) fn is_dead(&self, id: u32) -> bool {
        self.get(id).is_none_or(Entry::is_dead)
    }

    /// Takes an entry in; `None` when there are no more ids.
    #[inline]
    pub(super) fn insert(&mut self, entry: Entry) -> Option<u32> {
        if self.free == NONE {
            self.grow()?;
        }
        let id = self.free;
        let slot = self.slot_mut(id)?;
        let Slot::Free(next) = *slot else { return None };
        *slot = Slot::Used(entry);
        self.free = next;
        Some(id)
    }

    /// Adds a chunk of free slots.
    #[cold]
    fn grow(&mut self) -> Option<()> {
        let before = self.chunks.len() * CHUNK;
        let end = before + CHUNK;
        if end > ID_LIMIT as usize {
            return None;
        }
        let next = |id: usize| if id < end { id as u32 } else { NONE };
        let slots: Box<[Slot]> = (before..end).map(|id| Slot::Free(next(id + 1))).collect();
        self.chunks.push(slots.try_into().ok()?);
        self.free = before as u32;
        Some(())
    }

    /// Frees a slot.
    pub(super) fn remove(&mut self, id: u32) -> Option<Entry> {
        let next = self.free;
        let slot = self.slot_mut(id)?;
        if let Slot::Free(_) = slot {
            return None;
        }
        let Slot::Used(entry) = std::mem::replace(slot, Slot::Free(next)) else {
            return None;
        };
        self.free = id;
        Some(entry)
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// Keeps the slot and its key until the indexes have let go of the id.
    pub(super) fn bury(&mut self, id: u32) -> Option<Held> {
        self.get_mut(id).map(Entry::bury)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    #[test]
    fn slots_are_used_again() {
        let mut slab = Slab::default();
        let entry = |n: u32| Entry::new(&format!("k{n}"), Record::default(), 1);
        let ids: Vec<u32> = (0..1000).filter_map(|n| slab.insert(entry(n))).collect();
        assert_eq!(ids, (0..1000).collect::<Vec<_>>());
        assert_eq!(slab.key(999), b"k999");
        for id in [3, 999, 256] {
            assert!(slab.remove(id).is_some());
            assert!(slab.remove(id).is_none());
            assert!(slab.get(id).is_none() && slab.is_dead(id));
        }
        let again: Vec<u32> = (0..4).filter_map(|n| slab.insert(entry(n))).collect();
        assert_eq!(again, [256, 999, 3, 1000]);
        slab.bury(5);
        assert!(slab.is_dead(5) && slab.key(5) == b"k5");
    }
}
