//! The file backend over real files: the suite, several at once, and what may be wrong with a file or a
//! disk. Processes are in `file_processes.rs`.

#[path = "file/by_hand.rs"]
mod by_hand;
#[path = "file/dying.rs"]
mod dying;
#[path = "file/faults.rs"]
mod faults;
#[path = "file/folder.rs"]
mod folder;
#[path = "file/meddled.rs"]
mod meddled;
#[path = "file/peers.rs"]
mod peers;
#[path = "file/robbed.rs"]
mod robbed;
#[path = "file/samples.rs"]
mod samples;
#[path = "file/takers.rs"]
mod takers;
#[path = "file/torn.rs"]
mod torn;

use dataknobs_kv::{
    Host, Result, ScanOptions, WatchOptions,
    backend::{
        Backend,
        file::{Compression, Disk, Durability, File, FileOptions},
    },
    conformance::{ManualHost, Work, contend, run},
};
use folder::{Folder, open, open_with, system};
use pollster::block_on;
use std::{fs, sync::Arc};

fn suite(options: FileOptions) {
    let folder = Folder::new();
    let host: Arc<dyn Host> = ManualHost::new(1_700_000_000_123);
    let number = std::cell::Cell::new(0);
    let make = async || -> Result<File<Disk>> {
        number.set(number.get() + 1);
        let path = folder.path(&format!("{}.json", number.get()));
        File::open(&path, options.clone(), Disk, Arc::clone(&host))
    };
    let report = block_on(run(Arc::clone(&host), make));
    assert!(report.checks().len() > 50);
    report.assert();
}

#[test]
fn over_files() {
    suite(FileOptions::default());
}

#[test]
fn over_files_as_named() {
    suite(FileOptions::named(Some("json"), Some("gzip"), Some("strict")).unwrap());
}

#[test]
fn unknown_names_are_refused() {
    for names in [
        [Some("yaml"), None, None],
        [None, Some("zip"), None],
        [None, None, Some("loose")],
    ] {
        let error = FileOptions::named(names[0], names[1], names[2]).unwrap_err();
        assert!(error.message().starts_with("there is no "), "{error}");
    }
}

#[test]
fn what_was_written_is_there_and_a_person_can_read_it() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    block_on(async {
        let store = open(&path)?;
        store.set("users.1.name", "Ada").await?;
        store.namespace("other")?.set("n", 1.0).await?;
        let version = store.get_entry("users.1.name").await?.unwrap().version;
        // Without closing: from the journal.
        let again = open(&path)?;
        assert_eq!(again.get("users.1.name").await?, Some("Ada".into()));
        assert_eq!(
            again.get_entry("users.1.name").await?.unwrap().version,
            version
        );
        store.close().await?;
        assert_eq!(folder.names(), ["store.json", "store.json.journal"]);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("\n\"users.1.name\": {\"value\": \"Ada\", \"version\": 1,"),
            "{text}"
        );
        assert!(
            text.contains("\n\"other\": {\n\"n\": {\"value\": 1.0,"),
            "{text}"
        );
        // Who had it open before goes on.
        again.set("more", 2).await?;
        // From the document alone.
        again.close().await?;
        fs::remove_file(format!("{path}.journal")).unwrap();
        let last = open(&path)?;
        assert_eq!(last.keys("**").await?, ["more", "users.1.name"]);
        assert_eq!(last.namespaces().await?.len(), 2);
        Ok::<(), dataknobs_kv::Error>(())
    })
    .unwrap();
}

#[test]
fn gunzip_reads_what_is_compressed_and_either_kind_is_opened() {
    let folder = Folder::new();
    let path = folder.path("store.json.gz");
    let zipped = FileOptions {
        compression: Some(Compression::Gzip),
        ..FileOptions::default()
    };
    block_on(async {
        let store = open_with(&path, zipped.clone())?;
        store.set("a", "x".repeat(10_000)).await?;
        store.close().await?;
        assert!(fs::metadata(&path).unwrap().len() < 1_000);
        let gunzip = std::process::Command::new("gunzip")
            .arg("-c")
            .arg(&path)
            .output();
        let text = String::from_utf8(gunzip.expect("gunzip is there").stdout).unwrap();
        assert!(
            text.starts_with("{\n\"format\": \"dataknobs-kv/1\""),
            "{text}"
        );

        let plain = open(&path)?;
        plain.set("b", 1).await?;
        plain.close().await?;
        assert!(
            fs::read_to_string(&path)
                .unwrap()
                .contains("\n\"b\": {\"value\": 1,")
        );
        let zipped = open_with(&path, zipped)?;
        assert_eq!(zipped.keys("**").await?, ["a", "b"]);

        let mut bytes = {
            zipped.set("c", 1).await?;
            zipped.close().await?;
            fs::read(&path).unwrap()
        };
        bytes.truncate(bytes.len() / 2);
        fs::write(&path, &bytes).unwrap();
        let error = open(&path).map(drop).unwrap_err();
        assert_eq!(error.kind(), dataknobs_kv::ErrorKind::Corrupt, "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "never rewritten");
        Ok::<(), dataknobs_kv::Error>(())
    })
    .unwrap();
}

#[test]
fn stores_over_one_file_see_each_other() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let (one, two) = (open(&path).unwrap(), open(&path).unwrap());
    block_on(async {
        let watcher = two.watch("**", WatchOptions::default())?;
        one.set("a", 1).await?;
        assert_eq!(two.get("a").await?, Some(1.into()));
        assert!(watcher.try_next().is_some());
        two.increment("a", 5).await?;
        assert_eq!(one.get("a").await?, Some(6.into()));
        two.delete("a").await?;
        assert!(!one.exists("a").await?);
        assert!(
            one.keys_with("**", &ScanOptions::default())
                .await?
                .is_empty()
        );
        // Through a fold of somebody else's.
        let three = open(&path)?;
        three.set("b", 1).await?;
        three.close().await?;
        assert_eq!(two.get("b").await?, Some(1.into()));
        one.set("c", 1).await?;
        assert_eq!(two.keys("**").await?, ["b", "c"]);
        Ok::<(), dataknobs_kv::Error>(())
    })
    .unwrap();
}

#[test]
fn threads_and_stores_lose_nothing() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let store = open(&path).unwrap();
            for _ in 0..2 {
                let store = store.clone();
                scope.spawn(move || {
                    for _ in 0..100 {
                        block_on(store.increment("n", 1)).unwrap();
                    }
                });
            }
        }
    });
    assert_eq!(
        block_on(open(&path).unwrap().get("n")).unwrap(),
        Some(400.into())
    );
    for work in Work::ALL {
        let host = system();
        let path = folder.path(&format!("{work:?}.json"));
        let file = File::open(&path, FileOptions::default(), Disk, Arc::clone(&host)).unwrap();
        let store = dataknobs_kv::Store::new(file, host);
        let tally = block_on(contend(&store, work, 10, 12, 3)).expect("exact");
        assert_eq!((tally.done, tally.unknown), (120, 0), "{work:?}");
    }
}

#[test]
fn a_long_journal_is_folded() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let (store, other) = (open(&path).unwrap(), open(&path).unwrap());
    let text = "x".repeat(10_000);
    block_on(async {
        for n in 0..250 {
            store.set(&format!("k.{}", n % 20), text.as_str()).await?;
        }
        let length = |path: &str| fs::metadata(path).unwrap().len();
        assert!(length(&format!("{path}.journal")) < 1_200_000);
        assert!(length(&path) > 150_000);
        assert_eq!(other.count_pattern("**").await?, 20);
        other.set("k.new", 1).await?;
        assert_eq!(store.get("k.new").await?, Some(1.into()));
        Ok::<(), dataknobs_kv::Error>(())
    })
    .unwrap();
}

#[test]
fn a_group_is_one_append() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let host = system();
    let options = FileOptions {
        durability: Durability::Strict,
        ..FileOptions::default()
    };
    let file = File::open(&path, options, Disk, Arc::clone(&host)).unwrap();
    let store = dataknobs_kv::Store::new(file.clone(), host);
    let other = open(&path).unwrap();
    let journal = format!("{path}.journal");
    let before = fs::metadata(&journal).unwrap().len();
    file.begin_group().unwrap();
    assert!(file.begin_group().is_err());
    for n in 0..100 {
        block_on(store.set("same", n)).unwrap();
    }
    assert_eq!(block_on(store.get("same")).unwrap(), Some(99.into()));
    assert_eq!(block_on(other.get("same")).unwrap(), None, "not yet");
    file.end_group().unwrap();
    assert_eq!(block_on(other.get("same")).unwrap(), Some(99.into()));
    assert!(fs::metadata(&journal).unwrap().len() - before < 100);
    file.end_group().unwrap();
    let written = file.group(|memory| block_on(memory.namespaces()));
    assert_eq!(written.unwrap().len(), 1);
    block_on(store.set("after", 1)).unwrap();
    // One that nobody ends.
    file.begin_group().unwrap();
    block_on(store.set("never", 1)).unwrap();
    drop((file, store));
    assert_eq!(block_on(other.keys("**")).unwrap(), ["after", "same"]);
    block_on(other.set("more", 1)).unwrap();
}

/// Who is to be answered soon folds afterwards; a journal that nobody folds is, at some length.
#[test]
fn a_group_leaves_folding_for_later() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let host = system();
    let file = File::open(&path, FileOptions::default(), Disk, host.clone()).unwrap();
    let store = dataknobs_kv::Store::new(file.clone(), host);
    let journal = || fs::metadata(format!("{path}.journal")).unwrap().len();
    let group = |key: &str, length: usize| {
        file.begin_group().unwrap();
        block_on(store.set(key, "x".repeat(length))).unwrap();
        file.end_group().unwrap();
    };
    group("a", 1_000);
    assert!(!file.is_untidy());
    group("a", 1_100_000);
    assert!(file.is_untidy() && journal() > 1_100_000);
    file.begin_group().unwrap();
    file.tidy().unwrap();
    file.end_group().unwrap();
    assert!(file.is_untidy(), "not within a group");
    file.tidy().unwrap();
    assert!(!file.is_untidy() && journal() < 100);
    file.tidy().unwrap();
    for n in 0..100 {
        group("a", 1_000_000);
        if journal() < 100 {
            assert!(n > 5, "{n}");
            return;
        }
    }
    panic!("it grows for ever");
}
