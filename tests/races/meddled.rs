//! A backend over memory that lets a test act before a request.

use dataknobs_kv::{
    Error, ErrorKind, Host, Key, Namespace, Result, Store, Stored,
    backend::{Backend, Commit, Freshness, Limits, Mutation, Page, Scan, memory::Memory},
    conformance::ManualHost,
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

pub type Act = Box<dyn FnMut(&Store<Memory>, &ManualHost) + Send>;

/// A backend over memory that lets a test act before a request.
pub struct Meddled {
    pub memory: Memory,
    pub store: Store<Memory>,
    pub host: Arc<ManualHost>,
    pub before_read: Mutex<Option<Act>>,
    pub before_commit: Mutex<Option<Act>>,
    pub scans: Arc<AtomicUsize>,
    /// No commit arrives.
    pub down: bool,
    /// No read arrives.
    pub deaf: bool,
}

impl Meddled {
    pub fn new() -> (Meddled, Arc<ManualHost>) {
        let host = ManualHost::new(1_700_000_000_000);
        let clock: Arc<dyn Host> = Arc::clone(&host) as _;
        let memory = Memory::new(Default::default(), Arc::clone(&clock));
        let meddled = Meddled {
            store: Store::new(memory.clone(), clock),
            memory,
            host: Arc::clone(&host),
            before_read: Mutex::default(),
            before_commit: Mutex::default(),
            scans: Arc::default(),
            down: false,
            deaf: false,
        };
        (meddled, host)
    }

    /// Acts once, at the first such request.
    pub fn once(
        act: impl FnOnce(&Store<Memory>, &ManualHost) + Send + 'static,
    ) -> Mutex<Option<Act>> {
        let mut act = Some(act);
        Mutex::new(Some(Box::new(move |store, host| {
            if let Some(act) = act.take() {
                act(store, host);
            }
        })))
    }

    fn meddle(&self, act: &Mutex<Option<Act>>) {
        if let Some(act) = &mut *act.lock().unwrap() {
            act(&self.store, &self.host);
        }
    }

    pub fn store(self, host: &Arc<ManualHost>) -> Store<Meddled> {
        Store::new(self, Arc::clone(host) as _)
    }
}

impl Backend for Meddled {
    fn limits(&self) -> Limits {
        self.memory.limits()
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        if self.deaf {
            return Err(Error::new(ErrorKind::Unavailable, "the engine is deaf"));
        }
        self.meddle(&self.before_read);
        self.memory.read(keys, fresh).await
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        if self.down {
            return Err(Error::new(ErrorKind::Unavailable, "the engine is down"));
        }
        self.meddle(&self.before_commit);
        self.memory.commit(batch).await
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        if query.namespace.as_str() == "denied" {
            return Err(Error::new(ErrorKind::AccessDenied, "not yours"));
        }
        self.scans.fetch_add(1, Ordering::Relaxed);
        // An engine that knows nothing of patterns.
        let query = Scan {
            pattern: None,
            ..*query
        };
        self.memory.scan(&query).await
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        self.memory.namespaces().await
    }
}
