//! How calls cross: the scratch buffer, the codes of the fast calls, futures that are ready at once.

/// `future.await`, of what the store answers.
#[cfg(feature = "later")]
macro_rules! wait {
    ($future:expr) => {
        $future.await
    };
}

/// `future.await`, of what the store answers at once: a function that waits for nothing is no state machine.
#[cfg(not(feature = "later"))]
macro_rules! wait {
    ($future:expr) => {
        crate::wire::ready($future)
    };
}

use crate::{hooks::thrown, store::Over};
use dataknobs_kv::{Error, ErrorKind, Result};
use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};
use wasm_bindgen::prelude::*;

/// There is nothing under the key.
pub const ABSENT: i32 = -1;
/// `take()` gives the result.
pub const TAKE: i32 = -2;
/// `take()` gives a promise of the result.
#[cfg(feature = "later")]
pub const PROMISE: i32 = -3;
/// `take()` gives what is to be thrown.
pub const THROW: i32 = -4;

thread_local! {
    static TAKEN: Cell<JsValue> = const { Cell::new(JsValue::UNDEFINED) };
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static NUMBERS: RefCell<Vec<i32>> = const { RefCell::new(Vec::new()) };
    static TEXTS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The result of the last call that answered with a code for one.
#[wasm_bindgen]
pub fn take() -> JsValue {
    TAKEN.replace(JsValue::UNDEFINED)
}

/// Leaves `value` for `take()`.
pub fn leave(value: JsValue, code: i32) -> i32 {
    TAKEN.set(value);
    code
}

/// The code of an error, which `take()` gives.
#[cold]
pub fn fail(error: &Error) -> i32 {
    leave(thrown(error), THROW)
}

/// So many bytes of scratch are kept; what one call needs beyond is given back at the next.
const KEPT: usize = 1 << 20;

/// The scratch buffer's address, with room for at least `bytes`; null where there is no memory for
/// it. It may move: other addresses of this module are void afterwards.
#[wasm_bindgen]
pub fn scratch(bytes: usize) -> *const u8 {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() > KEPT && bytes <= KEPT {
            *scratch = Vec::new();
        }
        let more = bytes.saturating_sub(scratch.len());
        if scratch.try_reserve_exact(more).is_err() {
            return std::ptr::null();
        }
        if more > 0 {
            scratch.resize(bytes, 0);
        }
        scratch.as_ptr()
    })
}

/// Lends the first `len` bytes of the scratch buffer as text.
#[inline]
pub fn with_text<R>(len: usize, f: impl FnOnce(&str) -> R) -> Result<R> {
    SCRATCH.with_borrow(|scratch| {
        let bytes = scratch.get(..len).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(f(text)),
            Err(_) => Err(Error::new(
                ErrorKind::InvalidArgument,
                "a text is not UTF-8",
            )),
        }
    })
}

/// The address of the numbers that the last call left.
#[wasm_bindgen]
pub fn numbers() -> *const i32 {
    NUMBERS.with_borrow(Vec::as_ptr).cast()
}

/// The address of the text that the last call left, in UTF-8; `texts_len` says how long it is.
#[wasm_bindgen]
pub fn texts() -> *const u8 {
    TEXTS.with_borrow(Vec::as_ptr).cast()
}

/// How many bytes the text at `texts` has.
#[wasm_bindgen]
pub fn texts_len() -> usize {
    TEXTS.with_borrow(Vec::len)
}

/// Fills the numbers and texts that a call leaves.
pub fn leave_lists<R>(f: impl FnOnce(&mut Vec<i32>, &mut Vec<u8>) -> R) -> R {
    NUMBERS.with_borrow_mut(|numbers| {
        TEXTS.with_borrow_mut(|texts| {
            numbers.clear();
            texts.clear();
            f(numbers, texts)
        })
    })
}

/// The result of a future of a backend that is ready at its first poll.
#[inline]
pub fn ready<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::new(
            ErrorKind::Corrupt,
            "a backend that says it is immediate was not: it is broken",
        )),
    }
}

/// What a call does, forgotten what.
#[cfg(feature = "later")]
pub type Call = std::pin::Pin<Box<dyn Future<Output = Result<JsValue>>>>;

#[wasm_bindgen]
extern "C" {
    /// An `AbortSignal`, or what looks like one.
    pub type Signal;

    #[wasm_bindgen(method, getter)]
    fn aborted(this: &Signal) -> bool;
}

/// What ends a call before its time.
#[derive(Default)]
#[cfg_attr(not(feature = "later"), expect(dead_code))]
pub struct Guard {
    /// When it is aborted.
    pub signal: Option<Signal>,
    /// When it is closed.
    pub store: Option<dataknobs_kv::Store<Over>>,
}

#[cfg(feature = "later")]
impl Guard {
    fn check(&self) -> Result<()> {
        if self.signal.as_ref().is_some_and(Signal::aborted) {
            return Err(Error::new(ErrorKind::Aborted, "the call was aborted"));
        }
        self.store
            .as_ref()
            .map_or(Ok(()), |store| store.ensure_open())
    }
}

/// What a call returns: everything is ready at once.
#[cfg(not(feature = "later"))]
pub fn finish(call: impl Future<Output = Result<JsValue>>, _: Guard) -> Result<JsValue, JsValue> {
    ready(call).map_err(|e| thrown(&e))
}

/// What a call returns: the result where it is ready at once, else a promise of it.
#[cfg(feature = "later")]
pub fn finish(
    call: impl Future<Output = Result<JsValue>> + 'static,
    guard: Guard,
) -> Result<JsValue, JsValue> {
    let mut call: Call = Box::pin(call);
    let mut context = Context::from_waker(Waker::noop());
    match call.as_mut().poll(&mut context) {
        Poll::Ready(result) => result.map_err(|e| thrown(&e)),
        Poll::Pending => Ok(promise(call, guard)),
    }
}

/// A promise of a call's result. A call that the guard ends goes no further. (Where it was aborted, the
/// JavaScript half has rejected with the signal's reason, and nobody sees this error.)
#[cfg(feature = "later")]
pub fn promise(mut call: Call, guard: Guard) -> JsValue {
    let guarded = std::future::poll_fn(move |context| {
        if let Err(error) = guard.check() {
            return Poll::Ready(Err(thrown(&error)));
        }
        call.as_mut()
            .poll(context)
            .map(|result| result.map_err(|e| thrown(&e)))
    });
    wasm_bindgen_futures::future_to_promise(guarded).into()
}
