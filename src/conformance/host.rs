//! A host whose clock the test moves.

use crate::{
    host::Host,
    maybe_send::{BoxFuture, Lock},
};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A clock that only the test moves, numbers that come again with the same seed, and timers that
/// move the clock instead of waiting.
///
/// ```
/// use dataknobs_kv::{Host, conformance::ManualHost};
/// let host = ManualHost::new(1_000);
/// host.advance(500);
/// assert_eq!(host.now(), 1_500);
/// ```
pub struct ManualHost {
    /// The time in epoch milliseconds.
    now: Arc<Lock<u64>>,
    /// The state of the generator.
    random: Lock<u64>,
}

impl ManualHost {
    /// A host at `now` (epoch milliseconds).
    #[must_use]
    pub fn new(now: u64) -> Arc<ManualHost> {
        ManualHost::seeded(now, 1)
    }

    /// A host at `now` whose random numbers come from `seed`.
    #[must_use]
    pub fn seeded(now: u64, seed: u64) -> Arc<ManualHost> {
        Arc::new(ManualHost {
            now: Arc::new(Lock::new(now)),
            random: Lock::new(seed),
        })
    }

    /// Moves the clock.
    pub fn advance(&self, milliseconds: u64) {
        self.now.with(|now| *now += milliseconds);
    }
}

/// The next number after `state`: SplitMix64 (Steele, Lea, Flood 2014).
pub(super) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Host for ManualHost {
    fn now(&self) -> u64 {
        self.now.with(|now| *now)
    }

    fn random(&self) -> u64 {
        self.random.with(next_random)
    }

    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
        let now = Arc::clone(&self.now);
        Box::pin(async move {
            Yield::default().await;
            now.with(|now| *now += milliseconds);
        })
    }
}

/// Ready at the second poll.
#[derive(Default)]
pub(super) struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
