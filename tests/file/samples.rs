//! Documents and journals of every version, as files that never change: each is still read, as what it was.

use crate::folder::{Folder, open};
use dataknobs_kv::{Store, Tagged, Value, json};
use pollster::block_on;
use std::{fs, path::Path};

/// A copy of a sample, opened.
fn sample(
    folder: &Folder,
    name: &str,
) -> (
    String,
    Store<dataknobs_kv::backend::file::File<dataknobs_kv::backend::file::Disk>>,
) {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/file/samples");
    for name in [name.to_owned(), format!("{name}.journal")] {
        fs::copy(samples.join(&name), folder.path(&name)).expect("a sample");
    }
    let path = folder.path(name);
    let store = open(&path).expect("a document of version 1");
    (path, store)
}

fn expect_all(store: &Store<impl dataknobs_kv::backend::Backend>) {
    let get = |key: &str| block_on(store.get(key)).unwrap();
    let text = |key: &str| json::to_json(&get(key).unwrap()).unwrap();
    for (key, is) in [
        ("double", "0.1"),
        ("whole", "1e300"),
        ("zero", "-0.0"),
        ("null", "null"),
        ("flag", "true"),
        ("bytes", r#"{"$":["bytes","AAH/"]}"#),
        ("list", r#"[1,[2.5,"x"],{"a":{"b":null}}]"#),
        ("big", r#"{"$":["bigint","1180591620717411303424"]}"#),
        ("date", r#"{"$":["date",1700000000000]}"#),
        ("map", r#"{"$":["map",[["k",{"$":["set",[1]]}]]]}"#),
        ("escaped", r#"{"$":["object",{"$":["bytes","AA=="]}]}"#),
    ] {
        let (found, wanted) = (
            json::from_json(&text(key)).unwrap(),
            json::from_json(is).unwrap(),
        );
        assert_eq!(format!("{found:?}"), format!("{wanted:?}"), "{key}");
    }
    assert!(
        matches!(get("big"), Some(Value::Tagged(tagged)) if matches!(&*tagged, Tagged { tag, .. } if &**tag == "bigint"))
    );
    let entry = block_on(store.get_entry("users.\u{e9}.name"))
        .unwrap()
        .unwrap();
    assert_eq!(entry.version.to_string(), "14");
    assert_eq!(entry.metadata.get("n"), Some(&1.5.into()));
    let later = block_on(store.get_entry("later")).unwrap().unwrap();
    assert_eq!(later.expires_at, Some(2_110_599_444_080));
    let other = store.namespace("other").unwrap();
    assert_eq!(block_on(other.get("a")).unwrap(), Some(1.into()));
}

#[test]
fn a_document_with_a_journal() {
    let folder = Folder::new();
    let (path, store) = sample(&folder, "v1.json");
    expect_all(&store);
    let get = |key: &str| block_on(store.get(key)).unwrap();
    assert_eq!(get("text"), Some("newer".into()));
    assert_eq!(get("int"), None, "deleted in the journal");
    assert_eq!(get("added"), Some(1.into()));
    // Versions go on after those that were given.
    let version = block_on(store.set("next", 1)).unwrap();
    assert_eq!(version.to_string(), "19");
    block_on(store.close()).unwrap();
    expect_all(&open(&path).unwrap());
}

#[test]
fn a_compressed_document() {
    let folder = Folder::new();
    let (_, store) = sample(&folder, "v1-gzip.json");
    expect_all(&store);
    let get = |key: &str| block_on(store.get(key)).unwrap();
    assert_eq!(get("text"), Some("Ada \u{1f600} \"quoted\" \0".into()));
    assert_eq!(get("int"), Some((-9_007_199_254_740_991_i64).into()));
}
