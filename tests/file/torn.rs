//! What a kill tore off is in the way of those who only read, until somebody writes.

use crate::{
    folder::{Folder, open, system},
    meddled::{Call, Meddle, Meddled},
};
use dataknobs_kv::{
    Result, Store,
    backend::file::{Disk, File, FileOptions, Files},
};
use pollster::block_on;
use std::{
    fs,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Counts what is read, and has a clock of its own.
#[derive(Clone, Default)]
struct Counting {
    read: Arc<AtomicU64>,
    ahead: Arc<AtomicU64>,
}

impl Meddle for Counting {
    fn before(&self, call: &Call<'_>) -> Result<()> {
        if let Call::Read = call {
            self.read.fetch_add(1, Relaxed);
        }
        Ok(())
    }
    fn now(&self) -> u64 {
        Disk.now() + self.ahead.load(Relaxed)
    }
}

fn append(path: &str, bytes: &[u8]) {
    let journal = fs::OpenOptions::new().append(true).open(path);
    journal.unwrap().write_all(bytes).unwrap();
}

#[test]
fn it_is_not_read_by_every_get() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let journal = format!("{path}.journal");
    let other = open(&path).unwrap();
    block_on(other.set("a", 1)).unwrap();
    let before = fs::metadata(&journal).unwrap().len() as usize;
    block_on(other.set("b", 2)).unwrap();
    let whole = fs::read(&journal).unwrap();
    let (first, rest) = whole[before..].split_at(20);
    fs::write(&journal, &whole[..before]).unwrap();

    let counting = Counting::default();
    let files = Meddled(counting.clone());
    let file = File::open(&path, FileOptions::default(), files, system()).unwrap();
    let store = Store::new(file, system());
    let keys = || block_on(store.keys("**")).unwrap();
    let reads = || counting.read.swap(0, Relaxed);
    reads();
    assert_eq!((keys(), reads()), (vec!["a".to_owned()], 0));
    append(&journal, first);
    // So soon after it came, more may come without being seen.
    for _ in 0..3 {
        assert_eq!((keys(), reads()), (vec!["a".to_owned()], 1));
    }
    counting.ahead.store(2_500, Relaxed);
    assert_eq!((keys(), reads()), (vec!["a".to_owned()], 1));
    for _ in 0..10 {
        assert_eq!((keys(), reads()), (vec!["a".to_owned()], 0));
    }
    // Who was slow goes on.
    append(&journal, rest);
    assert_eq!((keys(), reads()), (vec!["a".to_owned(), "b".to_owned()], 1));
    assert_eq!((keys().len(), reads()), (2, 0));

    // Whoever writes leaves it behind.
    append(&journal, first);
    assert_eq!((keys().len(), reads()), (2, 1));
    counting.ahead.store(5_000, Relaxed);
    assert_eq!((keys().len(), reads()), (2, 1));
    block_on(store.set("c", 3)).unwrap();
    assert_eq!(block_on(other.keys("**")).unwrap(), ["a", "b", "c"]);
}
