//! What is noted of a change: how the key was before, for taking it back, and what those who watch are
//! told.

use super::{recording::number, state::State};
use crate::{
    host::Host,
    key::Key,
    record::{Stored, Version},
    value::Value,
    watch::EventKind::{Delete, Expire, Set},
};

/// The entry before a change: its version, and whether it had expired.
pub(super) type Before = Option<(Version, bool)>;

impl State {
    /// Makes a change of one key where somebody watches, and tells what it was by how the entry looks
    /// before and after.
    #[cold]
    pub(super) fn heard(
        &mut self,
        key: Key<'_>,
        host: &dyn Host,
        change: &mut dyn FnMut(&mut State),
    ) {
        let now = host.now();
        let recorded = self.recording.is_some();
        let found = self.get_any(key);
        let before = found.map(|old| (old.version.to_version(), old.expired(now)));
        let stored = found.filter(|_| recorded).map(|old| old.to_stored());
        change(self);
        self.compare(key, before, stored);
    }

    fn compare(&mut self, key: Key<'_>, before: Before, stored: Option<Stored>) {
        let after = self.get_any(key);
        let same = match (&before, after) {
            (Some((old, _)), Some(new)) => new.version == *old,
            (None, None) => true,
            _ => false,
        };
        if same {
            return;
        }
        let version = after.map(|new| number(&new.version));
        let after = after.map(|new| (new.version.to_version(), new.value.clone()));
        let (namespace, name) = (key.namespace(), key.as_str());
        self.record(namespace, name, stored, version);
        match before {
            Some((version, true)) => self.tell(namespace, Expire, name, version, Value::Null),
            Some((version, false)) if after.is_none() => {
                self.tell(namespace, Delete, name, version, Value::Null);
            }
            _ => {}
        }
        if let Some((version, value)) = after {
            self.tell(namespace, Set, name, version, value);
        }
    }
}
