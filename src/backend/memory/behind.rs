//! Memory in the place of a backend without its type, where it is the only one: what `DynBackend` has.

use super::Memory;
use crate::{
    backend::{Backend, Commit, Decide, Freshness, Limits, Look, Mutation, Scan, Step},
    error::Result,
    host::Host,
    key::{Key, Namespace},
    record::{Record, Stored, Version},
    watch::Ear,
};

impl Memory {
    pub(crate) fn dyn_limits(&self) -> Limits {
        self.limits()
    }
    pub(crate) fn dyn_immediate(&self) -> bool {
        true
    }
    pub(crate) fn dyn_read(
        &self,
        keys: &[Key<'_>],
        fresh: Freshness,
    ) -> impl Future<Output = Result<Vec<Option<Stored>>>> {
        self.read(keys, fresh)
    }
    pub(crate) fn dyn_commit(
        &self,
        batch: &[Mutation<'_>],
    ) -> impl Future<Output = Result<Commit>> {
        self.commit(batch)
    }
    pub(crate) fn dyn_write(
        &self,
        batch: &[Mutation<'_>],
    ) -> impl Future<Output = Vec<Result<Commit>>> {
        self.write(batch)
    }
    pub(crate) fn dyn_namespaces(&self) -> impl Future<Output = Result<Vec<Namespace>>> {
        self.namespaces()
    }
    pub(crate) fn dyn_sweep(
        &self,
        namespace: &Namespace,
        before: u64,
    ) -> impl Future<Output = Result<Option<u64>>> {
        Backend::sweep(self, namespace, before)
    }
    pub(crate) fn dyn_watch(&self, namespace: &Namespace, ear: Ear) -> bool {
        self.watch(namespace, ear)
    }
    pub(crate) fn dyn_visit(
        &self,
        keys: &[Key<'_>],
        fresh: Freshness,
        look: &mut dyn Look,
    ) -> impl Future<Output = Result<()>> {
        self.visit(keys, fresh, |at, stored| look.look(at, stored))
    }
    pub(crate) fn dyn_put_many<'k>(
        &self,
        host: &dyn Host,
        entries: Vec<(Key<'k>, Record)>,
    ) -> impl Future<Output = Vec<Result<Version>>> {
        self.put_many(host, entries.into_iter())
    }
    pub(crate) fn dyn_update(
        &self,
        host: &dyn Host,
        key: Key<'_>,
        decide: &mut dyn Decide,
    ) -> impl Future<Output = Result<Option<Version>>> {
        self.update(host, key, |stored| decide.decide(stored))
    }
    pub(crate) fn dyn_walk(
        &self,
        query: &Scan<'_>,
        step: &mut dyn Step,
    ) -> impl Future<Output = Result<Option<Box<str>>>> {
        self.walk(query, |found| step.step(&found))
    }
}
