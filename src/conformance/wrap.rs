//! Backends over a backend that change only when and through which methods it is asked.

use super::host::Yield;
use crate::{
    backend::{Backend, Commit, Freshness, Limits, Mutation, Page, Scan},
    error::Result,
    key::{Key, Namespace},
    record::Stored,
};

/// A backend that forwards only the methods that the trait does not provide: everything else runs
/// as the trait has it.
pub struct Minimal<B>(pub B);

impl<B: Backend> Backend for Minimal<B> {
    fn limits(&self) -> Limits {
        self.0.limits()
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        self.0.read(keys, fresh).await
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        self.0.commit(batch).await
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        self.0.scan(query).await
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        self.0.namespaces().await
    }
}

/// A backend whose every answer comes at the second poll, and so lets others in between.
pub struct Late<B>(pub B);

impl<B: Backend> Backend for Late<B> {
    fn limits(&self) -> Limits {
        self.0.limits()
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        let found = self.0.read(keys, fresh).await;
        Yield::default().await;
        found
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        Yield::default().await;
        self.0.commit(batch).await
    }
    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        Yield::default().await;
        self.0.write(batch).await
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        Yield::default().await;
        self.0.scan(query).await
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        Yield::default().await;
        self.0.namespaces().await
    }
    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        Yield::default().await;
        self.0.sweep(namespace, before).await
    }
    async fn close(&self) -> Result<()> {
        Yield::default().await;
        self.0.close().await
    }
}
