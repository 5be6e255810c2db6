//! Metadata: the user's fields beside a value.

use super::{Ops, Store, options::check_metadata};
use crate::{
    backend::{Backend, Decision},
    error::{Error, ErrorKind, Result},
    record::{Metadata, StoredRef},
};

impl<B: Backend> Store<B> {
    /// The user's fields of the entry under `key`, or `None` where there is no entry.
    ///
    /// # Errors
    /// As [`get`](Store::get).
    pub async fn get_metadata(&self, key: &str) -> Result<Option<Metadata>> {
        let mut found = None;
        let mut look = |stored: Option<StoredRef<'_>>| {
            found = stored.map(|s| s.metadata.cloned().unwrap_or_default());
        };
        wait!(self.ops().peek(key, &mut look))?;
        Ok(found)
    }

    /// Merges `fields` into the metadata of the entry under `key`: shallow; null is a value. Was
    /// there an entry?
    ///
    /// # Errors
    /// `invalid-key`, `invalid-argument` (a field `ttl`, or what is not JSON), `closed`, and what
    /// the backend says.
    pub async fn set_metadata(&self, key: &str, fields: Metadata) -> Result<bool> {
        wait!(self.ops().change_metadata(key, &fields, true))
    }

    /// Puts `fields` in the place of the metadata of the entry under `key`. Was there an entry?
    ///
    /// # Errors
    /// As [`set_metadata`](Store::set_metadata).
    pub async fn replace_metadata(&self, key: &str, fields: Metadata) -> Result<bool> {
        wait!(self.ops().change_metadata(key, &fields, false))
    }
}

impl Ops<'_> {
    /// Puts `fields` into what is there, or in its place.
    async fn change_metadata(&self, key: &str, fields: &Metadata, merge: bool) -> Result<bool> {
        let key = self.key(key)?;
        if fields.get("ttl").is_some() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "ttl is no metadata field: use expire to change the time to live",
            )
            .with_key(key.as_str()));
        }
        check_metadata(fields).map_err(|e| e.with_key(key.as_str()))?;
        let outcome = wait!(self.change(key, &mut |stored: Option<StoredRef<'_>>, now| {
            let Some(stored) = stored else {
                return Ok(None);
            };
            let mut record = stored.to_record();
            let mut metadata = Metadata::new();
            if merge {
                metadata = record.metadata.take().map_or(metadata, |old| *old);
            }
            for (name, value) in fields.iter() {
                metadata.insert(name, value.clone());
            }
            record.metadata = (!metadata.is_empty()).then(|| Box::new(metadata));
            record.updated_at = now;
            Ok(Some(Decision::Put(record)))
        }))?;
        Ok(outcome.is_done())
    }
}
