//! Keys and values that engines get wrong.

use crate::value::{Object, Tagged, Value};

/// Keys that engines get wrong, in byte order.
pub(super) const KEYS: [&str; 40] = [
    " ",
    " a",
    "%2e",
    "*",
    "0",
    "10",
    "9",
    "A",
    "A.b",
    "Z",
    "_",
    "__proto__",
    "a",
    "a ",
    "a b",
    "a!b",
    "a%",
    "a'b",
    "a-b",
    "a.b",
    "a.b ",
    "a.b-c",
    "a.b.c",
    "a.b/c",
    "a.bc",
    "a/b",
    "a0",
    "a:b",
    "a\\b",
    "a_b",
    "ab",
    "e\u{301}",
    "z",
    "~",
    "\u{a0}",
    "\u{e9}",
    "\u{e000}.x",
    "\u{fffd}",
    "\u{1f600}",
    "\u{10fffd}",
];

/// Values of every type.
pub(super) fn values() -> Vec<Value> {
    let tagged = |tag: &str, body: Value| {
        Value::Tagged(Box::new(Tagged {
            tag: tag.into(),
            body,
        }))
    };
    let list = |items: Vec<Value>| Value::from(items);
    let object = |fields: Vec<(&'static str, Value)>| Value::from(Object::from_iter(fields));
    let mut all: Vec<Value> = vec![Value::Null, true.into(), false.into()];
    all.extend(
        [
            0,
            1,
            -1,
            23,
            24,
            255,
            256,
            65_536,
            1 << 32,
            1 << 53,
            (1 << 53) + 1,
            -(1 << 53) - 1,
        ]
        .into_iter()
        .chain([i64::MAX, i64::MIN])
        .map(Value::from),
    );
    all.extend(
        [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.1,
            1e21,
            1e-7,
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
            f64::MIN,
        ]
        .into_iter()
        .chain([
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            9_007_199_254_740_992.0,
        ])
        .map(Value::from),
    );
    all.extend(
        [
            "",
            " ",
            "123",
            "1.0",
            "true",
            "null",
            "a\0b",
            "\u{7f}\u{85}",
            "é",
            "e\u{301}",
            "\u{fffe}",
        ]
        .into_iter()
        .chain([
            "😀",
            "\u{feff}x",
            "line\r\n",
            "'\"\\`;--",
            "{\"$\":[]}",
            "x ",
            "\u{2028}",
        ])
        .map(Value::from),
    );
    all.extend([
        Value::from(&[][..] as &[u8]),
        Value::from(&[0_u8, 1, 127, 128, 254, 255][..]),
        Value::from((0..=255).collect::<Vec<u8>>()),
        Value::from(Vec::<Value>::new()),
        list(vec![
            1.into(),
            1.0.into(),
            "1".into(),
            Value::Null,
            list(vec![]),
        ]),
        Value::from(Object::new()),
        object(vec![
            ("z", 1.into()),
            ("a", 2.0.into()),
            ("", Value::Null),
            ("é", "x".into()),
        ]),
        object(vec![("$", list(vec!["bytes".into(), "AA==".into()]))]),
        object(vec![("$", 1.into())]),
        object(vec![
            ("__proto__", 1.into()),
            ("10", 1.into()),
            ("9", list(vec![object(vec![])])),
        ]),
        object(vec![
            ("b", Value::from(&[1_u8, 2][..])),
            ("n", f64::NAN.into()),
            ("m", (-0.0).into()),
        ]),
        tagged("bigint", "123456789012345678901234567890".into()),
        tagged("date", 1_700_000_000_000_i64.into()),
        tagged(
            "map",
            list(vec![list(vec![
                1.into(),
                tagged("set", list(vec!["x".into()])),
            ])]),
        ),
        tagged("acme.point", object(vec![("x", 1.5.into())])),
        list(vec![
            tagged("date", (-1).into()),
            object(vec![("t", tagged("", Value::Null))]),
        ]),
        (0..200).fold(Value::from(7), |inner, _| list(vec![inner])),
    ]);
    all
}
