//! The store and the model, side by side.

use crate::{
    model::Model,
    ops::{KEYS, Op, SPACES},
};
use dataknobs_kv::{
    Host, Object, Store, Value,
    backend::{
        Backend,
        memory::{Memory, MemoryOptions},
    },
    conformance::ManualHost,
};
use proptest::prelude::*;
use std::sync::Arc;

/// What a step finds.
pub(crate) type Step = Result<(), TestCaseError>;

pub(crate) struct Pair<B: Backend> {
    stores: Vec<Store<B>>,
    host: Arc<ManualHost>,
    model: Model,
}

fn same(a: &Object, b: &Object) -> bool {
    Value::from(a.clone()) == Value::from(b.clone())
}

impl<B: Backend> Pair<B> {
    pub(crate) fn new(make: impl Fn(Memory) -> B) -> Pair<B> {
        let host = ManualHost::new(1_700_000_000_000);
        let memory = Memory::new(MemoryOptions::default(), host.clone());
        let root = Store::new(make(memory), host.clone());
        let mut stores = vec![root.clone()];
        stores.extend(SPACES[1..].iter().map(|name| root.namespace(name).unwrap()));
        let model = Model {
            now: host.now(),
            ..Model::default()
        };
        Pair {
            stores,
            host,
            model,
        }
    }

    pub(crate) fn at(&mut self, s: usize) -> (Store<B>, &mut Model) {
        (self.stores[s].clone(), &mut self.model)
    }

    pub(crate) async fn step(&mut self, s: usize, op: &Op) -> Step {
        match op {
            Op::Set(set) => self.set(s, set).await,
            Op::Delete(key) => self.delete(s, *key).await,
            Op::DeleteIf(key, current) => self.delete_if(s, *key, *current).await,
            Op::Take(key) => self.take(s, *key).await,
            Op::Rename(from, to) => self.rename(s, *from, *to).await,
            Op::Copy(from, to) => self.copy(s, *from, *to).await,
            Op::SetMany(entries) => self.set_many(s, entries).await,
            Op::DeleteMany(keys) => self.delete_many(s, keys).await,
            Op::GetMany(keys) => self.get_many(s, keys).await,
            Op::Swap(key, old, new) => self.swap(s, *key, *old, *new).await,
            Op::Increment(key, delta) => self.increment(s, *key, *delta).await,
            Op::Append(key, v) => self.append(s, *key, *v).await,
            Op::Update(key, v) => self.update(s, *key, *v).await,
            Op::SetMeta(key, n) => self.metadata(s, *key, *n, true).await,
            Op::ReplaceMeta(key, n) => self.metadata(s, *key, *n, false).await,
            Op::Expire(key, ttl) => self.expiry(s, *key, Some(*ttl)).await,
            Op::Persist(key) => self.expiry(s, *key, None).await,
            Op::Scan(pattern, after, limit, reverse) => {
                self.scan(s, (*pattern, *after, *limit, *reverse)).await
            }
            Op::Count(pattern) => self.count(s, *pattern).await,
            Op::DeletePattern(pattern) => self.delete_pattern(s, *pattern).await,
            Op::Atomic(checks, writes) => self.atomic(s, checks, writes).await,
            Op::Cleanup => self.cleanup(s).await,
            Op::Clear => self.clear(s).await,
            Op::Namespaces => self.namespaces(s).await,
            Op::Advance(ms) => {
                self.host.advance((*ms).into());
                self.model.now += u64::from(*ms);
                Ok(())
            }
        }
    }

    /// Everything that is there, field by field; and every version is one change's only.
    pub(crate) async fn compare(&mut self) -> Step {
        for s in 0..SPACES.len() {
            for key in KEYS {
                let entry = self.stores[s].get_entry(key).await.unwrap();
                let row = self.model.live(s, key);
                let (Some(entry), Some(row)) = (&entry, row) else {
                    prop_assert!(
                        entry.is_none() && row.is_none(),
                        "{}: {:?} {:?}",
                        key,
                        entry,
                        row
                    );
                    continue;
                };
                let exact = |value: &Value| format!("{value:?}");
                prop_assert_eq!(exact(&entry.value), exact(&row.value));
                prop_assert!(same(&entry.metadata, &row.meta), "{:?} {:?}", entry, row);
                prop_assert_eq!(
                    (entry.created_at, entry.updated_at, entry.expires_at),
                    (row.created, row.updated, row.expires)
                );
                let stamp = row.stamp;
                match self.model.versions.get(&stamp) {
                    Some(known) => prop_assert_eq!(known, &entry.version),
                    None => {
                        let again = self.model.versions.values().any(|v| *v == entry.version);
                        prop_assert!(!again, "the version {} came twice", entry.version);
                        self.model.versions.insert(stamp, entry.version.clone());
                    }
                }
                // What is there now is the old version of tomorrow.
                let place = (s, key.to_owned());
                if let Some(last) = self.model.versions.range(..stamp).next_back() {
                    self.model.old.insert(place, last.1.clone());
                }
            }
        }
        Ok(())
    }
}
