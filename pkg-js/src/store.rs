//! The store as an object of JavaScript, and the calls that need not be the fastest.

use crate::{
    hooks::{clear_stale, thrown},
    op::{Args, Op},
    run::run,
    wire::{self, Guard, Signal, finish},
};
#[cfg(feature = "later")]
use dataknobs_kv::backend::Erased;
use dataknobs_kv::{Result, backend::memory::Memory};
use js_sys::Array;
use wasm_bindgen::prelude::*;

/// What a store is over.
#[cfg(feature = "later")]
pub type Over = Erased;
#[cfg(not(feature = "later"))]
pub type Over = Memory;
type Inner = dataknobs_kv::Store<Over>;
type Fast = dataknobs_kv::Store<Memory>;

/// A store. Its fast calls are in `hot.rs`.
#[wasm_bindgen]
pub struct Store {
    /// The store over a backend without a type: its calls are compiled once.
    inner: Inner,
    /// The same store over memory, where that is the backend: for the calls that must be fast.
    #[cfg(feature = "later")]
    fast: Option<Fast>,
    /// The store that owns the connection, where this one is what `open` gave.
    connection: Option<Inner>,
}

impl Store {
    /// What `open` gives, in `namespace`: closing it closes the connection.
    pub fn opened(namespace: &str, connection: Inner, memory: Option<Memory>) -> Result<Store> {
        let inner = connection.namespace(namespace)?;
        Ok(Store::over(inner, memory, Some(connection)))
    }

    #[cfg(feature = "later")]
    fn over(inner: Inner, memory: Option<Memory>, connection: Option<Inner>) -> Store {
        Store {
            fast: memory.map(|memory| inner.over(memory)),
            inner,
            connection,
        }
    }

    #[cfg(not(feature = "later"))]
    fn over(inner: Inner, _: Option<Memory>, connection: Option<Inner>) -> Store {
        Store { inner, connection }
    }

    /// The store on this side.
    pub fn inner(&self) -> &Inner {
        &self.inner
    }

    /// A call that a backend answers later: the code of its promise.
    #[cfg(feature = "later")]
    pub fn later(&self, op: Op, args: &[JsValue]) -> i32 {
        let args = Args(args.iter().collect());
        let future = run(self.inner.clone(), op, args);
        let guard = Guard {
            signal: None,
            store: Some(self.inner.clone()),
        };
        wire::leave(wire::promise(Box::pin(future), guard), wire::PROMISE)
    }

    /// There is no such call.
    #[cfg(not(feature = "later"))]
    pub fn later(&self, _: Op, _: &[JsValue]) -> i32 {
        wire::ABSENT
    }

    /// The store over memory, where that is the backend.
    #[cfg(feature = "later")]
    #[inline]
    pub fn fast(&self) -> Option<&Fast> {
        self.fast.as_ref()
    }

    /// The store over memory: there is no other.
    #[cfg(not(feature = "later"))]
    #[inline]
    pub fn fast(&self) -> Option<&Fast> {
        Some(&self.inner)
    }
}

#[wasm_bindgen]
impl Store {
    /// Is everything ready at once?
    pub fn is_immediate(&self) -> bool {
        self.fast().is_some()
    }

    /// One of the calls of [`Op`]: the result, or a promise of it. Once `signal` is aborted nothing
    /// more is asked of the backend.
    pub fn call(&self, op: Op, args: Array, signal: Option<Signal>) -> Result<JsValue, JsValue> {
        let store = match (op, &self.connection) {
            (Op::Close, Some(connection)) => connection.clone(),
            _ => self.inner.clone(),
        };
        let guard = Guard {
            signal,
            // Closing goes on when it is closed.
            store: (!matches!(op, Op::Close)).then(|| store.clone()),
        };
        let returned = finish(run(store, op, Args(args)), guard);
        clear_stale(matches!(op, Op::Clear));
        returned
    }

    /// Removes what has expired in any namespace: at once, or a promise of it.
    pub fn clean(&self) -> Result<JsValue, JsValue> {
        let store = self.inner.clone();
        let clean = async move {
            wait!(store.cleanup_all_expired())?;
            clear_stale(true);
            Ok(JsValue::UNDEFINED)
        };
        finish(clean, Guard::default())
    }

    /// The store of another namespace over the same connection.
    pub fn namespace(&self, name: &str) -> Result<Store, JsValue> {
        let inner = self.inner.namespace(name).map_err(|e| thrown(&e))?;
        let memory = self.fast().map(|fast| fast.backend().clone());
        Ok(Store::over(inner, memory, None))
    }
}

/// A pattern that matches exactly this text.
#[wasm_bindgen]
pub fn escape(text: &str) -> String {
    dataknobs_kv::escape_pattern(text)
}
