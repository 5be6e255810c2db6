//! One stored entry, packed: 72 bytes on wasm32, times and version included.

use crate::{
    key::KeyBuf,
    record::{Metadata, Record, StoredRef, VersionRef},
    value::Value,
};
use std::{cell::Cell, mem, num::NonZeroU64};

/// The latest time that fits: 48 bits of milliseconds, in the year 10889.
const MAX_TIME: u64 = (1 << 48) - 1;

/// The entry's key was lent under its id.
const NAMED: u8 = 1;
/// The entry was deleted, and an index still names its id.
const DEAD: u8 = 2;

pub(super) struct Entry {
    key: KeyBuf,
    value: Value,
    extra: Option<Box<Extra>>,
    version: u64,
    /// created_at, updated_at, expires_at (0: never): the lower 32 bits, and the upper 16.
    low: [u32; 3],
    high: [u16; 3],
    flags: Cell<u8>,
}

/// What most entries do not have.
struct Extra {
    metadata: Option<Box<Metadata>>,
    writes: Vec<u64>,
}

/// What a replaced or deleted entry held. It is dropped last: a value that the host keeps calls
/// the host when it goes.
pub(super) struct Held {
    _value: Value,
    _extra: Option<Box<Extra>>,
}

fn extra(metadata: Option<Box<Metadata>>, writes: Vec<u64>) -> Option<Box<Extra>> {
    if metadata.is_none() && writes.is_empty() {
        return None;
    }
    Some(Box::new(Extra { metadata, writes }))
}

impl Entry {
    #[inline]
    pub(super) fn new(key: &str, record: Record, version: u64) -> Entry {
        let mut entry = Entry {
            key: KeyBuf::new(key),
            value: record.value,
            extra: extra(record.metadata, record.writes),
            version,
            low: [0; 3],
            high: [0; 3],
            flags: Cell::new(0),
        };
        entry.set_times(record.created_at, record.updated_at, record.expires_at);
        entry
    }

    /// Puts another record under the key, and hands back what was there.
    #[inline]
    pub(super) fn replace(&mut self, record: Record, version: u64) -> Held {
        self.set_times(record.created_at, record.updated_at, record.expires_at);
        self.version = version;
        Held {
            _value: mem::replace(&mut self.value, record.value),
            _extra: mem::replace(&mut self.extra, extra(record.metadata, record.writes)),
        }
    }

    /// Keeps the key only, for the indexes that still name the id.
    pub(super) fn bury(&mut self) -> Held {
        *self.flags.get_mut() |= DEAD;
        Held {
            _value: mem::take(&mut self.value),
            _extra: self.extra.take(),
        }
    }

    #[inline]
    pub(super) fn is_dead(&self) -> bool {
        self.flags.get() & DEAD != 0
    }

    /// Marks the key as lent under its id; was it not before?
    #[inline]
    pub(super) fn name(&self) -> bool {
        let flags = self.flags.get();
        // A walk would dirty every entry.
        if flags & NAMED == 0 {
            self.flags.set(flags | NAMED);
        }
        flags & NAMED == 0
    }

    #[inline]
    pub(super) fn key(&self) -> &KeyBuf {
        &self.key
    }

    #[inline]
    pub(super) fn expires_at(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.time(2))
    }

    #[inline]
    pub(super) fn lend(&self) -> StoredRef<'_> {
        let extra = self.extra.as_deref();
        StoredRef {
            value: &self.value,
            metadata: extra.and_then(|e| e.metadata.as_deref()),
            created_at: self.time(0),
            updated_at: self.time(1),
            expires_at: self.expires_at(),
            writes: extra.map_or(&[], |e| &e.writes),
            version: VersionRef::Number(self.version),
        }
    }

    #[inline]
    fn time(&self, at: usize) -> u64 {
        match (self.low.get(at), self.high.get(at)) {
            (Some(low), Some(high)) => u64::from(*high) << 32 | u64::from(*low),
            _ => 0,
        }
    }

    #[inline]
    fn set_times(&mut self, created: u64, updated: u64, expires: Option<NonZeroU64>) {
        let times = [created, updated, expires.map_or(0, NonZeroU64::get)].map(|t| t.min(MAX_TIME));
        self.low = times.map(|t| t as u32);
        self.high = times.map(|t| (t >> 32) as u16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was() {
        for (created_at, updated_at, expires) in [
            (0, 1, 0),
            (1 << 32, (1 << 41) + 5, (1 << 45) + 9),
            (MAX_TIME, MAX_TIME, MAX_TIME),
        ] {
            let mut metadata = Metadata::new();
            metadata.insert("a", 1.into());
            let record = Record {
                value: "v".into(),
                metadata: Some(Box::new(metadata)),
                created_at,
                updated_at,
                expires_at: NonZeroU64::new(expires),
                writes: vec![7, 8],
            };
            let mut entry = Entry::new("k", Record::default(), 1);
            assert!(entry.extra.is_none());
            assert!(entry.name());
            entry.replace(record.clone(), u64::MAX);
            assert!(!entry.name() && !entry.is_dead());
            let back = entry.lend().to_record();
            assert_eq!(format!("{back:?}"), format!("{record:?}"));
            assert_eq!(entry.version, u64::MAX);
            entry.bury();
            assert!(entry.is_dead() && entry.extra.is_none());
            assert_eq!(entry.key().as_str(), "k");
        }
    }

    #[test]
    fn a_time_that_does_not_fit_is_the_latest_one() {
        let record = Record {
            created_at: u64::MAX,
            ..Record::default()
        };
        assert_eq!(Entry::new("k", record, 1).lend().created_at, MAX_TIME);
    }
}
