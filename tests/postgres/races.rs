//! Commits that are in each other's way.

use super::*;
use dataknobs_kv::backend::Backend;
use dataknobs_kv::{AtomicOutcome, Check, Namespace, Result, conformance::interleave};
use std::{
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
};

type Task<'t> = Pin<Box<dyn Future<Output = Result<AtomicOutcome>> + 't>>;

/// Two commits that each find the other's key absent must not both win.
#[test]
fn what_was_found_absent_stays_absent() {
    let _alone = alone();
    without_table();
    block_on(async {
        let store = store(native(), clock()).await;
        for round in 0..200 {
            let (a, b) = (format!("{round}.a"), format!("{round}.b"));
            let absent = Check::Absent;
            let one = store.atomic().check(&a, absent.clone()).set(&b, 1);
            let other = store.atomic().check(&b, absent).set(&a, 1);
            let both: Vec<Task<'_>> = vec![Box::pin(one.commit()), Box::pin(other.commit())];
            let both = interleave(round, both).await.into_iter();
            let won: Vec<bool> = both
                .map(|outcome| matches!(outcome.expect("a commit"), AtomicOutcome::Done(_)))
                .collect();
            assert_eq!(
                won.iter().filter(|won| **won).count(),
                1,
                "{won:?} in round {round}"
            );
            assert_eq!(
                store.keys(&format!("{round}.*")).await.expect("keys").len(),
                1
            );
        }
        // What kept them absent is no entry, and goes with the clean-up.
        let rows = || postgres("SELECT count(*) FROM kv_store WHERE envelope IS NULL");
        assert_ne!(rows().trim(), "0");
        let space = Namespace::default();
        let later = store.backend().sweep(&space, u64::MAX >> 12).await;
        assert_eq!(later.expect("clean-up"), Some(0));
        assert_eq!(rows().trim(), "0");
    });
}

/// One entry that moves between three keys: deleted here and created there, by eight at once.
#[test]
fn what_moves_is_never_twice_and_never_gone() {
    const KEYS: [&str; 3] = ["a", "b", "c"];
    let _alone = alone();
    without_table();
    block_on(async {
        let store = &store(native(), clock()).await;
        store.set("a", 0).await.expect("set");
        let mover = |name: usize| async move {
            let (mut moved, mut turn) = (0, name);
            while moved < 15 {
                turn += 1;
                let (from, to) = (KEYS[turn % 3], KEYS[(turn + 1 + turn / 3 % 2) % 3]);
                let Some(entry) = store.get_entry(from).await? else {
                    continue;
                };
                let count = entry.value.as_int().expect("a number");
                let atomic = store.atomic().check(from, Check::Version(entry.version));
                let atomic = atomic.check(to, Check::Absent).delete(from);
                let outcome = atomic.set(to, count + 1).commit().await?;
                moved += i64::from(matches!(outcome, AtomicOutcome::Done(_)));
            }
            Ok(moved)
        };
        type Mover<'t> = Pin<Box<dyn Future<Output = Result<i64>> + 't>>;
        let movers: Vec<Mover<'_>> = (0..8).map(|name| Box::pin(mover(name)) as _).collect();
        let moved = interleave(3, movers).await.into_iter();
        let moved: i64 = moved.map(|moved| moved.expect("moves")).sum();
        let left = store.get_pattern("*").await.expect("entries");
        assert_eq!(moved, 120);
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left[0].1, moved.into());
    });
}

/// An administrator ends every connection of the gateway, again and again.
#[test]
fn ended_connections_lose_nothing_silently() {
    let _alone = alone();
    without_table();
    let ends = Arc::new(AtomicBool::new(false));
    let ending = std::thread::spawn({
        let ends = Arc::clone(&ends);
        move || {
            let mut ended = 0;
            while !ends.load(Ordering::Relaxed) {
                let ends = "SELECT pg_sleep(0.1);
                            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                            WHERE application_name = 'dataknobs-kv-gateway'";
                ended += postgres(ends).trim().parse::<u32>().expect("a number");
            }
            ended
        }
    });
    block_on(async {
        let store = store(native(), clock()).await;
        for work in [Work::Increment, Work::Swap, Work::Atomic] {
            let tally = contend(&store, work, 10, 10, 5).await.expect("exact");
            println!("{work:?}: {tally:?}");
            assert_eq!(tally.done + tally.unknown, 100, "{work:?}");
        }
    });
    ends.store(true, Ordering::Relaxed);
    assert_ne!(ending.join().expect("a thread"), 0);
}
