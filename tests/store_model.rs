//! Random sequences of every operation, in several namespaces under a moving clock, against a model
//! of a hundred lines: a map, and a pattern matched against each key.

use dataknobs_kv::{
    AtomicOutcome, Check, Error, ErrorKind, Host, Object, Outcome, Pattern, ScanOptions,
    SetOptions, Store, Ttl, Value, Version,
    backend::{
        Backend,
        memory::{Memory, MemoryOptions},
    },
    conformance::{Late, ManualHost, Minimal},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

const KEYS: [&str; 14] = [
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
const PATTERNS: [&str; 16] = [
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
const SPACES: [&str; 3] = ["", "one", "two"];

#[derive(Clone, Debug)]
enum When {
    Any,
    Absent,
    /// On the version that is there, or one that was.
    Version(bool),
}

#[derive(Clone, Debug)]
enum Op {
    Set {
        key: usize,
        value: u8,
        ttl: Option<u16>,
        meta: Option<u8>,
        when: When,
        keep: (bool, bool),
    },
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

fn op() -> impl Strategy<Value = (usize, Op)> {
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
            |(key, value, ttl, meta, when, keep)| Op::Set { key, value, ttl, meta, when, keep }
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

fn value(n: u8) -> Value {
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

fn meta(n: u8) -> Object {
    match n {
        0 => Object::new(),
        1 => [("a", Value::from(1))].into_iter().collect(),
        _ => [("a", Value::Null), ("b", Value::from("x"))]
            .into_iter()
            .collect(),
    }
}

fn ttl(ms: u16) -> Ttl {
    Ttl::millis(ms.into()).unwrap()
}

#[derive(Clone, Debug)]
struct Row {
    value: Value,
    meta: Object,
    created: u64,
    updated: u64,
    expires: Option<u64>,
    /// Set by every change; the version that the store gave it is in `versions`.
    stamp: u64,
}

#[derive(Default)]
struct Model {
    rows: BTreeMap<(usize, String), Row>,
    now: u64,
    stamp: u64,
    versions: BTreeMap<u64, Version>,
    /// The last version of each key that is surely not there any more.
    old: BTreeMap<(usize, String), Version>,
}

impl Model {
    fn live(&self, space: usize, key: &str) -> Option<&Row> {
        let row = self.rows.get(&(space, key.to_owned()))?;
        row.expires.is_none_or(|at| self.now < at).then_some(row)
    }

    fn put(&mut self, space: usize, key: &str, mut row: Row) {
        self.stamp += 1;
        row.stamp = self.stamp;
        self.rows.insert((space, key.to_owned()), row);
    }

    fn new_row(&self, value: Value, meta: Object, ttl: Option<u16>) -> Row {
        Row {
            value,
            meta,
            created: self.now,
            updated: self.now,
            expires: ttl.map(|ttl| self.now + u64::from(ttl)),
            stamp: 0,
        }
    }

    /// Another value under a key; everything else stays.
    fn change(&mut self, space: usize, key: &str, value: Value) {
        let row = match self.live(space, key).cloned() {
            Some(old) => Row {
                value,
                updated: self.now,
                ..old
            },
            None => self.new_row(value, Object::new(), None),
        };
        self.put(space, key, row);
    }

    fn remove(&mut self, space: usize, key: &str) -> bool {
        let was = self.live(space, key).is_some();
        self.rows.remove(&(space, key.to_owned()));
        was
    }

    fn matching(&self, space: usize, pattern: &str) -> Vec<String> {
        let pattern = Pattern::parse(pattern).unwrap();
        let keys = self
            .rows
            .keys()
            .filter(|(s, k)| *s == space && pattern.matches(k));
        keys.filter(|(s, k)| self.live(*s, k).is_some())
            .map(|(_, k)| k.clone())
            .collect()
    }

    /// A version of the key that is there, or one that is not.
    fn version(&self, space: usize, key: &str, current: bool) -> Version {
        let there = self
            .live(space, key)
            .and_then(|row| self.versions.get(&row.stamp));
        let old = self.old.get(&(space, key.to_owned()));
        match (current, there, old) {
            (true, Some(there), _) => there.clone(),
            (_, _, Some(old)) => old.clone(),
            _ => Version::Token("never".into()),
        }
    }
}

struct Pair<B: Backend> {
    stores: Vec<Store<B>>,
    host: Arc<ManualHost>,
    model: Model,
}

fn same(a: &Object, b: &Object) -> bool {
    Value::from(a.clone()) == Value::from(b.clone())
}

impl<B: Backend> Pair<B> {
    fn new(make: impl Fn(Memory) -> B) -> Pair<B> {
        let host = ManualHost::new(1_700_000_000_000);
        let memory = Memory::new(MemoryOptions::default(), host.clone());
        let root = Store::new(make(memory), host.clone());
        let mut stores = vec![root.clone()];
        stores.extend(SPACES[1..].iter().map(|name| root.namespace(name).unwrap()));
        let model = Model {
            now: host.now(),
            ..Model::default()
        };
        Pair {
            stores,
            host,
            model,
        }
    }

    async fn step(&mut self, s: usize, op: &Op) -> Result<(), TestCaseError> {
        let store = self.stores[s].clone();
        let m = &mut self.model;
        match op {
            Op::Set {
                key,
                value: v,
                ttl: t,
                meta: d,
                when,
                keep,
            } => {
                let key = KEYS[*key];
                let (keep_ttl, keep_metadata) = (keep.0 && t.is_none(), keep.1 && d.is_none());
                let mut options = SetOptions {
                    ttl: t.map(ttl),
                    metadata: d.map(meta),
                    keep_ttl,
                    keep_metadata,
                    ..SetOptions::default()
                };
                let there = m.live(s, key).cloned();
                let holds = match when {
                    When::Any => true,
                    When::Absent => {
                        options.if_absent = true;
                        there.is_none()
                    }
                    When::Version(current) => {
                        options.if_version = Some(m.version(s, key, *current));
                        *current && there.is_some()
                    }
                };
                match store.set_with(key, value(*v), options).await.unwrap() {
                    Outcome::Done(version) => {
                        prop_assert!(holds && version.is_some());
                        let mut row = m.new_row(value(*v), d.map(meta).unwrap_or_default(), *t);
                        if let Some(old) = there {
                            row.expires = if keep_ttl { old.expires } else { row.expires };
                            row.meta = if keep_metadata { old.meta } else { row.meta };
                        }
                        m.put(s, key, row);
                    }
                    Outcome::Lost(entry) => {
                        prop_assert!(!holds);
                        prop_assert_eq!(entry.map(|e| e.value), there.map(|row| row.value));
                    }
                }
            }
            Op::Delete(key) => {
                let was = store.delete(KEYS[*key]).await.unwrap();
                prop_assert_eq!(was, m.remove(s, KEYS[*key]));
            }
            Op::DeleteIf(key, current) => {
                let key = KEYS[*key];
                let version = m.version(s, key, *current);
                let done = store.delete_if(key, &version).await.unwrap().is_done();
                prop_assert_eq!(done, *current && m.live(s, key).is_some());
                if done {
                    m.remove(s, key);
                }
            }
            Op::Take(key) => {
                let key = KEYS[*key];
                let taken = store.get_and_delete(key).await.unwrap();
                prop_assert_eq!(taken, m.live(s, key).map(|row| row.value.clone()));
                if m.live(s, key).is_some() {
                    m.remove(s, key);
                }
            }
            Op::Rename(from, to) => {
                let (from, to) = (KEYS[*from], KEYS[*to]);
                let there = m.live(s, from).cloned();
                prop_assert_eq!(store.rename(from, to).await.unwrap(), there.is_some());
                if let Some(row) = there.filter(|_| from != to) {
                    m.remove(s, from);
                    m.put(s, to, row);
                }
            }
            Op::Copy(from, to) => {
                let (from, to) = (KEYS[*from], KEYS[*to]);
                let there = m.live(s, from).cloned();
                prop_assert_eq!(store.copy(from, to).await.unwrap(), there.is_some());
                if let Some(row) = there.filter(|_| from != to) {
                    let now = m.now;
                    m.put(
                        s,
                        to,
                        Row {
                            created: now,
                            updated: now,
                            ..row
                        },
                    );
                }
            }
            Op::SetMany(entries) => {
                let given = entries.iter().map(|(key, v, t)| {
                    let options = SetOptions {
                        ttl: t.map(ttl),
                        ..SetOptions::default()
                    };
                    (KEYS[*key], value(*v), options)
                });
                for result in store.set_many(given.collect::<Vec<_>>()).await.unwrap() {
                    prop_assert!(result.is_ok());
                }
                for (key, v, t) in entries {
                    let row = m.new_row(value(*v), Object::new(), *t);
                    m.put(s, KEYS[*key], row);
                }
            }
            Op::DeleteMany(keys) => {
                let keys: Vec<&str> = keys.iter().map(|k| KEYS[*k]).collect();
                let count = store.delete_many(&keys).await.unwrap();
                let mut wanted = 0;
                for key in keys {
                    wanted += u64::from(m.remove(s, key));
                }
                prop_assert_eq!(count, wanted);
            }
            Op::GetMany(keys) => {
                let keys: Vec<&str> = keys.iter().map(|k| KEYS[*k]).collect();
                let wanted = keys
                    .iter()
                    .map(|k| m.live(s, k).map(|row| row.value.clone()));
                let wanted: Vec<_> = wanted.collect();
                prop_assert_eq!(store.get_many(&keys).await.unwrap(), wanted);
            }
            Op::Swap(key, old, new) => {
                let key = KEYS[*key];
                let there = m.live(s, key).map(|row| row.value.clone());
                let (old, new) = (old.map(value), new.map(value));
                let outcome = store.compare_and_swap(key, old.as_ref(), new.clone()).await;
                prop_assert_eq!(outcome.unwrap().is_done(), there == old);
                if there == old {
                    match new {
                        Some(new) => m.change(s, key, new),
                        None if there.is_some() => {
                            m.remove(s, key);
                        }
                        None => {}
                    }
                }
            }
            Op::Increment(key, delta) => {
                let key = KEYS[*key];
                let delta = i64::from(*delta);
                let wanted = match m.live(s, key).map(|row| row.value.clone()) {
                    None => Ok(Value::from(delta)),
                    Some(Value::Int(n)) => n
                        .checked_add(delta)
                        .map(Value::from)
                        .ok_or(ErrorKind::InvalidArgument),
                    Some(Value::Float(n)) => Ok((n + delta as f64).into()),
                    Some(_) => Err(ErrorKind::TypeMismatch),
                };
                let found = store.increment(key, delta).await;
                prop_assert_eq!(
                    found.as_ref().map_err(Error::kind),
                    wanted.as_ref().map_err(|e| *e)
                );
                if let Ok(sum) = wanted {
                    m.change(s, key, sum);
                }
            }
            Op::Append(key, v) => {
                let (key, tail) = (KEYS[*key], value(*v));
                let wanted = match (m.live(s, key).map(|row| row.value.clone()), &tail) {
                    (None, Value::Text(_) | Value::Bytes(_)) => Ok(tail.clone()),
                    (Some(Value::Text(a)), Value::Text(b)) => Ok(format!("{a}{b}").into()),
                    (Some(Value::Bytes(a)), Value::Bytes(b)) => Ok([&*a, b].concat().into()),
                    (_, Value::Text(_) | Value::Bytes(_)) => Err(ErrorKind::TypeMismatch),
                    _ => Err(ErrorKind::InvalidArgument),
                };
                let found = store.append(key, tail).await;
                prop_assert_eq!(
                    found.as_ref().map_err(Error::kind),
                    wanted.as_ref().map_err(|e| *e)
                );
                if let Ok(joined) = wanted {
                    m.change(s, key, joined);
                }
            }
            Op::Update(key, v) => {
                let key = KEYS[*key];
                let old = m.live(s, key).map(|row| row.value.clone());
                let new = Value::from(vec![old.unwrap_or(Value::Null), value(*v)]);
                let update = |old: Option<Value>| {
                    let new = Value::from(vec![old.unwrap_or(Value::Null), value(*v)]);
                    async move { Ok(new) }
                };
                match store.update(key, update).await {
                    Ok(made) => {
                        prop_assert_eq!(&made, &new);
                        m.change(s, key, new);
                    }
                    Err(error) => prop_assert_eq!(error.kind(), ErrorKind::InvalidArgument),
                }
            }
            Op::SetMeta(key, n) | Op::ReplaceMeta(key, n) => {
                let key = KEYS[*key];
                let there = m.live(s, key).cloned();
                let (was, merged) = if matches!(op, Op::SetMeta(..)) {
                    let mut merged = there.as_ref().map(|r| r.meta.clone()).unwrap_or_default();
                    for (name, v) in meta(*n).iter() {
                        merged.insert(name, v.clone());
                    }
                    (store.set_metadata(key, meta(*n)).await.unwrap(), merged)
                } else {
                    (
                        store.replace_metadata(key, meta(*n)).await.unwrap(),
                        meta(*n),
                    )
                };
                prop_assert_eq!(was, there.is_some());
                if let Some(row) = there {
                    let updated = m.now;
                    m.put(
                        s,
                        key,
                        Row {
                            meta: merged,
                            updated,
                            ..row
                        },
                    );
                }
            }
            Op::Expire(key, _) | Op::Persist(key) => {
                let key = KEYS[*key];
                let (was, expires) = match op {
                    Op::Expire(_, t) => (
                        store.expire(key, ttl(*t)).await,
                        Some(m.now + u64::from(*t)),
                    ),
                    _ => (store.persist(key).await, None),
                };
                let there = m.live(s, key).cloned();
                prop_assert_eq!(was.unwrap(), there.is_some());
                if let Some(row) = there.filter(|row| row.expires != expires) {
                    let updated = m.now;
                    m.put(
                        s,
                        key,
                        Row {
                            expires,
                            updated,
                            ..row
                        },
                    );
                }
            }
            Op::Scan(pattern, after, limit, reverse) => {
                let pattern = PATTERNS[*pattern];
                let after = after.map(|k| KEYS[k]);
                let mut wanted = m.matching(s, pattern);
                wanted.retain(|key| {
                    after.is_none_or(|a| if *reverse { **key < *a } else { **key > *a })
                });
                if *reverse {
                    wanted.reverse();
                }
                wanted.truncate(limit.map_or(usize::MAX, usize::from));
                let options = ScanOptions {
                    limit: limit.map(usize::from),
                    after: after.map(str::to_owned),
                    reverse: *reverse,
                };
                let found = store.keys_with(pattern, &options).await.unwrap();
                prop_assert_eq!(&found, &wanted, "{}", pattern);
                let mut scan = store.scan(pattern, options).unwrap();
                for key in &wanted {
                    let entry = scan.next_page(1).await.unwrap().pop();
                    prop_assert_eq!(entry.as_ref().map(|e| &e.key), Some(key));
                    let row = m.live(s, key).map(|row| row.value.clone());
                    prop_assert_eq!(entry.map(|e| e.value), row);
                }
                prop_assert!(scan.next().await.unwrap().is_none());
            }
            Op::Count(pattern) => {
                let wanted = m.matching(s, PATTERNS[*pattern]);
                let count = store.count_pattern(PATTERNS[*pattern]).await.unwrap();
                prop_assert_eq!(count, wanted.len() as u64);
            }
            Op::DeletePattern(pattern) => {
                let wanted = m.matching(s, PATTERNS[*pattern]);
                let count = store.delete_pattern(PATTERNS[*pattern]).await.unwrap();
                prop_assert_eq!(count, wanted.len() as u64);
                for key in wanted {
                    m.remove(s, &key);
                }
            }
            Op::Atomic(checks, writes) => {
                let mut atomic = store.atomic();
                let mut failed = None;
                for (at, (key, current)) in checks.iter().enumerate() {
                    let key = KEYS[*key];
                    let there = m.live(s, key).is_some();
                    let check = match (there, current) {
                        (false, true) => Check::Absent,
                        (true, false) if at % 2 == 0 => Check::Absent,
                        _ => Check::Version(m.version(s, key, *current)),
                    };
                    if !current {
                        failed = failed.or(Some(at));
                    }
                    atomic = atomic.check(key, check);
                }
                for (key, v) in writes {
                    atomic = match v {
                        Some(v) => atomic.set(KEYS[*key], value(*v)),
                        None => atomic.delete(KEYS[*key]),
                    };
                }
                let repeated =
                    |keys: Vec<usize>| keys.iter().collect::<BTreeSet<_>>().len() < keys.len();
                let refused = repeated(checks.iter().map(|c| c.0).collect())
                    || repeated(writes.iter().map(|w| w.0).collect());
                match atomic.commit().await {
                    Err(error) => {
                        prop_assert!(refused && error.kind() == ErrorKind::InvalidArgument);
                    }
                    Ok(AtomicOutcome::Lost { index, .. }) => {
                        prop_assert!(!refused);
                        prop_assert_eq!(Some(index), failed);
                    }
                    Ok(AtomicOutcome::Done(versions)) => {
                        prop_assert!(!refused && failed.is_none());
                        prop_assert_eq!(versions.len(), writes.len());
                        for ((key, v), version) in writes.iter().zip(versions) {
                            prop_assert_eq!(version.is_some(), v.is_some());
                            match v {
                                Some(v) => {
                                    let row = m.new_row(value(*v), Object::new(), None);
                                    m.put(s, KEYS[*key], row);
                                }
                                None => {
                                    m.remove(s, KEYS[*key]);
                                }
                            }
                        }
                    }
                }
            }
            Op::Cleanup | Op::Clear => {
                let expired: Vec<_> = m
                    .rows
                    .keys()
                    .filter(|(space, key)| *space == s && m.live(s, key).is_none())
                    .cloned()
                    .collect();
                for row in &expired {
                    m.rows.remove(row);
                }
                if matches!(op, Op::Cleanup) {
                    let count = store.cleanup_expired().await.unwrap();
                    prop_assert_eq!(count, expired.len() as u64);
                } else {
                    let live = m.matching(s, "**");
                    prop_assert_eq!(store.clear().await.unwrap(), live.len() as u64);
                    for key in live {
                        m.remove(s, &key);
                    }
                }
            }
            Op::Namespaces => {
                let wanted = (0..3).filter(|s| !m.matching(*s, "**").is_empty());
                let mut wanted: Vec<&str> = wanted.map(|s| SPACES[s]).collect();
                wanted.sort_unstable();
                prop_assert_eq!(store.namespaces().await.unwrap(), wanted);
            }
            Op::Advance(ms) => {
                self.host.advance((*ms).into());
                m.now += u64::from(*ms);
            }
        }
        Ok(())
    }

    /// Everything that is there, field by field; and every version is one change's only.
    async fn compare(&mut self) -> Result<(), TestCaseError> {
        for s in 0..SPACES.len() {
            for key in KEYS {
                let entry = self.stores[s].get_entry(key).await.unwrap();
                let row = self.model.live(s, key);
                let (Some(entry), Some(row)) = (&entry, row) else {
                    prop_assert!(
                        entry.is_none() && row.is_none(),
                        "{}: {:?} {:?}",
                        key,
                        entry,
                        row
                    );
                    continue;
                };
                let exact = |value: &Value| format!("{value:?}");
                prop_assert_eq!(exact(&entry.value), exact(&row.value));
                prop_assert!(same(&entry.metadata, &row.meta), "{:?} {:?}", entry, row);
                prop_assert_eq!(
                    (entry.created_at, entry.updated_at, entry.expires_at),
                    (row.created, row.updated, row.expires)
                );
                let stamp = row.stamp;
                match self.model.versions.get(&stamp) {
                    Some(known) => prop_assert_eq!(known, &entry.version),
                    None => {
                        let again = self.model.versions.values().any(|v| *v == entry.version);
                        prop_assert!(!again, "the version {} came twice", entry.version);
                        self.model.versions.insert(stamp, entry.version.clone());
                    }
                }
                // What is there now is the old version of tomorrow.
                let place = (s, key.to_owned());
                if let Some(last) = self.model.versions.range(..stamp).next_back() {
                    self.model.old.insert(place, last.1.clone());
                }
            }
        }
        Ok(())
    }
}

fn check<B: Backend>(make: impl Fn(Memory) -> B, ops: &[(usize, Op)]) -> Result<(), TestCaseError> {
    let mut pair = Pair::new(make);
    pollster::block_on(async {
        for (at, (space, op)) in ops.iter().enumerate() {
            pair.step(*space, op)
                .await
                .map_err(|e| TestCaseError::fail(format!("step {at}, {op:?} in {space}: {e}")))?;
            pair.compare()
                .await
                .map_err(|e| TestCaseError::fail(format!("after step {at}, {op:?}: {e}")))?;
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn memory(ops in prop::collection::vec(op(), 1..80)) {
        check(|memory| memory, &ops)?;
    }

    #[test]
    fn the_trait_alone(ops in prop::collection::vec(op(), 1..80)) {
        check(Minimal, &ops)?;
    }

    #[test]
    fn late(ops in prop::collection::vec(op(), 1..40)) {
        check(Late, &ops)?;
    }
}
