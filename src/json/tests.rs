use super::*;
use proptest::prelude::*;

fn tagged(tag: &str, body: Value) -> Value {
    Value::Tagged(Box::new(Tagged {
        tag: tag.into(),
        body,
    }))
}

fn object(fields: &[(&str, Value)]) -> Value {
    let fields = fields.iter().map(|(n, v)| (*n, v.clone()));
    fields.collect::<Object>().into()
}

/// The same, and the same types inside: `==` takes 1 and 1.0 for equal.
fn shown(value: &Value) -> String {
    format!("{value:?}")
}

#[test]
fn both_ways() {
    let dollar = |value| object(&[("$", value)]);
    for (value, text) in [
        (Value::Null, "null"),
        (true.into(), "true"),
        (1.into(), "1"),
        (1.0.into(), "1.0"),
        (Value::from(-0.0), "-0.0"),
        (i64::MIN.into(), "-9223372036854775808"),
        (i64::MAX.into(), "9223372036854775807"),
        (1e300.into(), "1e+300"),
        (0.1.into(), "0.1"),
        (f64::NAN.into(), r#"{"$":["double","NaN"]}"#),
        (f64::INFINITY.into(), r#"{"$":["double","Infinity"]}"#),
        (f64::NEG_INFINITY.into(), r#"{"$":["double","-Infinity"]}"#),
        (
            "\u{0}\"\\é\u{10ffff}".into(),
            "\"\\u0000\\\"\\\\é\u{10ffff}\"",
        ),
        (vec![0u8, 1, 255].into(), r#"{"$":["bytes","AAH/"]}"#),
        (vec![Value::Null, Value::from("")].into(), r#"[null,""]"#),
        (
            object(&[("b", 1.into()), ("a", 2.into())]),
            r#"{"b":1,"a":2}"#,
        ),
        (
            object(&[("$", 1.into()), ("a", 2.into())]),
            r#"{"$":1,"a":2}"#,
        ),
        (dollar(1.into()), r#"{"$":["object",{"$":1}]}"#),
        (
            dollar(dollar(Value::from(vec![
                Value::from("bytes"),
                "AA==".into(),
            ]))),
            r#"{"$":["object",{"$":{"$":["object",{"$":["bytes","AA=="]}]}}]}"#,
        ),
        (tagged("date", 5.into()), r#"{"$":["date",5]}"#),
        (
            tagged("map", vec![dollar(Value::Null)].into()),
            r#"{"$":["map",[{"$":["object",{"$":null}]}]]}"#,
        ),
    ] {
        assert_eq!(to_json(&value).as_deref(), Ok(text));
        assert_eq!(
            from_json(text).map(|v| shown(&v)),
            Ok(shown(&value)),
            "{text}"
        );
    }
}

#[test]
fn read_only() {
    for (text, value) in [
        ("-0", Value::from(-0.0)),
        ("1e2", 100.0.into()),
        ("9223372036854775808", 9_223_372_036_854_775_808.0.into()),
        ("100000000000000000000", 1e20.into()),
        (
            r#" { "a" : 1 , "b" : 2 , "a" : 3 } "#,
            object(&[("b", 2.into()), ("a", 3.into())]),
        ),
        (r#"{"$":["object",{"a":1}]}"#, object(&[("a", 1.into())])),
    ] {
        assert_eq!(
            from_json(text).map(|v| shown(&v)),
            Ok(shown(&value)),
            "{text}"
        );
    }
}

#[test]
fn refused_with_the_place() {
    for (text, part) in [
        ("", "line 1 column 0"),
        ("[1,]", "line 1 column 4"),
        ("1 2", "line 1 column 3"),
        ("{\n\"a\": tru}", "line 2"),
        ("NaN", "line 1 column 1"),
        ("1e999", "out of range"),
        (r#""\ud800""#, "line 1"),
        (r#"{"$":1}"#, "at .$"),
        (r#"{"$":["date"]}"#, "at .$"),
        (r#"{"$":[1,2]}"#, "at .$"),
        (r#"[0,{"a":{"$":["bytes","A"]}}]"#, "at [1].a.$"),
        (r#"{"$":["bytes",1]}"#, "base64"),
        (r#"{"$":["double","nan"]}"#, "at .$"),
        (r#"{"$":["object",1]}"#, "at .$"),
        (r#"{"$":["date",{"$":2}]}"#, "at .$[1].$"),
    ] {
        match from_json(text) {
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::InvalidArgument);
                assert!(e.message().contains(part), "{text}: {}", e.message());
            }
            Ok(value) => panic!("{text}: {value:?}"),
        }
    }
    for tag in RESERVED_TAGS {
        assert!(to_json(&tagged(tag, Value::Null)).is_err());
    }
}

#[test]
fn depth() {
    type Wrap = fn(Value) -> Value;
    let wraps: [Wrap; 4] = [
        |v| vec![v].into(),
        |v| object(&[("a", v)]),
        |v| object(&[("$", v)]),
        |v| tagged("t", v),
    ];
    for wrap in wraps {
        let deepest = (1..MAX_DEPTH).fold(Value::Null, |v, _| wrap(v));
        let text = to_json(&deepest).unwrap();
        assert_eq!(from_json(&text).as_ref(), Ok(&deepest));
        assert!(to_json(&wrap(deepest)).is_err());
    }
    for open in ["[", "{\"a\":", "{\"$\":[\"t\",", "[{\"$\":"] {
        for times in [MAX_DEPTH, 4 * MAX_DEPTH, 100_000] {
            assert!(from_json(&open.repeat(times)).is_err());
        }
    }
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(from_json(&nested(MAX_DEPTH)).is_ok());
    assert!(from_json(&nested(MAX_DEPTH + 1)).is_err());
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
    let tag = prop_oneof!["[a-z]{0,4}", ".{1,3}"]
        .prop_filter("taken", |tag| !RESERVED_TAGS.contains(&&**tag));
    leaf.prop_recursive(6, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner.clone()), 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Object>().into()),
            (tag.clone(), inner).prop_map(|(tag, body)| tagged(&tag, body)),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_comes_back(value in any_value()) {
        let text = to_json(&value).unwrap();
        let back = from_json(&text).unwrap();
        prop_assert_eq!(shown(&back), shown(&value), "{}", text);
        prop_assert_eq!(to_json(&back).unwrap(), text);
    }

    #[test]
    fn no_text_panics(text in r#"[\[\]{}:,"$a1.e\- ]{0,40}|.*"#) {
        if let Ok(value) = from_json(&text) {
            prop_assert_eq!(shown(&from_json(&to_json(&value).unwrap()).unwrap()), shown(&value));
        }
    }
}
