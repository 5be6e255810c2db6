//! What happens while an operation waits: the clock moves, others write, requests fail.

#[path = "races/meddled.rs"]
mod meddled;

use dataknobs_kv::{
    AtomicOutcome, Check, ErrorKind, Host, ScanOptions, SetOptions, Store, Ttl, Value,
    backend::memory::{Memory, MemoryOptions},
    conformance::{Late, ManualHost},
};
use meddled::Meddled;
use pollster::block_on;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

fn seconds(seconds: f64) -> Ttl {
    Ttl::seconds(seconds).unwrap()
}

fn short(ttl: f64) -> SetOptions {
    SetOptions {
        ttl: Some(seconds(ttl)),
        ..SetOptions::default()
    }
}

/// Somebody writes "v", which lives for 0.1 s, before our commit; our next read takes 0.3 s.
fn outrun_by_what_expires() -> (Store<Meddled>, Arc<ManualHost>) {
    let (mut meddled, host) = Meddled::new();
    meddled.before_commit = Meddled::once(|store, _| {
        block_on(store.set_with("k", "v", short(0.1))).unwrap();
    });
    let mut reads = 0;
    meddled.before_read = Mutex::new(Some(Box::new(move |_, host| {
        reads += 1;
        if reads == 2 {
            host.advance(300);
        }
    })));
    (meddled.store(&host), host)
}

#[test]
fn a_change_reads_the_clock_when_it_is_tried() {
    let (store, _) = outrun_by_what_expires();
    let if_absent = SetOptions {
        if_absent: true,
        ..SetOptions::default()
    };
    assert!(
        block_on(store.set_with("k", 1, if_absent))
            .unwrap()
            .is_done()
    );

    let (store, _) = outrun_by_what_expires();
    block_on(async {
        // What was there is the same, so that only the clock tells.
        let old = Value::from("v");
        block_on(store.backend().store.set("k", "v")).unwrap();
        let outcome = store.compare_and_swap("k", Some(&old), Some("new".into()));
        assert!(!outcome.await.unwrap().is_done(), "expired is absent");
    });

    let (store, _) = outrun_by_what_expires();
    block_on(async {
        let booked = store.atomic().check("k", Check::Absent).set("k", 1);
        let outcome = booked.commit().await.unwrap();
        assert!(matches!(outcome, AtomicOutcome::Done(_)), "{outcome:?}");
    });
}

#[test]
fn a_time_to_live_begins_when_the_write_is_tried() {
    let slow_read = || {
        let (mut meddled, host) = Meddled::new();
        meddled.before_read = Meddled::once(|_, host| host.advance(500));
        (meddled.store(&host), host)
    };
    block_on(async {
        let (store, _) = slow_read();
        let options = SetOptions {
            if_absent: true,
            ..short(0.3)
        };
        assert!(store.set_with("k", 1, options).await.unwrap().is_done());
        assert_eq!(store.get("k").await.unwrap(), Some(1.into()));

        let (store, _) = slow_read();
        let atomic = store.atomic().check("k", Check::Absent);
        let outcome = atomic.set_with("k", 1, short(0.3)).commit().await.unwrap();
        assert!(matches!(outcome, AtomicOutcome::Done(_)));
        assert_eq!(store.get("k").await.unwrap(), Some(1.into()));
    });
}

#[test]
fn an_entry_that_expires_during_an_update_is_absent_for_it() {
    let host = ManualHost::new(1_000);
    let clock: Arc<dyn Host> = Arc::clone(&host) as _;
    let store = Store::new(Memory::new(Default::default(), Arc::clone(&clock)), clock);
    block_on(async {
        store.set_with("u", 1, short(0.02)).await.unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let f = |old: Option<Value>| {
            seen.lock().unwrap().push(old.clone());
            host.advance(60);
            async move { Ok(old.map_or(Value::from("new"), |_| "old".into())) }
        };
        assert_eq!(store.update("u", f).await.unwrap(), "new".into());
        assert_eq!(store.get("u").await.unwrap(), Some("new".into()));
        assert_eq!(*seen.lock().unwrap(), [Some(1.into()), None]);
        assert_eq!(store.ttl("u").await.unwrap(), Some(None));
    });
}

#[test]
fn two_hundred_updates_of_one_key_at_once_all_happen() {
    let host = ManualHost::new(1_000);
    let clock: Arc<dyn Host> = Arc::clone(&host) as _;
    let store = Store::new(Memory::new(Default::default(), Arc::clone(&clock)), clock);
    // Each function waits once, so that all have read before the first writes.
    let updates = (0..200).map(|_| {
        let store = store.clone();
        let host = Arc::clone(&host);
        async move {
            let add = |old: Option<Value>| {
                let wait = host.sleep(0);
                async move {
                    wait.await;
                    Ok(match old {
                        Some(Value::Int(n)) => (n + 1).into(),
                        _ => 1.into(),
                    })
                }
            };
            store.update("n", add).await
        }
    });
    for result in block_on(all(updates)) {
        result.unwrap();
    }
    assert_eq!(block_on(store.get("n")).unwrap(), Some(200.into()));
}

/// The results of futures that run at the same time.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, result) in &mut running {
            if result.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => *result = Some(done),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(running.iter_mut().filter_map(|(_, r)| r.take()).collect())
    })
    .await
}

#[test]
fn a_limit_costs_few_requests_where_few_keys_match() {
    let (meddled, host) = Meddled::new();
    let scans = Arc::clone(&meddled.scans);
    let store = meddled.store(&host);
    block_on(async {
        let entries = (0..3000).map(|i| (format!("k.{i}"), 1, SetOptions::default()));
        store.set_many(entries).await.unwrap();
        store.set("z.error", 1).await.unwrap();
        let limit = |n| ScanOptions {
            limit: Some(n),
            ..ScanOptions::default()
        };
        let found = store.keys_with("**.error", &limit(1)).await.unwrap();
        assert_eq!(found, ["z.error"]);
        // Pages of 1, 16, 64, 256 and three of 1,000.
        assert_eq!(scans.swap(0, Ordering::Relaxed), 7);
        assert_eq!(store.keys_with("k.*", &limit(5)).await.unwrap().len(), 5);
        assert_eq!(scans.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_rename_over_an_engine_that_is_down_says_so() {
    for deaf in [false, true] {
        let (mut meddled, host) = Meddled::new();
        block_on(meddled.store.set("a", 1)).unwrap();
        (meddled.down, meddled.deaf) = (!deaf, deaf);
        let store = meddled.store(&host);
        let error = block_on(store.rename("a", "b")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.key(), Some("a"));
    }
}

#[test]
fn a_function_that_writes_its_own_key_comes_to_an_end() {
    let store = Store::memory();
    let mut turns = 0;
    let error = block_on(store.update("k", |_| {
        turns += 1;
        let store = store.clone();
        async move {
            store.set("k", 1).await?;
            Ok(2.into())
        }
    }))
    .unwrap_err();
    assert_eq!(
        (error.kind(), error.key()),
        (ErrorKind::Conflict, Some("k"))
    );
    assert_eq!(turns, 10_000);
}

#[test]
fn nothing_is_asked_of_a_closed_store() {
    // Closed while an increment loses a race.
    let (mut meddled, host) = Meddled::new();
    let reads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reads);
    let closing: Arc<Mutex<Option<Store<Meddled>>>> = Arc::default();
    let handle = Arc::clone(&closing);
    meddled.before_commit = Meddled::once(move |store, _| {
        block_on(store.set("k", 1)).unwrap();
        let handle = handle.lock().unwrap().take().unwrap();
        block_on(handle.close()).unwrap();
    });
    meddled.before_read = Mutex::new(Some(Box::new(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
    })));
    let store = meddled.store(&host);
    *closing.lock().unwrap() = Some(store.clone());
    let error = block_on(store.increment("k", 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(reads.load(Ordering::Relaxed) <= 2);

    // Closed while the function of an update runs.
    let store = Store::memory();
    let error = block_on(store.update("k", |_| {
        let store = store.clone();
        async move {
            store.close().await?;
            Ok(2.into())
        }
    }))
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[test]
fn a_full_store_names_the_key() {
    let clock: Arc<dyn Host> = ManualHost::new(1) as _;
    let options = MemoryOptions::bounded(Some(1)).unwrap();
    let store = Store::new(Memory::new(options, Arc::clone(&clock)), clock);
    block_on(async {
        store.set("a", 1).await.unwrap();
        let if_absent = SetOptions {
            if_absent: true,
            ..SetOptions::default()
        };
        for error in [
            store.set("b", 1).await.unwrap_err(),
            store.set_with("b", 1, short(1.0)).await.unwrap_err(),
            store.set_with("b", 1, if_absent).await.unwrap_err(),
            store.increment("b", 1).await.unwrap_err(),
            store.append("b", "x").await.unwrap_err(),
            store
                .compare_and_swap("b", None, Some(1.into()))
                .await
                .unwrap_err(),
            store.copy("a", "b").await.unwrap_err(),
        ] {
            assert_eq!(
                (error.kind(), error.key()),
                (ErrorKind::QuotaExceeded, Some("b"))
            );
        }
    });
}

#[test]
fn a_namespace_that_cannot_be_cleaned_up_leaves_the_others() {
    let (meddled, host) = Meddled::new();
    let store = meddled.store(&host);
    let denied = store.namespace("denied").unwrap();
    block_on(async {
        denied.set_with("gone", 1, short(1.0)).await.unwrap();
        store
            .namespace("z")
            .unwrap()
            .set_with("gone", 1, short(1.0))
            .await
            .unwrap();
        host.advance(1_000);
        let error = store.cleanup_all_expired().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
        let z = store.backend().store.namespace("z").unwrap();
        assert_eq!(z.cleanup_expired().await.unwrap(), 0, "it was cleaned up");
    });
}

#[test]
fn clean_up_reaches_every_namespace() {
    for late in [false, true] {
        let host = ManualHost::new(1_000);
        let clock: Arc<dyn Host> = Arc::clone(&host) as _;
        let memory = Memory::new(Default::default(), Arc::clone(&clock));
        let erased = if late {
            dataknobs_kv::backend::Erased::new(Late(memory))
        } else {
            dataknobs_kv::backend::Erased::new(memory)
        };
        let store = Store::new(erased, clock);
        let other = store.namespace("other").unwrap();
        block_on(async {
            for store in [&store, &other] {
                store.set_with("gone", 1, short(1.0)).await.unwrap();
                store.set("stays", 1).await.unwrap();
            }
            host.advance(1_000);
            assert_eq!(store.cleanup_all_expired().await.unwrap(), 2);
            assert_eq!(other.cleanup_expired().await.unwrap(), 0);
        });
    }
}

#[test]
fn a_closed_store_ends_its_scans() {
    let store = Store::memory();
    block_on(async {
        store.set("a", 1).await.unwrap();
        store.set("b", 1).await.unwrap();
        let mut scan = store.scan("*", ScanOptions::default()).unwrap();
        assert!(scan.next().await.unwrap().is_some());
        store.close().await.unwrap();
        assert_eq!(scan.next().await.unwrap_err().kind(), ErrorKind::Closed);

        let store = Store::memory();
        store.set("a", 1).await.unwrap();
        let mut scan = store.scan("*", ScanOptions::default()).unwrap();
        assert_eq!(scan.next_page(5).await.unwrap().len(), 1);
        store.close().await.unwrap();
        let error = scan.next_page(5).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "also after its end");
    });
}

#[test]
fn entries_and_pages_of_one_scan_follow_each_other() {
    let store = Store::memory();
    block_on(async {
        for key in ["a", "b", "c", "d"] {
            store.set(key, 1).await.unwrap();
        }
        let mut scan = store.scan("*", ScanOptions::default()).unwrap();
        assert_eq!(scan.next().await.unwrap().unwrap().key, "a");
        let page = scan.next_page(2).await.unwrap();
        assert_eq!(page.iter().map(|e| &*e.key).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(scan.next_page(10).await.unwrap().len(), 1);
        assert!(scan.next().await.unwrap().is_none());
    });
}

#[test]
fn results_come_in_the_order_in_which_keys_are_named() {
    let store = Store::memory();
    block_on(async {
        store.set("a", 1).await.unwrap();
        let results = store.delete_each(&["b", "a", "b"]).await.unwrap();
        let results: Vec<_> = results.iter().map(|(key, r)| (&**key, r.clone())).collect();
        assert_eq!(results, [("b", Ok(false)), ("a", Ok(true))]);
    });
}
