//! The backend trait as an object: the same methods with boxed futures.

use super::{Backend, Commit, Freshness, Limits, Mutation, Page, Scan};
use crate::{
    error::Result,
    key::{Key, Namespace},
    maybe_send::{BoxFuture, MaybeSend, MaybeSync},
    record::Stored,
};

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
