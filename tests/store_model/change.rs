//! Steps that change what is there.

use crate::{
    model::Row,
    ops::{KEYS, meta, ttl, value},
    pair::{Pair, Step},
};
use dataknobs_kv::{Error, ErrorKind, Value, backend::Backend};
use proptest::prelude::*;

impl<B: Backend> Pair<B> {
    pub(crate) async fn swap(
        &mut self,
        s: usize,
        key: usize,
        old: Option<u8>,
        new: Option<u8>,
    ) -> Step {
        let (store, m) = self.at(s);
        let key = KEYS[key];
        let there = m.live(s, key).map(|row| row.value.clone());
        let (old, new) = (old.map(value), new.map(value));
        let outcome = store.compare_and_swap(key, old.as_ref(), new.clone()).await;
        prop_assert_eq!(outcome.unwrap().is_done(), there == old);
        if there == old {
            match new {
                Some(new) => m.change(s, key, new),
                None if there.is_some() => {
                    m.remove(s, key);
                }
                None => {}
            }
        }
        Ok(())
    }

    pub(crate) async fn increment(&mut self, s: usize, key: usize, delta: i8) -> Step {
        let (store, m) = self.at(s);
        let key = KEYS[key];
        let delta = i64::from(delta);
        let wanted = match m.live(s, key).map(|row| row.value.clone()) {
            None => Ok(Value::from(delta)),
            Some(Value::Int(n)) => n
                .checked_add(delta)
                .map(Value::from)
                .ok_or(ErrorKind::InvalidArgument),
            Some(Value::Float(n)) => Ok((n + delta as f64).into()),
            Some(_) => Err(ErrorKind::TypeMismatch),
        };
        let found = store.increment(key, delta).await;
        prop_assert_eq!(
            found.as_ref().map_err(Error::kind),
            wanted.as_ref().map_err(|e| *e)
        );
        if let Ok(sum) = wanted {
            m.change(s, key, sum);
        }
        Ok(())
    }

    pub(crate) async fn append(&mut self, s: usize, key: usize, v: u8) -> Step {
        let (store, m) = self.at(s);
        let (key, tail) = (KEYS[key], value(v));
        let wanted = match (m.live(s, key).map(|row| row.value.clone()), &tail) {
            (None, Value::Text(_) | Value::Bytes(_)) => Ok(tail.clone()),
            (Some(Value::Text(a)), Value::Text(b)) => Ok(format!("{a}{b}").into()),
            (Some(Value::Bytes(a)), Value::Bytes(b)) => Ok([&*a, b].concat().into()),
            (_, Value::Text(_) | Value::Bytes(_)) => Err(ErrorKind::TypeMismatch),
            _ => Err(ErrorKind::InvalidArgument),
        };
        let found = store.append(key, tail).await;
        prop_assert_eq!(
            found.as_ref().map_err(Error::kind),
            wanted.as_ref().map_err(|e| *e)
        );
        if let Ok(joined) = wanted {
            m.change(s, key, joined);
        }
        Ok(())
    }

    pub(crate) async fn update(&mut self, s: usize, key: usize, v: u8) -> Step {
        let (store, m) = self.at(s);
        let key = KEYS[key];
        let old = m.live(s, key).map(|row| row.value.clone());
        let new = Value::from(vec![old.unwrap_or(Value::Null), value(v)]);
        let update = |old: Option<Value>| {
            let new = Value::from(vec![old.unwrap_or(Value::Null), value(v)]);
            async move { Ok(new) }
        };
        match store.update(key, update).await {
            Ok(made) => {
                prop_assert_eq!(&made, &new);
                m.change(s, key, new);
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::InvalidArgument),
        }
        Ok(())
    }

    /// Merged into what is there, or in its place.
    pub(crate) async fn metadata(&mut self, s: usize, key: usize, n: u8, merge: bool) -> Step {
        let (store, m) = self.at(s);
        let key = KEYS[key];
        let there = m.live(s, key).cloned();
        let (was, merged) = if merge {
            let mut merged = there.as_ref().map(|r| r.meta.clone()).unwrap_or_default();
            for (name, v) in meta(n).iter() {
                merged.insert(name, v.clone());
            }
            (store.set_metadata(key, meta(n)).await.unwrap(), merged)
        } else {
            (store.replace_metadata(key, meta(n)).await.unwrap(), meta(n))
        };
        prop_assert_eq!(was, there.is_some());
        if let Some(row) = there {
            let updated = m.now;
            m.put(
                s,
                key,
                Row {
                    meta: merged,
                    updated,
                    ..row
                },
            );
        }
        Ok(())
    }

    /// In so many milliseconds, or never.
    pub(crate) async fn expiry(&mut self, s: usize, key: usize, to_live: Option<u16>) -> Step {
        let (store, m) = self.at(s);
        let key = KEYS[key];
        let (was, expires) = match to_live {
            Some(t) => (store.expire(key, ttl(t)).await, Some(m.now + u64::from(t))),
            None => (store.persist(key).await, None),
        };
        let there = m.live(s, key).cloned();
        prop_assert_eq!(was.unwrap(), there.is_some());
        if let Some(row) = there.filter(|row| row.expires != expires) {
            let updated = m.now;
            m.put(
                s,
                key,
                Row {
                    expires,
                    updated,
                    ..row
                },
            );
        }
        Ok(())
    }
}
