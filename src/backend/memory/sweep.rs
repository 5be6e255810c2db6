//! Removing what has expired.

use super::{entry::Entry, slab::Slab, space::Space, state::State};
use crate::{host::Host, key::Namespace, record::Stored, value::Value, watch::EventKind};

impl Space {
    /// What expires at `before` or earlier.
    fn expired(&self, before: u64, slab: &Slab) -> Vec<(Box<str>, Stored)> {
        let entries = self.ids().filter_map(|id| slab.get(id));
        let gone = entries.filter(|e| e.expires_at().is_some_and(|at| at.get() <= before));
        gone.map(|entry: &Entry| (entry.key().as_str().into(), entry.lend().to_stored()))
            .collect()
    }
}

impl State {
    pub(super) fn sweep(&mut self, name: &Namespace, before: u64) -> usize {
        self.place_of(name)
            .map_or(0, |at| self.sweep_at(at, before))
    }

    /// Removes what has expired in any namespace.
    #[cold]
    pub(super) fn sweep_all(&mut self, host: &dyn Host) -> usize {
        let now = host.now();
        (0..self.spaces.len())
            .map(|at| self.sweep_at(at, now))
            .sum()
    }

    fn sweep_at(&mut self, at: usize, before: u64) -> usize {
        if self.is_noted() {
            self.note_expired(at, before);
        }
        let Some(space) = self.spaces.get_mut(at) else {
            return 0;
        };
        let gone = space.sweep(before, &mut self.slab);
        self.removed(gone);
        gone
    }

    #[cold]
    fn note_expired(&mut self, at: usize, before: u64) {
        let Some(space) = self.spaces.get(at) else {
            return;
        };
        let name = space.name.clone();
        for (key, stored) in space.expired(before, &self.slab) {
            let version = stored.version.clone();
            self.record(&name, &key, Some(stored), None);
            self.tell(&name, EventKind::Expire, &key, version, Value::Null);
        }
    }
}
