//! The file backend without files: what a document and its journal say comes back, whatever was cut
//! off, folded or written by two.

use dataknobs_kv::{
    ErrorKind, Host, ScanOptions, Store, WatchOptions,
    backend::{
        file::{Fit, HEADER_LEN, Ledger, Tail},
        memory::Memory,
    },
    conformance::ManualHost,
};
use pollster::block_on;
use proptest::prelude::*;
use std::sync::Arc;

type Memories = Store<Memory>;

fn ledger() -> (Ledger, Memories) {
    let host: Arc<dyn Host> = ManualHost::new(1_700_000_000_000);
    let memory = Memory::new(Default::default(), Arc::clone(&host));
    (
        Ledger::new("x.json", memory.clone()),
        Store::new(memory, host),
    )
}

/// What a driver keeps.
#[derive(Clone, Default)]
struct Files {
    document: Option<Vec<u8>>,
    journal: Vec<u8>,
}

fn fold(ledger: &mut Ledger, files: &mut Files) {
    let document = ledger.document().unwrap();
    files.journal = ledger.fresh_journal(1);
    ledger.folded(document.len() as u64);
    files.document = Some(document);
}

fn fresh() -> (Ledger, Memories, Files) {
    let (mut ledger, store) = ledger();
    let mut files = Files::default();
    assert_eq!(ledger.open(None, None, Tail::Final), Ok(Fit::Fold));
    fold(&mut ledger, &mut files);
    (ledger, store, files)
}

fn set(ledger: &mut Ledger, store: &Memories, files: &mut Files, key: &str, value: i64) {
    ledger.begin();
    block_on(store.set(key, value)).unwrap();
    let frame = ledger.seal().unwrap().expect("a change");
    files.journal.extend_from_slice(frame);
    ledger.kept();
    assert_eq!(ledger.length(), files.journal.len() as u64);
}

fn open(files: &Files) -> (dataknobs_kv::Result<Fit>, Ledger, Memories) {
    let (mut ledger, store) = ledger();
    let fit = ledger.open(files.document.as_deref(), Some(&files.journal), Tail::Final);
    (fit, ledger, store)
}

fn all(store: &Memories) -> Vec<(String, i64)> {
    let keys = block_on(store.keys_with("**", &ScanOptions::default())).unwrap();
    keys.into_iter()
        .map(|key| {
            let value = block_on(store.get(&key)).unwrap().unwrap();
            (key, value.as_int().unwrap())
        })
        .collect()
}

#[test]
fn a_tail_that_was_torn_takes_no_other_commit_with_it() {
    let (mut ledger, store, mut files) = fresh();
    for n in 0..3 {
        set(&mut ledger, &store, &mut files, &format!("k{n}"), n);
    }
    let (before, content) = (files.journal.len(), all(&store));
    set(&mut ledger, &store, &mut files, "last", 1);
    let whole = files.clone();
    for len in before..whole.journal.len() {
        files.journal.truncate(len);
        let (fit, again, store) = open(&files);
        assert_eq!(fit, Ok(Fit::Fits));
        assert_eq!(
            (again.length(), all(&store)),
            (before as u64, content.clone())
        );
        files.journal.clone_from(&whole.journal);
        // What is there may also be nothing yet, or anything.
        files.journal[len..].fill(0);
        let (fit, again, store) = open(&files);
        assert_eq!(fit, Ok(Fit::Fits));
        assert_eq!(
            (again.length(), all(&store)),
            (before as u64, content.clone())
        );
        files.journal.clone_from(&whole.journal);
    }
}

#[test]
fn damage_that_is_not_at_the_end_is_refused() {
    let (mut ledger, store, mut files) = fresh();
    let mut ends = vec![files.journal.len()];
    for n in 0..4 {
        set(&mut ledger, &store, &mut files, &format!("k{n}"), n);
        ends.push(files.journal.len());
    }
    for at in ends[1]..ends[3] {
        let mut broken = files.clone();
        broken.journal[at] ^= 0x41;
        let error = open(&broken).0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{at}");
        assert!(
            error
                .message()
                .contains("x.json.journal is damaged at byte"),
            "{error}"
        );
    }
    // A commit that is missing altogether.
    files.journal.drain(ends[1]..ends[2]);
    let error = open(&files).0.unwrap_err();
    assert!(error.message().contains("lacks a commit"), "{error}");
}

#[test]
fn a_document_and_a_journal_that_do_not_belong_together() {
    let (mut ledger, store, mut files) = fresh();
    set(&mut ledger, &store, &mut files, "a", 1);
    let old = files.clone();
    set(&mut ledger, &store, &mut files, "a", 2);
    let journal = files.journal.clone();
    fold(&mut ledger, &mut files);

    // The crash between the two renames: the new document, the old journal.
    let between = Files {
        document: files.document.clone(),
        journal,
    };
    let (fit, mut again, their_store) = open(&between);
    assert_eq!(
        (fit, all(&their_store)),
        (Ok(Fit::Fits), vec![("a".to_owned(), 2)])
    );
    let mut between = between;
    set(&mut again, &their_store, &mut between, "b", 3);
    assert_eq!(all(&open(&between).2).len(), 2);

    // A journal that ends before the document.
    let behind = Files {
        document: files.document.clone(),
        journal: old.journal.clone(),
    };
    let (fit, _, store) = open(&behind);
    assert_eq!(
        (fit, all(&store)),
        (Ok(Fit::Fresh), vec![("a".to_owned(), 2)])
    );

    // No journal; nothing of one.
    for journal in [None, Some(&b""[..]), Some(&files.journal[..HEADER_LEN - 1])] {
        let (mut ledger, store) = self::ledger();
        let fit = ledger.open(files.document.as_deref(), journal, Tail::Final);
        assert_eq!(
            (fit, all(&store)),
            (Ok(Fit::Fresh), vec![("a".to_owned(), 2)])
        );
    }

    // An old document, and none.
    for (document, part) in [(old.document, "older than its journal"), (None, "gone")] {
        let error = open(&Files {
            document,
            journal: files.journal.clone(),
        })
        .0
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn of_two_who_write_the_same_commit_the_first_one_stands() {
    let (mut ours, our_store, mut files) = fresh();
    set(&mut ours, &our_store, &mut files, "n", 1);
    let (_, mut theirs, their_store) = open(&files);
    let seen = ours.length() as usize;
    let frame = |ledger: &mut Ledger, store: &Memories, key: &str| {
        ledger.begin();
        block_on(store.increment("n", 1)).unwrap();
        block_on(store.set(key, 0)).unwrap();
        ledger.seal().unwrap().unwrap().to_vec()
    };
    let (one, two) = (
        frame(&mut ours, &our_store, "ours"),
        frame(&mut theirs, &their_store, "theirs"),
    );
    files.journal.extend_from_slice(&two);
    files.journal.extend_from_slice(&one);
    assert!(theirs.settle(&files.journal[seen..]));
    assert!(!ours.settle(&files.journal[seen..]));
    assert_eq!(all(&our_store), [("n".to_owned(), 1)]);
    for (ledger, store) in [(&mut ours, &our_store), (&mut theirs, &their_store)] {
        let from = ledger.length() as usize;
        ledger.feed(&files.journal[from..], Tail::Final).unwrap();
        assert_eq!(ledger.length(), files.journal.len() as u64);
        assert_eq!(all(store), [("n".to_owned(), 2), ("theirs".to_owned(), 0)]);
    }
    set(&mut ours, &our_store, &mut files, "n", 3);
    let (fit, _, store) = open(&files);
    assert_eq!((fit, all(&store)[0].1), (Ok(Fit::Fits), 3));
}

#[test]
fn who_watches_hears_what_a_document_that_was_read_again_says() {
    let (mut ours, store, mut files) = fresh();
    for key in ["a", "b", "c"] {
        set(&mut ours, &store, &mut files, key, 1);
    }
    let (_, mut theirs, their_store) = open(&files);
    let watcher = their_store.watch("**", WatchOptions::default()).unwrap();
    set(&mut ours, &store, &mut files, "b", 2);
    ours.begin();
    block_on(store.delete("c")).unwrap();
    files
        .journal
        .extend_from_slice(ours.seal().unwrap().unwrap());
    ours.kept();
    set(&mut ours, &store, &mut files, "d", 1);
    fold(&mut ours, &mut files);
    assert_eq!(
        theirs.switch(&files.journal, Tail::Growing),
        Ok(Fit::Reread)
    );
    let fit = theirs.open(files.document.as_deref(), Some(&files.journal), Tail::Final);
    assert_eq!(fit, Ok(Fit::Fits));
    assert_eq!(all(&their_store), all(&store));
    let told = std::iter::from_fn(|| watcher.try_next()).count();
    assert_eq!(told, 3, "b is another, c is gone, d is new");
    // The fresh journal of what is known already.
    let journal = theirs.fresh_journal(9);
    assert_eq!(theirs.switch(&journal, Tail::Growing), Ok(Fit::Fits));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_journal_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4)
    ) {
        let (mut ledger, store, mut files) = fresh();
        for n in 0..4 {
            set(&mut ledger, &store, &mut files, &format!("k{n}"), n);
        }
        let whole = all(&store);
        for (at, byte, kind) in changes {
            let at = at.index(files.journal.len().max(1));
            match kind {
                0 if at < files.journal.len() => files.journal[at] = byte,
                1 => files.journal.truncate(at),
                _ => files.journal.insert(at.min(files.journal.len()), byte),
            }
        }
        match open(&files) {
            // What is read is the beginning of what was written.
            (Ok(_), _, store) => prop_assert!(whole.starts_with(&all(&store))),
            (Err(error), ..) => prop_assert_eq!(error.kind(), ErrorKind::Corrupt),
        }
    }
}
