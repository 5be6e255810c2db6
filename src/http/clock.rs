//! The server's clock, as its replies tell it.

use crate::{host::Host, maybe_send::BoxFuture};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// The host's clock, corrected by what the server says of its own, so that all clients of a server
/// see an entry expire at the same time. Everything else is the host's.
pub struct ServerClock {
    host: Arc<dyn Host>,
    /// The server's time less the host's, in milliseconds.
    ahead: AtomicI64,
}

impl ServerClock {
    /// A clock that knows nothing of a server yet: the host's.
    pub fn new(host: Arc<dyn Host>) -> Arc<ServerClock> {
        Arc::new(ServerClock {
            host,
            ahead: AtomicI64::new(0),
        })
    }

    /// The host's own time (epoch milliseconds), not corrected.
    pub fn uncorrected(&self) -> u64 {
        self.host.now()
    }

    /// Learns from a reply: at some moment between `sent` and `received` (the host's
    /// [`uncorrected`](ServerClock::uncorrected) time) the server's clock showed a time from `shown` up to
    /// `shown + grain`. The correction moves only as far as this says that it must.
    pub fn learn(&self, sent: u64, received: u64, shown: u64, grain: u64) {
        let [sent, received, shown, grain] =
            [sent, received, shown, grain].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let least = shown.saturating_sub(received);
        let most = shown.saturating_add(grain).saturating_sub(sent);
        if least <= most {
            let now = self.ahead.load(Ordering::Relaxed);
            self.ahead.store(now.clamp(least, most), Ordering::Relaxed);
        }
    }
}

impl Host for ServerClock {
    fn now(&self) -> u64 {
        let ahead = self.ahead.load(Ordering::Relaxed);
        self.host.now().saturating_add_signed(ahead)
    }
    fn random(&self) -> u64 {
        self.host.random()
    }
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
        self.host.sleep(milliseconds)
    }
    fn write_double(&self, number: f64) -> String {
        self.host.write_double(number)
    }
    fn read_double(&self, text: &str) -> Option<f64> {
        self.host.read_double(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(u64);
    impl Host for At {
        fn now(&self) -> u64 {
            self.0
        }
        fn random(&self) -> u64 {
            0
        }
        fn sleep(&self, _: u64) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    #[test]
    fn moves_only_as_far_as_a_reply_says() {
        let clock = ServerClock::new(Arc::new(At(100_000)));
        assert_eq!(clock.now(), 100_000);
        // Whole seconds: 100 s is what a right clock shows at 100.000 to 100.999 s.
        clock.learn(99_990, 100_000, 99_000, 1000);
        assert_eq!(
            clock.now(),
            100_000 - 10 + 10,
            "99 s may be 99.999 s at 99.990"
        );
        // Ten minutes behind.
        clock.learn(99_990, 100_000, 699_000, 1000);
        assert_eq!(clock.now(), 699_000);
        clock.learn(100_000, 100_010, 699_500, 0);
        assert_eq!(clock.now(), 699_490);
        // A sharper answer that agrees changes nothing.
        clock.learn(100_000, 100_100, 699_550, 0);
        assert_eq!(clock.now(), 699_490);
        // An answer that contradicts itself says nothing.
        clock.learn(200_000, 100_000, 1, 0);
        assert_eq!(clock.now(), 699_490);
    }
}
