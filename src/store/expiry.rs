//! Time to live: one law on every backend. An entry has expired when `now >= expires_at`, and is
//! then absent for every operation; garbage is collected later.

use super::{Store, Ttl};
use crate::{
    backend::{
        Applied, Backend, Change, Commit, Decision, Expect, Freshness, Mutation, Scan, Want,
    },
    error::Result,
    maybe_send::{MaybeSend, MaybeSync},
    record::Version,
};
use std::{num::NonZeroU64, ops::ControlFlow, sync::Arc, time::Duration};

/// How many expired entries are removed in one request.
const PAGE: usize = 1000;

impl<B: Backend> Store<B> {
    /// How long the entry under `key` has left: `None` where there is no entry, `Some(None)` where
    /// it does not expire.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn ttl(&self, key: &str) -> Result<Option<Option<Duration>>> {
        let expires_at = self
            .peek(key, |stored| stored.map(|s| s.expires_at))
            .await?;
        let now = self.host().now();
        Ok(expires_at.map(|at| at.map(|at| Duration::from_millis(at.get().saturating_sub(now)))))
    }

    /// Lets the entry under `key` expire after `ttl`. Was there one?
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn expire(&self, key: &str, ttl: Ttl) -> Result<bool> {
        self.change_expiry(key, |now| Some(ttl.after(now))).await
    }

    /// Lets the entry under `key` never expire. Was there one?
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn persist(&self, key: &str) -> Result<bool> {
        self.change_expiry(key, |_| None).await
    }

    async fn change_expiry(
        &self,
        key: &str,
        at: impl Fn(u64) -> Option<NonZeroU64> + MaybeSend + MaybeSync,
    ) -> Result<bool> {
        let outcome = self
            .change(self.key(key)?, self.now(), |stored, now| {
                Ok(stored.map(|stored| {
                    let expires_at = at(now);
                    if expires_at == stored.expires_at {
                        return Decision::Keep;
                    }
                    let mut record = stored.to_record();
                    record.expires_at = expires_at;
                    record.updated_at = now;
                    Decision::Put(record)
                }))
            })
            .await?;
        Ok(outcome.is_done())
    }

    /// Removes what has expired in this namespace, and has been so for as long as another client's
    /// clock may differ (the backend's `clock_skew`). How many entries it removed.
    ///
    /// # Errors
    /// `closed`, and what the backend says.
    pub async fn cleanup_expired(&self) -> Result<u64> {
        self.check_open()?;
        let backend = &self.shared.backend;
        let before = self
            .host()
            .now()
            .saturating_sub(self.shared.limits.clock_skew);
        if let Some(count) = backend.sweep(&self.namespace, before).await? {
            return Ok(count);
        }
        let mut count = 0;
        let mut resume: Option<Box<str>> = None;
        loop {
            let query = Scan {
                namespace: &self.namespace,
                prefix: "",
                after: resume.as_deref(),
                limit: PAGE,
                reverse: false,
                pattern: None,
                want: Want::Keys,
                ids: false,
            };
            let mut expired: Vec<String> = Vec::new();
            let next = self
                .walk_page(&query, &mut |found: crate::backend::Found<'_>| {
                    if found.expires_at.is_some_and(|at| at.get() <= before) {
                        expired.push(found.key.to_owned());
                    }
                    ControlFlow::Continue(())
                })
                .await?;
            count += self.remove_expired(&expired, before).await?;
            match next {
                Some(next) => resume = Some(next),
                None => return Ok(count),
            }
        }
    }

    /// Removes those of `keys` whose record is still an expired one, each on its version.
    async fn remove_expired(&self, keys: &[String], before: u64) -> Result<u64> {
        if keys.is_empty() {
            return Ok(0);
        }
        let keys = self.keys_of(keys)?;
        let mut versions: Vec<Option<Version>> = Vec::with_capacity(keys.len());
        self.cold()
            .visit(&keys, Freshness::Latest, |_, stored| {
                versions.push(
                    stored
                        .filter(|s| s.expires_at.is_some_and(|at| at.get() <= before))
                        .map(|s| s.version.to_version()),
                );
            })
            .await?;
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
        for answer in self.cold().write(&batch).await {
            match answer? {
                Commit::Done(applied) if matches!(*applied, [Applied::Deleted(_)]) => count += 1,
                // Somebody wrote it anew, or removed it first.
                _ => {}
            }
        }
        Ok(count)
    }

    /// Removes what has expired every `interval` until the store is closed or dropped: give the
    /// future to your runtime. It does not keep the store alive. Errors are left to the next round.
    pub fn auto_cleanup(
        &self,
        interval: Duration,
    ) -> impl Future<Output = ()> + crate::MaybeSend + use<B> {
        let store = self.downgrade();
        let host = Arc::clone(&self.shared.host);
        async move {
            loop {
                host.sleep(interval.as_millis() as u64).await;
                let Some(store) = store.upgrade() else {
                    return;
                };
                if store.check_open().is_err() {
                    return;
                }
                let _ = store.cleanup_expired().await;
            }
        }
    }
}
