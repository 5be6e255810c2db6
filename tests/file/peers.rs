//! Stores of one process over one file: who watches one of them is told at once what another one writes.

use crate::folder::{Folder, open, open_with, system};
use dataknobs_kv::{
    EventKind, SetOptions, WatchOptions, Watched, Watcher,
    backend::file::{Compression, Disk, File, FileOptions},
};
use pollster::block_on;
use std::fs;

/// What a watcher was told by now; nothing is asked of its store.
fn told(watcher: &Watcher) -> Vec<(EventKind, String)> {
    std::iter::from_fn(|| watcher.try_next())
        .map(|watched| match watched {
            Watched::Event(event) => (event.kind, event.key),
            Watched::Overflow => panic!("an overflow"),
        })
        .collect()
}

fn of(kind: EventKind, keys: &[&str]) -> Vec<(EventKind, String)> {
    keys.iter().map(|key| (kind, (*key).to_owned())).collect()
}

#[test]
fn each_change_is_told_at_once_and_once() {
    use EventKind::{Delete, Set};
    let folder = Folder::new();
    let path = folder.path("store.json");
    let (one, two) = (open(&path).unwrap(), open(&path).unwrap());
    block_on(async {
        let watcher = two.watch("**", WatchOptions::default())?;
        one.set("a", 1).await?;
        assert_eq!(told(&watcher), of(Set, &["a"]));
        one.set_many(["b", "c"].map(|key| (key, 1, SetOptions::default())))
            .await?;
        assert_eq!(told(&watcher), of(Set, &["b", "c"]));
        one.delete("a").await?;
        assert_eq!(told(&watcher), of(Delete, &["a"]));
        assert!(!one.delete("a").await?);
        // What was told is not told again when it is read.
        assert_eq!(two.keys("**").await?, ["b", "c"]);
        two.set("own", 1).await?;
        assert_eq!(told(&watcher), of(Set, &["own"]));

        // Through a fold by size, and one on closing.
        for n in 0..30 {
            one.set("long", "x".repeat(100_000)).await?;
            assert_eq!(told(&watcher), of(Set, &["long"]), "{n}");
        }
        let zipped = FileOptions {
            compression: Some(Compression::Gzip),
            ..FileOptions::default()
        };
        let three = open_with(&path, zipped)?;
        three.set("d", 1).await?;
        three.close().await?;
        one.set("e", 1).await?;
        assert_eq!(told(&watcher), of(Set, &["d", "e"]));

        // A group is told once it stands.
        let file = File::open(&path, FileOptions::default(), Disk, system())?;
        let grouped = dataknobs_kv::Store::new(file.clone(), system());
        file.begin_group()?;
        grouped.set("g", 1).await?;
        assert_eq!(told(&watcher), []);
        file.end_group()?;
        assert_eq!(told(&watcher), of(Set, &["g"]));

        // Whoever is closed hears nothing, and opens nothing again.
        two.close().await?;
        one.set("f", 1).await?;
        assert_eq!(told(&watcher), []);
        Ok::<(), dataknobs_kv::Error>(())
    })
    .unwrap();
}

#[test]
#[cfg(unix)]
fn one_file_has_many_names() {
    let folder = Folder::new();
    let (path, link) = (folder.path("store.json"), folder.path("link.json"));
    let one = open(&path).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let two = open(&link).unwrap();
    let watcher = two.watch("**", WatchOptions::default()).unwrap();
    block_on(one.set("a", 1)).unwrap();
    assert_eq!(told(&watcher), of(EventKind::Set, &["a"]));
    // Another file is another's.
    fs::copy(&path, folder.path("copy.json")).unwrap();
    let other = open(&folder.path("copy.json")).unwrap();
    block_on(other.set("b", 1)).unwrap();
    assert_eq!(told(&watcher), []);
}

/// Each writes and is told of the others at the same time.
#[test]
fn threads_tell_each_other() {
    const TIMES: usize = 150;
    let folder = Folder::new();
    let path = folder.path("store.json");
    let stores: Vec<_> = (0..3).map(|_| open(&path).unwrap()).collect();
    let watch = |store: &dataknobs_kv::Store<_>| store.watch("n", WatchOptions::default());
    let watchers: Vec<Watcher> = stores.iter().map(|store| watch(store).unwrap()).collect();
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(move || {
                for _ in 0..TIMES {
                    block_on(store.increment("n", 1)).unwrap();
                }
            });
        }
    });
    for watcher in &watchers {
        assert_eq!(told(watcher).len(), 3 * TIMES);
    }
}
