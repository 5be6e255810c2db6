//! The order of a namespace's keys and the postings of their segments. Both are made when a scan
//! first asks, and follow the writes at the next scan: a write only notes the id.

use super::{
    hashing::Hashing,
    ids::SortedIds,
    places::View,
    postings::{Listed, Postings},
    slab::Slab,
    sort::sort,
};

/// So many changes are always kept for the next scan; few in tests, so that they meet the bound.
const SOME: usize = if cfg!(test) { 16 } else { 4096 };

pub(super) struct Index {
    order: SortedIds,
    /// How many ids `order` holds.
    len: usize,
    /// Added since; some may be dead by now.
    pending: Vec<u32>,
    /// Removed since. Their slots keep their keys, and are not used again, until `refresh` has
    /// taken the ids out.
    dead: Vec<u32>,
    postings: Option<Postings>,
    /// How many keys were looked at in vain by scans that postings would have helped.
    missed: usize,
    /// How many keys scans looked at.
    #[cfg(test)]
    pub(super) looked: usize,
    /// How many changes postings followed since a scan used them.
    unused: usize,
}

impl Index {
    pub(super) fn build(mut ids: Vec<u32>, slab: &Slab) -> Index {
        sort(&mut ids, slab);
        let mut order = SortedIds::default();
        for id in &ids {
            order.push(*id);
        }
        Index {
            order,
            len: ids.len(),
            pending: Vec::new(),
            dead: Vec::new(),
            postings: None,
            missed: 0,
            #[cfg(test)]
            looked: 0,
            unused: 0,
        }
    }

    #[inline]
    pub(super) fn added(&mut self, id: u32) {
        self.pending.push(id);
    }

    /// Notes an id whose entry is buried.
    pub(super) fn removed(&mut self, id: u32) {
        self.dead.push(id);
    }

    /// Is it cheaper to start anew than to follow what changed?
    #[inline]
    pub(super) fn is_stale(&self) -> bool {
        self.pending.len() + self.dead.len() > self.len.max(SOME)
    }

    /// Lets go of everything.
    pub(super) fn discard(self, slab: &mut Slab) {
        for id in self.dead {
            slab.remove(id);
        }
    }

    /// Follows what changed.
    pub(super) fn refresh(&mut self, slab: &mut Slab, hashing: &Hashing) {
        let changes = self.pending.len() + self.dead.len();
        if changes == 0 {
            return;
        }
        // A dead key may be among the living again: take it out before it is put in.
        self.pending.retain(|id| !slab.is_dead(*id));
        let many = changes > self.len / 8;
        self.unused = self.unused.saturating_add(changes);
        if many || self.unused > self.len.max(SOME) {
            self.postings = None;
        }
        sort(&mut self.pending, slab);
        if many {
            if !self.dead.is_empty() {
                self.order.retain(|id| !slab.is_dead(id));
            }
            self.order = self.order.merged(&self.pending, slab);
        } else {
            for id in &self.dead {
                self.order.remove(*id, slab);
            }
            for id in &self.pending {
                self.order.insert(*id, slab);
            }
            if let Some(postings) = &mut self.postings {
                for id in &self.dead {
                    postings.remove(*id, slab, hashing);
                }
                for id in &self.pending {
                    postings.insert(*id, slab, hashing);
                }
            }
        }
        self.len = self.order.len();
        self.pending.clear();
        for id in self.dead.drain(..) {
            slab.remove(id);
        }
    }

    /// All ids, in the order of their keys.
    pub(super) fn order(&self) -> View<'_> {
        self.order.view()
    }

    /// Are there no postings, where scans without them have cost enough? A pattern that is asked
    /// for once is not worth them.
    pub(super) fn lacks_postings(&self) -> bool {
        self.postings.is_none() && self.missed > self.len / 2
    }

    pub(super) fn make_postings(&mut self, slab: &Slab, hashing: &Hashing) {
        let view = self.order.view();
        self.postings = Some(Postings::build(view.iter(), slab, hashing));
        self.missed = 0;
    }

    /// Notes that a scan can use postings.
    pub(super) fn used(&mut self) {
        self.unused = 0;
    }

    /// The shortest list of those under `segments`, where there are postings.
    pub(super) fn shortest(&self, segments: &[Box<str>], hashing: &Hashing) -> Option<Listed<'_>> {
        let postings = self.postings.as_ref()?;
        Some(postings.shortest(segments, hashing))
    }

    /// Notes how many keys a scan looked at, and how many of them in vain for want of postings.
    pub(super) fn looked(&mut self, at: usize, in_vain: usize) {
        self.missed = self.missed.saturating_add(in_vain);
        #[cfg(test)]
        {
            self.looked += at;
        }
        #[cfg(not(test))]
        let _ = at;
    }
}
