//! The suite over memory, through every way there is to it, and over what is broken on purpose.

use dataknobs_kv::{
    Check, Error, ErrorKind, Host, Key, Namespace, Result, SetOptions, Store, Stored, Ttl,
    backend::{
        Any, Backend, Commit, Erased, Freshness, Limits, Mutation, Page, Scan,
        memory::{Memory, MemoryOptions},
    },
    conformance::{Broken, Defect, Faulty, Late, ManualHost, Minimal, Report, Work, contend, run},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

fn host() -> Arc<dyn Host> {
    ManualHost::new(1_700_000_000_123)
}

fn memory(host: &Arc<dyn Host>) -> Memory {
    Memory::new(MemoryOptions::default(), Arc::clone(host))
}

fn over<B: Backend>(wrap: impl Fn(Memory) -> B) -> Report {
    let host = host();
    let make = async || -> Result<B> { Ok(wrap(memory(&host))) };
    pollster::block_on(run(Arc::clone(&host), make))
}

#[test]
fn over_memory() {
    let report = over(|memory| memory);
    assert!(report.checks().len() > 50, "{}", report.checks().len());
    report.assert();
}

#[test]
fn over_memory_through_the_trait_alone() {
    over(Minimal).assert();
}

#[test]
fn over_memory_that_answers_late() {
    over(Late).assert();
    over(|memory| Late(Minimal(memory))).assert();
}

#[test]
fn over_memory_that_may_lose_answers() {
    over(|memory| Faulty::new(memory, 0.0, 0.0, 1)).assert();
    over(|memory| Faulty::new(Late(memory), 0.0, 0.0, 1)).assert();
}

#[test]
fn over_any() {
    over(Any::Memory).assert();
    over(|memory| Any::Dyn(Erased::new(memory))).assert();
    over(|memory| Any::Dyn(Erased::new(Late(memory)))).assert();
}

/// Memory as it would be behind another machine's clock.
struct Skewed(Memory);

impl Backend for Skewed {
    fn limits(&self) -> Limits {
        Limits {
            clock_skew: 60_000,
            ..self.0.limits()
        }
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        self.0.read(keys, fresh).await
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        self.0.commit(batch).await
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        self.0.scan(query).await
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        self.0.namespaces().await
    }
}

#[test]
fn garbage_stays_for_as_long_as_clocks_may_differ() {
    over(Skewed).assert();
    let host = ManualHost::new(1_700_000_000_000);
    let dynamic: Arc<dyn Host> = host.clone();
    let store = Store::new(Skewed(memory(&dynamic)), dynamic);
    pollster::block_on(async {
        let ttl = SetOptions {
            ttl: Some(Ttl::seconds(1.0)?),
            ..SetOptions::default()
        };
        store.set_with("a", 1, ttl).await?;
        for (wait, there, removed) in [
            (999, true, 0),
            (1, false, 0),
            (59_999, false, 0),
            (1, false, 1),
        ] {
            host.advance(wait);
            assert_eq!(store.exists("a").await?, there);
            assert_eq!(store.cleanup_expired().await?, removed, "after {wait}");
        }
        Ok::<(), dataknobs_kv::Error>(())
    })
    .unwrap();
}

/// The suite notices every defect, and says what it is about.
#[test]
fn every_defect_is_noticed() {
    let mut unnoticed = Vec::new();
    for defect in Defect::ALL {
        let report = over(|memory| Broken::new(memory, *defect));
        let noticed: Vec<&str> = report.failures().map(|(name, _)| name).collect();
        println!("{defect:?}: {}", noticed.join(", "));
        // The store's laws alone are not enough: the author of a backend needs the law it breaks.
        if noticed.iter().all(|name| name.starts_with("store::")) {
            unnoticed.push(defect);
        }
    }
    assert!(unnoticed.is_empty(), "unnoticed: {unnoticed:?}");
}

/// 250 changes by 5 and by 20 workers, where a fifth of the requests is dropped and the answer to
/// three in ten is lost: every change that was acknowledged is there once, every other one has an
/// unknown outcome and is there at most once.
#[test]
fn no_change_is_lost_or_made_twice_on_a_bad_line() {
    for workers in [5, 20] {
        for work in Work::ALL {
            for seed in 0..4 {
                let host: Arc<dyn Host> = ManualHost::seeded(1_700_000_000_000, seed);
                let backend = Faulty::new(Late(memory(&host)), 0.2, 0.3, seed);
                let store = Store::new(backend, Arc::clone(&host));
                let tally = contend(&store, work, workers, 250 / workers, seed);
                let tally = pollster::block_on(tally);
                println!("{work:?} by {workers}, seed {seed}: {tally:?}");
                let tally = tally.expect("exact");
                assert_eq!(tally.done + tally.unknown, 250 / workers * workers);
                if work == Work::Increment {
                    assert!(tally.unknown * 10 <= 250, "too many unknown: {tally:?}");
                }
            }
        }
    }
}

/// Loses the answer to the first change, and then refuses every question.
struct Denied(Memory, AtomicBool);

impl Backend for Denied {
    fn limits(&self) -> Limits {
        Limits {
            loses_answers: true,
            ..self.0.limits()
        }
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        if self.1.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::AccessDenied, "the token has expired"));
        }
        self.0.read(keys, fresh).await
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        self.0.commit(batch).await?;
        self.1.store(true, Ordering::Relaxed);
        Err(Error::new(ErrorKind::OutcomeUnknown, "the answer was lost"))
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        self.0.scan(query).await
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        self.0.namespaces().await
    }
}

/// Whoever can't look any more says so: "access denied" would mean that nothing happened.
#[test]
fn a_lost_answer_is_never_told_as_a_refusal() {
    let store = || {
        let host = host();
        Store::new(Denied(memory(&host), AtomicBool::new(false)), host)
    };
    pollster::block_on(async {
        let errors = [
            store().increment("a", 1).await.map(drop),
            store().set("a", 1).await.map(drop),
            store()
                .compare_and_swap("a", None, Some(1.into()))
                .await
                .map(drop),
            store()
                .atomic()
                .check("a", Check::Absent)
                .set("a", 1)
                .commit()
                .await
                .map(drop),
            store().atomic().set("a", 1).commit().await.map(drop),
            store().delete("a").await.map(drop),
        ];
        for (at, error) in errors.into_iter().enumerate() {
            let kind = error.expect_err("no answer came").kind();
            assert_eq!(kind, ErrorKind::OutcomeUnknown, "{at}");
        }
    });
}

/// The same on a line that is fine, where nothing may be unknown.
#[test]
fn no_change_is_lost_on_a_good_line() {
    for work in Work::ALL {
        let host = host();
        let store = Store::new(Late(Minimal(memory(&host))), Arc::clone(&host));
        let tally = pollster::block_on(contend(&store, work, 20, 12, 3)).expect("exact");
        assert_eq!((tally.done, tally.unknown), (240, 0), "{work:?}");
    }
}
