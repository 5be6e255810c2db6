//! The backend trait as an object: the same methods with boxed futures.

use super::{
    Backend, Behind, Commit, Decide, Decision, Found, Freshness, Limits, Look, Mutation, Page,
    Scan, Step,
};
use crate::{
    error::Result,
    host::Host,
    key::{Key, Namespace},
    maybe_send::{BoxFuture, MaybeSend, MaybeSync},
    record::{Record, Stored, StoredRef, Version},
    watch::Ear,
};
use std::{ops::ControlFlow, sync::Arc};

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
    /// See [`Backend::watch`].
    fn dyn_watch(&self, namespace: &Namespace, ear: Ear) -> bool;
    /// See [`Backend::immediate`].
    fn dyn_immediate(&self) -> bool;
    /// See [`Backend::close`].
    fn dyn_close(&self) -> BoxFuture<'_, Result<()>>;
    /// See [`Backend::visit`].
    fn dyn_visit<'a>(
        &'a self,
        keys: &'a [Key<'a>],
        fresh: Freshness,
        look: &'a mut dyn Look,
    ) -> BoxFuture<'a, Result<()>>;
    /// See [`Backend::put_many`].
    fn dyn_put_many<'a>(
        &'a self,
        host: &'a dyn Host,
        entries: Vec<(Key<'a>, Record)>,
    ) -> BoxFuture<'a, Vec<Result<Version>>>;
    /// See [`Backend::update`].
    fn dyn_update<'a>(
        &'a self,
        host: &'a dyn Host,
        key: Key<'a>,
        decide: &'a mut dyn Decide,
    ) -> BoxFuture<'a, Result<Option<Version>>>;
    /// See [`Backend::walk`].
    fn dyn_walk<'a>(
        &'a self,
        query: &'a Scan<'a>,
        step: &'a mut dyn Step,
    ) -> BoxFuture<'a, Result<Option<Box<str>>>>;
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
    fn dyn_watch(&self, namespace: &Namespace, ear: Ear) -> bool {
        self.watch(namespace, ear)
    }
    fn dyn_immediate(&self) -> bool {
        self.immediate()
    }
    fn dyn_close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.close())
    }
    fn dyn_visit<'a>(
        &'a self,
        keys: &'a [Key<'a>],
        fresh: Freshness,
        look: &'a mut dyn Look,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.visit(keys, fresh, |at, stored| look.look(at, stored)))
    }
    fn dyn_put_many<'a>(
        &'a self,
        host: &'a dyn Host,
        entries: Vec<(Key<'a>, Record)>,
    ) -> BoxFuture<'a, Vec<Result<Version>>> {
        Box::pin(self.put_many(host, entries.into_iter()))
    }
    fn dyn_update<'a>(
        &'a self,
        host: &'a dyn Host,
        key: Key<'a>,
        decide: &'a mut dyn Decide,
    ) -> BoxFuture<'a, Result<Option<Version>>> {
        Box::pin(self.update(host, key, |stored| decide.decide(stored)))
    }
    fn dyn_walk<'a>(
        &'a self,
        query: &'a Scan<'a>,
        step: &'a mut dyn Step,
    ) -> BoxFuture<'a, Result<Option<Box<str>>>> {
        Box::pin(self.walk(query, |found| step.step(&found)))
    }
}

/// A backend without its type, shared.
#[derive(Clone)]
pub struct Erased(Arc<dyn DynBackend>);

impl Erased {
    /// Forgets the type of `backend`.
    pub fn new(backend: impl Backend + 'static) -> Erased {
        Erased(Arc::new(backend))
    }
}

impl Backend for Erased {
    fn limits(&self) -> Limits {
        self.0.dyn_limits()
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        self.0.dyn_read(keys, fresh).await
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        self.0.dyn_commit(batch).await
    }
    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        self.0.dyn_write(batch).await
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        self.0.dyn_scan(query).await
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        self.0.dyn_namespaces().await
    }
    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        self.0.dyn_sweep(namespace, before).await
    }
    fn watch(&self, namespace: &Namespace, ear: Ear) -> bool {
        self.0.dyn_watch(namespace, ear)
    }
    fn immediate(&self) -> bool {
        self.0.dyn_immediate()
    }
    fn erased(&self) -> Behind<'_> {
        &*self.0
    }
    async fn close(&self) -> Result<()> {
        self.0.dyn_close().await
    }
    async fn visit(
        &self,
        keys: &[Key<'_>],
        fresh: Freshness,
        mut f: impl FnMut(usize, Option<StoredRef<'_>>) + MaybeSend,
    ) -> Result<()> {
        self.0.dyn_visit(keys, fresh, &mut f).await
    }
    async fn put(&self, host: &dyn Host, key: Key<'_>, record: Record) -> Result<Version> {
        super::update::put(&*self.0, host, key, record).await
    }
    async fn put_many<'k>(
        &self,
        host: &dyn Host,
        entries: impl ExactSizeIterator<Item = (Key<'k>, Record)> + MaybeSend,
    ) -> Vec<Result<Version>> {
        self.0.dyn_put_many(host, entries.collect()).await
    }
    async fn update(
        &self,
        host: &dyn Host,
        key: Key<'_>,
        mut decide: impl FnMut(Option<StoredRef<'_>>) -> Result<Decision> + MaybeSend,
    ) -> Result<Option<Version>> {
        self.0.dyn_update(host, key, &mut decide).await
    }
    async fn walk(
        &self,
        query: &Scan<'_>,
        mut f: impl FnMut(Found<'_>) -> ControlFlow<()> + MaybeSend,
    ) -> Result<Option<Box<str>>> {
        let mut step = |found: &Found<'_>| f(*found);
        self.0.dyn_walk(query, &mut step).await
    }
}
