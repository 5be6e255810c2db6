//! A memory whose changes are written down: another one that reads them is the same, also after
//! changes that were taken back, blocks read twice, merged blocks and pages.

use dataknobs_kv::{
    Host, ScanOptions, SetOptions, Store, Ttl, WatchOptions,
    backend::{
        journal,
        memory::{Dump, Memory},
    },
    conformance::ManualHost,
};
use pollster::block_on;
use proptest::prelude::*;
use std::sync::Arc;

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
