//! What the outside gives: the time, randomness, and waiting.

use crate::maybe_send::{BoxFuture, MaybeSend, MaybeSync};

/// Clock, randomness and timers. The core has none of its own.
pub trait Host: MaybeSend + MaybeSync {
    /// Milliseconds since the epoch.
    fn now(&self) -> u64;
    /// 64 random bits, never the same sequence in two processes.
    fn random(&self) -> u64;
    /// Ready after `milliseconds`.
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()>;
    /// The shortest digits that are read as the same finite double, as a JSON number with a point or an
    /// exponent. (Rust's own way is 10 KB of a wasm module; JavaScript has one.)
    fn write_double(&self, number: f64) -> String {
        format!("{number:?}")
    }
    /// The double nearest to a JSON number; `None`: it is none. (12 KB.)
    fn read_double(&self, text: &str) -> Option<f64> {
        text.parse().ok()
    }
}

#[cfg(feature = "system")]
mod system {
    use super::{BoxFuture, Host};
    use std::{
        collections::hash_map::RandomState,
        hash::{BuildHasher, Hasher},
        sync::atomic::{AtomicU64, Ordering},
        time::{SystemTime, UNIX_EPOCH},
    };

    /// The machine's own clock and randomness (native programs and WASI components).
    #[derive(Default)]
    pub struct System {
        keys: RandomState,
        drawn: AtomicU64,
    }

    impl Host for System {
        fn now(&self) -> u64 {
            // Before 1970 there is nothing to expire.
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_millis() as u64)
        }

        /// SipHash under the keys that the operating system gave this process, over a counter.
        fn random(&self) -> u64 {
            let mut hasher = self.keys.build_hasher();
            hasher.write_u64(self.drawn.fetch_add(1, Ordering::Relaxed));
            hasher.finish()
        }

        #[cfg(not(target_family = "wasm"))]
        fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
            Box::pin(timer::Timer::start(std::time::Duration::from_millis(
                milliseconds,
            )))
        }

        /// A WASI 0.2 component with synchronous exports has one thread and nobody to wake it.
        #[cfg(target_family = "wasm")]
        fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
            std::thread::sleep(std::time::Duration::from_millis(milliseconds));
            Box::pin(std::future::ready(()))
        }
    }

    /// A timer on a thread of its own: waits are rare (a lost race on a remote backend), and the
    /// core asks for no runtime.
    #[cfg(not(target_family = "wasm"))]
    mod timer {
        use std::{
            future::Future,
            pin::Pin,
            sync::{Arc, Mutex, PoisonError},
            task::{Context, Poll, Waker},
            time::Duration,
        };

        #[derive(Default)]
        struct State {
            due: bool,
            waker: Option<Waker>,
        }

        pub(super) struct Timer(Arc<Mutex<State>>);

        impl Timer {
            pub(super) fn start(after: Duration) -> Timer {
                let state = Arc::new(Mutex::new(State::default()));
                let shared = Arc::clone(&state);
                let ring = move || {
                    std::thread::sleep(after);
                    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    state.due = true;
                    if let Some(waker) = state.waker.take() {
                        waker.wake();
                    }
                };
                if std::thread::Builder::new().spawn(ring).is_err() {
                    // No thread to be had: wait here rather than never.
                    std::thread::sleep(after);
                    state.lock().unwrap_or_else(PoisonError::into_inner).due = true;
                }
                Timer(state)
            }
        }

        impl Future for Timer {
            type Output = ();
            fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
                let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if state.due {
                    return Poll::Ready(());
                }
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(feature = "system")]
pub use system::System;
