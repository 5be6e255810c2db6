//! What those who watch are told of a change.

use super::state::State;
use crate::{
    host::Host,
    key::Key,
    record::Version,
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
        let before = self
            .get_any(key)
            .map(|old| (old.version.to_version(), old.expired(now)));
        change(self);
        self.tell(key, &before);
    }

    fn tell(&mut self, key: Key<'_>, before: &Before) {
        let after = self
            .get_any(key)
            .map(|new| (new.version.to_version(), new.value.clone()));
        let (namespace, name) = (key.namespace(), key.as_str());
        let mut tell = |kind, version: &Version, value| {
            self.ears.tell(namespace, kind, name, version, value);
        };
        if before.as_ref().map(|(version, _)| version) == after.as_ref().map(|(version, _)| version)
        {
            return;
        }
        match before {
            Some((version, true)) => tell(Expire, version, &Value::Null),
            Some((version, false)) if after.is_none() => tell(Delete, version, &Value::Null),
            _ => {}
        }
        if let Some((version, value)) = &after {
            tell(Set, version, value);
        }
    }
}
