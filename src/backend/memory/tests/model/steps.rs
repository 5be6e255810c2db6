//! Steps that happen at random.

use proptest::{collection::vec, option, prelude::*, sample::select};

#[derive(Clone, Debug)]
pub(super) enum Step {
    Put(usize, String, Option<u64>),
    PutMany(usize, Vec<String>),
    Delete(usize, String),
    /// Puts under the first key on a condition, deletes the second, expects the third absent.
    Commit(usize, [String; 3], Condition),
    Update(usize, String, u8),
    Tick(u64),
    Sweep(usize),
    Walk {
        space: usize,
        pattern: Option<String>,
        prefix: String,
        after: Option<String>,
        reverse: bool,
        limit: usize,
        ids: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Condition {
    Any,
    Absent,
    Current,
    Wrong,
}

/// Some 250 keys, so that they meet again, with characters on both sides of the dot.
pub(super) fn keys() -> impl Strategy<Value = String> {
    let few = vec(select(&["a", "b", "a-", "é"][..]), 1..4);
    let many = vec(
        select(&["a", "ab", "a-", "a!", "-", "~", "é", "日", "abcdefgh", "a/"][..]),
        1..3,
    );
    prop_oneof![few, many].prop_map(|segments| segments.join("."))
}

fn patterns() -> impl Strategy<Value = String> {
    let segment = select(
        &[
            "*", "**", "?", "a", "b", "é", "-", "a*", "[a-b]", "{a,b}", "{a.b,é}", "a?", "[!a]*",
            "abcdefgh", "*h",
        ][..],
    );
    vec(segment, 1..4).prop_map(|segments| segments.join("."))
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    let space = || select(&[0, 0, 0, 1][..]);
    let walk = (
        (
            space(),
            option::weighted(0.8, patterns()),
            select(&["", "", "", "a", "a.", "ab", "é"][..]),
        ),
        (
            option::of(keys()),
            any::<bool>(),
            select(&[1, 2, 5, 1000][..]),
            any::<bool>(),
        ),
    );
    let condition = select(
        &[
            Condition::Any,
            Condition::Absent,
            Condition::Current,
            Condition::Wrong,
        ][..],
    );
    prop_oneof![
        5 => (space(), keys(), option::weighted(0.2, 1000..1020_u64)).prop_map(|(s, k, e)| Step::Put(s, k, e)),
        1 => (space(), vec(keys(), 0..60)).prop_map(|(s, k)| Step::PutMany(s, k)),
        4 => (space(), keys()).prop_map(|(s, k)| Step::Delete(s, k)),
        2 => (space(), [keys(), keys(), keys()], condition).prop_map(|(s, k, c)| Step::Commit(s, k, c)),
        2 => (space(), keys(), 0..3_u8).prop_map(|(s, k, d)| Step::Update(s, k, d)),
        1 => (0..5_u64).prop_map(Step::Tick),
        1 => space().prop_map(Step::Sweep),
        6 => walk.prop_map(|((space, pattern, prefix), (after, reverse, limit, ids))| Step::Walk {
            space, pattern, prefix: prefix.into(), after, reverse, limit, ids,
        }),
    ]
}
