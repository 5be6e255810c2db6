//! All namespaces of a [`Memory`](super::Memory), and what happens to them under its lock.

use super::{
    hashing::{Hashed, Hashing, spread},
    recording::Recording,
    slab::Slab,
    space::Space,
    walk,
};
use crate::{
    backend::{Decision, Found, Scan, Was},
    error::{Error, ErrorKind, Result},
    host::Host,
    key::{Key, Namespace},
    record::{Record, StoredRef, Version},
    watch::Ears,
};
use hashbrown::HashTable;
use std::ops::ControlFlow;

pub(super) struct State {
    pub(super) slab: Slab,
    hashing: Hashing,
    pub(super) spaces: Vec<Space>,
    /// The places of `spaces` by name.
    names: HashTable<Hashed>,
    /// The place that was asked for last.
    last: usize,
    /// The newest version; no other write has the same.
    pub(super) version: u64,
    /// How many entries there are.
    pub(super) count: usize,
    pub(super) max: usize,
    pub(super) ears: Ears,
    /// What has changed since somebody began to write it down.
    pub(super) recording: Option<Recording>,
}

#[cold]
pub(super) fn full(max: usize) -> Error {
    Error::new(
        ErrorKind::QuotaExceeded,
        format!(
            "the store holds {max} entries, which is all it may: delete some, or open it for more"
        ),
    )
}

impl State {
    pub(super) fn new(max: usize, host: &dyn Host) -> State {
        State {
            slab: Slab::default(),
            hashing: Hashing::new(|| host.random()),
            spaces: Vec::new(),
            names: HashTable::new(),
            last: 0,
            version: 0,
            count: 0,
            max,
            ears: Ears::default(),
            recording: None,
        }
    }

    /// Forgets every entry.
    pub(super) fn clear(&mut self) {
        self.spaces = Vec::new();
        self.names = HashTable::new();
        self.count = 0;
        // Last: values that the host keeps call it when they go.
        self.slab = Slab::default();
    }

    /// Where a namespace is, until the next write.
    #[inline]
    pub(super) fn place(&mut self, name: &Namespace) -> Option<usize> {
        // Most often a store asks for what it has asked for before.
        let last = self.spaces.get(self.last);
        if last.is_some_and(|space| std::ptr::eq(space.name.as_str(), name.as_str())) {
            return Some(self.last);
        }
        self.place_of(name)
    }

    /// The same, once for all who are not in a hurry.
    #[inline(never)]
    pub(super) fn place_of(&mut self, name: &Namespace) -> Option<usize> {
        let spaces = &self.spaces;
        let is = |at: usize| spaces.get(at).is_some_and(|space| space.name == *name);
        if is(self.last) {
            return Some(self.last);
        }
        let hash = self.hashing.of_any(name.as_str().as_bytes()) as u32;
        let found = self
            .names
            .find(spread(hash), |of| of.hash == hash && is(of.number as usize))?;
        self.last = found.number as usize;
        Some(self.last)
    }

    #[cold]
    fn add_space(&mut self, name: &Namespace) -> usize {
        // Before there would be twice as many: those without a key go.
        if self.spaces.len() == self.spaces.capacity() {
            let was = self.spaces.len();
            self.spaces.retain(|space| !space.is_empty());
            if self.spaces.len() * 2 >= was {
                self.spaces.reserve(was.max(4));
            }
            self.names.clear();
            for at in 0..self.spaces.len() {
                self.name_space(at);
            }
        }
        self.spaces.push(Space::new(name.clone()));
        self.last = self.spaces.len() - 1;
        self.name_space(self.last);
        self.last
    }

    #[inline(never)]
    fn name_space(&mut self, at: usize) {
        if let Some(space) = self.spaces.get(at) {
            let of = Hashed {
                hash: self.hashing.of_any(space.name.as_str().as_bytes()) as u32,
                number: at as u32,
            };
            self.names.insert_unique(of.spread(), of, Hashed::spread);
        }
    }

    /// What is under a key of the namespace at `place`.
    #[inline]
    pub(super) fn get_in(&self, place: Option<usize>, key: &str) -> Option<StoredRef<'_>> {
        let hash = self.hashing.of(key.as_bytes());
        let id = self.spaces.get(place?)?.find(hash, key, &self.slab)?;
        self.slab.get(*id).map(|entry| entry.lend())
    }

    /// The same, once for all who are not in a hurry.
    #[inline(never)]
    pub(super) fn get_any(&mut self, key: Key<'_>) -> Option<StoredRef<'_>> {
        self.get(key)
    }

    #[inline]
    pub(super) fn get(&mut self, key: Key<'_>) -> Option<StoredRef<'_>> {
        let place = self.place(key.namespace());
        self.get_in(place, key.as_str())
    }

    #[inline]
    pub(super) fn put(&mut self, key: Key<'_>, record: Record, host: &dyn Host) -> Result<Version> {
        if !self.is_noted() {
            return self.write(key, record, host);
        }
        if self.ears.is_empty() {
            return self.write_recorded(key, record, host);
        }
        self.write_heard(key, record, host)
    }

    /// Where it is only to be taken back: nobody is told, so that nobody asks what expired when.
    #[inline(never)]
    fn write_recorded(&mut self, key: Key<'_>, record: Record, host: &dyn Host) -> Result<Version> {
        let mut before = None;
        let mut put = Some(record);
        self.change(key, host, &mut |old| {
            before = old.map(|stored| stored.to_stored());
            Ok(put.take().map_or(Decision::Keep, Decision::Put))
        })?;
        self.record(key.namespace(), key.as_str(), before, Some(self.version));
        Ok(Version::Number(self.version))
    }

    #[cold]
    fn write_heard(&mut self, key: Key<'_>, record: Record, host: &dyn Host) -> Result<Version> {
        let mut decided = Some(Decision::Put(record));
        let decide = |_: Option<StoredRef<'_>>| Ok(decided.take().unwrap_or(Decision::Keep));
        let written = self.update(key, host, decide)?;
        Ok(written.unwrap_or(Version::Number(self.version)))
    }

    #[inline]
    pub(super) fn write(
        &mut self,
        key: Key<'_>,
        record: Record,
        host: &dyn Host,
    ) -> Result<Version> {
        let hash = self.hashing.of(key.as_str().as_bytes());
        if let Some(at) = self.place(key.namespace())
            && let Some(space) = self.spaces.get_mut(at)
            && let Some(&id) = space.find(hash, key.as_str(), &self.slab)
        {
            self.version += 1;
            space.replace(id, record, self.version, &mut self.slab);
            return Ok(Version::Number(self.version));
        }
        self.insert(hash, key, record, host)
    }

    /// Writes under a key that is not there.
    fn insert(
        &mut self,
        hash: u64,
        key: Key<'_>,
        record: Record,
        host: &dyn Host,
    ) -> Result<Version> {
        if self.count >= self.max && self.sweep_all(host) == 0 {
            return Err(full(self.max));
        }
        let at = match self.place_of(key.namespace()) {
            Some(at) => at,
            None => self.add_space(key.namespace()),
        };
        let State {
            slab,
            hashing,
            spaces,
            version,
            count,
            ..
        } = self;
        *version += 1;
        let done = spaces
            .get_mut(at)
            .is_some_and(|space| space.insert(hash, key.as_str(), record, *version, slab, hashing));
        if !done {
            return Err(full(*count));
        }
        *count += 1;
        Ok(Version::Number(*version))
    }

    pub(super) fn delete(&mut self, key: Key<'_>, host: &dyn Host) -> Was {
        let mut was = Was::Absent;
        if !self.is_noted() {
            return self.remove(key);
        }
        self.heard(key, host, &mut |state| was = state.remove(key));
        was
    }

    pub(super) fn remove(&mut self, key: Key<'_>) -> Was {
        let hash = self.hashing.of_any(key.as_str().as_bytes());
        let Some(at) = self.place_of(key.namespace()) else {
            return Was::Absent;
        };
        let Some(space) = self.spaces.get_mut(at) else {
            return Was::Absent;
        };
        match space.remove(hash, key.as_str(), &mut self.slab) {
            None => Was::Absent,
            Some(expires_at) => {
                self.removed(1);
                Was::Stored(expires_at)
            }
        }
    }

    /// Counts what was removed; the last entry of many takes the room of all with it.
    pub(super) fn removed(&mut self, entries: usize) {
        self.count -= entries;
        if self.count == 0 && self.slab.is_large() {
            self.clear();
        }
    }

    pub(super) fn update(
        &mut self,
        key: Key<'_>,
        host: &dyn Host,
        mut decide: impl FnMut(Option<StoredRef<'_>>) -> Result<Decision>,
    ) -> Result<Option<Version>> {
        let decide: &mut dyn FnMut(Option<StoredRef<'_>>) -> Result<Decision> = &mut decide;
        if !self.is_noted() {
            return self.change(key, host, decide);
        }
        let mut done = Ok(None);
        self.heard(key, host, &mut |state| {
            done = state.change(key, host, &mut *decide)
        });
        done
    }

    #[inline(never)]
    fn change(
        &mut self,
        key: Key<'_>,
        host: &dyn Host,
        decide: &mut dyn FnMut(Option<StoredRef<'_>>) -> Result<Decision>,
    ) -> Result<Option<Version>> {
        let hash = self.hashing.of_any(key.as_str().as_bytes());
        let at = self.place_of(key.namespace());
        let State {
            slab,
            spaces,
            version,
            ..
        } = self;
        if let Some(space) = at.and_then(|at| spaces.get_mut(at))
            && let Some(&id) = space.find(hash, key.as_str(), slab)
        {
            match decide(slab.get(id).map(|entry| entry.lend()))? {
                Decision::Put(record) => {
                    *version += 1;
                    space.replace(id, record, *version, slab);
                    return Ok(Some(Version::Number(*version)));
                }
                Decision::Delete => drop(self.remove(key)),
                Decision::Keep => {}
            }
            return Ok(None);
        }
        match decide(None)? {
            Decision::Put(record) => self.insert(hash, key, record, host).map(Some),
            Decision::Delete | Decision::Keep => Ok(None),
        }
    }

    pub(super) fn namespaces(&self) -> Vec<Namespace> {
        self.spaces
            .iter()
            .filter(|space| !space.is_empty())
            .map(|space| space.name.clone())
            .collect()
    }

    pub(super) fn walk(
        &mut self,
        query: &Scan<'_>,
        f: impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> Option<Box<str>> {
        let at = self.place_of(query.namespace)?;
        walk::walk(
            self.spaces.get_mut(at)?,
            &mut self.slab,
            &self.hashing,
            query,
            f,
        )
    }

    /// How many keys scans of a namespace looked at.
    #[cfg(test)]
    pub(super) fn looked(&mut self, name: &Namespace) -> usize {
        let State {
            slab,
            hashing,
            spaces,
            ..
        } = self;
        let space = spaces.iter_mut().find(|space| space.name == *name);
        space.map_or(0, |space| space.index(slab, hashing).looked)
    }

    /// How many slots and places of namespaces there are, used or not.
    #[cfg(test)]
    pub(super) fn room(&self) -> (usize, usize) {
        (self.slab.slots(), self.spaces.len().max(self.names.len()))
    }
}
