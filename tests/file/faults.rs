//! What may be wrong with a file, a folder or a disk: a clear error, and nothing lost that was
//! acknowledged.

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

fn refused(path: &str) -> Error {
    open(path).map(drop).expect_err("it was opened")
}

#[test]
fn what_is_foreign_is_never_rewritten() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let store = open(&path).unwrap();
    block_on(store.set("a", "text")).unwrap();
    block_on(store.close()).unwrap();
    let whole = fs::read(&path).unwrap();
    let journal = fs::read(format!("{path}.journal")).unwrap();
    let newer = String::from_utf8(whole.clone()).unwrap();
    let newer = newer
        .replace("dataknobs-kv/1", "dataknobs-kv/2")
        .into_bytes();
    let mut documents: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{\"name\": \"a package\"}".to_vec(),
        b"PK\x03\x04".to_vec(),
        vec![0x1f, 0x8b, 1, 2],
        newer,
    ];
    // Its last line feed is no loss.
    documents.extend((1..whole.len() - 1).map(|len| whole[..len].to_vec()));
    for bytes in documents {
        fs::write(&path, &bytes).unwrap();
        let error = refused(&path);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.message().contains("store.json"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::read(format!("{path}.journal")).unwrap(), journal);
        assert_eq!(folder.names(), ["store.json", "store.json.journal"]);
    }
    fs::write(&path, &whole).unwrap();
    for bytes in [
        b"something else, of somebody else's".as_slice(),
        b"dataknobs-kv/j2\n0123456701234567",
    ] {
        fs::write(format!("{path}.journal"), bytes).unwrap();
        assert_eq!(refused(&path).kind(), ErrorKind::Corrupt);
        assert_eq!(fs::read(format!("{path}.journal")).unwrap(), bytes);
    }
    fs::write(format!("{path}.journal"), &journal).unwrap();
    assert_eq!(
        block_on(open(&path).unwrap().get("a")).unwrap(),
        Some("text".into())
    );
}

#[test]
fn a_tail_that_was_torn_is_cut_off() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let journal = format!("{path}.journal");
    let store = open(&path).unwrap();
    block_on(store.set("a", 1)).unwrap();
    let before = fs::metadata(&journal).unwrap().len();
    block_on(store.set("b", 2)).unwrap();
    drop(store);
    let whole = fs::read(&journal).unwrap();
    for len in before as usize..whole.len() {
        fs::write(&journal, &whole[..len]).unwrap();
        let store = open(&path).unwrap();
        assert_eq!(fs::metadata(&journal).unwrap().len(), before);
        assert_eq!(block_on(store.keys("**")).unwrap(), ["a"]);
        block_on(store.set("c", 3)).unwrap();
        // A store that was open when another process died in the middle.
        fs::OpenOptions::new()
            .append(true)
            .open(&journal)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &whole[before as usize..len]))
            .unwrap();
        assert_eq!(block_on(store.keys("**")).unwrap(), ["a", "c"]);
        block_on(store.set("d", 4)).unwrap();
        assert_eq!(
            block_on(open(&path).unwrap().keys("**")).unwrap(),
            ["a", "c", "d"]
        );
    }
}

#[test]
fn a_journal_that_was_damaged_is_refused() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let journal = format!("{path}.journal");
    let store = open(&path).unwrap();
    for n in 0..5 {
        block_on(store.set("a", n)).unwrap();
    }
    let mut bytes = fs::read(&journal).unwrap();
    bytes[100] ^= 1;
    fs::write(&journal, &bytes).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("damaged at byte"), "{error}");
    assert_eq!(fs::read(&journal).unwrap(), bytes, "never rewritten");
}

#[test]
fn paths_that_lead_nowhere() {
    let folder = Folder::new();
    let path = folder.path("no/store.json");
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.message().contains(&path) && error.message().contains("folder"),
        "{error}"
    );
    fs::create_dir(folder.path("folder")).unwrap();
    fs::write(folder.path("file"), "x").unwrap();
    for name in [
        "folder",
        "folder/",
        "folder/..",
        "",
        "file/store.json",
        "\0",
    ] {
        let path = if name.is_empty() {
            String::new()
        } else {
            folder.path(name)
        };
        let error = refused(&path);
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidArgument,
            "{name:?}: {error}"
        );
    }
    let long = refused(&folder.path(&"x".repeat(300)));
    assert!(
        matches!(
            long.kind(),
            ErrorKind::InvalidArgument | ErrorKind::Unavailable
        ),
        "{long}"
    );
    assert_eq!(folder.names(), ["file", "folder"]);
}

#[test]
#[cfg(unix)]
fn a_link_stays_a_link() {
    let folder = Folder::new();
    fs::create_dir(folder.path("real")).unwrap();
    let (link, real) = (folder.path("link.json"), folder.path("real/store.json"));
    block_on(open(&real).unwrap().close()).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let store = open(&link).unwrap();
    block_on(store.set("a", 1)).unwrap();
    block_on(store.close()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        block_on(open(&real).unwrap().get("a")).unwrap(),
        Some(1.into())
    );
    assert_eq!(folder.names(), ["link.json", "real"]);
}

#[test]
fn a_lock_that_nobody_lets_go_of() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let lock = format!("{path}.lock");
    let claim = |process: Option<Process>, at: u64| {
        let process = process.map_or(String::new(), |p| {
            format!("pid {}\nstarted {}\nhost {}\n", p.pid, p.started, p.host)
        });
        fs::write(
            &lock,
            format!("dataknobs-kv lock\n{process}at {at}\ntoken 00000000000000ff\n"),
        )
        .unwrap();
        fs::write(format!("{path}.00000000000000ff.new"), "half a docu").unwrap();
    };
    let opened = |patience: u64| {
        let options = FileOptions {
            patience,
            ..FileOptions::default()
        };
        File::open(&path, options, Disk, system()).map(drop)
    };
    let us = Disk.process().expect("a process");
    // Of one that runs: this one.
    claim(Some(us.clone()), 0);
    let error = opened(50).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().contains("store.json.lock"), "{error}");
    assert!(
        error.message().contains(&format!("process {}", us.pid)),
        "{error}"
    );
    // Of one that is gone.
    claim(
        Some(Process {
            pid: u32::MAX,
            ..us.clone()
        }),
        Disk.now(),
    );
    opened(0).unwrap();
    // Of one whose number is another's now.
    claim(
        Some(Process {
            started: 1,
            ..us.clone()
        }),
        Disk.now(),
    );
    opened(0).unwrap();
    // Of one on another machine: new, and old.
    let elsewhere = Process {
        host: "elsewhere".into(),
        ..us
    };
    claim(Some(elsewhere.clone()), Disk.now());
    assert_eq!(opened(50).unwrap_err().kind(), ErrorKind::Timeout);
    claim(Some(elsewhere), Disk.now() - 10_001);
    opened(0).unwrap();
    claim(None, Disk.now() - 10_001);
    opened(0).unwrap();
    // One that says nothing, for some seconds.
    fs::write(&lock, "").unwrap();
    assert_eq!(opened(50).unwrap_err().kind(), ErrorKind::Timeout);
    opened(5_000).unwrap();
    assert_eq!(
        folder.names(),
        ["store.json", "store.json.journal"],
        "what was aside is gone"
    );
}

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
                .set(&format!("k{n}"), n)
                .set(&format!("t{}", n % 2), text)
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
