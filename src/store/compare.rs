//! Changes that depend on what is there.

use super::{Outcome, Store, point::check_value};
use crate::{
    backend::{Backend, Decision, update},
    error::Result,
    maybe_send::MaybeSend,
    record::{Record, Stored},
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
        let key = self.key(key)?;
        let old = old.map(Value::materialise).transpose()?;
        if let Some(new) = &new {
            check_value(new).map_err(|e| e.with_key(key.as_str()))?;
        }
        self.change(key, self.now(), |stored, now| {
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
        })
        .await
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
        let key = self.key(key)?;
        let made = crate::maybe_send::Lock::new(Value::Null);
        update::read_change_write(&self.cold(), self.host(), key, |stored: Option<Stored>| {
            let mut now = self.now();
            let old_ring = stored.as_ref().map(|s| s.record.writes.clone());
            let live = stored.filter(|s| now.live(Some(s.lend())).is_some());
            let next = f(live.as_ref().map(|s| s.record.value.clone()));
            let made = &made;
            async move {
                let value = next.await?;
                check_value(&value).map_err(|e| e.with_key(key.as_str()))?;
                made.with(|made| *made = value.clone());
                // The clock may have moved while `f` ran: the write happens now.
                let now = self.host().now();
                let mut record = with_value(live.as_ref().map(Stored::lend), value, now);
                record.writes = old_ring.unwrap_or_default();
                Ok(Decision::Put(record))
            }
        })
        .await?;
        Ok(made.with(std::mem::take))
    }
}

/// The entry with another value; a new one where there is none.
pub(super) fn with_value(
    stored: Option<crate::record::StoredRef<'_>>,
    value: Value,
    now: u64,
) -> Record {
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
