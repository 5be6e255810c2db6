//! The operations, and the keys, values and patterns that they draw.

use dataknobs_kv::{Object, Ttl, Value};
use proptest::prelude::*;

pub(crate) const KEYS: [&str; 14] = [
    "a",
    "a.b",
    "a.b.c",
    "a.c",
    "b",
    "b.x.error",
    "error",
    "x.y.z",
    "a-b",
    "a0",
    "é.b",
    "😀",
    "\u{fffd}.b",
    "a.*",
];
pub(crate) const PATTERNS: [&str; 16] = [
    "**",
    "*",
    "a.*",
    "a.**",
    "**.b",
    "**.error",
    "{a,b}.**",
    "*.b",
    "?",
    "[a-b]",
    "a[-0]*",
    "a.b",
    "a.\\*",
    "**.{b,c}",
    "*.*.*",
    "nothing.**",
];
pub(crate) const SPACES: [&str; 3] = ["", "one", "two"];

#[derive(Clone, Debug)]
pub(crate) enum When {
    Any,
    Absent,
    /// On the version that is there, or one that was.
    Version(bool),
}

#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) key: usize,
    pub(crate) value: u8,
    pub(crate) ttl: Option<u16>,
    pub(crate) meta: Option<u8>,
    pub(crate) when: When,
    pub(crate) keep: (bool, bool),
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Set(Set),
    Delete(usize),
    DeleteIf(usize, bool),
    Take(usize),
    Rename(usize, usize),
    Copy(usize, usize),
    SetMany(Vec<(usize, u8, Option<u16>)>),
    DeleteMany(Vec<usize>),
    GetMany(Vec<usize>),
    Swap(usize, Option<u8>, Option<u8>),
    Increment(usize, i8),
    Append(usize, u8),
    Update(usize, u8),
    SetMeta(usize, u8),
    ReplaceMeta(usize, u8),
    Expire(usize, u16),
    Persist(usize),
    Scan(usize, Option<usize>, Option<u8>, bool),
    Count(usize),
    DeletePattern(usize),
    Atomic(Vec<(usize, bool)>, Vec<(usize, Option<u8>)>),
    Cleanup,
    Clear,
    Namespaces,
    Advance(u16),
}

pub(crate) fn op() -> impl Strategy<Value = (usize, Op)> {
    let key = || 0..KEYS.len();
    let when = prop_oneof![
        4 => Just(When::Any),
        1 => Just(When::Absent),
        1 => any::<bool>().prop_map(When::Version),
    ];
    let keep = prop_oneof![4 => Just((false, false)), 1 => any::<(bool, bool)>()];
    let ttl = || prop_oneof![3 => Just(None), 1 => (1..200_u16).prop_map(Some)];
    let value = || 0..9_u8;
    let many = prop::collection::vec((key(), value(), ttl()), 0..6);
    let op = prop_oneof![
        8 => (key(), value(), ttl(), prop::option::weighted(0.3, 0..3_u8), when, keep).prop_map(
            |(key, value, ttl, meta, when, keep)| Op::Set(Set { key, value, ttl, meta, when, keep })
        ),
        4 => key().prop_map(Op::Delete),
        1 => (key(), any::<bool>()).prop_map(|(k, v)| Op::DeleteIf(k, v)),
        1 => key().prop_map(Op::Take),
        2 => (key(), key()).prop_map(|(a, b)| Op::Rename(a, b)),
        1 => (key(), key()).prop_map(|(a, b)| Op::Copy(a, b)),
        2 => many.prop_map(Op::SetMany),
        1 => prop::collection::vec(key(), 0..5).prop_map(Op::DeleteMany),
        1 => prop::collection::vec(key(), 0..5).prop_map(Op::GetMany),
        2 => (key(), prop::option::of(value()), prop::option::of(value()))
            .prop_map(|(k, a, b)| Op::Swap(k, a, b)),
        2 => (key(), any::<i8>()).prop_map(|(k, d)| Op::Increment(k, d)),
        1 => (key(), value()).prop_map(|(k, v)| Op::Append(k, v)),
        1 => (key(), value()).prop_map(|(k, v)| Op::Update(k, v)),
        1 => (key(), 0..3_u8).prop_map(|(k, m)| Op::SetMeta(k, m)),
        1 => (key(), 0..3_u8).prop_map(|(k, m)| Op::ReplaceMeta(k, m)),
        1 => (key(), 1..200_u16).prop_map(|(k, t)| Op::Expire(k, t)),
        1 => key().prop_map(Op::Persist),
        6 => (0..PATTERNS.len(), prop::option::of(key()), prop::option::of(0..6_u8), any::<bool>())
            .prop_map(|(p, a, l, r)| Op::Scan(p, a, l, r)),
        2 => (0..PATTERNS.len()).prop_map(Op::Count),
        1 => (1..PATTERNS.len()).prop_map(Op::DeletePattern),
        2 => (
            prop::collection::vec((key(), any::<bool>()), 0..3),
            prop::collection::vec((key(), prop::option::of(value())), 0..4)
        ).prop_map(|(c, w)| Op::Atomic(c, w)),
        1 => Just(Op::Cleanup),
        1 => Just(Op::Namespaces),
        3 => (1..150_u16).prop_map(Op::Advance),
    ];
    let op = prop_oneof![60 => op, 1 => Just(Op::Clear)];
    (prop_oneof![4 => Just(0), 1 => Just(1), 1 => Just(2)], op)
}

pub(crate) fn value(n: u8) -> Value {
    match n {
        0 => Value::Null,
        1 => 1.into(),
        2 => 2.5.into(),
        3 => "text".into(),
        4 => (&[1_u8, 2][..]).into(),
        5 => Value::from(vec![Value::from(1), Value::from("x")]),
        6 => Value::from([("x", Value::from(1))].into_iter().collect::<Object>()),
        7 => i64::MAX.into(),
        _ => true.into(),
    }
}

pub(crate) fn meta(n: u8) -> Object {
    match n {
        0 => Object::new(),
        1 => [("a", Value::from(1))].into_iter().collect(),
        _ => [("a", Value::Null), ("b", Value::from("x"))]
            .into_iter()
            .collect(),
    }
}

pub(crate) fn ttl(ms: u16) -> Ttl {
    Ttl::millis(ms.into()).unwrap()
}
