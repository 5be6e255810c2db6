//! Changes that depend on what is there.

use super::{Check, Ops, Outcome, Store, point::check_value};
use crate::{
    backend::{
        Backend, Decision,
        update::{self, DecideLater},
    },
    error::Result,
    key::Key,
    maybe_send::{BoxFuture, MaybeSend},
    record::{Record, Stored, StoredRef},
    value::Value,
};

impl<B: Backend> Store<B> {
    /// Puts `new` in the place of `old`, where the value under `key` is the [same](Value::same);
    /// `None` stands for absent. Metadata and expiry stay.
    ///
    /// # Errors
    /// As [`set`](Store::set).
    pub async fn compare_and_swap(
        &self,
        key: &str,
        old: Option<&Value>,
        new: Option<Value>,
    ) -> Result<Outcome> {
        wait!(self.ops().compare_and_swap(key, old, new))
    }

    /// Puts `new` in the place of the value under `key`, where the entry is as `at` says. Metadata and expiry
    /// stay. It is the second half of an [`update`](Store::update) whose first was a read.
    ///
    /// # Errors
    /// As [`set`](Store::set).
    pub async fn replace(&self, key: &str, at: &Check, new: Value) -> Result<Outcome> {
        wait!(self.ops().replace(key, at, new))
    }

    /// Puts what `f` makes of the value under `key` (`None`: absent) in its place; `f` runs again
    /// where somebody else wrote meanwhile. Metadata and expiry stay. The new value.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// # let store = dataknobs_kv::Store::memory();
    /// let shout = |old: Option<dataknobs_kv::Value>| async move {
    ///     let old = old.and_then(|v| v.as_text().map(str::to_uppercase)).unwrap_or_default();
    ///     Ok((old + "!").into())
    /// };
    /// assert_eq!(store.update("word", shout).await?.as_text(), Some("!"));
    /// # Ok::<(), dataknobs_kv::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`set`](Store::set); what `f` returns; `conflict` where others kept winning.
    pub async fn update<F, R>(&self, key: &str, mut f: F) -> Result<Value>
    where
        F: FnMut(Option<Value>) -> R + MaybeSend,
        R: Future<Output = Result<Value>> + MaybeSend,
    {
        self.ops().update(key, &mut f).await
    }
}

/// A user's function from the old value to the new one.
trait Make<'r>: MaybeSend {
    fn make(&mut self, old: Option<Value>) -> BoxFuture<'r, Result<Value>>;
}

impl<'r, F, R> Make<'r> for F
where
    F: FnMut(Option<Value>) -> R + MaybeSend,
    R: Future<Output = Result<Value>> + MaybeSend + 'r,
{
    fn make(&mut self, old: Option<Value>) -> BoxFuture<'r, Result<Value>> {
        Box::pin(self(old))
    }
}

/// The decision of an update, and what it wrote last.
struct Updater<'u, 'r> {
    ops: Ops<'u>,
    key: Key<'u>,
    make: &'u mut dyn Make<'r>,
    made: Value,
}

impl Updater<'_, '_> {
    async fn next(&mut self, found: Option<Stored>) -> Result<Decision> {
        let now = self.ops.host().now();
        let mut live = found.as_ref().filter(|s| !s.lend().expired(now));
        loop {
            let old = live.map(|s| s.record.value.clone());
            let value = self.make.make(old).await?;
            check_value(&value).map_err(|e| e.with_key(self.key.as_str()))?;
            self.ops.check_open()?;
            // The clock may have moved while the function ran: the write happens now.
            let now = self.ops.host().now();
            if live.is_some_and(|s| s.lend().expired(now)) {
                live = None;
                continue;
            }
            self.made = value.clone();
            let mut record = with_value(live.map(Stored::lend), value, now);
            record.writes = found.map(|s| s.record.writes).unwrap_or_default();
            return Ok(Decision::Put(record));
        }
    }
}

impl DecideLater for Updater<'_, '_> {
    fn decide(&mut self, found: Option<Stored>) -> BoxFuture<'_, Result<Decision>> {
        Box::pin(self.next(found))
    }
}

impl Ops<'_> {
    async fn compare_and_swap(
        &self,
        key: &str,
        old: Option<&Value>,
        new: Option<Value>,
    ) -> Result<Outcome> {
        let key = self.key(key)?;
        let old = old.map(Value::materialise).transpose()?;
        if let Some(new) = &new {
            check_value(new).map_err(|e| e.with_key(key.as_str()))?;
        }
        wait!(self.change(key, &mut |stored: Option<StoredRef<'_>>, now| {
            let same = match (&old, &stored) {
                (None, None) => true,
                (Some(old), Some(stored)) => match stored.value {
                    held @ Value::Host(_) => old.same(&held.materialise()?),
                    value => old.same(value),
                },
                _ => false,
            };
            Ok(same.then(|| match &new {
                Some(new) => Decision::Put(with_value(stored, new.clone(), now)),
                None if stored.is_none() => Decision::Keep,
                None => Decision::Delete,
            }))
        }))
    }

    async fn replace(&self, key: &str, at: &Check, new: Value) -> Result<Outcome> {
        let key = self.key(key)?;
        check_value(&new).map_err(|e| e.with_key(key.as_str()))?;
        wait!(self.change(key, &mut |stored: Option<StoredRef<'_>>, now| {
            let holds = match (at, &stored) {
                (Check::Absent, None) => true,
                (Check::Version(version), Some(stored)) => stored.version == *version,
                _ => false,
            };
            Ok(holds.then(|| Decision::Put(with_value(stored, new.clone(), now))))
        }))
    }

    async fn update(&self, key: &str, make: &mut dyn Make<'_>) -> Result<Value> {
        let mut updater = Updater {
            ops: *self,
            key: self.key(key)?,
            make,
            made: Value::Null,
        };
        update::read_change_write(self.backend, self.host(), updater.key, &mut updater).await?;
        Ok(updater.made)
    }
}

/// The entry with another value; a new one where there is none.
pub(super) fn with_value(stored: Option<StoredRef<'_>>, value: Value, now: u64) -> Record {
    match stored {
        Some(old) => Record {
            value,
            metadata: old.metadata.map(|m| Box::new(m.clone())),
            created_at: old.created_at,
            updated_at: now,
            expires_at: old.expires_at,
            writes: old.writes.to_vec(),
        },
        None => Record {
            value,
            created_at: now,
            updated_at: now,
            ..Record::default()
        },
    }
}
