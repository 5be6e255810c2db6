//! Steps on many keys: named, matched, or all of them.

use crate::{
    ops::{KEYS, PATTERNS, SPACES, ttl, value},
    pair::{Pair, Step},
};
use dataknobs_kv::{
    AtomicOutcome, Check, ErrorKind, Object, ScanOptions, SetOptions, backend::Backend,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

impl<B: Backend> Pair<B> {
    pub(crate) async fn set_many(
        &mut self,
        s: usize,
        entries: &[(usize, u8, Option<u16>)],
    ) -> Step {
        let (store, m) = self.at(s);
        let given = entries.iter().map(|(key, v, t)| {
            let options = SetOptions {
                ttl: t.map(ttl),
                ..SetOptions::default()
            };
            (KEYS[*key], value(*v), options)
        });
        for result in store.set_many(given.collect::<Vec<_>>()).await.unwrap() {
            prop_assert!(result.is_ok());
        }
        for (key, v, t) in entries {
            let row = m.new_row(value(*v), Object::new(), *t);
            m.put(s, KEYS[*key], row);
        }
        Ok(())
    }

    pub(crate) async fn delete_many(&mut self, s: usize, keys: &[usize]) -> Step {
        let (store, m) = self.at(s);
        let keys: Vec<&str> = keys.iter().map(|k| KEYS[*k]).collect();
        let count = store.delete_many(&keys).await.unwrap();
        let mut wanted = 0;
        for key in keys {
            wanted += u64::from(m.remove(s, key));
        }
        prop_assert_eq!(count, wanted);
        Ok(())
    }

    pub(crate) async fn get_many(&mut self, s: usize, keys: &[usize]) -> Step {
        let (store, m) = self.at(s);
        let keys: Vec<&str> = keys.iter().map(|k| KEYS[*k]).collect();
        let wanted = keys
            .iter()
            .map(|k| m.live(s, k).map(|row| row.value.clone()));
        let wanted: Vec<_> = wanted.collect();
        prop_assert_eq!(store.get_many(&keys).await.unwrap(), wanted);
        Ok(())
    }

    pub(crate) async fn atomic(
        &mut self,
        s: usize,
        checks: &[(usize, bool)],
        writes: &[(usize, Option<u8>)],
    ) -> Step {
        let (store, m) = self.at(s);
        let mut atomic = store.atomic();
        let mut failed = None;
        for (at, (key, current)) in checks.iter().enumerate() {
            let key = KEYS[*key];
            let there = m.live(s, key).is_some();
            let check = match (there, current) {
                (false, true) => Check::Absent,
                (true, false) if at % 2 == 0 => Check::Absent,
                _ => Check::Version(m.version(s, key, *current)),
            };
            if !current {
                failed = failed.or(Some(at));
            }
            atomic = atomic.check(key, check);
        }
        for (key, v) in writes {
            atomic = match v {
                Some(v) => atomic.set(KEYS[*key], value(*v)),
                None => atomic.delete(KEYS[*key]),
            };
        }
        let repeated = |keys: Vec<usize>| keys.iter().collect::<BTreeSet<_>>().len() < keys.len();
        let refused = repeated(checks.iter().map(|c| c.0).collect())
            || repeated(writes.iter().map(|w| w.0).collect());
        match atomic.commit().await {
            Err(error) => {
                prop_assert!(refused && error.kind() == ErrorKind::InvalidArgument);
            }
            Ok(AtomicOutcome::Lost { index, .. }) => {
                prop_assert!(!refused);
                prop_assert_eq!(Some(index), failed);
            }
            Ok(AtomicOutcome::Done(versions)) => {
                prop_assert!(!refused && failed.is_none());
                prop_assert_eq!(versions.len(), writes.len());
                for ((key, v), version) in writes.iter().zip(versions) {
                    prop_assert_eq!(version.is_some(), v.is_some());
                    match v {
                        Some(v) => {
                            let row = m.new_row(value(*v), Object::new(), None);
                            m.put(s, KEYS[*key], row);
                        }
                        None => {
                            m.remove(s, KEYS[*key]);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn scan(
        &mut self,
        s: usize,
        scan: (usize, Option<usize>, Option<u8>, bool),
    ) -> Step {
        let (store, m) = self.at(s);
        let (pattern, after, limit, reverse) = scan;
        let pattern = PATTERNS[pattern];
        let after = after.map(|k| KEYS[k]);
        let mut wanted = m.matching(s, pattern);
        wanted.retain(|key| after.is_none_or(|a| if reverse { **key < *a } else { **key > *a }));
        if reverse {
            wanted.reverse();
        }
        wanted.truncate(limit.map_or(usize::MAX, usize::from));
        let options = ScanOptions {
            limit: limit.map(usize::from),
            after: after.map(str::to_owned),
            reverse,
        };
        let found = store.keys_with(pattern, &options).await.unwrap();
        prop_assert_eq!(&found, &wanted, "{}", pattern);
        let mut scan = store.scan(pattern, options).unwrap();
        for key in &wanted {
            let entry = scan.next_page(1).await.unwrap().pop();
            prop_assert_eq!(entry.as_ref().map(|e| &e.key), Some(key));
            let row = m.live(s, key).map(|row| row.value.clone());
            prop_assert_eq!(entry.map(|e| e.value), row);
        }
        prop_assert!(scan.next().await.unwrap().is_none());
        Ok(())
    }

    pub(crate) async fn count(&mut self, s: usize, pattern: usize) -> Step {
        let (store, m) = self.at(s);
        let wanted = m.matching(s, PATTERNS[pattern]);
        let count = store.count_pattern(PATTERNS[pattern]).await.unwrap();
        prop_assert_eq!(count, wanted.len() as u64);
        Ok(())
    }

    pub(crate) async fn delete_pattern(&mut self, s: usize, pattern: usize) -> Step {
        let (store, m) = self.at(s);
        let wanted = m.matching(s, PATTERNS[pattern]);
        let count = store.delete_pattern(PATTERNS[pattern]).await.unwrap();
        prop_assert_eq!(count, wanted.len() as u64);
        for key in wanted {
            m.remove(s, &key);
        }
        Ok(())
    }

    pub(crate) async fn cleanup(&mut self, s: usize) -> Step {
        let (store, m) = self.at(s);
        let expired = m.forget_expired(s);
        let count = store.cleanup_expired().await.unwrap();
        prop_assert_eq!(count, expired);
        Ok(())
    }

    pub(crate) async fn clear(&mut self, s: usize) -> Step {
        let (store, m) = self.at(s);
        m.forget_expired(s);
        let live = m.matching(s, "**");
        prop_assert_eq!(store.clear().await.unwrap(), live.len() as u64);
        for key in live {
            m.remove(s, &key);
        }
        Ok(())
    }

    pub(crate) async fn namespaces(&mut self, s: usize) -> Step {
        let (store, m) = self.at(s);
        let wanted = (0..3).filter(|s| !m.matching(*s, "**").is_empty());
        let mut wanted: Vec<&str> = wanted.map(|s| SPACES[s]).collect();
        wanted.sort_unstable();
        prop_assert_eq!(store.namespaces().await.unwrap(), wanted);
        Ok(())
    }
}
