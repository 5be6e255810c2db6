//! Operations on one key.

use super::{Entry, Now, Ops, Outcome, SetOptions, Store};
use crate::{
    backend::{
        Applied, Backend, Change, Commit, Decision, Expect, Freshness, Mutation, Was, update,
    },
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
        wait!(self.view(key, |stored| stored.map(|s| s.value.clone())))
    }

    /// The entry under `key`: value, metadata and the system fields, or `None`.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn get_entry(&self, key: &str) -> Result<Option<Entry>> {
        let mut entry = None;
        let mut look = |stored: Option<StoredRef<'_>>| entry = stored.map(|s| Entry::new(key, s));
        wait!(self.ops().peek(key, &mut look))?;
        Ok(entry)
    }

    /// Is there an entry under `key`?
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn exists(&self, key: &str) -> Result<bool> {
        wait!(self.view(key, |stored| stored.is_some()))
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
        let ops = self.ops();
        let key = ops.key(key)?;
        let mut now = ops.now();
        let mut f = Some(f);
        let mut result = None;
        wait!(
            self.shared
                .backend
                .visit(&[key], Freshness::Cached, |_, stored| {
                    if let Some(f) = f.take() {
                        result = Some(f(now.live(stored)));
                    }
                })
        )
        .map_err(|e| e.with_key(key.as_str()))?;
        result.ok_or_else(|| crate::backend::update::wrong_count("read", 1, 0))
    }

    /// Writes a new entry with `value` under `key`, whatever is there; it never expires.
    /// The version of what was written.
    ///
    /// # Errors
    /// `invalid-key`, `invalid-argument`, `closed`, and what the backend says.
    pub async fn set(&self, key: &str, value: impl Into<Value> + MaybeSend) -> Result<Version> {
        let ops = self.ops();
        let record = new_record(value.into(), &SetOptions::default(), ops.now().get())?;
        let key = ops.key(key)?;
        let put = wait!(self.shared.backend.put(ops.host(), key, record));
        put.map_err(|e| e.with_key(key.as_str()))
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
        let ops = self.ops();
        let key = ops.key(key)?;
        options.check().map_err(|e| e.with_key(key.as_str()))?;
        let value = value.into();
        if options.is_blind() {
            let record = new_record(value, &options, ops.now().get())?;
            let put = wait!(self.shared.backend.put(ops.host(), key, record));
            let version = put.map_err(|e| e.with_key(key.as_str()))?;
            return Ok(Outcome::Done(Some(version)));
        }
        wait!(ops.set_if(key, value, &options))
    }

    /// Removes the entry under `key`, whatever it is. Was there one?
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn delete(&self, key: &str) -> Result<bool> {
        let ops = self.ops();
        let key = ops.key(key)?;
        let mutation = Mutation {
            key,
            expect: Expect::Any,
            change: Change::Delete,
        };
        let commit = wait!(self.shared.backend.commit(&[mutation]));
        deleted(commit, &mut ops.now()).map_err(|e| e.with_key(key.as_str()))
    }

    /// Removes the entry under `key` if it is of this version.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn delete_if(&self, key: &str, version: &Version) -> Result<Outcome> {
        let ops = self.ops();
        let mut decide = |stored: Option<StoredRef<'_>>, _| {
            let same = stored.filter(|s| s.version == *version);
            Ok(same.map(|_| Decision::Delete))
        };
        wait!(ops.change(ops.key(key)?, &mut decide))
    }

    /// Takes the entry under `key` out: its value, or `None`.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn get_and_delete(&self, key: &str) -> Result<Option<Value>> {
        let ops = self.ops();
        let mut taken = None;
        let mut decide = |stored: Option<StoredRef<'_>>, _| {
            taken = stored.map(|s| s.value.clone());
            Ok(taken.is_some().then_some(Decision::Delete))
        };
        wait!(ops.change(ops.key(key)?, &mut decide))?;
        Ok(taken)
    }

    /// Copies the entry under `from` to `to`, over whatever is there: value, metadata and expiry.
    /// Was there one?
    ///
    /// # Errors
    /// As [`set`](Store::set).
    pub async fn copy(&self, from: &str, to: &str) -> Result<bool> {
        let ops = self.ops();
        wait!(ops.copy_entry(ops.key(from)?, ops.key(to)?))
    }

    /// Moves the entry under `from` to `to`, over whatever is there, with metadata, times and
    /// expiry: in one step where the backend can change two keys at once, and else the copy first,
    /// so that nothing is lost between the two. Was there one?
    ///
    /// # Errors
    /// As [`set`](Store::set); `conflict` where others kept changing the entry.
    pub async fn rename(&self, from: &str, to: &str) -> Result<bool> {
        if from == to {
            return wait!(self.exists(from));
        }
        let ops = self.ops();
        wait!(ops.move_entry(ops.key(from)?, ops.key(to)?))
    }
}

/// What a change does with the live entry and the time; `None` says that the condition does not hold.
pub(super) trait Decide: MaybeSend {
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

impl Ops<'_> {
    /// Lends the live entry under `key` to `look`.
    pub(super) async fn peek(&self, key: &str, look: &mut dyn Look) -> Result<()> {
        let key = self.key(key)?;
        let mut now = self.now();
        let mut looked = false;
        let mut visit = |_, stored: Option<StoredRef<'_>>| {
            looked = true;
            look.look(now.live(stored));
        };
        wait!(
            self.backend
                .dyn_visit(&[key], Freshness::Cached, &mut visit)
        )
        .map_err(|e| e.with_key(key.as_str()))?;
        if looked {
            return Ok(());
        }
        Err(update::wrong_count("read", 1, 0))
    }

    /// The one way to change an entry under a condition: `decide` sees the live entry and the time,
    /// both as they are when the change is tried, and again where somebody else was faster.
    pub(super) async fn change(&self, key: Key<'_>, decide: &mut dyn Decide) -> Result<Outcome> {
        let mut lost = None;
        let mut step = |stored: Option<StoredRef<'_>>| {
            self.check_open()?;
            let mut now = self.now();
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
        };
        let version = wait!(self.backend.dyn_update(self.host(), key, &mut step))
            .map_err(|e| e.with_key(key.as_str()))?;
        Ok(match lost {
            Some(entry) => Outcome::Lost(entry),
            None => Outcome::Done(version),
        })
    }

    /// Writes a new entry as checked options say that have conditions, or keep something.
    async fn set_if(&self, key: Key<'_>, value: Value, options: &SetOptions) -> Result<Outcome> {
        check_value(&value).map_err(|e| e.with_key(key.as_str()))?;
        wait!(self.change(key, &mut |stored: Option<StoredRef<'_>>, now| {
            let wanted = match (&options.if_version, &stored) {
                (Some(version), Some(stored)) => stored.version == *version,
                (Some(_), None) => false,
                (None, stored) => !options.if_absent || stored.is_none(),
            };
            if !wanted {
                return Ok(None);
            }
            let mut record = new_record(value.clone(), options, now)?;
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
        }))
    }

    async fn copy_entry(&self, from: Key<'_>, to: Key<'_>) -> Result<bool> {
        let found = wait!(self.backend.dyn_read(&[from], Freshness::Latest));
        let found = found.map_err(|e| e.with_key(from.as_str()))?.pop();
        let now = self.host().now();
        let live = found.flatten().filter(|stored| !stored.lend().expired(now));
        let Some(mut record) = live.map(|stored| stored.record) else {
            return Ok(false);
        };
        if from == to {
            return Ok(true);
        }
        record.created_at = now;
        record.updated_at = now;
        record.writes.clear();
        self.check_open()?;
        let put = wait!(update::put(self.backend, self.host(), to, record));
        put.map(|_| true).map_err(|e| e.with_key(to.as_str()))
    }
}

/// A record that is written at `now`.
#[inline]
pub(super) fn new_record(value: Value, options: &SetOptions, now: u64) -> Result<Record> {
    check_value(&value)?;
    let metadata = options.metadata.as_ref().filter(|m| !m.is_empty());
    Ok(Record {
        value,
        metadata: metadata.map(|m| Box::new(m.clone())),
        created_at: now,
        updated_at: now,
        expires_at: options.ttl.map(|ttl| ttl.after(now)),
        writes: Vec::new(),
    })
}

/// A value that may be stored.
#[inline]
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
