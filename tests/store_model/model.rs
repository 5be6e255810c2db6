//! What the store is held against: a map, and a pattern matched against each key.

use dataknobs_kv::{Object, Pattern, Value, Version};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) value: Value,
    pub(crate) meta: Object,
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) expires: Option<u64>,
    /// Set by every change; the version that the store gave it is in `versions`.
    pub(crate) stamp: u64,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) rows: BTreeMap<(usize, String), Row>,
    pub(crate) now: u64,
    pub(crate) stamp: u64,
    pub(crate) versions: BTreeMap<u64, Version>,
    /// The last version of each key that is surely not there any more.
    pub(crate) old: BTreeMap<(usize, String), Version>,
}

impl Model {
    pub(crate) fn live(&self, space: usize, key: &str) -> Option<&Row> {
        let row = self.rows.get(&(space, key.to_owned()))?;
        row.expires.is_none_or(|at| self.now < at).then_some(row)
    }

    pub(crate) fn put(&mut self, space: usize, key: &str, mut row: Row) {
        self.stamp += 1;
        row.stamp = self.stamp;
        self.rows.insert((space, key.to_owned()), row);
    }

    pub(crate) fn new_row(&self, value: Value, meta: Object, ttl: Option<u16>) -> Row {
        Row {
            value,
            meta,
            created: self.now,
            updated: self.now,
            expires: ttl.map(|ttl| self.now + u64::from(ttl)),
            stamp: 0,
        }
    }

    /// Another value under a key; everything else stays.
    pub(crate) fn change(&mut self, space: usize, key: &str, value: Value) {
        let row = match self.live(space, key).cloned() {
            Some(old) => Row {
                value,
                updated: self.now,
                ..old
            },
            None => self.new_row(value, Object::new(), None),
        };
        self.put(space, key, row);
    }

    pub(crate) fn remove(&mut self, space: usize, key: &str) -> bool {
        let was = self.live(space, key).is_some();
        self.rows.remove(&(space, key.to_owned()));
        was
    }

    /// Removes what has expired: how many rows?
    pub(crate) fn forget_expired(&mut self, s: usize) -> u64 {
        let expired: Vec<_> = self
            .rows
            .keys()
            .filter(|(space, key)| *space == s && self.live(s, key).is_none())
            .cloned()
            .collect();
        for row in &expired {
            self.rows.remove(row);
        }
        expired.len() as u64
    }

    pub(crate) fn matching(&self, space: usize, pattern: &str) -> Vec<String> {
        let pattern = Pattern::parse(pattern).unwrap();
        let keys = self
            .rows
            .keys()
            .filter(|(s, k)| *s == space && pattern.matches(k));
        keys.filter(|(s, k)| self.live(*s, k).is_some())
            .map(|(_, k)| k.clone())
            .collect()
    }

    /// A version of the key that is there, or one that is not.
    pub(crate) fn version(&self, space: usize, key: &str, current: bool) -> Version {
        let there = self
            .live(space, key)
            .and_then(|row| self.versions.get(&row.stamp));
        let old = self.old.get(&(space, key.to_owned()));
        match (current, there, old) {
            (true, Some(there), _) => there.clone(),
            (_, _, Some(old)) => old.clone(),
            _ => Version::Token("never".into()),
        }
    }
}
