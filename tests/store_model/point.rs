//! Steps on one key.

use crate::{
    model::Row,
    ops::{KEYS, Set, When, meta, ttl, value},
    pair::{Pair, Step},
};
use dataknobs_kv::{Outcome, SetOptions, backend::Backend};
use proptest::prelude::*;

impl<B: Backend> Pair<B> {
    pub(crate) async fn set(&mut self, s: usize, set: &Set) -> Step {
        let (store, m) = self.at(s);
        let Set {
            key,
            value: v,
            ttl: t,
            meta: d,
            when,
            keep,
        } = set;
        let key = KEYS[*key];
        let (keep_ttl, keep_metadata) = (keep.0 && t.is_none(), keep.1 && d.is_none());
        let mut options = SetOptions {
            ttl: t.map(ttl),
            metadata: d.map(meta),
            keep_ttl,
            keep_metadata,
            ..SetOptions::default()
        };
        let there = m.live(s, key).cloned();
        let holds = match when {
            When::Any => true,
            When::Absent => {
                options.if_absent = true;
                there.is_none()
            }
            When::Version(current) => {
                options.if_version = Some(m.version(s, key, *current));
                *current && there.is_some()
            }
        };
        match store.set_with(key, value(*v), options).await.unwrap() {
            Outcome::Done(version) => {
                prop_assert!(holds && version.is_some());
                let mut row = m.new_row(value(*v), d.map(meta).unwrap_or_default(), *t);
                if let Some(old) = there {
                    row.expires = if keep_ttl { old.expires } else { row.expires };
                    row.meta = if keep_metadata { old.meta } else { row.meta };
                }
                m.put(s, key, row);
            }
            Outcome::Lost(entry) => {
                prop_assert!(!holds);
                prop_assert_eq!(entry.map(|e| e.value), there.map(|row| row.value));
            }
        }
        Ok(())
    }

    pub(crate) async fn delete(&mut self, s: usize, key: usize) -> Step {
        let (store, m) = self.at(s);
        let was = store.delete(KEYS[key]).await.unwrap();
        prop_assert_eq!(was, m.remove(s, KEYS[key]));
        Ok(())
    }

    pub(crate) async fn delete_if(&mut self, s: usize, key: usize, current: bool) -> Step {
        let (store, m) = self.at(s);
        let key = KEYS[key];
        let version = m.version(s, key, current);
        let done = store.delete_if(key, &version).await.unwrap().is_done();
        prop_assert_eq!(done, current && m.live(s, key).is_some());
        if done {
            m.remove(s, key);
        }
        Ok(())
    }

    pub(crate) async fn take(&mut self, s: usize, key: usize) -> Step {
        let (store, m) = self.at(s);
        let key = KEYS[key];
        let taken = store.get_and_delete(key).await.unwrap();
        prop_assert_eq!(taken, m.live(s, key).map(|row| row.value.clone()));
        if m.live(s, key).is_some() {
            m.remove(s, key);
        }
        Ok(())
    }

    pub(crate) async fn rename(&mut self, s: usize, from: usize, to: usize) -> Step {
        let (store, m) = self.at(s);
        let (from, to) = (KEYS[from], KEYS[to]);
        let there = m.live(s, from).cloned();
        prop_assert_eq!(store.rename(from, to).await.unwrap(), there.is_some());
        if let Some(row) = there.filter(|_| from != to) {
            m.remove(s, from);
            m.put(s, to, row);
        }
        Ok(())
    }

    pub(crate) async fn copy(&mut self, s: usize, from: usize, to: usize) -> Step {
        let (store, m) = self.at(s);
        let (from, to) = (KEYS[from], KEYS[to]);
        let there = m.live(s, from).cloned();
        prop_assert_eq!(store.copy(from, to).await.unwrap(), there.is_some());
        if let Some(row) = there.filter(|_| from != to) {
            let now = m.now;
            m.put(
                s,
                to,
                Row {
                    created: now,
                    updated: now,
                    ..row
                },
            );
        }
        Ok(())
    }
}
