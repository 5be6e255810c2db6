//! Whoever dies, or has no room, at any operation that writes.

use crate::folder::{Folder, open, system};
use dataknobs_kv::{
    Error, ErrorKind, Result, Store,
    backend::file::{Disk, DiskHandle, File, FileOptions, Files, Process, Stat},
};
use pollster::block_on;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A disk on which, from one of the operations that write on, nothing is written any more: half of that one
/// is done, or (where the process lives on) only that one fails.
struct Failing {
    at: u64,
    done: Arc<AtomicU64>,
    dies: bool,
}

impl Failing {
    fn step(&self, half: impl FnOnce()) -> Result<()> {
        let step = self.done.fetch_add(1, Ordering::Relaxed);
        if step == self.at {
            half();
        }
        if step == self.at || (self.dies && step > self.at) {
            return Err(Error::new(ErrorKind::QuotaExceeded, "the disk is full"));
        }
        Ok(())
    }
}

impl Files for Failing {
    type Handle = DiskHandle;
    fn resolve(&self, path: &str) -> Result<String> {
        Disk.resolve(path)
    }
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Disk.read(path)
    }
    fn stat(&self, path: &str) -> Result<Option<Stat>> {
        Disk.stat(path)
    }
    fn open(&self, path: &str) -> Result<Option<DiskHandle>> {
        Disk.open(path)
    }
    fn stat_of(&self, handle: &DiskHandle) -> Result<Stat> {
        Disk.stat_of(handle)
    }
    fn read_from(&self, handle: &DiskHandle, from: u64) -> Result<Vec<u8>> {
        Disk.read_from(handle, from)
    }
    fn append(&self, handle: &DiskHandle, bytes: &[u8]) -> Result<()> {
        self.step(|| Disk.append(handle, &bytes[..bytes.len() / 2]).unwrap())?;
        Disk.append(handle, bytes)
    }
    fn sync(&self, handle: &DiskHandle) -> Result<()> {
        Disk.sync(handle)
    }
    fn truncate(&self, handle: &DiskHandle, len: u64) -> Result<()> {
        self.step(|| {})?;
        Disk.truncate(handle, len)
    }
    fn create_new(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        self.step(|| {})?;
        Disk.create_new(path, bytes)
    }
    fn replace(&self, path: &str, aside: &str, bytes: &[u8]) -> Result<()> {
        let dies = self.dies;
        self.step(|| {
            if dies {
                fs::write(aside, &bytes[..bytes.len() / 2]).unwrap();
            }
        })?;
        Disk.replace(path, aside, bytes)
    }
    fn remove(&self, path: &str) -> Result<()> {
        if self.dies {
            self.step(|| {})?;
        }
        Disk.remove(path)
    }
    fn process(&self) -> Option<Process> {
        // Of one that is gone by the time another one looks.
        let us = Disk.process();
        us.map(|us| {
            if self.dies {
                Process {
                    pid: u32::MAX,
                    ..us
                }
            } else {
                us
            }
        })
    }
    fn is_alive(&self, process: &Process) -> Option<bool> {
        Disk.is_alive(process)
    }
    fn now(&self) -> u64 {
        Disk.now()
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

/// Opens, changes and folds; which changes were acknowledged.
fn work(path: &str, files: Failing) -> (Vec<i64>, bool) {
    let mut acknowledged = Vec::new();
    let host = system();
    let Ok(file) = File::open(path, FileOptions::default(), files, Arc::clone(&host)) else {
        return (acknowledged, false);
    };
    let store = Store::new(file, host);
    for n in 0..6 {
        // Long ones, so that the journal is folded in between too.
        let text = "x".repeat(300_000);
        let done = block_on(async {
            store
                .atomic()
                .set(format!("k{n}"), n)
                .set(format!("t{}", n % 2), text)
                .commit()
                .await
        });
        match done {
            Ok(_) => acknowledged.push(n),
            Err(error) => assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}"),
        }
    }
    let closed = block_on(store.close()).is_ok();
    (acknowledged, closed)
}

fn numbers(path: &str) -> Vec<i64> {
    let store = open(path).unwrap();
    block_on(async {
        let found = store.get_pattern("k*").await.unwrap();
        found
            .into_iter()
            .map(|(_, value)| value.as_int().unwrap())
            .collect()
    })
}

/// At every operation that writes, the process dies: between the two renames of folding too.
#[test]
fn whoever_dies_anywhere_loses_nothing() {
    let mut whole = false;
    for at in 0..200 {
        let folder = Folder::new();
        let path = folder.path("store.json");
        let done = Arc::new(AtomicU64::new(0));
        let (acknowledged, closed) = work(
            &path,
            Failing {
                at,
                done: Arc::clone(&done),
                dies: true,
            },
        );
        let found = numbers(&path);
        // The one that was not acknowledged may be there or not.
        assert!(
            found == acknowledged
                || found
                    .split_last()
                    .is_some_and(|(_, rest)| rest == acknowledged),
            "{at}: {acknowledged:?} {found:?}"
        );
        block_on(open(&path).unwrap().close()).unwrap();
        assert_eq!(folder.names(), ["store.json", "store.json.journal"], "{at}");
        whole = closed && done.load(Ordering::Relaxed) <= at;
        if whole {
            break;
        }
    }
    assert!(whole, "it was tried at every place");
}

/// At every operation that writes, the disk is full, once.
#[test]
fn a_disk_that_was_full_once() {
    for at in 0..200 {
        let folder = Folder::new();
        let path = folder.path("store.json");
        let done = Arc::new(AtomicU64::new(0));
        let (acknowledged, _) = work(
            &path,
            Failing {
                at,
                done: Arc::clone(&done),
                dies: false,
            },
        );
        assert_eq!(numbers(&path), acknowledged, "{at}");
        block_on(open(&path).unwrap().close()).unwrap();
        assert_eq!(folder.names(), ["store.json", "store.json.journal"], "{at}");
        if done.load(Ordering::Relaxed) <= at {
            return;
        }
    }
    panic!("it was tried at every place");
}
