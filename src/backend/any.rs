//! The backend that was chosen at run time: memory without a box, every other one in one.

use super::{
    Backend, Boxed, Commit, Decision, DynBackend, Found, Freshness, Limits, Mutation, Page, Scan,
    memory::Memory, update,
};
use crate::{
    error::Result,
    host::Host,
    key::{Key, Namespace},
    maybe_send::MaybeSend,
    record::{Record, Stored, StoredRef, Version},
};
use std::ops::ControlFlow;

/// Any backend. An enum at the top and not a box: 4 ns a call against 35 for boxed futures.
pub enum Any {
    /// The memory backend.
    Memory(Memory),
    /// Any other one.
    Dyn(Box<dyn DynBackend>),
}

impl Backend for Any {
    fn limits(&self) -> Limits {
        match self {
            Any::Memory(memory) => memory.limits(),
            Any::Dyn(other) => other.dyn_limits(),
        }
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        match self {
            Any::Memory(memory) => memory.read(keys, fresh).await,
            Any::Dyn(other) => other.dyn_read(keys, fresh).await,
        }
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        match self {
            Any::Memory(memory) => memory.commit(batch).await,
            Any::Dyn(other) => other.dyn_commit(batch).await,
        }
    }
    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        match self {
            Any::Memory(memory) => memory.write(batch).await,
            Any::Dyn(other) => other.dyn_write(batch).await,
        }
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        match self {
            Any::Memory(memory) => memory.scan(query).await,
            Any::Dyn(other) => other.dyn_scan(query).await,
        }
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        match self {
            Any::Memory(memory) => memory.namespaces().await,
            Any::Dyn(other) => other.dyn_namespaces().await,
        }
    }
    fn immediate(&self) -> bool {
        match self {
            Any::Memory(_) => true,
            Any::Dyn(other) => other.dyn_immediate(),
        }
    }
    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        match self {
            Any::Memory(memory) => Backend::sweep(memory, namespace, before).await,
            Any::Dyn(other) => other.dyn_sweep(namespace, before).await,
        }
    }
    async fn close(&self) -> Result<()> {
        match self {
            Any::Memory(memory) => memory.close().await,
            Any::Dyn(other) => other.dyn_close().await,
        }
    }
    #[inline]
    async fn visit(
        &self,
        keys: &[Key<'_>],
        fresh: Freshness,
        f: impl FnMut(usize, Option<StoredRef<'_>>) + MaybeSend,
    ) -> Result<()> {
        match self {
            Any::Memory(memory) => memory.visit(keys, fresh, f).await,
            Any::Dyn(other) => Boxed(&**other).visit(keys, fresh, f).await,
        }
    }
    #[inline]
    async fn put(&self, host: &dyn Host, key: Key<'_>, record: Record) -> Result<Version> {
        match self {
            Any::Memory(memory) => memory.put(host, key, record).await,
            Any::Dyn(other) => update::put(&Boxed(&**other), host, key, record).await,
        }
    }
    #[inline]
    async fn put_many<'k>(
        &self,
        host: &dyn Host,
        entries: impl ExactSizeIterator<Item = (Key<'k>, Record)> + MaybeSend,
    ) -> Vec<Result<Version>> {
        match self {
            Any::Memory(memory) => memory.put_many(host, entries).await,
            Any::Dyn(other) => update::put_many(&Boxed(&**other), host, entries).await,
        }
    }
    #[inline]
    async fn update(
        &self,
        host: &dyn Host,
        key: Key<'_>,
        decide: impl FnMut(Option<StoredRef<'_>>) -> Result<Decision> + MaybeSend,
    ) -> Result<Option<Version>> {
        match self {
            Any::Memory(memory) => memory.update(host, key, decide).await,
            Any::Dyn(other) => Boxed(&**other).update(host, key, decide).await,
        }
    }
    #[inline]
    async fn walk(
        &self,
        query: &Scan<'_>,
        f: impl FnMut(Found<'_>) -> ControlFlow<()> + MaybeSend,
    ) -> Result<Option<Box<str>>> {
        match self {
            Any::Memory(memory) => memory.walk(query, f).await,
            Any::Dyn(other) => Boxed(&**other).walk(query, f).await,
        }
    }
}
