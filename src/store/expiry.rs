//! Time to live: one law on every backend. An entry has expired when `now >= expires_at`, and is
//! then absent for every operation; garbage is collected later.

use super::{Ops, Store, Ttl};
use crate::{
    backend::{
        Applied, Backend, Change, Commit, Decision, Expect, Found, Freshness, Mutation, Scan, Want,
    },
    error::Result,
    record::{StoredRef, Version},
};
use std::{ops::ControlFlow, sync::Arc, time::Duration};

/// How many expired entries are removed in one request.
const PAGE: usize = 1000;

impl<B: Backend> Store<B> {
    /// How long the entry under `key` has left: `None` where there is no entry, `Some(None)` where
    /// it does not expire.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn ttl(&self, key: &str) -> Result<Option<Option<Duration>>> {
        let ops = self.ops();
        let mut expires_at = None;
        let mut look = |stored: Option<StoredRef<'_>>| expires_at = stored.map(|s| s.expires_at);
        wait!(ops.peek(key, &mut look))?;
        let now = ops.host().now();
        Ok(expires_at.map(|at| at.map(|at| Duration::from_millis(at.get().saturating_sub(now)))))
    }

    /// Lets the entry under `key` expire after `ttl`. Was there one?
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn expire(&self, key: &str, ttl: Ttl) -> Result<bool> {
        wait!(self.ops().change_expiry(key, Some(ttl)))
    }

    /// Lets the entry under `key` never expire. Was there one?
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn persist(&self, key: &str) -> Result<bool> {
        wait!(self.ops().change_expiry(key, None))
    }

    /// Removes what has expired in this namespace, and has been so for as long as another client's
    /// clock may differ (the backend's `clock_skew`). How many entries it removed.
    ///
    /// # Errors
    /// `closed`, and what the backend says.
    pub async fn cleanup_expired(&self) -> Result<u64> {
        wait!(self.ops().cleanup_expired())
    }

    /// [`cleanup_expired`](Store::cleanup_expired) in every namespace of this connection.
    ///
    /// # Errors
    /// As [`cleanup_expired`](Store::cleanup_expired): the first, once every namespace was tried.
    pub async fn cleanup_all_expired(&self) -> Result<u64> {
        let ops = self.ops();
        ops.check_open()?;
        let mut count = 0;
        let mut fault = None;
        for namespace in &wait!(ops.backend.dyn_namespaces())? {
            // What goes wrong in one is no reason to leave the others.
            match wait!((Ops { namespace, ..ops }).cleanup_expired()) {
                Ok(removed) => count += removed,
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        match fault {
            None => Ok(count),
            Some(error) => Err(error),
        }
    }

    /// Removes what has expired, in every namespace, every `interval` until the store is closed or dropped: give the
    /// future to your runtime. It does not keep the store alive. Errors are left to the next round.
    pub fn auto_cleanup(
        &self,
        interval: Duration,
    ) -> impl Future<Output = ()> + crate::MaybeSend + use<B> {
        let store = self.downgrade();
        let host = Arc::clone(&self.shared.common.host);
        async move {
            loop {
                host.sleep(interval.as_millis() as u64).await;
                let Some(store) = store.upgrade() else {
                    return;
                };
                if store.is_closed() {
                    return;
                }
                let _ = wait!(store.cleanup_all_expired());
            }
        }
    }
}

impl Ops<'_> {
    async fn change_expiry(&self, key: &str, ttl: Option<Ttl>) -> Result<bool> {
        let outcome = wait!(self.change(
            self.key(key)?,
            &mut |stored: Option<StoredRef<'_>>, now| {
                let Some(stored) = stored else {
                    return Ok(None);
                };
                let expires_at = ttl.map(|ttl| ttl.after(now));
                if expires_at == stored.expires_at {
                    return Ok(Some(Decision::Keep));
                }
                let mut record = stored.to_record();
                record.expires_at = expires_at;
                record.updated_at = now;
                Ok(Some(Decision::Put(record)))
            }
        ))?;
        Ok(outcome.is_done())
    }

    async fn cleanup_expired(&self) -> Result<u64> {
        self.check_open()?;
        let skew = self.common.limits.clock_skew;
        let before = self.host().now().saturating_sub(skew);
        if let Some(count) = wait!(self.backend.dyn_sweep(self.namespace, before))? {
            return Ok(count);
        }
        let mut count = 0;
        let mut resume: Option<Box<str>> = None;
        loop {
            let query = Scan {
                namespace: self.namespace,
                prefix: "",
                after: resume.as_deref(),
                limit: PAGE,
                reverse: false,
                pattern: None,
                want: Want::Keys,
                ids: false,
            };
            let mut expired: Vec<String> = Vec::new();
            let mut step = |found: &Found<'_>| {
                if found.expires_at.is_some_and(|at| at.get() <= before) {
                    expired.push(found.key.to_owned());
                }
                ControlFlow::Continue(())
            };
            let next = wait!(self.backend.dyn_walk(&query, &mut step))?;
            count += wait!(self.remove_expired(&expired, before))?;
            match next {
                Some(next) => resume = Some(next),
                None => return Ok(count),
            }
            self.check_open()?;
        }
    }

    /// Removes those of `keys` whose record is still an expired one, each on its version.
    async fn remove_expired(&self, keys: &[String], before: u64) -> Result<u64> {
        if keys.is_empty() {
            return Ok(0);
        }
        let keys = self.keys_of(keys)?;
        let mut versions: Vec<Option<Version>> = Vec::with_capacity(keys.len());
        let mut look = |_, stored: Option<StoredRef<'_>>| {
            let garbage = stored.filter(|s| s.expired(before));
            versions.push(garbage.map(|s| s.version.to_version()));
        };
        wait!(self.backend.dyn_visit(&keys, Freshness::Latest, &mut look))?;
        let batch: Vec<Mutation<'_>> = keys
            .iter()
            .zip(&versions)
            .filter_map(|(key, version)| {
                version.as_ref().map(|version| Mutation {
                    key: *key,
                    expect: Expect::At(version),
                    change: Change::Delete,
                })
            })
            .collect();
        let mut count = 0;
        for answer in wait!(self.backend.dyn_write(&batch)) {
            match answer? {
                Commit::Done(applied) if matches!(*applied, [Applied::Deleted(_)]) => count += 1,
                // Somebody wrote it anew, or removed it first.
                _ => {}
            }
        }
        Ok(count)
    }
}
