//! The store: what every operation means, once, over any backend. One file per group of operations.

mod arithmetic;
mod atomic;
mod commit;
mod compare;
mod expiry;
mod many;
mod metadata;
mod ops;
mod options;
mod patterns;
mod point;
mod rename;
mod watching;
mod whole;

pub use atomic::{Atomic, AtomicOutcome, Check};
pub use options::{Entry, Outcome, ScanOptions, SetOptions, Ttl};
pub use patterns::Scanner;

use crate::{
    backend::{Any, Backend},
    host::Host,
    key::Namespace,
};
use ops::{Common, Now, Ops};
use std::sync::{Arc, Weak, atomic::AtomicBool};

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
    common: Common,
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
                common: Common {
                    host,
                    limits: backend.limits(),
                    compiled: Arc::default(),
                    closed: Arc::clone(&closed),
                    watchers: Arc::default(),
                },
                backend,
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
                common: self.shared.common.clone(),
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

    /// The store without its backend's type.
    #[inline]
    fn ops(&self) -> Ops<'_> {
        Ops {
            backend: self.shared.backend.erased(),
            common: &self.shared.common,
            namespace: &self.namespace,
            closed: &self.closed,
        }
    }
}
