//! A memory that becomes what is stored elsewhere, whatever it was.

use super::{Memory, recording::number, state::State};
use crate::{
    backend::{Scan, Want},
    error::Result,
    host::Host,
    key::{Key, Namespace},
    record::Record,
};
use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

/// What takes the entries.
type Take<'f> = dyn FnMut(Key<'_>, Record, u64) -> Result<()> + 'f;

impl State {
    /// Every key.
    fn all(&mut self) -> HashMap<Namespace, HashSet<Box<str>>> {
        let mut all = HashMap::new();
        for name in self.namespaces() {
            let mut keys = HashSet::new();
            let query = Scan {
                namespace: &name,
                prefix: "",
                after: None,
                limit: usize::MAX,
                reverse: false,
                pattern: None,
                want: Want::Keys,
                ids: false,
            };
            self.walk(&query, |found| {
                keys.insert(Box::from(found.key));
                ControlFlow::Continue(())
            });
            all.insert(name, keys);
        }
        all
    }

    /// Puts an entry in the place of an older one.
    fn renew(&mut self, key: Key<'_>, record: Record, version: u64, host: &dyn Host) -> Result<()> {
        let current = self.get_any(key).map(|stored| number(&stored.version));
        if current.is_some_and(|current| current >= version) {
            return Ok(());
        }
        self.settle(key, Some((record, version)), host)
    }
}

impl Memory {
    /// A random number of its host's.
    pub(crate) fn random(&self) -> u64 {
        self.host.random()
    }

    /// Becomes what `read` gives its closure, entry by entry with their versions; `read` says what the
    /// counter is. Who watches is told of the differences. Where it fails, what was read stays. `any`: also what
    /// is no newer than what is there.
    pub(crate) fn load(
        &self,
        any: bool,
        read: impl FnOnce(&mut Take<'_>) -> Result<u64>,
    ) -> Result<()> {
        let host = &*self.host;
        self.with(|state| {
            if state.count == 0 && state.ears.is_empty() {
                let counter = read(&mut |key, record, version| {
                    state.place_at(key, Some((record, version)), host)
                })?;
                state.version = state.version.max(counter);
                return Ok(());
            }
            let mut gone = state.all();
            let counter = read(&mut |key, record, version| {
                if let Some(keys) = gone.get_mut(key.namespace()) {
                    keys.remove(key.as_str());
                }
                if any {
                    return state.settle(key, Some((record, version)), host);
                }
                state.renew(key, record, version, host)
            })?;
            for (namespace, keys) in &gone {
                for key in keys {
                    state.settle(Key::new(namespace, key)?, None, host)?;
                }
            }
            state.version = state.version.max(counter);
            Ok(())
        })
    }
}
