//! The backend trait as an object: the same methods with boxed futures.

use super::{Backend, Commit, Freshness, Limits, Mutation, Page, Scan};
use crate::{
    error::Result,
    key::{Key, Namespace},
    maybe_send::{BoxFuture, MaybeSend, MaybeSync},
    record::Stored,
};
use std::sync::Arc;

/// [`Backend`] as an object. Every backend is one; implement [`Backend`].
pub trait DynBackend: MaybeSend + MaybeSync {
    /// See [`Backend::limits`].
    fn dyn_limits(&self) -> Limits;
    /// See [`Backend::read`].
    fn dyn_read<'a>(
        &'a self,
        keys: &'a [Key<'a>],
        fresh: Freshness,
    ) -> BoxFuture<'a, Result<Vec<Option<Stored>>>>;
    /// See [`Backend::commit`].
    fn dyn_commit<'a>(&'a self, batch: &'a [Mutation<'a>]) -> BoxFuture<'a, Result<Commit>>;
    /// See [`Backend::write`].
    fn dyn_write<'a>(&'a self, batch: &'a [Mutation<'a>]) -> BoxFuture<'a, Vec<Result<Commit>>>;
    /// See [`Backend::scan`].
    fn dyn_scan<'a>(&'a self, query: &'a Scan<'a>) -> BoxFuture<'a, Result<Page>>;
    /// See [`Backend::namespaces`].
    fn dyn_namespaces(&self) -> BoxFuture<'_, Result<Vec<Namespace>>>;
    /// See [`Backend::sweep`].
    fn dyn_sweep<'a>(
        &'a self,
        namespace: &'a Namespace,
        before: u64,
    ) -> BoxFuture<'a, Result<Option<u64>>>;
    /// See [`Backend::immediate`].
    fn dyn_immediate(&self) -> bool;
    /// See [`Backend::close`].
    fn dyn_close(&self) -> BoxFuture<'_, Result<()>>;
}

/// A backend without its type, shared: what is compiled over it is compiled once.
#[derive(Clone)]
pub struct Erased(Arc<dyn DynBackend>);

impl Erased {
    /// Forgets the type of `backend`.
    pub fn new(backend: impl Backend + 'static) -> Erased {
        Erased(Arc::new(backend))
    }
}

/// The trait without its provided methods, over an object: for what need not be the fastest, which
/// is then compiled once.
pub(crate) struct Boxed<'b>(pub(crate) &'b dyn DynBackend);

macro_rules! forward {
    ($this:ident => $object:expr) => {
        fn limits(&$this) -> Limits {
            $object.dyn_limits()
        }
        async fn read(&$this, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
            $object.dyn_read(keys, fresh).await
        }
        async fn commit(&$this, batch: &[Mutation<'_>]) -> Result<Commit> {
            $object.dyn_commit(batch).await
        }
        async fn write(&$this, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
            $object.dyn_write(batch).await
        }
        async fn scan(&$this, query: &Scan<'_>) -> Result<Page> {
            $object.dyn_scan(query).await
        }
        async fn namespaces(&$this) -> Result<Vec<Namespace>> {
            $object.dyn_namespaces().await
        }
        async fn sweep(&$this, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
            $object.dyn_sweep(namespace, before).await
        }
        fn immediate(&$this) -> bool {
            $object.dyn_immediate()
        }
        async fn close(&$this) -> Result<()> {
            $object.dyn_close().await
        }
    };
}

impl Backend for Boxed<'_> {
    forward!(self => self.0);
}

impl Backend for Erased {
    forward!(self => self.0);

    fn erased(&self) -> &dyn DynBackend {
        &*self.0
    }
}

impl<B: Backend> DynBackend for B {
    fn dyn_limits(&self) -> Limits {
        self.limits()
    }
    fn dyn_read<'a>(
        &'a self,
        keys: &'a [Key<'a>],
        fresh: Freshness,
    ) -> BoxFuture<'a, Result<Vec<Option<Stored>>>> {
        Box::pin(self.read(keys, fresh))
    }
    fn dyn_commit<'a>(&'a self, batch: &'a [Mutation<'a>]) -> BoxFuture<'a, Result<Commit>> {
        Box::pin(self.commit(batch))
    }
    fn dyn_write<'a>(&'a self, batch: &'a [Mutation<'a>]) -> BoxFuture<'a, Vec<Result<Commit>>> {
        Box::pin(self.write(batch))
    }
    fn dyn_scan<'a>(&'a self, query: &'a Scan<'a>) -> BoxFuture<'a, Result<Page>> {
        Box::pin(self.scan(query))
    }
    fn dyn_namespaces(&self) -> BoxFuture<'_, Result<Vec<Namespace>>> {
        Box::pin(self.namespaces())
    }
    fn dyn_sweep<'a>(
        &'a self,
        namespace: &'a Namespace,
        before: u64,
    ) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(self.sweep(namespace, before))
    }
    fn dyn_immediate(&self) -> bool {
        self.immediate()
    }
    fn dyn_close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.close())
    }
}
