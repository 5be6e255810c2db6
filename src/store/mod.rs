//! The store: what every operation means, once, over any backend. One file per group of operations.

mod arithmetic;
mod atomic;
mod compare;
mod expiry;
mod many;
mod metadata;
mod options;
mod patterns;
mod point;
mod whole;

pub use atomic::{Atomic, AtomicOutcome, Check};
pub use options::{Entry, Outcome, ScanOptions, SetOptions, Ttl};
pub use patterns::Scanner;

use crate::{
    backend::{Any, Backend, Boxed, Limits},
    error::{Error, ErrorKind, Result},
    host::Host,
    key::{Key, Namespace},
    maybe_send::Lock,
    record::StoredRef,
};
use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

/// A key/value store over a backend, in one namespace.
///
/// A clone is the same store: closing one closes both. [`namespace`](Store::namespace) makes a
/// store of its own over the same backend.
///
/// ```
/// # pollster::block_on(async {
/// let store = dataknobs_kv::Store::memory();
/// store.set("users.1.name", "Ada").await?;
/// assert_eq!(store.get("users.1.name").await?, Some("Ada".into()));
/// assert_eq!(store.keys("users.*.name").await?, ["users.1.name"]);
/// # Ok::<(), dataknobs_kv::Error>(()) }).unwrap();
/// ```
pub struct Store<B: Backend = Any> {
    shared: Arc<Shared<B>>,
    namespace: Namespace,
    closed: Arc<AtomicBool>,
}

/// What the stores of all namespaces over one connection share.
struct Shared<B> {
    backend: B,
    host: Arc<dyn Host>,
    limits: Limits,
    compiled: Arc<Lock<patterns::Compiled>>,
    /// Set when the store that was opened first is closed.
    closed: Arc<AtomicBool>,
}

/// A store that is not kept open: see [`Store::downgrade`].
pub struct WeakStore<B: Backend = Any> {
    shared: Weak<Shared<B>>,
    namespace: Namespace,
    closed: Weak<AtomicBool>,
}

impl<B: Backend> WeakStore<B> {
    /// The store, unless every handle on it was dropped.
    #[must_use]
    pub fn upgrade(&self) -> Option<Store<B>> {
        Some(Store {
            shared: self.shared.upgrade()?,
            namespace: self.namespace.clone(),
            closed: self.closed.upgrade()?,
        })
    }
}

impl<B: Backend> Clone for Store<B> {
    fn clone(&self) -> Self {
        Store {
            shared: Arc::clone(&self.shared),
            namespace: self.namespace.clone(),
            closed: Arc::clone(&self.closed),
        }
    }
}

#[cfg(feature = "system")]
impl Store<crate::backend::memory::Memory> {
    /// A store in this process's memory, without bounds, on the machine's clock.
    #[must_use]
    pub fn memory() -> Self {
        let host: Arc<dyn Host> = Arc::new(crate::host::System::default());
        let memory = crate::backend::memory::Memory::new(Default::default(), Arc::clone(&host));
        Store::new(memory, host)
    }
}

impl<B: Backend> Store<B> {
    /// A store over `backend` in the default namespace.
    pub fn new(backend: B, host: Arc<dyn Host>) -> Self {
        let closed = Arc::new(AtomicBool::new(false));
        Store {
            shared: Arc::new(Shared {
                limits: backend.limits(),
                compiled: Arc::default(),
                backend,
                host,
                closed: Arc::clone(&closed),
            }),
            namespace: Namespace::default(),
            closed,
        }
    }

    /// The same store over another handle on the same backend: both close together.
    #[must_use]
    pub fn over<C: Backend>(&self, backend: C) -> Store<C> {
        Store {
            shared: Arc::new(Shared {
                backend,
                host: Arc::clone(&self.shared.host),
                limits: self.shared.limits.clone(),
                compiled: Arc::clone(&self.shared.compiled),
                closed: Arc::clone(&self.shared.closed),
            }),
            namespace: self.namespace.clone(),
            closed: Arc::clone(&self.closed),
        }
    }

    /// The same store, for somebody who must not keep it alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakStore<B> {
        WeakStore {
            shared: Arc::downgrade(&self.shared),
            namespace: self.namespace.clone(),
            closed: Arc::downgrade(&self.closed),
        }
    }

    /// The backend, for what only it can do.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.shared.backend
    }

    /// The backend for what need not be the fastest: compiled once, not once for each backend.
    fn cold(&self) -> Boxed<'_> {
        Boxed(self.shared.backend.erased())
    }

    #[inline]
    fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Relaxed) || self.shared.closed.load(Ordering::Relaxed) {
            return Err(closed());
        }
        Ok(())
    }

    /// Checks that the store is open and the key is allowed, here and in the backend.
    #[inline]
    fn key<'a>(&'a self, text: &'a str) -> Result<Key<'a>> {
        self.check_open()?;
        let key = Key::new(&self.namespace, text)?;
        if text.len() > self.shared.limits.max_key {
            return Err(key_too_long(text, self.shared.limits.max_key));
        }
        Ok(key)
    }

    fn keys_of<'a, S: AsRef<str>>(&'a self, texts: &'a [S]) -> Result<Vec<Key<'a>>> {
        self.check_open()?;
        // Collecting into a Result has no size hint.
        let mut keys = Vec::with_capacity(texts.len());
        for text in texts {
            keys.push(self.key(text.as_ref())?);
        }
        Ok(keys)
    }

    #[inline]
    fn host(&self) -> &dyn Host {
        &*self.shared.host
    }

    #[inline]
    fn now(&self) -> Now<'_> {
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

/// The time, read at most once an operation and only if something needs it: a clock costs 50 ns
/// in JavaScript.
struct Now<'h> {
    host: &'h dyn Host,
    read: Option<u64>,
}

impl Now<'_> {
    #[inline]
    fn get(&mut self) -> u64 {
        *self.read.get_or_insert_with(|| self.host.now())
    }

    /// The entry, unless it has expired.
    #[inline]
    fn live<'a>(&mut self, stored: Option<StoredRef<'a>>) -> Option<StoredRef<'a>> {
        let stored = stored?;
        if stored.expires_at.is_some() && stored.expired(self.get()) {
            return None;
        }
        Some(stored)
    }
}
