//! The memory backend alone: against a model, and by what it must not do.

mod model;

use super::*;
use crate::{
    backend::{Applied, Change, Expect, Was},
    error::{Error, ErrorKind},
    maybe_send::BoxFuture,
    pattern::Pattern,
    value::{HostValue, HostValues, Value},
};
use std::{
    collections::HashMap,
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
    (
        Memory::new(MemoryOptions { max_entries }, clock.clone()),
        clock,
    )
}

fn key<'a>(namespace: &'a Namespace, text: &'a str) -> Key<'a> {
    Key::new(namespace, text).unwrap()
}

fn record(value: impl Into<Value>) -> Record {
    Record {
        value: value.into(),
        created_at: 1,
        updated_at: 2,
        ..Record::default()
    }
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
    (
        found,
        memory.state.with(|state| state.looked(&space)) - before,
    )
}

/// Once scans have paid for them, postings give the candidates; the order of the keys skips what
/// cannot match.
#[test]
fn looks_at_candidates_only() {
    let fields = [
        "address", "age", "email", "error", "id", "login", "name", "phone", "role", "zip",
    ];
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
        let delete = Mutation {
            key: key(&space, &text),
            expect: Expect::Any,
            change: Change::Delete,
        };
        assert_ne!(
            now(memory.commit(&[delete])),
            Ok(Commit::Done(vec![Applied::Deleted(Was::Absent)]))
        );
        if n % 5000 == 0 {
            assert_eq!(count(&memory, "**").0, 100_000 - 1 - n);
        }
    }
    assert_eq!(count(&memory, "**"), (0, 0));
}

/// Keys that come and go leave nothing behind, however many: not without an index, and not with
/// one that is asked for often or seldom.
#[test]
fn slots_are_used_again() {
    let (memory, clock) = memory(None);
    let space = Namespace::default();
    for n in 0..20_000 {
        let text = format!("k{n}");
        now(memory.put(&*clock, key(&space, &text), record(n))).unwrap();
        let every = if n < 12_000 { 30 } else { 300 };
        if n > 5000 && n % every == 0 {
            now(memory.scan(&scan(&space, None))).unwrap();
        }
        if n >= 100 {
            let old = format!("k{}", n - 100);
            now(memory.update(&*clock, key(&space, &old), |_| Ok(Decision::Delete))).unwrap();
        }
    }
    assert!(memory.state.with(|state| state.room().0) < 500);
}

/// What is emptied gives its room back.
#[test]
fn an_empty_store_is_small() {
    let memory = filled(10_000, |n| format!("k{n}"));
    let (space, clock) = (Namespace::default(), Clock(AtomicU64::new(0)));
    for n in 0..10_000 {
        now(memory.update(&clock, key(&space, &format!("k{n}")), |_| {
            Ok(Decision::Delete)
        }))
        .unwrap();
    }
    assert_eq!(memory.state.with(|state| state.room().0), 0);
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
    let soon = Record {
        expires_at: NonZeroU64::new(5),
        ..held(6)
    };
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
    let old = Record {
        expires_at: NonZeroU64::new(1),
        ..record(1)
    };
    let version = now(memory.put(&*clock, key(&space, "old"), old)).unwrap();
    let read = now(memory.read(
        &[key(&space, "old"), key(&space, "none")],
        Freshness::Cached,
    ))
    .unwrap();
    assert!(read[0].is_some() && read[1].is_none());
    let new = record(2);
    let batch = [Mutation {
        key: key(&space, "old"),
        expect: Expect::At(&version),
        change: Change::Put(&new),
    }];
    assert!(matches!(now(memory.commit(&batch)), Ok(Commit::Done(_))));
    assert_eq!(
        now(memory.commit(&batch)),
        Ok(Commit::Conflict { index: 0 })
    );
    now(memory.put(&*clock, key(&space, "b"), record(3))).unwrap();
    let error: Error = now(memory.put(&*clock, key(&space, "c"), record(3))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(error.message().contains("open it for more"));
}

#[test]
fn many_namespaces_come_and_go() {
    let (memory, clock) = memory(None);
    let spaces: Vec<Namespace> = (0..300)
        .map(|n| Namespace::new(&format!("s{n}")).unwrap())
        .collect();
    for round in 0..3 {
        for (n, space) in spaces.iter().enumerate() {
            now(memory.put(&*clock, key(space, "k"), record(n as i64))).unwrap();
            if n % 3 == round {
                now(memory.update(&*clock, key(space, "k"), |_| Ok(Decision::Delete))).unwrap();
            }
        }
        assert_eq!(now(memory.namespaces()).unwrap().len(), 200);
        for (n, space) in spaces.iter().enumerate() {
            now(
                memory.visit(&[key(space, "k")], Freshness::Latest, |_, stored| {
                    let value = stored.and_then(|stored| stored.value.as_int());
                    assert_eq!(value, (n % 3 != round).then_some(n as i64));
                }),
            )
            .unwrap();
        }
    }
    let names = (0..10_000).map(|n| Namespace::new(&format!("once{n}")).unwrap());
    for space in names {
        now(memory.put(&*clock, key(&space, "k"), record(1))).unwrap();
        now(memory.update(&*clock, key(&space, "k"), |_| Ok(Decision::Delete))).unwrap();
    }
    assert!(memory.state.with(|state| state.room().1) < 1000);
}
