use super::*;
use crate::System;
use crate::{
    backend::memory::MemoryOptions,
    host::Host,
    maybe_send::BoxFuture,
    value::{Object, Tagged, Value},
};
use proptest::prelude::*;
use std::sync::Arc;

struct Still;

impl Host for Still {
    fn now(&self) -> u64 {
        1
    }
    fn random(&self) -> u64 {
        1
    }
    fn sleep(&self, _: u64) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn memory() -> Memory {
    Memory::new(MemoryOptions::default(), Arc::new(Still))
}

fn load(document: &[u8]) -> Result<(Memory, Head)> {
    let memory = memory();
    let mut head = Head::default();
    memory.load(false, |take| {
        head = read(document, "x.json", &System::default(), take)?;
        Ok(head.counter)
    })?;
    Ok((memory, head))
}

fn tagged(tag: &str, body: Value) -> Value {
    Value::Tagged(Box::new(Tagged {
        tag: tag.into(),
        body,
    }))
}

fn put(memory: &Memory, namespace: &str, key: &str, version: u64, record: &Record) {
    let mut block = journal::Block::new(version);
    block.push(journal::Change {
        namespace,
        key,
        version,
        envelope: Some(&record.encode().unwrap()),
    });
    memory.replay(&block.into_bytes()).unwrap();
}

fn record(value: impl Into<Value>) -> Record {
    Record {
        value: value.into(),
        created_at: 1_700_000_000_000,
        updated_at: 1_700_000_000_001,
        ..Record::default()
    }
}

#[test]
fn looks_as_documented() {
    let memory = memory();
    let empty = "{\n\"format\": \"dataknobs-kv/1\",\n\"counter\": 0,\n\"folded\": 0,\n\"namespaces\": {}}\n";
    assert_eq!(
        String::from_utf8(write(&memory, 0).unwrap()).unwrap(),
        empty
    );
    let mut full = record(vec![1u8]);
    full.expires_at = NonZeroU64::new(9);
    full.metadata = Some(Box::new([("a", Value::from(1.0))].into_iter().collect()));
    full.writes = vec![1, u64::MAX];
    put(&memory, "", "users.1.session", 4, &full);
    put(&memory, "", "users.1.name", 3, &record("Ada\n"));
    put(&memory, "n", "b", 6, &record(1));
    let text = r#"{
"format": "dataknobs-kv/1",
"counter": 6,
"folded": 34,
"namespaces": {
"": {
"users.1.name": {"value": "Ada\n", "version": 3, "created_at": 1700000000000, "updated_at": 1700000000001},
"users.1.session": {"value": {"$":["bytes","AQ=="]}, "version": 4, "created_at": 1700000000000, "updated_at": 1700000000001, "expires_at": 9, "metadata": {"a":1.0}, "writes": [1, 18446744073709551615]}
},
"n": {
"b": {"value": 1, "version": 6, "created_at": 1700000000000, "updated_at": 1700000000001}
}}}
"#;
    let written = write(&memory, 34).unwrap();
    assert_eq!(std::str::from_utf8(&written).unwrap(), text);
    let (again, head) = load(&written).unwrap();
    assert_eq!(
        head,
        Head {
            counter: 6,
            folded: 34
        }
    );
    assert_eq!(write(&again, 34).unwrap(), written);
}

const GOOD: &str = r#"{"format":"dataknobs-kv/1","counter":1,"folded":0,"namespaces":{"":{"a":{"value":1,"version":1,"created_at":1,"updated_at":1}}}}"#;

#[test]
fn a_byte_order_mark_is_passed_over() {
    let marked = ["\u{feff}", GOOD].concat();
    assert_eq!(
        load(marked.as_bytes()).unwrap().1,
        load(GOOD.as_bytes()).unwrap().1
    );
}

#[test]
fn a_name_that_is_there_twice_is_refused() {
    let entry = r#"{"value":1,"version":1,"created_at":1,"updated_at":1}"#;
    let document = |namespaces: &str| {
        let head = "{\"format\":\"dataknobs-kv/1\",\"counter\":1,\"folded\":0,\"namespaces\":";
        format!("{head}{{{namespaces}}}}}").replace('E', entry)
    };
    for fine in [
        "\"\":{\"a\":E,\"b\":E},\"n\":{\"a\":E}",
        // In another order.
        "\"n\":{\"a\":E},\"\":{\"b\":E,\"a\":E}",
    ] {
        load(document(fine).as_bytes()).unwrap();
    }
    for (twice, part) in [
        (
            "\"\":{\"a\":E,\n\"a\":E}",
            "line 2: the key \"a\" is there twice",
        ),
        (
            "\"\":{\"a\":E,\"b\":E,\n\n\"a\":E}",
            "line 3: the key \"a\" is there twice",
        ),
        (
            "\"n\":{\"b\":E},\"m\":{},\n\"n\":{\"c\":E}",
            "line 2: the namespace \"n\"",
        ),
        ("\"\":{},\n\"\":{}", "line 2: the namespace \"\""),
        (
            "\"\":{\"a\":{\"value\":1,\"value\":2,\"version\":1,\"created_at\":1,\"updated_at\":1}}",
            "\"value\" is there twice",
        ),
        (
            "\"\":{\"a\":{\"value\":{\"x\":1,\"x\":2},\"version\":1,\"created_at\":1,\"updated_at\":1}}",
            "an object has a name twice",
        ),
    ] {
        let error = load(document(twice).as_bytes()).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn refused_with_what_to_do() {
    load(GOOD.as_bytes()).unwrap();
    for (from, to, part) in [
        ("/1\"", "/2\"", "update dataknobs-kv"),
        ("dataknobs-kv/1", "other", "another path"),
        ("\"format\"", "\"fromat\"", "another path"),
        ("\"value\":1,", "", "line 1: an entry needs a value"),
        ("\"version\":1,", "", "needs a version"),
        ("\"folded\":0,", "", "needs counter"),
        ("\"folded\"", "\"more\"", "no field \"more\""),
        ("\"updated_at\"", "\"x\"", "no field \"x\""),
        ("\"a\":{", "\"a..b\":{", "segment"),
        ("\"\":{", "\"a.b\":{", "dot"),
        ("\"value\":1", "\"value\":{\"$\":1}", "line 1"),
        ("\"value\":1", "\"value\":01", "needless 0"),
        ("\"value\":1", "\"value\":1e999", "range"),
        ("\"value\":1", "\"value\":\"\\ud800\"", "surrogate"),
        ("}}}}", "}}}} x", "follows"),
        ("}}}}", "}}}", "ends early"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD);
        let error = load(text.as_bytes()).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("x.json"), "{error}");
        assert!(error.message().contains(part), "{part}: {error}");
    }
    for foreign in ["", "[]", "{}", "null", "\u{feff}{}", "{\"a\":1}", "PK\u{3}"] {
        let error = load(foreign.as_bytes()).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{foreign}");
    }
    assert!(load(&[0xff, 0xfe]).is_err());
    let deep = format!("\"value\":{}", "[".repeat(100_000));
    assert!(load(GOOD.replacen("\"value\":1", &deep, 1).as_bytes()).is_err());
    let deep = format!("\"value\":{}", "{\"$\":[\"t\",".repeat(2_000));
    assert!(load(GOOD.replacen("\"value\":1", &deep, 1).as_bytes()).is_err());
}

#[test]
fn any_white_space_and_order() {
    let value: serde_json::Value = serde_json::from_str(GOOD).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    load(pretty.as_bytes()).unwrap();
    let text = GOOD.replacen(
        "\"value\":1",
        "\"value\": {\n\"\\u0024\" : [ \"bytes\" , \"AQ==\" ] }",
        1,
    );
    let (memory, _) = load(text.as_bytes()).unwrap();
    let text = String::from_utf8(write(&memory, 0).unwrap()).unwrap();
    assert!(text.contains(r#"{"$":["bytes","AQ=="]}"#), "{text}");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::from),
    ];
    let name = || prop_oneof![Just("$".to_owned()), "[a-c$]{0,2}", ".{0,3}"];
    let tag = prop_oneof![
        "[a-z]{0,4}",
        ".{1,3}",
        prop::sample::select(vec!["bytes", "double", "object", "tagged"]).prop_map(str::to_owned)
    ];
    leaf.prop_recursive(6, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner.clone()), 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Object>().into()),
            (tag.clone(), inner).prop_map(|(tag, body)| tagged(&tag, body)),
        ]
    })
}

fn is_reserved(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(is_reserved),
        Value::Object(fields) => fields.iter().any(|(_, v)| is_reserved(v)),
        Value::Tagged(tagged) => RESERVED.contains(&&*tagged.tag) || is_reserved(&tagged.body),
        _ => false,
    }
}

proptest! {
    #[test]
    fn every_value_comes_back(value in any_value()) {
        let mut text = Vec::new();
        let host = System::default();
        write::value(&value, &host, &mut text);
        let text = String::from_utf8(text).unwrap();
        let mut reader = Reader::new(&text, &host);
        let back = reader.value(MAX_DEPTH).unwrap();
        prop_assert!(reader.end().is_ok());
        prop_assert_eq!(format!("{back:?}"), format!("{value:?}"), "{}", text);
        // One form in the project.
        #[cfg(feature = "json")]
        if !is_reserved(&value) {
            let other = crate::json::from_json(&text).unwrap();
            prop_assert_eq!(format!("{other:?}"), format!("{value:?}"), "{}", text);
            let other = crate::json::to_json(&value).unwrap();
            let back = Reader::new(&other, &host).value(MAX_DEPTH).unwrap();
            prop_assert_eq!(format!("{back:?}"), format!("{value:?}"), "{}", other);
        }
    }

    /// What the text form of values takes, this reader takes, and the other way round.
    #[cfg(feature = "json")]
    #[test]
    fn the_same_texts_are_values(text in r#"[\[\]{}:,"$a1.e\- \\u0]{0,40}|\{"\$":\["(bytes|double|object|t)",("AA==|NaN"|\{\}|1)\]\}"#) {
        let host = System::default();
        let mut reader = Reader::new(&text, &host);
        let ours = reader.value(MAX_DEPTH).and_then(|v| reader.end().map(|()| v));
        let theirs = crate::json::from_json(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{} {:?} {:?}", text, ours, theirs);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
        }
    }

    #[test]
    fn no_document_panics(cut in any::<prop::sample::Index>(), byte in any::<u8>(), insert in any::<bool>()) {
        let mut bytes = GOOD.replacen("\"value\":1", "\"value\":{\"$\":[\"bytes\",\"AQ==\"]},\"metadata\":{\"a\":\"\\u00e9\"}", 1).into_bytes();
        let at = cut.index(bytes.len());
        if insert {
            bytes.insert(at, byte);
        } else {
            bytes[at] = byte;
        }
        if let Err(error) = load(&bytes) {
            prop_assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
        prop_assert!(load(&bytes[..at]).is_err());
    }
}
