//! The disk, where a test hears of each call, and may do something before or after it, or refuse it.

use dataknobs_kv::{
    Result,
    backend::file::{Disk, DiskHandle, Files, Process, Stat},
};

/// What is asked of the disk.
pub enum Call<'c> {
    /// Whatever changes nothing.
    Look,
    Read,
    Append(&'c DiskHandle, &'c [u8]),
    Truncate,
    CreateNew,
    Replace {
        path: &'c str,
        aside: &'c str,
        bytes: &'c [u8],
    },
    Rename,
    Remove,
}

pub trait Meddle: Send + Sync + 'static {
    fn before(&self, _: &Call<'_>) -> Result<()> {
        Ok(())
    }
    fn after(&self, _: &Call<'_>) {}
    fn now(&self) -> u64 {
        Disk.now()
    }
    /// Does this process seem to be gone to others?
    fn is_gone(&self) -> bool {
        false
    }
}

pub struct Meddled<M>(pub M);

impl<M: Meddle> Meddled<M> {
    fn ask<T>(&self, call: &Call<'_>, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.0.before(call)?;
        let done = work()?;
        self.0.after(call);
        Ok(done)
    }
}

impl<M: Meddle> Files for Meddled<M> {
    type Handle = DiskHandle;
    fn resolve(&self, path: &str) -> Result<String> {
        Disk.resolve(path)
    }
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.ask(&Call::Look, || Disk.read(path))
    }
    fn stat(&self, path: &str) -> Result<Option<Stat>> {
        self.ask(&Call::Look, || Disk.stat(path))
    }
    fn open(&self, path: &str) -> Result<Option<DiskHandle>> {
        self.ask(&Call::Look, || Disk.open(path))
    }
    fn stat_of(&self, handle: &DiskHandle) -> Result<Stat> {
        self.ask(&Call::Look, || Disk.stat_of(handle))
    }
    fn read_from(&self, handle: &DiskHandle, from: u64) -> Result<Vec<u8>> {
        self.ask(&Call::Read, || Disk.read_from(handle, from))
    }
    fn append(&self, handle: &DiskHandle, bytes: &[u8]) -> Result<()> {
        self.ask(&Call::Append(handle, bytes), || Disk.append(handle, bytes))
    }
    fn sync(&self, handle: &DiskHandle) -> Result<()> {
        Disk.sync(handle)
    }
    fn truncate(&self, handle: &DiskHandle, len: u64) -> Result<()> {
        self.ask(&Call::Truncate, || Disk.truncate(handle, len))
    }
    fn create_new(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        self.ask(&Call::CreateNew, || Disk.create_new(path, bytes))
    }
    fn replace(&self, path: &str, aside: &str, bytes: &[u8]) -> Result<()> {
        let call = Call::Replace { path, aside, bytes };
        self.ask(&call, || Disk.replace(path, aside, bytes))
    }
    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.ask(&Call::Rename, || Disk.rename(from, to))
    }
    fn remove(&self, path: &str) -> Result<()> {
        self.ask(&Call::Remove, || Disk.remove(path))
    }
    fn process(&self) -> Option<Process> {
        let us = Disk.process();
        us.map(|us| match self.0.is_gone() {
            true => Process {
                pid: u32::MAX,
                ..us
            },
            false => us,
        })
    }
    fn is_alive(&self, process: &Process) -> Option<bool> {
        Disk.is_alive(process)
    }
    fn now(&self) -> u64 {
        self.0.now()
    }
    fn sleep(&self, milliseconds: u64) {
        Disk.sleep(milliseconds);
    }
    fn gzip(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        Disk.gzip(bytes)
    }
    fn gunzip(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        Disk.gunzip(bytes)
    }
}
