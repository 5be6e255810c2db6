//! A store without its backend's type. What need not be the fastest is written over it, and so
//! compiled once and not once for each backend: over each it is 25 KB more of wasm.

use super::patterns::Compiled;
use crate::{
    backend::{Behind, Limits},
    error::{Error, ErrorKind, Result},
    host::Host,
    key::{Key, Namespace},
    maybe_send::Lock,
    record::StoredRef,
    watch::Ear,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A watcher, and the handle through which it watches.
type Heard = (Arc<AtomicBool>, Ear);

/// What the stores of all namespaces over one connection share, beside the backend.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) host: Arc<dyn Host>,
    pub(super) limits: Limits,
    pub(super) compiled: Arc<Lock<Compiled>>,
    /// Set when the store that was opened first is closed.
    pub(super) closed: Arc<AtomicBool>,
    /// Who watches, and through which handle.
    pub(super) watchers: Arc<Lock<Vec<Heard>>>,
}

/// A store, lent.
#[derive(Clone, Copy)]
pub(super) struct Ops<'s> {
    pub(super) backend: Behind<'s>,
    pub(super) common: &'s Common,
    pub(super) namespace: &'s Namespace,
    pub(super) closed: &'s AtomicBool,
}

impl<'s> Ops<'s> {
    #[inline]
    pub(super) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Relaxed) || self.common.closed.load(Ordering::Relaxed) {
            return Err(closed());
        }
        Ok(())
    }

    /// Checks that the store is open and the key is allowed, here and in the backend.
    #[inline]
    pub(super) fn key<'a>(&self, text: &'a str) -> Result<Key<'a>>
    where
        's: 'a,
    {
        self.check_open()?;
        let key = Key::new(self.namespace, text)?;
        if text.len() > self.common.limits.max_key {
            return Err(key_too_long(text, self.common.limits.max_key));
        }
        Ok(key)
    }

    pub(super) fn keys_of<'a, S: AsRef<str>>(&self, texts: &'a [S]) -> Result<Vec<Key<'a>>>
    where
        's: 'a,
    {
        self.check_open()?;
        // Collecting into a Result has no size hint.
        let mut keys = Vec::with_capacity(texts.len());
        for text in texts {
            keys.push(self.key(text.as_ref())?);
        }
        Ok(keys)
    }

    #[inline]
    pub(super) fn host(&self) -> &'s dyn Host {
        &*self.common.host
    }

    #[inline]
    pub(super) fn now(&self) -> Now<'s> {
        Now {
            host: self.host(),
            read: None,
        }
    }
}

#[cold]
fn closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "the store is closed: open a new one to go on",
    )
}

#[cold]
fn key_too_long(text: &str, max: usize) -> Error {
    Error::new(
        ErrorKind::InvalidKey,
        format!(
            "this backend takes keys of at most {max} bytes; this one has {}",
            text.len()
        ),
    )
    .with_key(text)
}

/// The time, read at most once and only if something needs it: a clock costs 50 ns in JavaScript.
/// Whatever waits for a backend takes a new one afterwards.
pub(super) struct Now<'h> {
    host: &'h dyn Host,
    read: Option<u64>,
}

impl Now<'_> {
    #[inline]
    pub(super) fn get(&mut self) -> u64 {
        *self.read.get_or_insert_with(|| self.host.now())
    }

    /// The entry, unless it has expired.
    #[inline]
    pub(super) fn live<'a>(&mut self, stored: Option<StoredRef<'a>>) -> Option<StoredRef<'a>> {
        let stored = stored?;
        if stored.expires_at.is_some() && stored.expired(self.get()) {
            return None;
        }
        Some(stored)
    }
}
