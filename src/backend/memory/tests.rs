//! The memory backend alone: against a model, and by what it must not do.

use super::*;
use crate::{
    backend::{Applied, Change, Expect, Was},
    error::{Error, ErrorKind},
    maybe_send::BoxFuture,
    pattern::Pattern,
    value::{HostValue, HostValues, Value},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU64,
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

struct Clock(AtomicU64);

impl Host for Clock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
    fn random(&self) -> u64 {
        9
    }
    fn sleep(&self, _: u64) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// The result of a future that must be ready at its first poll.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("not immediate"),
    }
}

fn memory(max_entries: Option<usize>) -> (Memory, Arc<Clock>) {
    let clock = Arc::new(Clock(AtomicU64::new(1000)));
    (Memory::new(MemoryOptions { max_entries }, clock.clone()), clock)
}

fn key<'a>(namespace: &'a Namespace, text: &'a str) -> Key<'a> {
    Key::new(namespace, text).unwrap()
}

fn record(value: impl Into<Value>) -> Record {
    Record { value: value.into(), created_at: 1, updated_at: 2, ..Record::default() }
}

fn scan<'a>(namespace: &'a Namespace, pattern: Option<&'a Pattern>) -> Scan<'a> {
    Scan {
        namespace,
        prefix: "",
        after: None,
        limit: usize::MAX,
        reverse: false,
        pattern,
        want: Want::Keys,
        ids: false,
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize, String, Option<u64>),
    PutMany(usize, Vec<String>),
    Delete(usize, String),
    /// Puts under the first key on a condition, deletes the second, expects the third absent.
    Commit(usize, [String; 3], Condition),
    Update(usize, String, u8),
    Tick(u64),
    Sweep(usize),
    Walk { space: usize, pattern: Option<String>, prefix: String, after: Option<String>, reverse: bool, limit: usize, ids: bool },
}

#[derive(Clone, Copy, Debug)]
enum Condition {
    Any,
    Absent,
    Current,
    Wrong,
}

/// Some 250 keys, so that they meet again, with characters on both sides of the dot.
fn keys() -> impl Strategy<Value = String> {
    let few = vec(select(&["a", "b", "a-", "é"][..]), 1..4);
    let many = vec(select(&["a", "ab", "a-", "a!", "-", "~", "é", "日", "abcdefgh", "a/"][..]), 1..3);
    prop_oneof![few, many].prop_map(|segments| segments.join("."))
}

fn patterns() -> impl Strategy<Value = String> {
    let segment = select(
        &["*", "**", "?", "a", "b", "é", "-", "a*", "[a-b]", "{a,b}", "{a.b,é}", "a?", "[!a]*", "abcdefgh", "*h"][..],
    );
    vec(segment, 1..4).prop_map(|segments| segments.join("."))
}

fn steps() -> impl Strategy<Value = Step> {
    let space = || select(&[0, 0, 0, 1][..]);
    let walk = (
        (space(), option::weighted(0.8, patterns()), select(&["", "", "", "a", "a.", "ab", "é"][..])),
        (option::of(keys()), any::<bool>(), select(&[1, 2, 5, 1000][..]), any::<bool>()),
    );
    let condition = select(&[Condition::Any, Condition::Absent, Condition::Current, Condition::Wrong][..]);
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

#[derive(Default)]
struct Model {
    entries: BTreeMap<(usize, String), (i64, Version, Option<u64>)>,
    max: usize,
    /// What a host would keep under each id.
    names: HashMap<u32, (usize, String)>,
}

impl Model {
    /// Makes room for `more` entries, as the store must; or is it full?
    fn room(&mut self, more: usize, now: u64) -> bool {
        if more > 0 && self.entries.len() + more > self.max {
            self.entries.retain(|_, (_, _, expires)| expires.is_none_or(|at| at > now));
        }
        more == 0 || self.entries.len() + more <= self.max
    }

    fn put(&mut self, at: &(usize, String), value: i64, expires: Option<u64>, result: Result<Version>, now: u64) {
        let more = usize::from(!self.entries.contains_key(at));
        if self.room(more, now) {
            let version = result.expect("room");
            assert!(self.entries.values().all(|(_, old, _)| *old != version));
            self.entries.insert(at.clone(), (value, version, expires));
        } else {
            assert_eq!(result.map_err(|e| e.kind()), Err(ErrorKind::QuotaExceeded));
        }
    }
}

fn run(steps: Vec<Step>, max_entries: Option<usize>) {
    let (memory, clock) = memory(max_entries);
    let spaces = [Namespace::default(), Namespace::new("other").unwrap()];
    let mut model = Model { max: max_entries.unwrap_or(usize::MAX), ..Model::default() };
    for (at, step) in steps.into_iter().enumerate() {
        let value = at as i64;
        let time = clock.now();
        match step {
            Step::Put(space, text, expires) => {
                let record = Record { expires_at: expires.and_then(NonZeroU64::new), ..record(value) };
                let result = now(memory.put(&*clock, key(&spaces[space], &text), record));
                model.put(&(space, text), value, expires, result, time);
            }
            Step::PutMany(space, texts) => {
                let entries = texts.iter().map(|text| (key(&spaces[space], text), record(value)));
                let results = now(memory.put_many(&*clock, entries));
                for (text, result) in texts.into_iter().zip(results) {
                    model.put(&(space, text), value, None, result, time);
                }
            }
            Step::Delete(space, text) => {
                let delete = Mutation { key: key(&spaces[space], &text), expect: Expect::Any, change: Change::Delete };
                let was = match model.entries.remove(&(space, text.clone())) {
                    Some((_, _, expires)) => Was::Stored(expires.and_then(NonZeroU64::new)),
                    None => Was::Absent,
                };
                let results = now(memory.write(&[delete]));
                assert_eq!(results, [Ok(Commit::Done(vec![Applied::Deleted(was)]))]);
            }
            Step::Commit(space, texts, condition) => {
                let [put, delete, absent] = texts.each_ref().map(|text| (space, text.clone()));
                if put == delete || delete == absent || put == absent {
                    continue;
                }
                let written = record(value);
                let version = match (model.entries.get(&put), condition) {
                    (Some((_, version, _)), Condition::Current) => version.clone(),
                    _ => Version::Number(u64::MAX),
                };
                let batch = [
                    Mutation {
                        key: key(&spaces[space], &put.1),
                        expect: match condition {
                            Condition::Any => Expect::Any,
                            Condition::Absent => Expect::Absent,
                            Condition::Current | Condition::Wrong => Expect::At(&version),
                        },
                        change: Change::Put(&written),
                    },
                    Mutation { key: key(&spaces[space], &delete.1), expect: Expect::Any, change: Change::Delete },
                    Mutation { key: key(&spaces[space], &absent.1), expect: Expect::Absent, change: Change::Keep },
                ];
                let result = now(memory.commit(&batch));
                // What holds, now or after the expired entries went to make room.
                let verdict = |model: &Model| {
                    let first = match condition {
                        Condition::Any => true,
                        Condition::Absent => !model.entries.contains_key(&put),
                        Condition::Current | Condition::Wrong => model.entries.get(&put).is_some_and(|e| e.1 == version),
                    };
                    match (first, model.entries.contains_key(&absent)) {
                        (false, _) => Some(0),
                        (_, true) => Some(2),
                        _ => None,
                    }
                };
                let mut conflict = verdict(&model);
                let mut fits = true;
                if conflict.is_none() {
                    let growth = |model: &Model| {
                        usize::from(!model.entries.contains_key(&put))
                            .saturating_sub(usize::from(model.entries.contains_key(&delete)))
                    };
                    let more = growth(&model);
                    if !model.room(more, time) {
                        fits = model.entries.len() + growth(&model) <= model.max;
                    }
                    conflict = verdict(&model);
                }
                match (conflict, fits) {
                    (Some(index), _) => assert_eq!(result, Ok(Commit::Conflict { index })),
                    (None, false) => assert_eq!(result.map_err(|e| e.kind()), Err(ErrorKind::QuotaExceeded)),
                    (None, true) => {
                        let Ok(Commit::Done(applied)) = result else { panic!("{result:?}") };
                        let [Applied::Written(version), Applied::Deleted(_), Applied::Checked] = &applied[..] else {
                            panic!("{applied:?}")
                        };
                        model.entries.insert(put, (value, version.clone(), None));
                        model.entries.remove(&delete);
                    }
                }
            }
            Step::Update(space, text, decision) => {
                let place = (space, text);
                let before = model.entries.get(&place).cloned();
                let result = now(memory.update(&*clock, key(&spaces[space], &place.1), |stored| {
                    assert_eq!(stored.map(|s| s.version.to_version()), before.as_ref().map(|b| b.1.clone()));
                    match decision {
                        0 => Ok(Decision::Put(record(value))),
                        1 => Ok(Decision::Delete),
                        _ => Ok(Decision::Keep),
                    }
                }));
                match decision {
                    0 => model.put(&place, value, None, result.map(|v| v.expect("written")), time),
                    1 => {
                        assert_eq!(result, Ok(None));
                        model.entries.remove(&place);
                    }
                    _ => assert_eq!(result, Ok(None)),
                }
            }
            Step::Tick(by) => drop(clock.0.fetch_add(by, Ordering::Relaxed)),
            Step::Sweep(space) => {
                let was = model.entries.len();
                model.entries.retain(|(s, _), (_, _, expires)| *s != space || expires.is_none_or(|at| at > time));
                assert_eq!(memory.sweep(&spaces[space], time), (was - model.entries.len()) as u64);
            }
            Step::Walk { space, pattern, prefix, after, reverse, limit, ids } => {
                let pattern = pattern.map(|text| Pattern::parse(&text).unwrap());
                let mut expected: Vec<&str> = model
                    .entries
                    .keys()
                    .filter(|(s, text)| {
                        *s == space
                            && text.starts_with(&prefix)
                            && pattern.as_ref().is_none_or(|p| p.matches(text))
                            && after.as_ref().is_none_or(|after| if reverse { text < after } else { text > after })
                    })
                    .map(|(_, text)| &**text)
                    .collect();
                if reverse {
                    expected.reverse();
                }
                let mut found = Vec::new();
                let mut after = after;
                loop {
                    let query = Scan {
                        prefix: &prefix,
                        after: after.as_deref(),
                        limit,
                        reverse,
                        ids,
                        ..scan(&spaces[space], pattern.as_ref())
                    };
                    let before = found.len();
                    let resume = now(memory.walk(&query, |item| {
                        let place = (space, item.key.to_owned());
                        let (value, version, expires) = &model.entries[&place];
                        let stored = item.stored.unwrap();
                        assert!(stored.value.same(&Value::Int(*value)) && stored.version == *version);
                        assert_eq!(item.expires_at.map(NonZeroU64::get), *expires);
                        if ids {
                            let id = item.id.unwrap();
                            if item.first {
                                model.names.insert(id, place);
                            } else {
                                assert_eq!(model.names[&id], place);
                            }
                        }
                        found.push(item.key.to_owned());
                        ControlFlow::Continue(())
                    }))
                    .unwrap();
                    match resume {
                        None => {
                            // Without a pattern it is known whether more follows; and a page is not short.
                            assert!(pattern.is_some() || found.is_empty() || found.len() > before);
                            break;
                        }
                        Some(key) => {
                            assert_eq!(found.len() - before, limit);
                            assert_eq!(found.last().map(|k| &**k), Some(&*key));
                            after = Some(key.into());
                        }
                    }
                }
                assert_eq!(found, expected);
            }
        }
    }
    for space in [0, 1] {
        let page = now(memory.scan(&scan(&spaces[space], None))).unwrap();
        let found: Vec<&str> = page.items.iter().map(|item| &*item.key).collect();
        let expected: Vec<&str> = model.entries.keys().filter(|(s, _)| *s == space).map(|(_, text)| &**text).collect();
        assert_eq!(found, expected);
        assert_eq!(now(memory.namespaces()).unwrap().contains(&spaces[space]), !expected.is_empty());
        let asked: Vec<Key<'_>> = expected.iter().map(|text| key(&spaces[space], text)).collect();
        let read = now(memory.read(&asked, Freshness::Latest)).unwrap();
        for (text, stored) in expected.iter().zip(read) {
            assert_eq!(stored.unwrap().version, model.entries[&(space, (*text).to_owned())].1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_a_model(steps in vec(steps(), 1..120), max in option::weighted(0.3, 1..30_usize)) {
        run(steps, max);
    }

    /// With enough keys and scans at first that there are postings, and changes are few.
    #[test]
    fn agrees_with_a_model_when_there_is_much(filled in vec(vec(keys(), 60), 10), steps in vec(steps(), 1..120)) {
        let fill = filled.into_iter().map(|keys| Step::PutMany(0, keys));
        let look = std::iter::repeat_n(Step::Walk {
            space: 0, pattern: Some("**.abcdefgh".into()), prefix: String::new(), after: None, reverse: false, limit: 1000, ids: true,
        }, 3);
        run(fill.chain(look).chain(steps.into_iter().filter(|step| !matches!(step, Step::PutMany(..)))).collect(), None);
    }
}

fn filled(count: u32, text: impl Fn(u32) -> String) -> Memory {
    let (memory, clock) = memory(None);
    let space = Namespace::default();
    for n in 0..count {
        now(memory.put(&*clock, key(&space, &text(n)), record(i64::from(n)))).unwrap();
    }
    memory
}

fn count(memory: &Memory, text: &str) -> (usize, usize) {
    let (space, pattern) = (Namespace::default(), Pattern::parse(text).unwrap());
    let before = memory.state.with(|state| state.looked(&space));
    let mut found = 0;
    now(memory.walk(&scan(&space, Some(&pattern)), |_| {
        found += 1;
        ControlFlow::Continue(())
    }))
    .unwrap();
    (found, memory.state.with(|state| state.looked(&space)) - before)
}

/// Once scans have paid for them, postings give the candidates; the order of the keys skips what
/// cannot match.
#[test]
fn looks_at_candidates_only() {
    let fields = ["address", "age", "email", "error", "id", "login", "name", "phone", "role", "zip"];
    let memory = filled(100_000, |n| {
        let field = fields[n as usize % 10];
        match field {
            "error" if n % 100 != 3 => format!("users.{}.warning", n / 10),
            _ => format!("users.{}.{field}", n / 10),
        }
    });
    assert_eq!(count(&memory, "**.error"), (1000, 100_000));
    assert_eq!(count(&memory, "**.error"), (1000, 1000));
    assert_eq!(count(&memory, "users.*.name"), (10_000, 10_000));
    assert_eq!(count(&memory, "**.nobody"), (0, 0));
    assert_eq!(count(&memory, "users.123.*"), (10, 10));
    assert_eq!(count(&memory, "users.123.name"), (1, 0));
    assert_eq!(count(&memory, "**"), (100_000, 0));
    let (found, looked) = count(&memory, "users.?.name");
    assert!(found == 10 && looked <= 110, "{found} {looked}");
    let (found, looked) = count(&memory, "users.12.{age,zip}");
    assert!(found == 2 && looked <= 10, "{found} {looked}");
    // They follow the writes.
    let (space, clock) = (Namespace::default(), Clock(AtomicU64::new(0)));
    for n in 0..100 {
        now(memory.put(&clock, key(&space, &format!("more.{n}.error")), record(0))).unwrap();
    }
    assert_eq!(count(&memory, "**.error"), (1100, 1100));
}

/// Millions of deletions must not each move the rest.
#[test]
fn deleting_everything_is_not_quadratic() {
    let memory = filled(100_000, |n| format!("users.{n}.name"));
    for text in ["**.x", "**.x"] {
        assert_eq!(count(&memory, text).0, 0);
    }
    let space = Namespace::default();
    for n in 0..100_000 {
        let text = format!("users.{}.name", (n * 7919) % 100_000);
        let delete = Mutation { key: key(&space, &text), expect: Expect::Any, change: Change::Delete };
        assert_ne!(now(memory.commit(&[delete])), Ok(Commit::Done(vec![Applied::Deleted(Was::Absent)])));
        if n % 5000 == 0 {
            assert_eq!(count(&memory, "**").0, 100_000 - 1 - n);
        }
    }
    assert_eq!(count(&memory, "**"), (0, 0));
}

/// Keys that come and go leave nothing behind, however many: not without an index, not with one.
#[test]
fn slots_are_used_again() {
    let (memory, clock) = memory(None);
    let space = Namespace::default();
    for n in 0..20_000 {
        let text = format!("k{n}");
        now(memory.put(&*clock, key(&space, &text), record(n))).unwrap();
        if n == 10_000 {
            now(memory.scan(&scan(&space, None))).unwrap();
        }
        if n >= 100 {
            let old = format!("k{}", n - 100);
            now(memory.update(&*clock, key(&space, &old), |_| Ok(Decision::Delete))).unwrap();
        }
    }
    assert!(memory.state.with(|state| state.slots()) < 500);
}

/// What is emptied gives its room back.
#[test]
fn an_empty_store_is_small() {
    let memory = filled(10_000, |n| format!("k{n}"));
    let (space, clock) = (Namespace::default(), Clock(AtomicU64::new(0)));
    for n in 0..10_000 {
        now(memory.update(&clock, key(&space, &format!("k{n}")), |_| Ok(Decision::Delete))).unwrap();
    }
    assert_eq!(memory.state.with(|state| state.slots()), 0);
    now(memory.put(&clock, key(&space, "k"), record(1))).unwrap();
    assert_eq!(now(memory.namespaces()).unwrap(), [space]);
}

struct Slots(Mutex<HashMap<u32, usize>>);

impl HostValues for Slots {
    fn retain(&self, slot: u32) -> u32 {
        *self.0.lock().unwrap().entry(slot).or_default() += 1;
        slot
    }
    fn release(&self, slot: u32) {
        let mut slots = self.0.lock().unwrap();
        let held = slots.get_mut(&slot).expect("held");
        *held -= 1;
        if *held == 0 {
            slots.remove(&slot);
        }
    }
    fn materialise(&self, slot: u32) -> Result<Value> {
        Ok(Value::Int(slot.into()))
    }
}

#[test]
fn values_of_the_host_are_released() {
    let slots: &'static Slots = Box::leak(Box::new(Slots(Mutex::default())));
    let held = |slot| record(Value::Host(HostValue::new(slots.retain(slot), slots)));
    let kept = || {
        let mut slots: Vec<u32> = slots.0.lock().unwrap().keys().copied().collect();
        slots.sort_unstable();
        slots
    };
    let (memory, clock) = memory(None);
    let space = Namespace::default();
    for slot in 1..=4 {
        now(memory.put(&*clock, key(&space, &format!("k{slot}")), held(slot))).unwrap();
    }
    assert_eq!(kept(), [1, 2, 3, 4]);
    now(memory.put(&*clock, key(&space, "k1"), held(5))).unwrap();
    assert_eq!(kept(), [2, 3, 4, 5]);
    // With an index, whose ids stay known for a while.
    now(memory.scan(&scan(&space, None))).unwrap();
    now(memory.update(&*clock, key(&space, "k2"), |_| Ok(Decision::Delete))).unwrap();
    assert_eq!(kept(), [3, 4, 5]);
    let soon = Record { expires_at: NonZeroU64::new(5), ..held(6) };
    now(memory.put(&*clock, key(&space, "k3"), soon)).unwrap();
    assert_eq!(memory.sweep(&space, 4), 0);
    assert_eq!(memory.sweep(&space, 5), 1);
    assert_eq!(kept(), [4, 5]);
    now(memory.close()).unwrap();
    assert_eq!(kept(), [0_u32; 0]);
}

#[test]
fn expired_entries_are_records_until_they_are_swept() {
    let (memory, clock) = memory(Some(2));
    let space = Namespace::default();
    let old = Record { expires_at: NonZeroU64::new(1), ..record(1) };
    let version = now(memory.put(&*clock, key(&space, "old"), old)).unwrap();
    let read = now(memory.read(&[key(&space, "old"), key(&space, "none")], Freshness::Cached)).unwrap();
    assert!(read[0].is_some() && read[1].is_none());
    let new = record(2);
    let batch = [Mutation { key: key(&space, "old"), expect: Expect::At(&version), change: Change::Put(&new) }];
    assert!(matches!(now(memory.commit(&batch)), Ok(Commit::Done(_))));
    assert_eq!(now(memory.commit(&batch)), Ok(Commit::Conflict { index: 0 }));
    now(memory.put(&*clock, key(&space, "b"), record(3))).unwrap();
    let error: Error = now(memory.put(&*clock, key(&space, "c"), record(3))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(error.message().contains("max_entries"));
}

#[test]
fn many_namespaces_come_and_go() {
    let (memory, clock) = memory(None);
    let spaces: Vec<Namespace> = (0..300).map(|n| Namespace::new(&format!("s{n}")).unwrap()).collect();
    for round in 0..3 {
        for (n, space) in spaces.iter().enumerate() {
            now(memory.put(&*clock, key(space, "k"), record(n as i64))).unwrap();
            if n % 3 == round {
                now(memory.update(&*clock, key(space, "k"), |_| Ok(Decision::Delete))).unwrap();
            }
        }
        assert_eq!(now(memory.namespaces()).unwrap().len(), 200);
        for (n, space) in spaces.iter().enumerate() {
            now(memory.visit(&[key(space, "k")], Freshness::Latest, |_, stored| {
                let value = stored.and_then(|stored| stored.value.as_int());
                assert_eq!(value, (n % 3 != round).then_some(n as i64));
            }))
            .unwrap();
        }
    }
}
