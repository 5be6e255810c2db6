//! Metadata: the user's fields beside a value.

use super::{Store, options::check_metadata};
use crate::{
    backend::{Backend, Decision},
    error::{Error, ErrorKind, Result},
    maybe_send::{MaybeSend, MaybeSync},
    record::Metadata,
};

impl<B: Backend> Store<B> {
    /// The user's fields of the entry under `key`, or `None` where there is no entry.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn get_metadata(&self, key: &str) -> Result<Option<Metadata>> {
        self.peek(key, |stored| {
            stored.map(|s| s.metadata.cloned().unwrap_or_default())
        })
        .await
    }

    /// Merges `fields` into the metadata of the entry under `key`: shallow; null is a value. Was
    /// there an entry?
    ///
    /// # Errors
    /// `invalid-key`, `invalid-argument` (a field `ttl`, or what is not JSON), `closed`, and what
    /// the backend says.
    pub async fn set_metadata(&self, key: &str, fields: Metadata) -> Result<bool> {
        self.change_metadata(key, &fields, |old| {
            let mut merged = old.cloned().unwrap_or_default();
            for (name, value) in fields.iter() {
                merged.insert(name, value.clone());
            }
            merged
        })
        .await
    }

    /// Puts `fields` in the place of the metadata of the entry under `key`. Was there an entry?
    ///
    /// # Errors
    /// As [`set_metadata`](Store::set_metadata).
    pub async fn replace_metadata(&self, key: &str, fields: Metadata) -> Result<bool> {
        self.change_metadata(key, &fields, |_| fields.clone()).await
    }

    async fn change_metadata(
        &self,
        key: &str,
        fields: &Metadata,
        make: impl Fn(Option<&Metadata>) -> Metadata + MaybeSend + MaybeSync,
    ) -> Result<bool> {
        let key = self.key(key)?;
        if fields.get("ttl").is_some() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "ttl is no metadata field: use expire to change the time to live",
            )
            .with_key(key.as_str()));
        }
        check_metadata(fields).map_err(|e| e.with_key(key.as_str()))?;
        let outcome = self
            .change(key, self.now(), |stored, now| {
                Ok(stored.map(|stored| {
                    let mut record = stored.to_record();
                    let metadata = make(stored.metadata);
                    record.metadata = (!metadata.is_empty()).then(|| Box::new(metadata));
                    record.updated_at = now;
                    Decision::Put(record)
                }))
            })
            .await?;
        Ok(outcome.is_done())
    }
}
