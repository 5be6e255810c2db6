//! The backend that was chosen at run time: memory without a box, every other one in one.

use super::{
    Backend, Behind, Commit, Decision, Erased, Found, Freshness, Limits, Mutation, Page, Scan,
    memory::Memory,
};
use crate::{
    error::Result,
    host::Host,
    key::{Key, Namespace},
    maybe_send::MaybeSend,
    record::{Record, Stored, StoredRef, Version},
    watch::Ear,
};
use std::ops::ControlFlow;

/// Any backend. An enum at the top and not a box: 4 ns a call against 35 for boxed futures.
pub enum Any {
    /// The memory backend.
    Memory(Memory),
    /// Any other one.
    Dyn(Erased),
}

macro_rules! each {
    ($any:ident, $backend:ident => $call:expr) => {
        match $any {
            Any::Memory($backend) => $call,
            Any::Dyn($backend) => $call,
        }
    };
}

impl Backend for Any {
    fn limits(&self) -> Limits {
        each!(self, it => it.limits())
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        each!(self, it => it.read(keys, fresh).await)
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        each!(self, it => it.commit(batch).await)
    }
    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        each!(self, it => it.write(batch).await)
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        each!(self, it => it.scan(query).await)
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        each!(self, it => it.namespaces().await)
    }
    fn watch(&self, namespace: &Namespace, ear: Ear) -> bool {
        each!(self, it => it.watch(namespace, ear))
    }
    fn immediate(&self) -> bool {
        each!(self, it => it.immediate())
    }
    fn erased(&self) -> Behind<'_> {
        each!(self, it => it.erased())
    }
    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        each!(self, it => Backend::sweep(it, namespace, before).await)
    }
    async fn close(&self) -> Result<()> {
        each!(self, it => it.close().await)
    }
    #[inline]
    async fn visit(
        &self,
        keys: &[Key<'_>],
        fresh: Freshness,
        f: impl FnMut(usize, Option<StoredRef<'_>>) + MaybeSend,
    ) -> Result<()> {
        each!(self, it => it.visit(keys, fresh, f).await)
    }
    #[inline]
    async fn put(&self, host: &dyn Host, key: Key<'_>, record: Record) -> Result<Version> {
        each!(self, it => it.put(host, key, record).await)
    }
    #[inline]
    async fn put_many<'k>(
        &self,
        host: &dyn Host,
        entries: impl ExactSizeIterator<Item = (Key<'k>, Record)> + MaybeSend,
    ) -> Vec<Result<Version>> {
        each!(self, it => it.put_many(host, entries).await)
    }
    #[inline]
    async fn update(
        &self,
        host: &dyn Host,
        key: Key<'_>,
        decide: impl FnMut(Option<StoredRef<'_>>) -> Result<Decision> + MaybeSend,
    ) -> Result<Option<Version>> {
        each!(self, it => it.update(host, key, decide).await)
    }
    #[inline]
    async fn walk(
        &self,
        query: &Scan<'_>,
        f: impl FnMut(Found<'_>) -> ControlFlow<()> + MaybeSend,
    ) -> Result<Option<Box<str>>> {
        each!(self, it => it.walk(query, f).await)
    }
}
