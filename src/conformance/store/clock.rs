//! When an operation reads the clock: not when it is called, but when it is tried.

use super::{entry, has, has_not};
use crate::{
    backend::{Backend, Commit, Freshness, Limits, Mutation, Page, Scan},
    conformance::bench::{Bench, Fault, Found, ensure},
    error::Result,
    host::Host,
    key::{Key, Namespace},
    maybe_send::Lock,
    record::Stored,
    store::{AtomicOutcome, Check, SetOptions, Store, Ttl},
    value::Value,
};
use std::sync::Arc;

/// The backend where one read takes long, and where somebody may be faster than the first commit.
struct Slow<B: Backend> {
    store: Store<B>,
    host: Arc<dyn Host>,
    /// How many reads go before the one that takes `DELAY`.
    fast_reads: Lock<Option<u64>>,
    /// The entry that somebody else writes under "k" before the first commit.
    rival: Lock<Option<(Value, SetOptions)>>,
}

/// In milliseconds.
const DELAY: u64 = 100;

fn ttl(seconds: f64) -> Result<SetOptions> {
    Ok(SetOptions {
        ttl: Some(Ttl::seconds(seconds)?),
        ..SetOptions::default()
    })
}

impl<B: Backend> Slow<B> {
    fn store(t: &Bench<B>, fast_reads: u64, rival: Option<(Value, SetOptions)>) -> Store<Slow<B>> {
        let slow = Slow {
            store: t.store.clone(),
            host: Arc::clone(&t.host),
            fast_reads: Lock::new(Some(fast_reads)),
            rival: Lock::new(rival),
        };
        Store::new(slow, Arc::clone(&t.host))
    }

    /// Somebody else writes "v", which has expired at our second read.
    fn outrun(t: &Bench<B>) -> Result<Store<Slow<B>>> {
        Ok(Slow::store(t, 1, Some(("v".into(), ttl(0.04)?))))
    }
}

impl<B: Backend> Backend for Slow<B> {
    fn limits(&self) -> Limits {
        self.store.backend().limits()
    }
    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        let left = self.fast_reads.with(|left| {
            let now = *left;
            *left = now.and_then(|n| n.checked_sub(1));
            now
        });
        if left == Some(0) {
            self.host.sleep(DELAY).await;
        }
        self.store.backend().read(keys, fresh).await
    }
    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        if let Some((value, options)) = self.rival.with(Option::take) {
            self.store.set_with("k", value, options).await?;
        }
        self.store.backend().commit(batch).await
    }
    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        self.store.backend().scan(query).await
    }
    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        self.store.backend().namespaces().await
    }
}

/// What has expired when a change is tried again is absent for it.
pub(in crate::conformance) async fn changes_read_the_clock<B: Backend>(t: &Bench<B>) -> Found {
    let if_absent = SetOptions {
        if_absent: true,
        ..SetOptions::default()
    };
    let set = Slow::outrun(t)?.set_with("k", 1, if_absent).await?;
    ensure!(
        set.is_done(),
        "a set if absent lost to an entry that had expired"
    );
    has(t, "k", 1).await?;

    t.store.set("k", "v").await?;
    let old = Value::from("v");
    let store = Slow::outrun(t)?;
    let swap = store.compare_and_swap("k", Some(&old), Some("new".into()));
    ensure!(
        !swap.await?.is_done(),
        "a value that had expired was swapped"
    );
    has_not(t, "k").await?;

    t.store.set("k", "v").await?;
    let text = Slow::outrun(t)?.append("k", "w").await?;
    ensure!(
        text == "w".into(),
        "w was appended to what had expired, and is {text:?}"
    );
    has(t, "k", "w").await?;

    t.store.set("k", "v").await?;
    let store = Slow::outrun(t)?;
    let absent = |old: Option<Value>| async move { Ok(old.is_none().into()) };
    let made = store.update("k", absent).await?;
    ensure!(made == true.into(), "an update was given what had expired");
    has(t, "k", true).await?;

    t.store.delete("k").await?;
    let store = Slow::outrun(t)?;
    let atomic = store.atomic().check("k", Check::Absent).set("k", 1);
    let outcome = atomic.commit().await?;
    ensure!(
        matches!(outcome, AtomicOutcome::Done(_)),
        "a check of absence met what had expired: {outcome:?}"
    );
    has(t, "k", 1).await
}

/// A time to live counts from the write, however long the read before it took.
pub(in crate::conformance) async fn times_to_live_begin<B: Backend>(t: &Bench<B>) -> Found {
    let slow = || Slow::store(t, 0, None);
    let long = ttl(500.0)?;

    let before = t.host.now();
    let if_absent = SetOptions {
        if_absent: true,
        ..long.clone()
    };
    slow().set_with("k", 1, if_absent).await?;
    counts_from_the_write(t, "a set if absent", before).await?;

    let before = t.host.now();
    slow().expire("k", Ttl::seconds(500.0)?).await?;
    counts_from_the_write(t, "expire", before).await?;

    let version = entry(t, "k").await?.version;
    let before = t.host.now();
    let store = slow();
    let atomic = store.atomic().check("k", Check::Version(version));
    atomic.set_with("k", 1, long).commit().await?;
    counts_from_the_write(t, "an atomic set", before).await
}

async fn counts_from_the_write<B: Backend>(t: &Bench<B>, what: &str, before: u64) -> Found {
    let expiry = entry(t, "k").await?.expires_at;
    let Some(lives) = expiry.and_then(|at| at.checked_sub(before)) else {
        return Err(Fault(format!("{what} left an expiry of {expiry:?}")));
    };
    // Real timers are not exact.
    ensure!(
        lives >= 500_000 + DELAY / 2,
        "the 500 s of {what}, written {DELAY} ms later, end after {lives} ms"
    );
    Ok(())
}
