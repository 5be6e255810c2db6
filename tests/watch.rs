//! Changes as they happen, on memory.

use dataknobs_kv::{
    Check, ErrorKind, EventKind, Host, SetOptions, Store, Ttl, Value, WatchOptions, Watched,
    Watcher, backend::memory::Memory, conformance::ManualHost,
};
use pollster::block_on;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake},
};

fn opened() -> (Store<Memory>, Arc<ManualHost>) {
    let host = ManualHost::new(1_700_000_000_000);
    let clock: Arc<dyn Host> = Arc::clone(&host) as _;
    let memory = Memory::new(Default::default(), Arc::clone(&clock));
    (Store::new(memory, clock), host)
}

fn seen(watcher: &Watcher) -> Vec<String> {
    std::iter::from_fn(|| watcher.try_next())
        .map(|watched| match watched {
            Watched::Overflow => "overflow".to_owned(),
            Watched::Event(event) => {
                let kind = match event.kind {
                    EventKind::Set => "set",
                    EventKind::Delete => "delete",
                    EventKind::Expire => "expire",
                };
                match event.value {
                    Some(value) => format!("{kind} {} {value:?}", event.key),
                    None => format!("{kind} {}", event.key),
                }
            }
        })
        .collect()
}

fn short() -> SetOptions {
    SetOptions {
        ttl: Some(Ttl::seconds(1.0).unwrap()),
        ..SetOptions::default()
    }
}

#[test]
fn every_way_to_change_a_key_is_told_once() {
    let (store, host) = opened();
    let watcher = store.watch("**", WatchOptions::default()).unwrap();
    block_on(async {
        store.set("a", 1).await.unwrap();
        store.increment("a", 1).await.unwrap();
        store.set_metadata("a", Default::default()).await.unwrap();
        assert_eq!(seen(&watcher), ["set a", "set a", "set a"]);
        store.rename("a", "b").await.unwrap();
        assert_eq!(seen(&watcher), ["delete a", "set b"]);
        store.copy("b", "c").await.unwrap();
        store.delete("c").await.unwrap();
        store.delete("c").await.unwrap();
        assert_eq!(seen(&watcher), ["set c", "delete c"]);
        store.get_and_delete("b").await.unwrap();
        store
            .compare_and_swap("b", None, Some(1.into()))
            .await
            .unwrap();
        assert_eq!(seen(&watcher), ["delete b", "set b"]);
        let many = ["x", "y", "x"].map(|key| (key, 1, SetOptions::default()));
        store.set_many(many).await.unwrap();
        store.delete_many(&["y", "z"]).await.unwrap();
        assert_eq!(seen(&watcher), ["set y", "set x", "delete y"]);
        let atomic = store.atomic().check("q", Check::Absent);
        atomic.set("q", 1).delete("x").commit().await.unwrap();
        assert_eq!(seen(&watcher), ["set q", "delete x"]);
        let lost = store.atomic().check("q", Check::Absent).set("r", 1);
        lost.commit().await.unwrap();
        let old = Value::from("other");
        store.compare_and_swap("q", Some(&old), None).await.unwrap();
        assert!(seen(&watcher).is_empty(), "nothing was changed");
        store.update("q", |_| async { Ok(2.into()) }).await.unwrap();
        store.expire("q", Ttl::seconds(1.0).unwrap()).await.unwrap();
        store.persist("q").await.unwrap();
        store.persist("q").await.unwrap();
        assert_eq!(seen(&watcher), ["set q", "set q", "set q"]);
        store.clear().await.unwrap();
        assert_eq!(seen(&watcher), ["delete b", "delete q"]);
        host.advance(1);
    });
}

#[test]
fn what_has_expired_is_told_when_it_goes() {
    let (store, host) = opened();
    let watcher = store.watch("**", WatchOptions::default()).unwrap();
    block_on(async {
        for key in ["swept", "over", "deleted", "lives"] {
            store.set_with(key, 1, short()).await.unwrap();
        }
        store.persist("lives").await.unwrap();
        seen(&watcher);
        host.advance(1_000);
        store.set("over", 2).await.unwrap();
        assert_eq!(seen(&watcher), ["expire over", "set over"]);
        assert!(!store.delete("deleted").await.unwrap());
        assert_eq!(seen(&watcher), ["expire deleted"]);
        assert_eq!(store.cleanup_expired().await.unwrap(), 1);
        assert_eq!(seen(&watcher), ["expire swept"]);
        assert_eq!(store.cleanup_expired().await.unwrap(), 0);
        assert!(seen(&watcher).is_empty());
    });
}

#[test]
fn only_what_was_asked_for() {
    let (store, _) = opened();
    let other = store.namespace("other").unwrap();
    let names = store
        .watch("users.*.name", WatchOptions::default())
        .unwrap();
    let values = WatchOptions {
        values: true,
        ..WatchOptions::default()
    };
    let values = other.watch("**", values).unwrap();
    block_on(async {
        store.set("users.1.name", "Ada").await.unwrap();
        store.set("users.1.mail", "x").await.unwrap();
        other.set("users.1.name", "Eve").await.unwrap();
        other.delete("users.1.name").await.unwrap();
    });
    assert_eq!(seen(&names), ["set users.1.name"]);
    assert_eq!(
        seen(&values),
        ["set users.1.name Text(\"Eve\")", "delete users.1.name"]
    );
}

#[test]
fn versions_are_those_of_the_entries() {
    let (store, _) = opened();
    let watcher = store.watch("a", WatchOptions::default()).unwrap();
    block_on(async {
        let version = store.set("a", 1).await.unwrap();
        store.delete("a").await.unwrap();
        for _ in 0..2 {
            let Some(Watched::Event(event)) = watcher.try_next() else {
                panic!("an event");
            };
            assert_eq!(event.version, version);
        }
    });
}

#[test]
fn a_slow_consumer_is_told_that_something_is_missing() {
    let (store, _) = opened();
    let two = WatchOptions {
        buffer: 2,
        ..WatchOptions::default()
    };
    let watcher = store.watch("*", two).unwrap();
    block_on(async {
        for key in ["a", "b", "c", "d"] {
            store.set(key, 1).await.unwrap();
        }
        assert_eq!(seen(&watcher), ["set a", "set b", "overflow"]);
        store.set("e", 1).await.unwrap();
        assert_eq!(seen(&watcher), ["set e"]);
    });
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn who_waits_is_woken() {
    let (store, _) = opened();
    let watcher = store.watch("*", WatchOptions::default()).unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Arc::clone(&woken).into();
    let mut context = Context::from_waker(&waker);
    let mut next = Box::pin(watcher.next());
    assert!(next.as_mut().poll(&mut context).is_pending());
    block_on(store.set("a.b", 1)).unwrap();
    assert_eq!(woken.0.load(Ordering::SeqCst), 0, "that does not match");
    block_on(store.set("a", 1)).unwrap();
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert!(matches!(
        next.as_mut().poll(&mut context),
        Poll::Ready(Ok(Some(Watched::Event(_))))
    ));
}

#[test]
fn a_watcher_ends_with_its_handle() {
    let (store, _) = opened();
    let other = store.namespace("other").unwrap();
    let one = store.watch("*", WatchOptions::default()).unwrap();
    let two = other.watch("*", WatchOptions::default()).unwrap();
    block_on(async {
        other.set("last", 1).await.unwrap();
        other.close().await.unwrap();
        assert!(
            two.next().await.unwrap().is_some(),
            "what waits is given out"
        );
        assert!(two.next().await.unwrap().is_none());
        store.set("a", 1).await.unwrap();
        assert_eq!(seen(&one), ["set a"]);
        let third = store.namespace("third").unwrap();
        let third = third.watch("*", WatchOptions::default()).unwrap();
        store.close().await.unwrap();
        assert!(one.next().await.unwrap().is_none());
        assert!(third.next().await.unwrap().is_none());
        let error = store.watch("*", WatchOptions::default()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Closed);
    });
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let (store, _) = opened();
    let kind = |pattern, options| store.watch(pattern, options).err().unwrap().kind();
    assert_eq!(
        kind("a**", WatchOptions::default()),
        ErrorKind::InvalidPattern
    );
    let none = WatchOptions {
        buffer: 0,
        ..WatchOptions::default()
    };
    assert_eq!(kind("*", none), ErrorKind::InvalidArgument);
    let clock: Arc<dyn Host> = ManualHost::new(1) as _;
    let memory = Memory::new(Default::default(), Arc::clone(&clock));
    let minimal = Store::new(dataknobs_kv::conformance::Minimal(memory), clock);
    let refused = minimal.watch("*", WatchOptions::default()).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}

fn key(watched: Poll<dataknobs_kv::Result<Option<Watched>>>) -> Option<String> {
    match watched {
        Poll::Ready(Ok(Some(Watched::Event(event)))) => Some(event.key),
        Poll::Pending => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn several_may_wait_at_once() {
    let (store, _) = opened();
    let watcher = store.watch("**", WatchOptions::default()).unwrap();
    let wakes = [0; 3].map(|n| Arc::new(Woken(AtomicUsize::new(n))));
    let wakers = wakes.clone().map(std::task::Waker::from);
    let [mut one, mut other, mut third] = wakers.each_ref().map(Context::from_waker);
    let [mut a, mut b] = [Box::pin(watcher.next()), Box::pin(watcher.next())];
    assert!(a.as_mut().poll(&mut one).is_pending());
    assert!(b.as_mut().poll(&mut other).is_pending());
    assert!(watcher.poll_next(&mut third).is_pending());
    block_on(store.set("x", 1)).unwrap();
    assert_eq!(
        wakes.each_ref().map(|w| w.0.swap(0, Ordering::SeqCst)),
        [1, 1, 1]
    );
    assert_eq!(key(a.as_mut().poll(&mut one)), Some("x".into()));
    assert_eq!(key(b.as_mut().poll(&mut other)), None);
    block_on(store.set("y", 1)).unwrap();
    assert_eq!(
        wakes.each_ref().map(|w| w.0.swap(0, Ordering::SeqCst)),
        [0, 1, 0]
    );
    assert_eq!(key(b.as_mut().poll(&mut other)), Some("y".into()));
    // Who waits no longer is forgotten, with their waker.
    let mut gone = Box::pin(watcher.next());
    assert!(gone.as_mut().poll(&mut one).is_pending());
    let known = Arc::strong_count(&wakes[0]);
    drop(gone);
    assert_eq!(Arc::strong_count(&wakes[0]), known - 1);
    let [mut a, mut b] = [Box::pin(watcher.next()), Box::pin(watcher.next())];
    assert!(a.as_mut().poll(&mut one).is_pending());
    assert!(b.as_mut().poll(&mut other).is_pending());
    block_on(store.close()).unwrap();
    assert_eq!(
        wakes.each_ref().map(|w| w.0.swap(0, Ordering::SeqCst)),
        [1, 1, 0]
    );
    for (next, context) in [(&mut a, &mut one), (&mut b, &mut other)] {
        assert!(matches!(next.as_mut().poll(context), Poll::Ready(Ok(None))));
    }
}
