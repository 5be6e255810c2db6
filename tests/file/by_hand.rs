//! A document or a journal that somebody changes, or takes away, while a store has it open.

use crate::folder::{Folder, open};
use dataknobs_kv::ErrorKind;
use pollster::block_on;
use std::fs;

/// A store's folder with `name`, `year` and `gone` in the document.
fn written() -> (Folder, String) {
    let folder = Folder::new();
    let path = folder.path("s.json");
    block_on(async {
        let store = open(&path).unwrap();
        for (key, value) in [("name", "Ada"), ("year", "1815"), ("gone", "?")] {
            store.set(key, value).await.unwrap();
        }
        store.close().await.unwrap();
    });
    (folder, path)
}

fn edit(path: &str, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn an_edit_and_what_was_written_since_are_both_kept() {
    let (_folder, path) = written();
    block_on(async {
        let store = open(&path).unwrap();
        store.set("year", "1852").await.unwrap();
        store.delete("gone").await.unwrap();
        // As long as before, and with the versions of before.
        edit(&path, "Ada", "Eve");
        edit(&path, "1815", "1816");
        store.close().await.unwrap();
        let store = open(&path).unwrap();
        let found = store.get_many(&["name", "year", "gone"]).await.unwrap();
        assert_eq!(found, [Some("Eve".into()), Some("1852".into()), None]);
    });
}

#[test]
fn an_edit_stands_where_nothing_was_written() {
    let (_folder, path) = written();
    block_on(async {
        let store = open(&path).unwrap();
        edit(&path, "Ada", "Grace");
        let edited = fs::read(&path).unwrap();
        store.close().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), edited);
    });
}

#[test]
fn an_edit_that_cannot_be_read_is_left_and_nothing_is_lost() {
    let (_folder, path) = written();
    block_on(async {
        let store = open(&path).unwrap();
        store.set("year", "1852").await.unwrap();
        edit(&path, "\"Ada\"", "Ada");
        let edited = fs::read(&path).unwrap();
        let error = store.close().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.message().contains("at line"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), edited);
        edit(&path, "Ada", "\"Ada\"");
        let store = open(&path).unwrap();
        assert_eq!(store.get("year").await.unwrap(), Some("1852".into()));
        assert_eq!(store.get("name").await.unwrap(), Some("Ada".into()));
    });
}

#[test]
fn a_document_that_is_taken_away_is_written_anew() {
    let (_folder, path) = written();
    block_on(async {
        let store = open(&path).unwrap();
        store.set("year", "1852").await.unwrap();
        fs::remove_file(&path).unwrap();
        store.close().await.unwrap();
        let store = open(&path).unwrap();
        assert_eq!(store.get("name").await.unwrap(), Some("Ada".into()));
        assert_eq!(store.get("year").await.unwrap(), Some("1852".into()));
    });
}

#[test]
fn what_only_a_journal_held_that_is_taken_away_is_not_lost() {
    let (folder, path) = written();
    block_on(async {
        let (one, other) = (open(&path).unwrap(), open(&path).unwrap());
        one.set("year", "1852").await.unwrap();
        assert_eq!(other.get("year").await.unwrap(), Some("1852".into()));
        // Not yet known to `other`, which is the first to notice.
        one.set("late", 1).await.unwrap();
        fs::remove_file(folder.path("s.json.journal")).unwrap();
        other.set("more", 2).await.unwrap();
        for store in [&one, &other, &open(&path).unwrap()] {
            let found = store.get_many(&["year", "late", "more"]).await.unwrap();
            assert_eq!(found, [Some("1852".into()), Some(1.into()), Some(2.into())]);
        }
    });
}
