//! The backend trait over a [`Driver`].

use super::{FileOptions, driver::Driver, files::Files};
use crate::{
    backend::{
        Backend, Commit, Decision, Found, Freshness, Limits, Mutation, Page, Scan, memory::Memory,
    },
    error::{Error, ErrorKind, Result},
    host::Host,
    key::{Key, Namespace},
    maybe_send::MaybeSend,
    record::{Record, Stored, StoredRef, Version},
    watch::Ear,
};
use std::{
    ops::ControlFlow,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// The file backend, over a file system: see the [module](super). A clone is the same open file.
///
/// ```
/// use dataknobs_kv::{Store, System, backend::file::{Disk, File, FileOptions}};
/// # let folder = std::env::temp_dir().join(format!("dataknobs-kv-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("notes.json");
/// # let path = path.to_str().unwrap();
/// use std::sync::Arc;
///
/// let host = Arc::new(System::default());
/// let file = File::open(path, FileOptions::default(), Disk, host.clone())?;
/// let store = Store::new(file, host);
/// # pollster::block_on(async {
/// store.set("users.1.name", "Ada").await?;
/// store.close().await?;
/// # Ok::<(), dataknobs_kv::Error>(()) })?;
/// assert!(std::fs::read_to_string(path).unwrap().contains("\"users.1.name\": {\"value\": \"Ada\""));
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), dataknobs_kv::Error>(())
/// ```
pub struct File<F: Files>(Arc<Driver<F>>);

impl<F: Files> Clone for File<F> {
    fn clone(&self) -> Self {
        File(Arc::clone(&self.0))
    }
}

/// Memory waits for nothing.
fn at_once<R>(future: impl Future<Output = R>) -> Result<R> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => Err(Error::new(
            ErrorKind::Unsupported,
            "the memory of a file waited: this is a fault of dataknobs-kv",
        )),
    }
}

impl<F: Files> File<F> {
    /// Opens a document and its journal, or creates both.
    ///
    /// # Errors
    /// `not-found`: there is no such folder. `access-denied`: it may not be read, or nothing may be
    /// created beside it. `invalid-argument`: there is a folder at the path. `corrupt`: what is there is
    /// no document of this store, or is damaged; it was not changed. `quota-exceeded`: the disk is full.
    /// `timeout`: another process holds its lock.
    pub fn open(
        path: &str,
        options: FileOptions,
        files: F,
        host: Arc<dyn Host>,
    ) -> Result<File<F>> {
        Ok(File(Driver::open(path, options, files, host)?))
    }

    /// What is in the file, for a host that reads it after a [`refresh`](File::refresh) and changes it within a
    /// group only.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// Reads what other processes have written, so that who watches is told of it. Every operation
    /// does that first.
    ///
    /// # Errors
    /// What was written cannot be read.
    pub fn refresh(&self) -> Result<()> {
        self.0.look(|_| ())
    }

    /// Makes many changes under one lock and with one append: all or none. `change` makes them in the
    /// memory that it gets, must call nothing else of this file, and runs again where another
    /// process wrote at the same time.
    ///
    /// # Errors
    /// What `change` says, and why it could not be written: then nothing was changed.
    pub fn group<R>(&self, change: impl FnMut(&Memory) -> Result<R>) -> Result<R> {
        self.0.change(change)
    }

    /// Holds the lock from now on, and makes all changes together at [`end_group`](File::end_group): what
    /// they answer counts only once that has succeeded. For a host with one thread.
    ///
    /// # Errors
    /// As of a change; `invalid-argument`: a group is open already.
    pub fn begin_group(&self) -> Result<()> {
        self.0.begin_group()
    }

    /// Writes down what was changed since [`begin_group`](File::begin_group), and lets go of the lock. A
    /// journal that is too long is folded by [`tidy`](File::tidy), which is then to be called soon.
    ///
    /// # Errors
    /// Why it could not be written: then all of it was taken back, but for `outcome-unknown`.
    pub fn end_group(&self) -> Result<()> {
        self.0.end_group()
    }

    /// Is there something to [`tidy`](File::tidy)?
    #[must_use]
    pub fn is_untidy(&self) -> bool {
        self.0.is_untidy()
    }

    /// Folds a journal that is too long into its document.
    ///
    /// # Errors
    /// What others have written cannot be read.
    pub fn tidy(&self) -> Result<()> {
        self.0.tidy()
    }
}

impl<F: Files> Backend for File<F> {
    fn limits(&self) -> Limits {
        Limits::default()
    }

    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        self.0.look(|memory| at_once(memory.read(keys, fresh)))??
    }

    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        self.0.change(|memory| at_once(memory.commit(batch))?)
    }

    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        match self.0.change(|memory| at_once(memory.write(batch))) {
            Ok(results) => results,
            Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        self.0.look(|memory| at_once(memory.scan(query)))??
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        self.0.look(|memory| at_once(memory.namespaces()))??
    }

    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        let swept = self.0.change(|memory| Ok(memory.sweep(namespace, before)));
        swept.map(Some)
    }

    fn watch(&self, namespace: &Namespace, ear: Ear) -> bool {
        self.0.memory.watch(namespace, ear)
    }

    fn immediate(&self) -> bool {
        true
    }

    async fn close(&self) -> Result<()> {
        let done = self.0.close();
        self.0.memory.close().await?;
        done
    }

    async fn visit(
        &self,
        keys: &[Key<'_>],
        fresh: Freshness,
        f: impl FnMut(usize, Option<StoredRef<'_>>) + MaybeSend,
    ) -> Result<()> {
        self.0
            .look(|memory| at_once(memory.visit(keys, fresh, f)))??
    }

    async fn put(&self, host: &dyn Host, key: Key<'_>, record: Record) -> Result<Version> {
        self.0
            .change(|memory| at_once(memory.put(host, key, record.clone()))?)
    }

    async fn put_many<'k>(
        &self,
        host: &dyn Host,
        entries: impl ExactSizeIterator<Item = (Key<'k>, Record)> + MaybeSend,
    ) -> Vec<Result<Version>> {
        let entries: Vec<(Key<'k>, Record)> = entries.collect();
        let put = |memory: &Memory| at_once(memory.put_many(host, entries.clone().into_iter()));
        match self.0.change(put) {
            Ok(results) => results,
            Err(error) => entries.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn update(
        &self,
        host: &dyn Host,
        key: Key<'_>,
        mut decide: impl FnMut(Option<StoredRef<'_>>) -> Result<Decision> + MaybeSend,
    ) -> Result<Option<Version>> {
        self.0
            .change(|memory| at_once(memory.update(host, key, &mut decide))?)
    }

    async fn walk(
        &self,
        query: &Scan<'_>,
        f: impl FnMut(Found<'_>) -> ControlFlow<()> + MaybeSend,
    ) -> Result<Option<Box<str>>> {
        self.0.look(|memory| at_once(memory.walk(query, f)))??
    }
}
