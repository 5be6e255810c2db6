//! Two who both believe that they hold the lock: whoever waited for too long, and whoever took it over.

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
    sync::{Arc, Mutex},
};

type Deed = Box<dyn FnOnce() + Send>;

/// A disk on which somebody else does something just before, or just after, something is appended, once the
/// journal was read, or before it is replaced or cut off; and on which there may be room for a part only.
#[derive(Clone, Default)]
struct Robbed {
    before: Arc<Mutex<Option<Deed>>>,
    after: Arc<Mutex<Option<Deed>>>,
    read: Arc<Mutex<Option<Deed>>>,
    replacing: Arc<Mutex<Option<Deed>>>,
    cutting: Arc<Mutex<Option<Deed>>>,
    /// How much of the next append finds room.
    room: Arc<Mutex<Option<usize>>>,
}

fn run(deed: &Mutex<Option<Deed>>) {
    let deed = deed.lock().unwrap().take();
    if let Some(deed) = deed {
        deed();
    }
}

impl Meddle for Robbed {
    fn before(&self, call: &Call<'_>) -> Result<()> {
        match call {
            Call::Append(handle, bytes) => {
                run(&self.before);
                if let Some(room) = self.room.lock().unwrap().take() {
                    Disk.append(handle, &bytes[..room.min(bytes.len())])?;
                    run(&self.after);
                    return Err(Error::new(ErrorKind::QuotaExceeded, "the disk is full"));
                }
            }
            Call::Truncate => run(&self.cutting),
            Call::Replace { path, .. } if path.ends_with(".journal") => run(&self.replacing),
            _ => {}
        }
        Ok(())
    }
    fn after(&self, call: &Call<'_>) {
        match call {
            Call::Append(..) => run(&self.after),
            Call::Read => run(&self.read),
            _ => {}
        }
    }
}

type Robbing = File<Meddled<Robbed>>;

fn robbed(path: &str) -> (Robbed, Robbing, Store<Robbing>) {
    let files = Robbed::default();
    let host = system();
    let file = File::open(
        path,
        FileOptions::default(),
        Meddled(files.clone()),
        Arc::clone(&host),
    )
    .unwrap();
    (files, file.clone(), Store::new(file, host))
}

/// Takes the lock away, and adds to the counter; then folds, or does not.
fn deed(path: &str, times: u32, folds: bool) -> Deed {
    let (path, thief) = (path.to_owned(), open(path).unwrap());
    Box::new(move || {
        fs::remove_file(format!("{path}.lock")).unwrap();
        for _ in 0..times {
            block_on(thief.increment("n", 1)).unwrap();
        }
        if folds {
            block_on(thief.close()).unwrap();
        }
    })
}

#[test]
fn nothing_is_lost_or_made_twice() {
    for times in 0..3 {
        for folds in [false, true] {
            for after in [false, true] {
                let folder = Folder::new();
                let path = folder.path("store.json");
                let (files, _, store) = robbed(&path);
                block_on(store.increment("n", 1)).unwrap();
                let place = if after { &files.after } else { &files.before };
                *place.lock().unwrap() = Some(deed(&path, times, folds));
                let case = format!("{times} {folds} {after}");
                let ours = match block_on(store.increment("n", 1)) {
                    Ok(_) => Some(1),
                    // What was folded holds our commit, or another one of its number.
                    Err(error) if folds => {
                        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{case}: {error}");
                        None
                    }
                    Err(error) => panic!("{case}: {error}"),
                };
                let n = block_on(store.get("n")).unwrap().unwrap().as_int().unwrap();
                let least = i64::from(times) + 1 + ours.unwrap_or(0);
                let most = i64::from(times) + 1 + ours.unwrap_or(1);
                assert!((least..=most).contains(&n), "{case}: {n}");
                for _ in 0..2 {
                    block_on(store.increment("n", 1)).unwrap();
                }
                let again = open(&path).unwrap();
                assert_eq!(
                    block_on(again.get("n")).unwrap(),
                    Some((n + 2).into()),
                    "{case}"
                );
            }
        }
    }
}

/// Whoever cannot append all of a commit takes back nothing of what another one appended meanwhile, and does not
/// say that nothing was changed where it was.
#[test]
fn what_comes_while_an_append_fails_is_not_lost() {
    let text = "x".repeat(1_000);
    for room in [0, 1, 15, 500, usize::MAX] {
        for times in 0..3 {
            for when in ["before", "after", "cutting"] {
                let folder = Folder::new();
                let path = folder.path("store.json");
                let (files, _, store) = robbed(&path);
                block_on(store.increment("n", 1)).unwrap();
                let place = match when {
                    "before" => &files.before,
                    "after" => &files.after,
                    _ => &files.cutting,
                };
                *place.lock().unwrap() = Some(deed(&path, times, false));
                *files.room.lock().unwrap() = Some(room);
                let error = block_on(store.set("text", text.as_str())).unwrap_err();
                // Where nothing had to be cut off, nobody came.
                let came = place.lock().unwrap().take().is_none();
                let case = format!("{room} {times} {when}");
                let n = Some((1 + if came { i64::from(times) } else { 0 }).into());
                let whole = room == usize::MAX && !(when == "before" && times > 0);
                let kind = match whole {
                    true => ErrorKind::OutcomeUnknown,
                    false => ErrorKind::QuotaExceeded,
                };
                assert_eq!(error.kind(), kind, "{case}: {error}");
                for store in [open(&path).unwrap(), open(&path).unwrap()] {
                    assert_eq!(block_on(store.get("n")).unwrap(), n, "{case}");
                    assert_eq!(
                        block_on(store.get("text")).unwrap().is_some(),
                        whole,
                        "{case}"
                    );
                }
                assert_eq!(block_on(store.get("n")).unwrap(), n, "{case}");
                block_on(store.set("m", 1)).unwrap();
                let last = open(&path).unwrap();
                assert_eq!(block_on(last.get("n")).unwrap(), n, "{case}");
                assert!(block_on(last.get("m")).unwrap().is_some(), "{case}");
            }
        }
    }
}

/// Whoever folds without knowing what another one appended just then carries it over.
#[test]
fn what_comes_while_the_journal_is_replaced_is_not_lost() {
    for times in 0..3 {
        let folder = Folder::new();
        let path = folder.path("store.json");
        let (files, _, store) = robbed(&path);
        block_on(store.increment("n", 1)).unwrap();
        let (thief, whose) = (open(&path).unwrap(), path.clone());
        *files.replacing.lock().unwrap() = Some(Box::new(move || {
            // Away, and back again: the one who folds never notices.
            let lock = format!("{whose}.lock");
            let held = fs::read(&lock).unwrap();
            fs::remove_file(&lock).unwrap();
            for _ in 0..times {
                block_on(thief.increment("n", 1)).unwrap();
            }
            fs::write(&lock, held).unwrap();
        }));
        block_on(store.close()).unwrap();
        let last = open(&path).unwrap();
        assert_eq!(
            block_on(last.get("n")).unwrap(),
            Some((1 + times).into()),
            "{times}"
        );
        block_on(last.increment("n", 1)).unwrap();
        assert_eq!(
            block_on(open(&path).unwrap().get("n")).unwrap(),
            Some((2 + times).into())
        );
    }
}

/// What was torn off by a kill is in the way of two: whoever removes it does not remove what the other one
/// appended meanwhile.
#[test]
fn what_comes_while_a_torn_tail_is_removed_is_not_lost() {
    for opening in [false, true] {
        for times in 0..4 {
            let folder = Folder::new();
            let path = folder.path("store.json");
            let journal = format!("{path}.journal");
            let (files, _, store) = robbed(&path);
            block_on(store.increment("n", 1)).unwrap();
            let thief = open(&path).unwrap();
            let whole = fs::read(&journal).unwrap();
            fs::write(&journal, [&whole[..], &[7, 0, 0]].concat()).unwrap();
            let whose = path.clone();
            *files.read.lock().unwrap() = Some(Box::new(move || {
                fs::remove_file(format!("{whose}.lock")).unwrap();
                for _ in 0..times {
                    block_on(thief.increment("n", 1)).unwrap();
                }
            }));
            let case = format!("{opening} {times}");
            if opening {
                // Another one, on the same disk.
                let host = system();
                let file = File::open(
                    &path,
                    FileOptions::default(),
                    Meddled(files),
                    Arc::clone(&host),
                )
                .unwrap();
                block_on(Store::new(file, host).increment("n", 1)).unwrap();
            } else {
                block_on(store.increment("n", 1)).unwrap();
            }
            let last = open(&path).unwrap();
            let n = block_on(last.get("n")).unwrap();
            assert_eq!(n, Some((2 + times).into()), "{case}");
        }
    }
}

/// A group that was written over is taken back as a whole.
#[test]
fn a_group_whose_lock_was_lost() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let (files, file, store) = robbed(&path);
    file.begin_group().unwrap();
    block_on(store.set("a", 1)).unwrap();
    *files.before.lock().unwrap() = Some(deed_of_another(&path));
    let error = file.end_group().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(block_on(store.keys("**")).unwrap(), ["n"]);
    block_on(store.set("a", 1)).unwrap();
    assert_eq!(
        block_on(open(&path).unwrap().keys("**")).unwrap(),
        ["a", "n"]
    );
}

/// Opens only once the lock is away.
fn deed_of_another(path: &str) -> Deed {
    let path = path.to_owned();
    Box::new(move || {
        fs::remove_file(format!("{path}.lock")).unwrap();
        block_on(open(&path).unwrap().increment("n", 1)).unwrap();
    })
}
