//! Envelopes of every version, as files that never change: each is still read, as what it was. They
//! were made by another CBOR writer than this crate's.

use dataknobs_kv::{ErrorKind, Metadata, Object, Record, Tagged, Value};
use std::{num::NonZeroU64, path::Path};

fn read(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/envelopes");
    std::fs::read(folder.join(name)).expect(name)
}

fn all() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/envelopes");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("tests/envelopes")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| (name.clone(), read(&name)))
        .collect()
}

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    items.into_iter().collect::<Vec<_>>().into()
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Object {
    fields.into_iter().collect()
}

fn tagged(tag: &str, body: Value) -> Value {
    Value::Tagged(Box::new(Tagged {
        tag: tag.into(),
        body,
    }))
}

fn everything() -> Value {
    let integers = [
        0,
        23,
        24,
        255,
        256,
        65_535,
        65_536,
        4_294_967_295,
        4_294_967_296,
        i64::MAX,
    ];
    let negative = [-1, -24, -25, i64::MIN];
    let doubles = [
        0.0,
        -0.0,
        1.0,
        0.1,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let mut all = vec![Value::Null, true.into(), false.into()];
    all.extend(integers.into_iter().chain(negative).map(Value::from));
    all.extend(doubles.map(Value::from));
    all.extend(["", "text", "é😀\0"].map(Value::from));
    all.extend([
        Value::from(Vec::<u8>::new()),
        vec![0_u8, 1, 254, 255].into(),
        list([]),
        list([list([1.into()])]),
        Object::new().into(),
        object([("z", 1.into()), ("a", object([("", Value::Null)]).into())]).into(),
        tagged("bigint", "123456789012345678901234567890".into()),
        tagged("date", 1_700_000_000_000_i64.into()),
        tagged(
            "map",
            list([list([
                "k".into(),
                tagged("set", list([1.into(), "1".into()])),
            ])]),
        ),
        tagged("acme.point", object([("x", 1.5.into())]).into()),
    ]);
    list(all)
}

fn record(value: Value, metadata: Option<Metadata>) -> Record {
    Record {
        value,
        metadata: metadata.map(Box::new),
        created_at: 1_700_000_000_000,
        updated_at: 1_700_000_000_001,
        ..Record::default()
    }
}

/// What each file holds.
fn wanted(name: &str) -> Record {
    match name {
        "v1-text.bin" => record("text".into(), None),
        "v1-null.bin" => Record::default(),
        "v1-everything.bin" => {
            let n = list([
                1.into(),
                2.5.into(),
                Value::Null,
                object([("deep", true.into())]).into(),
            ]);
            let metadata = object([("by", "me".into()), ("n", n)]);
            Record {
                expires_at: NonZeroU64::new(1_700_000_100_000),
                writes: vec![0, 1, 23, 24, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX],
                ..record(everything(), Some(metadata))
            }
        }
        "v1-empty-metadata.bin" => record(1.into(), Some(Object::new())),
        "v1-long.bin" => record(
            "long ".repeat(1000).into(),
            Some(object([("m", "x".repeat(300).into())])),
        ),
        "v1-deep.bin" => record((0..255).fold(7.into(), |inner, _| list([inner])), None),
        other => panic!("nobody knows what {other} holds"),
    }
}

#[test]
fn every_sample_is_still_read_as_what_it_was() {
    assert_eq!(all().len(), 6);
    for (name, bytes) in all() {
        let found = Record::decode(&bytes).expect(&name);
        assert_eq!(
            format!("{found:?}"),
            format!("{:?}", wanted(&name)),
            "{name}"
        );
    }
}

#[test]
fn what_this_build_writes_is_what_it_always_wrote() {
    for (name, bytes) in all() {
        assert!(wanted(&name).encode().expect(&name) == bytes, "{name}");
    }
}

#[test]
fn another_version_is_refused() {
    for (name, mut bytes) in all() {
        for version in [0, 2, 3, 127, 255] {
            bytes[0] = version;
            let error = Record::decode(&bytes).expect_err(&name);
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            let newer = error.message().contains("version");
            assert_eq!(newer, version > 1, "{version}: {error}");
        }
    }
    assert_eq!(
        Record::decode(&[]).expect_err("nothing").kind(),
        ErrorKind::Corrupt
    );
}

#[test]
fn truncated_and_longer_ones_are_refused() {
    for (name, mut bytes) in all() {
        for end in 0..bytes.len() {
            let error = Record::decode(&bytes[..end]).expect_err(&name);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{name} cut at {end}");
        }
        bytes.push(0xf6);
        assert!(Record::decode(&bytes).is_err(), "{name} with a tail");
    }
}

#[test]
fn damage_is_refused_or_read_and_never_more() {
    let (name, bytes) = &all()[2];
    assert_eq!(name, "v1-everything.bin");
    for at in 0..bytes.len() {
        for byte in 0..=255 {
            let mut damaged = bytes.clone();
            damaged[at] = byte;
            if let Ok(record) = Record::decode(&damaged) {
                record.encode().expect("what was read can be written");
            }
        }
    }
}
