//! Whoever dies, or has no room, at any operation that writes.

use crate::{
    folder::{Folder, open, system},
    meddled::{Call, Meddle, Meddled},
};
use dataknobs_kv::{
    Error, ErrorKind, Result, Store,
    backend::file::{Disk, File, FileOptions, Files},
};
use pollster::block_on;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
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

impl Meddle for Failing {
    fn before(&self, call: &Call<'_>) -> Result<()> {
        match call {
            Call::Look | Call::Read => Ok(()),
            Call::Append(handle, bytes) => {
                self.step(|| Disk.append(handle, &bytes[..bytes.len() / 2]).unwrap())
            }
            Call::Replace { aside, bytes, .. } if self.dies => {
                self.step(|| fs::write(aside, &bytes[..bytes.len() / 2]).unwrap())
            }
            Call::Remove if !self.dies => Ok(()),
            _ => self.step(|| {}),
        }
    }
    fn is_gone(&self) -> bool {
        self.dies
    }
}

/// Opens, changes and folds; which changes were acknowledged.
fn work(path: &str, files: Failing) -> (Vec<i64>, bool) {
    let mut acknowledged = Vec::new();
    let host = system();
    let Ok(file) = File::open(
        path,
        FileOptions::default(),
        Meddled(files),
        Arc::clone(&host),
    ) else {
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

/// A disk on which nothing is written while it is full, not even a lock.
struct Full(Arc<AtomicBool>);

impl Meddle for Full {
    fn before(&self, call: &Call<'_>) -> Result<()> {
        match call {
            Call::Look | Call::Read | Call::Remove | Call::Truncate => Ok(()),
            _ if self.0.load(Ordering::Relaxed) => {
                Err(Error::new(ErrorKind::QuotaExceeded, "the disk is full"))
            }
            _ => Ok(()),
        }
    }
}

/// Whatever a `close` could not do, the next one who opens finds all that was acknowledged.
#[test]
fn a_close_that_was_refused() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let full = Arc::new(AtomicBool::new(false));
    let open = || -> Result<Store<File<Meddled<Full>>>> {
        let files = Meddled(Full(Arc::clone(&full)));
        let file = File::open(&path, FileOptions::default(), files, system())?;
        Ok(Store::new(file, system()))
    };
    let refused = |error: Error| assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
    let text = "x".repeat(100_000);
    block_on(async {
        let store = open()?;
        store.set("a", text.as_str()).await?;
        store.set("b", 1).await?;
        full.store(true, Ordering::Relaxed);
        // A deletion takes room too.
        refused(store.delete("a").await.unwrap_err());
        assert_eq!(store.get("a").await?, Some(text.as_str().into()));
        refused(store.close().await.unwrap_err());
        let closed = store.get("a").await.unwrap_err();
        assert_eq!(closed.kind(), ErrorKind::Closed);
        refused(open().map(drop).unwrap_err());

        full.store(false, Ordering::Relaxed);
        let again = open()?;
        assert_eq!(again.keys("**").await?, ["a", "b"]);
        assert_eq!(again.get("a").await?, Some(text.as_str().into()));
        assert!(again.delete("a").await?);
        again.close().await?;
        assert_eq!(folder.names(), ["store.json", "store.json.journal"]);
        assert!(fs::metadata(&path).unwrap().len() < 1_000);
        Ok::<(), Error>(())
    })
    .unwrap();
}
