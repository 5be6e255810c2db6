//! The store as an object of JavaScript, and the calls that need not be the fastest.

use crate::{
    hooks::{clear_stale, thrown},
    kept::Gate,
    op::{Args, Op},
    open::Timer,
    run::run,
    wire::{Guard, PROMISE, Signal, finish, leave, promise},
};
use dataknobs_kv::{
    Result,
    backend::{Erased, memory::Memory},
};
use js_sys::Array;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::prelude::*;

type Inner = dataknobs_kv::Store<Erased>;
type Fast = dataknobs_kv::Store<Memory>;

/// A store. Its fast calls are in `hot.rs`.
#[wasm_bindgen]
pub struct Store {
    /// The store over a backend without a type: its calls are compiled once.
    inner: Inner,
    /// The same store over memory, where that is the backend: for the calls that must be fast.
    fast: Option<Fast>,
    /// The store that owns the connection, where this one is what `open` gave.
    connection: Option<Inner>,
    timer: Rc<RefCell<Option<Timer>>>,
    /// Who writes the memory down.
    gate: Option<Gate>,
}

impl Store {
    /// What `open` gives, in `namespace`: closing it closes the connection.
    pub fn opened(
        namespace: &str,
        connection: Inner,
        memory: Option<Memory>,
        gate: Option<Gate>,
    ) -> Result<Store> {
        let inner = connection.namespace(namespace)?;
        Ok(Store {
            fast: memory.map(|memory| inner.over(memory)),
            inner,
            gate,
            connection: Some(connection),
            timer: Rc::default(),
        })
    }

    /// The store on this side.
    pub fn inner(&self) -> &Inner {
        &self.inner
    }

    /// A call that a backend answers later: the code of its promise.
    pub fn later(&self, op: Op, args: &[JsValue]) -> i32 {
        let args = Args(args.iter().collect());
        let future = run(self.inner.clone(), op, args);
        let guard = Guard {
            signal: None,
            store: Some(self.inner.clone()),
        };
        leave(promise(Box::pin(future), guard), PROMISE)
    }

    /// The store over memory, where that is the backend.
    #[inline]
    pub fn fast(&self) -> Option<&Fast> {
        self.fast.as_ref()
    }

    /// Removes what has expired every so often, until the store is closed or dropped.
    pub fn clean_up_every(&self, milliseconds: u32) {
        // Held by the timer's closure alone, the store would never be dropped: it holds none.
        let store = self.inner.downgrade();
        let slot = Rc::downgrade(&self.timer);
        let running = Rc::new(Cell::new(false));
        let gate = self.gate.clone();
        let timer = Timer::start(milliseconds, move || match store.upgrade() {
            // A slow round is not overtaken by the next.
            Some(store) if !store.is_closed() => {
                if let Some(gate) = &gate {
                    return gate.clean();
                }
                let running = Rc::clone(&running);
                if !running.replace(true) {
                    wasm_bindgen_futures::spawn_local(async move {
                        // What could not be removed now is so in the next round.
                        let _ = store.cleanup_all_expired().await;
                        clear_stale(true);
                        running.set(false);
                    });
                }
            }
            _ => {
                if let Some(slot) = slot.upgrade() {
                    slot.take();
                }
            }
        });
        *self.timer.borrow_mut() = Some(timer);
    }
}

#[wasm_bindgen]
impl Store {
    /// Is everything ready at once?
    pub fn is_immediate(&self) -> bool {
        self.fast.is_some()
    }

    /// One of the calls of [`Op`]: the result, or a promise of it. Once `signal` is aborted nothing
    /// more is asked of the backend.
    pub fn call(&self, op: Op, args: Array, signal: Option<Signal>) -> Result<JsValue, JsValue> {
        if let Op::Close = op {
            self.timer.take();
        }
        let store = match (op, &self.connection) {
            (Op::Close, Some(connection)) => connection.clone(),
            _ => self.inner.clone(),
        };
        let guard = Guard {
            signal,
            // Closing goes on when it is closed.
            store: (!matches!(op, Op::Close)).then(|| store.clone()),
        };
        let returned = finish(Box::pin(run(store, op, Args(args))), guard);
        clear_stale(matches!(op, Op::Clear));
        returned
    }

    /// Removes what has expired in any namespace.
    pub fn clean(&self) -> Result<(), JsValue> {
        let cleaned = crate::wire::ready(self.inner.cleanup_all_expired());
        cleaned.map(drop).map_err(|e| thrown(&e))
    }

    /// The store of another namespace over the same connection.
    pub fn namespace(&self, name: &str) -> Result<Store, JsValue> {
        let inner = self.inner.namespace(name).map_err(|e| thrown(&e))?;
        let memory = self.fast.as_ref().map(|fast| fast.backend().clone());
        Ok(Store {
            fast: memory.map(|memory| inner.over(memory)),
            inner,
            gate: self.gate.clone(),
            connection: None,
            timer: Rc::default(),
        })
    }
}

/// A pattern that matches exactly this text.
#[wasm_bindgen]
pub fn escape(text: &str) -> String {
    dataknobs_kv::escape_pattern(text)
}
