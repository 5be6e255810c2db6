//! The exported resource.

use crate::{
    api::{self, GuestStore},
    convert::{self, Result, maybe_value, value_in, value_out},
    open::Connection,
    ready::ready,
    types,
    watch::{Watching, watch_options},
};
use dataknobs_kv::{Store, backend::Any};
use std::rc::Rc;

/// How many entries a page of `scan` holds where no limit is given.
const PAGE: usize = 1000;

/// A store that the host holds.
pub(crate) struct Handle {
    store: Store<Any>,
    connection: Rc<Connection>,
    /// Was this one opened? Then the connection is closed with it.
    opened: bool,
}

impl Handle {
    /// For the calls that look at their arguments before the store does: closed goes first.
    fn check_open(&self) -> Result<()> {
        Ok(self.store.ensure_open()?)
    }
}

impl GuestStore for Handle {
    fn open(config: types::Config) -> Result<api::Store> {
        Self::open_with(config, Vec::new())
    }

    fn open_with(config: types::Config, settings: Vec<(String, String)>) -> Result<api::Store> {
        let (connection, store) = Connection::open(&config, &settings)?;
        Ok(api::Store::new(Handle {
            store,
            connection: Rc::new(connection),
            opened: true,
        }))
    }

    fn get(&self, key: String) -> Result<Option<types::Value>> {
        maybe_value(ready(self.store.get(&key))?)
    }

    fn get_entry(&self, key: String) -> Result<Option<types::Entry>> {
        ready(self.store.get_entry(&key))?
            .map(convert::entry)
            .transpose()
    }

    fn set(
        &self,
        key: String,
        value: types::Value,
        options: Option<types::SetOptions>,
    ) -> Result<bool> {
        self.check_open()?;
        // Without options there is nothing to move about: a twentieth of the call's time.
        if options.is_none() {
            let value = value_in(value).map_err(|e| e.with_key(&key))?;
            return ready(self.store.set(&key, value)).map(|_| true);
        }
        let (value, options) = convert::write(&key, value, options)?;
        ready(self.store.set_with(&key, value, options)).map(convert::done)
    }

    fn delete(&self, key: String) -> Result<bool> {
        ready(self.store.delete(&key))
    }

    fn delete_if_version(&self, key: String, version: String) -> Result<bool> {
        let version = dataknobs_kv::Version::parse(&version);
        ready(self.store.delete_if(&key, &version)).map(convert::done)
    }

    fn exists(&self, key: String) -> Result<bool> {
        ready(self.store.exists(&key))
    }

    fn rename(&self, source: String, target: String) -> Result<bool> {
        ready(self.store.rename(&source, &target))
    }

    fn copy(&self, source: String, target: String) -> Result<bool> {
        ready(self.store.copy(&source, &target))
    }

    fn get_and_delete(&self, key: String) -> Result<Option<types::Value>> {
        maybe_value(ready(self.store.get_and_delete(&key))?)
    }

    fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<types::Value>>> {
        ready(self.store.get_many(&keys))?
            .into_iter()
            .map(maybe_value)
            .collect()
    }

    fn set_many(&self, entries: Vec<types::Put>) -> Result<Vec<Result<()>>> {
        self.check_open()?;
        let entries: Result<Vec<_>> = entries.into_iter().map(convert::put).collect();
        let results = ready(self.store.set_many(entries?))?;
        Ok(results
            .into_iter()
            .map(|result| result.map(|_| ()).map_err(types::Error::from))
            .collect())
    }

    fn delete_many(&self, keys: Vec<String>) -> Result<u64> {
        ready(self.store.delete_many(&keys))
    }

    fn keys(&self, pattern: String, options: Option<types::ScanOptions>) -> Result<Vec<String>> {
        ready(
            self.store
                .keys_with(&pattern, &convert::scan_options(options)),
        )
    }

    fn get_pattern(&self, pattern: String) -> Result<Vec<(String, types::Value)>> {
        ready(self.store.get_pattern(&pattern))?
            .into_iter()
            .map(|(key, value)| Ok((key, value_out(value)?)))
            .collect()
    }

    fn delete_pattern(&self, pattern: String) -> Result<u64> {
        ready(self.store.delete_pattern(&pattern))
    }

    fn count_pattern(&self, pattern: String) -> Result<u64> {
        ready(self.store.count_pattern(&pattern))
    }

    fn scan(&self, pattern: String, options: Option<types::ScanOptions>) -> Result<types::Page> {
        let mut options = convert::scan_options(options);
        let size = options.limit.unwrap_or(PAGE);
        // One more than asked tells whether there is a next page.
        options.limit = (size > 0).then_some(size.saturating_add(1)).or(Some(0));
        let mut scan = self.store.scan(&pattern, options)?;
        let mut found = ready(scan.next_page(usize::MAX))?;
        let more = found.len() > size;
        found.truncate(size);
        let next = found.last().filter(|_| more).map(|last| last.key.clone());
        let entries: Result<Vec<types::Entry>> = found.into_iter().map(convert::entry).collect();
        Ok(types::Page {
            entries: entries?,
            next,
        })
    }

    fn get_metadata(&self, key: String) -> Result<Option<String>> {
        ready(self.store.get_metadata(&key))?
            .map(convert::metadata_out)
            .transpose()
    }

    fn set_metadata(&self, key: String, fields: String) -> Result<bool> {
        self.check_open()?;
        let fields = convert::metadata_in(&fields).map_err(|e| e.with_key(&key))?;
        ready(self.store.set_metadata(&key, fields))
    }

    fn replace_metadata(&self, key: String, fields: String) -> Result<bool> {
        self.check_open()?;
        let fields = convert::metadata_in(&fields).map_err(|e| e.with_key(&key))?;
        ready(self.store.replace_metadata(&key, fields))
    }

    fn ttl(&self, key: String) -> Result<types::TimeLeft> {
        ready(self.store.ttl(&key)).map(convert::time_left)
    }

    fn expire(&self, key: String, ttl_ms: u64) -> Result<bool> {
        self.check_open()?;
        let ttl = dataknobs_kv::Ttl::millis(ttl_ms).map_err(|e| e.with_key(&key))?;
        ready(self.store.expire(&key, ttl))
    }

    fn persist(&self, key: String) -> Result<bool> {
        ready(self.store.persist(&key))
    }

    fn cleanup_expired(&self) -> Result<u64> {
        ready(self.store.cleanup_expired())
    }

    fn compare_and_swap(
        &self,
        key: String,
        old: Option<types::Value>,
        new: Option<types::Value>,
    ) -> Result<bool> {
        self.check_open()?;
        let read = |value: Option<types::Value>| {
            let value = value.map(value_in).transpose();
            value.map_err(|e| e.with_key(&key))
        };
        let (old, new) = (read(old)?, read(new)?);
        ready(self.store.compare_and_swap(&key, old.as_ref(), new)).map(convert::done)
    }

    fn increment(&self, key: String, delta: types::Number) -> Result<types::Value> {
        let delta = match delta {
            types::Number::Integer(number) => dataknobs_kv::Value::from(number),
            types::Number::Double(number) => number.into(),
        };
        value_out(ready(self.store.increment(&key, delta))?)
    }

    fn append(&self, key: String, tail: types::Value) -> Result<types::Value> {
        self.check_open()?;
        let tail = value_in(tail).map_err(|e| e.with_key(&key))?;
        value_out(ready(self.store.append(&key, tail))?)
    }

    fn atomic(
        &self,
        checks: Vec<types::Check>,
        writes: Vec<types::Write>,
    ) -> Result<types::AtomicOutcome> {
        self.check_open()?;
        let mut atomic = self.store.atomic();
        for check in checks {
            let (key, expected) = convert::check(check);
            atomic = atomic.check(key, expected);
        }
        for write in writes {
            atomic = match write {
                types::Write::Set(put) => {
                    let (key, value, options) = convert::put(put)?;
                    atomic.set_with(key, value, options)
                }
                types::Write::Delete(key) => atomic.delete(key),
            };
        }
        convert::atomic_outcome(ready(atomic.commit())?)
    }

    fn watch(&self, pattern: String, options: Option<types::WatchOptions>) -> Result<api::Watcher> {
        let watcher = self.store.watch(&pattern, watch_options(options))?;
        Ok(Watching::exported(watcher))
    }

    fn namespace(&self, name: String) -> Result<api::Store> {
        Ok(api::Store::new(Handle {
            store: self.store.namespace(&name)?,
            connection: Rc::clone(&self.connection),
            opened: false,
        }))
    }

    fn namespaces(&self) -> Result<Vec<String>> {
        ready(self.store.namespaces())
    }

    fn clear(&self) -> Result<u64> {
        ready(self.store.clear())
    }

    fn close(&self) -> Result<()> {
        ready(self.store.close())?;
        if self.opened {
            self.connection.close()?;
        }
        Ok(())
    }
}
