//! A memory whose changes are written down: another one that reads them is the same, also after
//! changes that were taken back, blocks read twice, merged blocks and pages.

use dataknobs_kv::{
    Host, HostValue, HostValues, ScanOptions, SetOptions, Store, Ttl, Value, WatchOptions,
    backend::{
        journal,
        memory::{Dump, Memory},
    },
    conformance::ManualHost,
};
use pollster::block_on;
use proptest::prelude::*;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

type Clock = Arc<ManualHost>;

fn memory(clock: &Clock) -> (Memory, Store<Memory>) {
    let host: Arc<dyn Host> = Arc::clone(clock) as _;
    let memory = Memory::new(Default::default(), Arc::clone(&host));
    (memory.clone(), Store::new(memory, host))
}

fn whole(memory: &Memory) -> Vec<u8> {
    memory.dump(None, None, usize::MAX).unwrap().block
}

#[derive(Clone, Debug)]
enum Op {
    Set(u8, i64, Option<u16>),
    Delete(u8),
    Increment(u8),
    Clear,
    Sweep,
    Advance(u16),
    Elsewhere(u8),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..20_u8, any::<i64>(), prop::option::of(1..5_000_u16)).prop_map(|(k, v, t)| Op::Set(k, v, t)),
        3 => (0..20_u8).prop_map(Op::Delete),
        3 => (0..20_u8).prop_map(Op::Increment),
        1 => Just(Op::Clear),
        1 => Just(Op::Sweep),
        2 => (1..4_000_u16).prop_map(Op::Advance),
        2 => (0..20_u8).prop_map(Op::Elsewhere),
    ]
}

fn apply(store: &Store<Memory>, clock: &Clock, op: &Op) {
    let key = |k: &u8| format!("users.{k}.name");
    block_on(async {
        match op {
            Op::Set(k, v, ttl) => {
                let ttl = ttl.map(|ms| Ttl::seconds(f64::from(ms) / 1000.0).unwrap());
                let options = SetOptions {
                    ttl,
                    ..SetOptions::default()
                };
                store.set_with(&key(k), *v, options).await.unwrap();
            }
            Op::Delete(k) => drop(store.delete(&key(k)).await.unwrap()),
            // An overflow is an error, and changes nothing.
            Op::Increment(k) => drop(store.increment(&key(k), 1).await),
            Op::Clear => drop(store.clear().await.unwrap()),
            Op::Sweep => drop(store.cleanup_expired().await.unwrap()),
            Op::Advance(ms) => clock.advance(u64::from(*ms)),
            Op::Elsewhere(k) => {
                let other = store.namespace("other").unwrap();
                other.set(&key(k), "x").await.unwrap();
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_read_is_what_was_written(
        groups in prop::collection::vec((prop::collection::vec(op(), 1..6), prop::bool::weighted(0.7)), 1..25),
        page in 40..400_usize,
    ) {
        let clock = ManualHost::new(1_700_000_000_000);
        let (ours, store) = memory(&clock);
        let (theirs, their_store) = memory(&clock);
        let mut blocks: Vec<Vec<u8>> = Vec::new();
        for (ops, stands) in &groups {
            let before = whole(&ours);
            ours.begin();
            ops.iter().for_each(|op| apply(&store, &clock, op));
            // All at once or in parts.
            let at_most = if blocks.len().is_multiple_of(2) { usize::MAX } else { 2 };
            let parts: Vec<Vec<u8>> = std::iter::from_fn(|| ours.next_changes(at_most).unwrap()).collect();
            prop_assert!(at_most == 2 || parts.len() <= 1);
            if !stands {
                ours.roll_back();
                prop_assert_eq!(&whole(&ours), &before);
                continue;
            }
            ours.keep();
            if !parts.is_empty() {
                parts.iter().for_each(|part| theirs.replay(part).unwrap());
                blocks.extend(parts);
            } else {
                prop_assert_eq!(&whole(&ours), &before);
            }
            prop_assert_eq!(whole(&theirs), whole(&ours));
        }
        let listed = |store: &Store<Memory>| block_on(store.keys_with("**", &ScanOptions::default())).unwrap();
        prop_assert_eq!(listed(&their_store), listed(&store));

        // Read again in any part, nothing changes.
        for block in &blocks {
            theirs.replay(block).unwrap();
        }
        prop_assert_eq!(whole(&theirs), whole(&ours));

        // Merged blocks say the same.
        let (merged, _) = memory(&clock);
        for part in blocks.chunks(3) {
            let part: Vec<&[u8]> = part.iter().map(Vec::as_slice).collect();
            merged.replay(&journal::merge(&part).unwrap()).unwrap();
        }
        prop_assert_eq!(whole(&merged), whole(&ours));

        // Pages, then any tail of the blocks that a page may be newer than.
        let (paged, _) = memory(&clock);
        let mut after: Option<(String, String)> = None;
        loop {
            let from = after.as_ref().map(|(n, k)| (n.as_str(), k.as_str()));
            let Dump { block, through, entries } = ours.dump(from, None, page).unwrap();
            prop_assert!(entries > 0 || through.is_none());
            paged.replay(&block).unwrap();
            let Some(end) = through else { break };
            // A page that is asked for up to its end is the same page.
            let again = ours.dump(from, Some((&end.0, &end.1)), usize::MAX).unwrap();
            prop_assert_eq!(again.block, block);
            after = Some(end);
        }
        prop_assert_eq!(whole(&paged), whole(&ours));
        for block in blocks.iter().skip(blocks.len() / 2) {
            paged.replay(block).unwrap();
        }
        prop_assert_eq!(whole(&paged), whole(&ours));
    }
}

#[test]
fn who_watches_hears_what_stands_and_what_comes_from_elsewhere() {
    let clock = ManualHost::new(1);
    let (ours, store) = memory(&clock);
    let (theirs, their_store) = memory(&clock);
    let watch = |store: &Store<Memory>| store.watch("**", WatchOptions::default()).unwrap();
    let (here, there) = (watch(&store), watch(&their_store));

    ours.begin();
    block_on(store.set("a", 1)).unwrap();
    assert!(here.try_next().is_none(), "nothing stands yet");
    ours.roll_back();
    assert!(here.try_next().is_none());

    ours.begin();
    block_on(store.set("a", 1)).unwrap();
    block_on(store.set("a", 2)).unwrap();
    let block = ours.changes().unwrap().unwrap();
    ours.keep();
    theirs.replay(&block).unwrap();
    let count = |watcher: &dataknobs_kv::Watcher| std::iter::from_fn(|| watcher.try_next()).count();
    assert_eq!(count(&here), 2);
    assert_eq!(count(&there), 1, "elsewhere one for a key of a block");
    theirs.replay(&block).unwrap();
    assert_eq!(count(&there), 0, "known already");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let clock = ManualHost::new(1);
    let (ours, store) = memory(&clock);
    ours.begin();
    block_on(store.set("a", "text")).unwrap();
    let block = ours.changes().unwrap().unwrap();
    ours.keep();
    let (theirs, _) = memory(&clock);
    for broken in [&block[..0], &block[..block.len() - 1], b"{}"] {
        assert_eq!(
            theirs.replay(broken).unwrap_err().kind(),
            dataknobs_kv::ErrorKind::Corrupt
        );
    }
    let key = journal::Change {
        namespace: "",
        key: "a..b",
        version: 1,
        envelope: None,
    };
    let mut foreign = journal::Block::new(1);
    foreign.push(key);
    let error = theirs.replay(&foreign.into_bytes()).unwrap_err();
    assert_eq!(error.kind(), dataknobs_kv::ErrorKind::Corrupt);
}

/// Texts and numbers that a host keeps under odd and even slots.
struct Kept {
    /// Does it lend the texts?
    lends: bool,
    /// So many values were asked for alone, so many times texts were lent.
    alone: AtomicUsize,
    lent: AtomicUsize,
    /// Are texts being lent just now? Then nobody may ask for more.
    lending: AtomicBool,
    /// Somebody else's code, which a value may run when it is asked for.
    code: Mutex<Option<Box<dyn Fn() + Send>>>,
}

fn text_of(slot: u32) -> String {
    // The one under slot 1 is empty, which nobody can lend.
    "é".repeat(slot as usize / 2)
}

impl HostValues for Kept {
    fn retain(&self, slot: u32) -> u32 {
        slot
    }
    fn release(&self, _: u32) {}
    fn materialise(&self, slot: u32) -> dataknobs_kv::Result<Value> {
        assert!(!self.lending.load(Ordering::Relaxed));
        self.alone.fetch_add(1, Ordering::Relaxed);
        if let Some(code) = &*self.code.lock().unwrap() {
            code();
        }
        Ok(match slot % 2 {
            0 => Value::Int(slot.into()),
            _ => text_of(slot).into(),
        })
    }
    fn texts(&self, slots: &[u32], take: &mut dyn FnMut(&[Option<&str>])) {
        if !self.lends {
            return;
        }
        self.lent.fetch_add(1, Ordering::Relaxed);
        let texts: Vec<String> = slots.iter().map(|slot| text_of(*slot)).collect();
        let texts = slots.iter().zip(&texts);
        let texts: Vec<_> = texts
            .map(|(slot, text)| (slot % 2 == 1 && *slot > 1).then_some(&**text))
            .collect();
        self.lending.store(true, Ordering::Relaxed);
        take(&texts);
        self.lending.store(false, Ordering::Relaxed);
    }
}

fn keeper(lends: bool) -> &'static Kept {
    Box::leak(Box::new(Kept {
        lends,
        alone: AtomicUsize::new(0),
        lent: AtomicUsize::new(0),
        lending: AtomicBool::new(false),
        code: Mutex::default(),
    }))
}

#[test]
fn what_the_host_keeps_is_written_as_what_it_is() {
    for (lends, slots, alone) in [
        (true, vec![3, 5, 7, 9, 11], 0),
        // An empty text, and numbers between texts: those are asked for alone.
        (true, vec![1, 3, 5, 7, 9], 1),
        (true, vec![3, 4, 5, 6, 7], 2),
        (false, vec![1, 2, 3, 4, 5], 5),
    ] {
        let clock = ManualHost::new(1);
        let (ours, store) = memory(&clock);
        let (theirs, their_store) = memory(&clock);
        let (paged, paged_store) = memory(&clock);
        let host = keeper(lends);
        ours.begin();
        for slot in &slots {
            let key = format!("k.{slot:02}");
            // Written over in the same group.
            block_on(store.set(&key, Value::Host(HostValue::new(99, host)))).unwrap();
            block_on(store.set(&format!("{key}.own"), i64::from(*slot))).unwrap();
            block_on(store.set(&key, Value::Host(HostValue::new(*slot, host)))).unwrap();
        }
        let mut changes = 0;
        while let Some(part) = ours.next_changes(8).unwrap() {
            theirs.replay(&part).unwrap();
            journal::read(&part, |_| {
                changes += 1;
                Ok(())
            })
            .unwrap();
        }
        ours.keep();
        assert_eq!(changes, slots.len() * 2, "each key once");
        assert_eq!(host.alone.swap(0, Ordering::Relaxed), alone, "{slots:?}");
        assert_eq!(host.lent.load(Ordering::Relaxed) > 0, lends);
        for bytes in [30, usize::MAX] {
            let mut after: Option<(String, String)> = None;
            loop {
                let from = after.as_ref().map(|(n, k)| (n.as_str(), k.as_str()));
                let Dump { block, through, .. } = ours.dump(from, None, bytes).unwrap();
                paged.replay(&block).unwrap();
                let Some(end) = through else { break };
                after = Some(end);
            }
        }
        for slot in slots {
            let expected = match slot % 2 {
                0 => Value::Int(slot.into()),
                _ => text_of(slot).into(),
            };
            for store in [&their_store, &paged_store] {
                let found = block_on(store.get(&format!("k.{slot:02}"))).unwrap();
                assert_eq!(found, Some(expected.clone()), "{slot}");
                let own = block_on(store.get(&format!("k.{slot:02}.own"))).unwrap();
                assert_eq!(own, Some(i64::from(slot).into()));
            }
        }
    }
}

#[test]
fn a_value_that_is_asked_for_alone_may_run_others_code() {
    let clock = ManualHost::new(1);
    let (ours, store) = memory(&clock);
    let host = keeper(true);
    let (asked, other) = (Arc::new(AtomicUsize::new(0)), store.clone());
    let count = Arc::clone(&asked);
    *host.code.lock().unwrap() = Some(Box::new(move || {
        // In a thread: where the memory is locked, it would wait for ever.
        let (store, (done, answer)) = (other.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || done.send(block_on(store.get("b"))));
        let found = answer.recv_timeout(std::time::Duration::from_secs(10));
        assert!(found.expect("the memory is not locked").unwrap().is_some());
        count.fetch_add(1, Ordering::Relaxed);
    }));
    ours.begin();
    for (key, slot) in [("a", 3), ("b", 4), ("c", 5)] {
        block_on(store.set(key, Value::Host(HostValue::new(slot, host)))).unwrap();
    }
    assert!(ours.changes().unwrap().is_some());
    assert!(ours.changes().unwrap().is_none(), "given already");
    ours.keep();
    ours.dump(None, None, usize::MAX).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn changes_of_which_some_are_in_blocks_already_are_taken_back_whole() {
    let clock = ManualHost::new(1);
    let (ours, store) = memory(&clock);
    let set = |key: &str, value: i64| drop(block_on(store.set(key, value)).unwrap());
    (0..5).for_each(|at| set(&format!("k{at}"), at));
    let before = whole(&ours);
    ours.begin();
    (0..5).for_each(|at| set(&format!("k{at}"), at + 10));
    block_on(store.delete("k3")).unwrap();
    assert!(ours.next_changes(2).unwrap().is_some());
    assert!(ours.next_changes(2).unwrap().is_some());
    ours.roll_back();
    assert_eq!(whole(&ours), before);
    // What comes next begins at its own first change.
    ours.begin();
    set("k0", 20);
    let block = ours.next_changes(2).unwrap().unwrap();
    ours.keep();
    let mut keys = Vec::new();
    let counter = journal::read(&block, |change| {
        keys.push(change.key.to_owned());
        Ok(())
    });
    assert_eq!((counter.unwrap(), keys), (6, vec!["k0".to_owned()]));
}
