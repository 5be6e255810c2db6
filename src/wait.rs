//! Waiting for a backend.
//!
//! Without the feature `later` there is only memory, whose futures are all ready at their first poll. Then
//! nothing waits, and functions that wait for nothing are no state machines: of a store in memory that is a
//! seventh of the wasm.

/// `future.await`, of what a backend answers.
#[cfg(feature = "later")]
macro_rules! wait {
    ($future:expr) => {
        $future.await
    };
}

/// `future.await`, of what a backend answers at once.
#[cfg(not(feature = "later"))]
macro_rules! wait {
    ($future:expr) => {
        crate::wait::at_once($future)
    };
}

/// What a future gives that is ready at its first poll.
#[cfg(not(feature = "later"))]
#[inline]
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        // Always so: a second turn there is only for the types.
        if let std::task::Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
}
