//! Several who take the lock of a dead process over, one of whom comes in at any call of the other.

use crate::{
    folder::{Folder, open, system},
    meddled::{Call, Meddle, Meddled},
};
use dataknobs_kv::{
    Error, ErrorKind, Result, Store,
    backend::file::{Disk, File, FileOptions, Files, Process},
};
use pollster::block_on;
use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

type Deed = Box<dyn FnOnce() + Send>;

/// A disk on which, at one of the calls, somebody else does something; or on which nothing goes any more from
/// there on, since this process is dead.
#[derive(Default)]
struct Met {
    at: u64,
    done: Arc<AtomicU64>,
    deed: Mutex<Option<Deed>>,
    dies: bool,
}

impl Meddle for Met {
    fn before(&self, _: &Call<'_>) -> Result<()> {
        let call = self.done.fetch_add(1, Ordering::Relaxed);
        if call >= self.at
            && let Some(deed) = self.deed.lock().unwrap().take()
        {
            deed();
        }
        if self.dies && call >= self.at {
            return Err(Error::new(ErrorKind::Unavailable, "dead"));
        }
        Ok(())
    }
    fn is_gone(&self) -> bool {
        self.dies
    }
}

/// Who waits for nobody.
fn hasty<F: Files>(path: &str, files: F) -> Result<File<F>> {
    let options = FileOptions {
        patience: 0,
        ..FileOptions::default()
    };
    File::open(path, options, files, system())
}

/// A store, and the lock of a process that is gone.
fn orphaned(path: &str) {
    block_on(open(path).unwrap().increment("n", 1)).unwrap();
    let dead = Process {
        pid: u32::MAX,
        ..Disk.process().expect("a process")
    };
    let Process { pid, started, host } = dead;
    let claim =
        format!("pid {pid}\nstarted {started}\nhost {host}\nat 1\ntoken 00000000000000ff\n");
    fs::write(
        format!("{path}.lock"),
        format!("dataknobs-kv lock\n{claim}"),
    )
    .unwrap();
}

/// The second one comes at any call of the first, and holds the lock for the rest of the time.
#[test]
fn one_takes_a_dead_lock_over() {
    let mut both_ways = [0; 2];
    for at in 0..200 {
        let folder = Folder::new();
        let path = folder.path("store.json");
        orphaned(&path);
        let holder = Arc::new(Mutex::new(None));
        let (held, whose) = (Arc::clone(&holder), path.clone());
        let done = Arc::new(AtomicU64::new(0));
        let first = hasty(
            &path,
            Meddled(Met {
                at,
                done: Arc::clone(&done),
                deed: Mutex::new(Some(Box::new(move || {
                    let second = hasty(&whose, Disk).and_then(|file| {
                        file.begin_group()?;
                        Ok(file)
                    });
                    *held.lock().unwrap() = second.ok();
                }))),
                dies: false,
            }),
        );
        if done.load(Ordering::Relaxed) <= at {
            assert!(both_ways.iter().all(|times| *times > 1), "{both_ways:?}");
            return;
        }
        let second = holder.lock().unwrap().take();
        // What comes when the first has let go of it is no race.
        let names = folder.names();
        match (first, second) {
            (Ok(_), None) => both_ways[0] += 1,
            (Err(error), Some(second)) => {
                assert_eq!(error.kind(), ErrorKind::Timeout, "{at}: {error}");
                assert!(names.contains(&"store.json.lock".into()), "{at}: {names:?}");
                second.end_group().unwrap();
                both_ways[1] += 1;
            }
            (first, second) => panic!(
                "{at}: the first {}, the second {}",
                first.is_ok(),
                second.is_some()
            ),
        }
        let last = open(&path).unwrap();
        assert_eq!(block_on(last.increment("n", 1)).unwrap(), 2.into());
        block_on(last.close()).unwrap();
        assert_eq!(folder.names(), ["store.json", "store.json.journal"], "{at}");
    }
    panic!("it was tried at every place");
}

/// Whoever dies in the act, at any call, is taken over at once; so is the one that dies in that act.
#[test]
fn a_taker_that_dies() {
    let die = |path: &str, at: u64| {
        let done = Arc::new(AtomicU64::new(0));
        let met = Met {
            at,
            done: Arc::clone(&done),
            dies: true,
            ..Met::default()
        };
        let opened = hasty(path, Meddled(met));
        if let Ok(file) = opened {
            let _ = block_on(Store::new(file, system()).increment("n", 1));
        }
        done.load(Ordering::Relaxed) <= at
    };
    for first in 0..200 {
        for second in 0..200 {
            let folder = Folder::new();
            let path = folder.path("store.json");
            orphaned(&path);
            let whole = die(&path, first);
            let last = die(&path, second);
            let store = Store::new(hasty(&path, Disk).unwrap(), system());
            let n = block_on(store.get("n")).unwrap().unwrap().as_int().unwrap();
            assert!((1..=3).contains(&n), "{first} {second}: {n}");
            block_on(store.close()).unwrap();
            let names = folder.names();
            assert_eq!(
                names,
                ["store.json", "store.json.journal"],
                "{first} {second}"
            );
            if whole {
                return;
            }
            if last {
                break;
            }
        }
    }
    panic!("it was tried at every place");
}

/// Somebody who came too late, and died before they had looked again, leaves a file that the next one to open
/// removes.
#[test]
fn what_a_taker_left_behind() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    orphaned(&path);
    fs::rename(format!("{path}.lock"), format!("{path}.lock.1")).unwrap();
    let store = open(&path).unwrap();
    assert_eq!(folder.names(), ["store.json", "store.json.journal"]);
    assert_eq!(block_on(store.get("n")).unwrap(), Some(1.into()));
}
