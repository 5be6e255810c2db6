//! Operations on one key.

use super::{Entry, Now, Outcome, SetOptions, Store};
use crate::{
    backend::{Applied, Backend, Change, Commit, Decision, Expect, Freshness, Mutation, Was},
    error::{Error, ErrorKind, Result},
    key::Key,
    maybe_send::MaybeSend,
    record::{Record, StoredRef, Version},
    value::Value,
};

impl<B: Backend> Store<B> {
    /// The value under `key`, or `None`.
    ///
    /// # Errors
    /// `invalid-key`, `closed`, and what the backend says.
    pub async fn get(&self, key: &str) -> Result<Option<Value>> {
        self.view(key, |stored| stored.map(|s| s.value.clone()))
            .await
    }

    /// The entry under `key`: value, metadata and the system fields, or `None`.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn get_entry(&self, key: &str) -> Result<Option<Entry>> {
        self.peek(key, |stored| stored.map(|s| Entry::new(key, s)))
            .await
    }

    /// Is there an entry under `key`?
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn exists(&self, key: &str) -> Result<bool> {
        self.peek(key, |stored| stored.is_some()).await
    }

    /// Lends the entry under `key` to `f`, without a copy. `f` may run under the backend's lock and
    /// must not use the store.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    #[inline]
    pub async fn view<R: MaybeSend>(
        &self,
        key: &str,
        f: impl FnOnce(Option<StoredRef<'_>>) -> R + MaybeSend,
    ) -> Result<R> {
        let key = self.key(key)?;
        let mut now = self.now();
        let mut f = Some(f);
        let mut result = None;
        self.shared
            .backend
            .visit(&[key], Freshness::Cached, |_, stored| {
                if let Some(f) = f.take() {
                    result = Some(f(now.live(stored)));
                }
            })
            .await
            .map_err(|e| e.with_key(key.as_str()))?;
        result.ok_or_else(|| crate::backend::update::wrong_count("read", 1, 0))
    }

    /// [`view`](Store::view) once for all that need not be the fastest.
    pub(super) async fn peek<R: MaybeSend>(
        &self,
        key: &str,
        f: impl FnOnce(Option<StoredRef<'_>>) -> R + MaybeSend,
    ) -> Result<R> {
        let mut f = Some(f);
        let mut result = None;
        self.peek_dyn(key, &mut |live: Option<StoredRef<'_>>| {
            if let Some(f) = f.take() {
                result = Some(f(live));
            }
        })
        .await?;
        result.ok_or_else(|| crate::backend::update::wrong_count("read", 1, 0))
    }

    async fn peek_dyn(&self, key: &str, look: &mut dyn Look) -> Result<()> {
        self.view(key, |live| look.look(live)).await
    }

    /// Writes a new entry with `value` under `key`, whatever is there; it never expires.
    /// The version of what was written.
    ///
    /// # Errors
    /// `invalid-key`, `invalid-argument`, `closed`, and what the backend says.
    pub async fn set(&self, key: &str, value: impl Into<Value> + MaybeSend) -> Result<Version> {
        let record = self.new_record(value.into(), &SetOptions::default(), &mut self.now())?;
        let key = self.key(key)?;
        self.shared.backend.put(self.host(), key, record).await
    }

    /// Writes a new entry as `options` say.
    ///
    /// ```
    /// # use dataknobs_kv::{SetOptions, Store, Ttl};
    /// # pollster::block_on(async {
    /// # let store = Store::memory();
    /// let lock = SetOptions { if_absent: true, ttl: Some(Ttl::seconds(30.0)?), ..SetOptions::default() };
    /// assert!(store.set_with("lock", "me", lock.clone()).await?.is_done());
    /// assert!(!store.set_with("lock", "you", lock).await?.is_done());
    /// # Ok::<(), dataknobs_kv::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `invalid-key`, `invalid-argument`, `closed`, and what the backend says.
    pub async fn set_with(
        &self,
        key: &str,
        value: impl Into<Value> + MaybeSend,
        mut options: SetOptions,
    ) -> Result<Outcome> {
        let key = self.key(key)?;
        options.check().map_err(|e| e.with_key(key.as_str()))?;
        let mut now = self.now();
        let record = self.new_record(value.into(), &options, &mut now)?;
        if options.is_blind() {
            let version = self.shared.backend.put(self.host(), key, record).await?;
            return Ok(Outcome::Done(Some(version)));
        }
        self.change(key, now, |stored, _| {
            let wanted = match (&options.if_version, &stored) {
                (Some(version), Some(stored)) => stored.version == *version,
                (Some(_), None) => false,
                (None, stored) => !options.if_absent || stored.is_none(),
            };
            if !wanted {
                return Ok(None);
            }
            let mut record = record.clone();
            if let Some(stored) = stored {
                if options.keep_ttl {
                    record.expires_at = stored.expires_at;
                }
                if options.keep_metadata {
                    record.metadata = stored.metadata.map(|m| Box::new(m.clone()));
                }
                record.writes = stored.writes.to_vec();
            }
            Ok(Some(Decision::Put(record)))
        })
        .await
    }

    /// A record that is written now.
    pub(super) fn new_record(
        &self,
        value: Value,
        options: &SetOptions,
        now: &mut Now<'_>,
    ) -> Result<Record> {
        check_value(&value)?;
        let now = now.get();
        Ok(Record {
            value,
            metadata: options
                .metadata
                .as_ref()
                .filter(|m| !m.is_empty())
                .map(|m| Box::new(m.clone())),
            created_at: now,
            updated_at: now,
            expires_at: options.ttl.map(|ttl| ttl.after(now)),
            writes: Vec::new(),
        })
    }

    /// The one way to change an entry under a condition: `decide` sees the live entry and says what
    /// to do; `None` says that the condition does not hold.
    pub(super) async fn change(
        &self,
        key: Key<'_>,
        now: Now<'_>,
        mut decide: impl FnMut(Option<StoredRef<'_>>, u64) -> Result<Option<Decision>> + MaybeSend,
    ) -> Result<Outcome> {
        self.change_dyn(key, now, &mut decide).await
    }

    /// [`change`](Store::change) once for all operations: a copy for each is 10 KB of wasm.
    async fn change_dyn(
        &self,
        key: Key<'_>,
        mut now: Now<'_>,
        decide: &mut dyn Decide,
    ) -> Result<Outcome> {
        let mut lost = None;
        let version = self
            .shared
            .backend
            .update(self.host(), key, |stored| {
                lost = None;
                let live = now.live(stored);
                let decision = decide
                    .decide(live, now.get())
                    .map_err(|e| e.with_key(key.as_str()))?;
                Ok(match (decision, stored) {
                    (None, _) => {
                        lost = Some(live.map(|s| Box::new(Entry::new(key.as_str(), s))));
                        Decision::Keep
                    }
                    // Put over an expired record: its ring goes on, so that a lost answer is told.
                    (Some(Decision::Put(mut record)), Some(old)) if live.is_none() => {
                        record.writes = old.writes.to_vec();
                        Decision::Put(record)
                    }
                    (Some(decision), _) => decision,
                })
            })
            .await?;
        Ok(match lost {
            Some(entry) => Outcome::Lost(entry),
            None => Outcome::Done(version),
        })
    }

    /// Removes the entry under `key`, whatever it is. Was there one?
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn delete(&self, key: &str) -> Result<bool> {
        let key = self.key(key)?;
        let mutation = Mutation {
            key,
            expect: Expect::Any,
            change: Change::Delete,
        };
        let commit = self.shared.backend.commit(&[mutation]).await;
        deleted(commit, &mut self.now()).map_err(|e| e.with_key(key.as_str()))
    }

    /// Removes the entry under `key` if it is of this version.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn delete_if(&self, key: &str, version: &Version) -> Result<Outcome> {
        self.change(self.key(key)?, self.now(), |stored, _| {
            Ok(stored
                .filter(|s| s.version == *version)
                .map(|_| Decision::Delete))
        })
        .await
    }

    /// Takes the entry under `key` out: its value, or `None`.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn get_and_delete(&self, key: &str) -> Result<Option<Value>> {
        let mut taken = None;
        self.change(self.key(key)?, self.now(), |stored, _| {
            taken = stored.map(|s| s.value.clone());
            Ok(taken.is_some().then_some(Decision::Delete))
        })
        .await?;
        Ok(taken)
    }

    /// Copies the entry under `from` to `to`, over whatever is there: value, metadata and expiry.
    /// Was there one?
    ///
    /// # Errors
    /// As [`set`](Store::set).
    pub async fn copy(&self, from: &str, to: &str) -> Result<bool> {
        let (from, to) = (self.key(from)?, self.key(to)?);
        let mut now = self.now();
        let mut found = self
            .cold()
            .read(&[from], Freshness::Latest)
            .await
            .map_err(|e| e.with_key(from.as_str()))?;
        let found = found.pop().flatten();
        let live = found.filter(|stored| now.live(Some(stored.lend())).is_some());
        let record = live.map(|stored| stored.record);
        let Some(mut record) = record else {
            return Ok(false);
        };
        if from == to {
            return Ok(true);
        }
        record.created_at = now.get();
        record.updated_at = record.created_at;
        record.writes.clear();
        self.shared.backend.put(self.host(), to, record).await?;
        Ok(true)
    }

    /// Moves the entry under `from` to `to`, over whatever is there, with metadata, times and
    /// expiry: in one step where the backend can change two keys at once, and else the copy first,
    /// so that nothing is lost between the two. Was there one?
    ///
    /// # Errors
    /// As [`set`](Store::set); `conflict` where others kept changing the entry.
    pub async fn rename(&self, from: &str, to: &str) -> Result<bool> {
        if from == to {
            return self.exists(from).await;
        }
        let (from, to) = (self.key(from)?, self.key(to)?);
        self.move_entry(from, to).await
    }
}

/// What a change does with the live entry and the time.
trait Decide: MaybeSend {
    fn decide(&mut self, live: Option<StoredRef<'_>>, now: u64) -> Result<Option<Decision>>;
}

impl<F> Decide for F
where
    F: FnMut(Option<StoredRef<'_>>, u64) -> Result<Option<Decision>> + MaybeSend,
{
    fn decide(&mut self, live: Option<StoredRef<'_>>, now: u64) -> Result<Option<Decision>> {
        self(live, now)
    }
}

/// What looks at a live entry.
pub(super) trait Look: MaybeSend {
    fn look(&mut self, live: Option<StoredRef<'_>>);
}

impl<F: FnMut(Option<StoredRef<'_>>) + MaybeSend> Look for F {
    fn look(&mut self, live: Option<StoredRef<'_>>) {
        self(live);
    }
}

/// A value that may be stored.
pub(super) fn check_value(value: &Value) -> Result<()> {
    match value {
        Value::Array(_) | Value::Object(_) | Value::Tagged(_) => value.check_depth(),
        _ => Ok(()),
    }
}

/// Did a delete remove an entry that somebody could see?
pub(super) fn deleted(commit: Result<Commit>, now: &mut Now<'_>) -> Result<bool> {
    match commit? {
        Commit::Done(applied) => Ok(match applied.first() {
            Some(Applied::Deleted(Was::Stored(Some(at)))) => now.get() < at.get(),
            Some(Applied::Deleted(Was::Absent)) => false,
            _ => true,
        }),
        Commit::Conflict { .. } => Err(Error::new(
            ErrorKind::Corrupt,
            "the backend refused a delete without a condition as a conflict: it is broken",
        )),
    }
}
