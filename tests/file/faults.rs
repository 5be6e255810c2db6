//! What may be wrong with a file, a folder or a disk: a clear error, and nothing lost that was
//! acknowledged.

use crate::folder::{Folder, open, system};
use dataknobs_kv::{
    Error, ErrorKind,
    backend::file::{Disk, File, FileOptions, Files, Process},
};
use pollster::block_on;
use std::fs;

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
    // A link that leads nowhere.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path("nowhere"), &lock).unwrap();
        assert_eq!(opened(50).unwrap_err().kind(), ErrorKind::Timeout);
    }
}
