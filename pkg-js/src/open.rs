//! Opening a store: its options, its backend, and clean-up by a timer.

use crate::{
    custom::Custom,
    hooks::{Js, caught, thrown},
    store::Store,
};
use dataknobs_kv::{
    Error, ErrorKind, Host, Result,
    backend::{
        Erased,
        memory::{Memory, MemoryOptions},
    },
};
use js_sys::{Function, Reflect};
use std::sync::Arc;
use wasm_bindgen::prelude::*;

fn argument(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Opens a store on memory, or on a backend written in JavaScript. The JavaScript half knows the
/// options by name (serde here would be 9 KB of the package); what they mean is decided here.
/// `cleanup_interval`: seconds, `undefined` for no clean-up.
#[wasm_bindgen]
pub fn open(
    namespace: &str,
    cleanup_interval: Option<f64>,
    max_entries: Option<f64>,
    custom: Option<js_sys::Object>,
) -> Result<Store, JsValue> {
    opened(namespace, cleanup_interval, max_entries, custom).map_err(|e| thrown(&e))
}

fn opened(
    namespace: &str,
    cleanup_interval: Option<f64>,
    max_entries: Option<f64>,
    custom: Option<js_sys::Object>,
) -> Result<Store> {
    let host: Arc<dyn Host> = Arc::new(Js);
    let (backend, memory) = match custom {
        Some(object) => (Erased::new(Custom::new(object)?), None),
        None => {
            let whole = max_entries.is_none_or(|n| n >= 0.0 && n.trunc() == n);
            if !whole {
                return Err(argument("maxEntries is a whole number of at least 1"));
            }
            let options = MemoryOptions::bounded(max_entries.map(|n| n as u64))?;
            let memory = Memory::new(options, Arc::clone(&host));
            (Erased::new(memory.clone()), Some(memory))
        }
    };
    // The longest wait of a JavaScript timer is 2^31 - 1 ms.
    if cleanup_interval.is_some_and(|s| !(s > 0.0 && s <= 2_147_483.0)) {
        return Err(argument(
            "cleanupInterval is a number of seconds, more than 0 and at most 2147483",
        ));
    }
    let store = dataknobs_kv::Store::new(backend, host);
    let opened = Store::opened(namespace, store, memory)?;
    if let Some(seconds) = cleanup_interval {
        opened.clean_up_every((seconds * 1000.0).ceil() as u32);
    }
    Ok(opened)
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = clearInterval)]
    fn clear_interval(id: &JsValue);
}

/// A timer that does not keep a process alive, stopped when dropped.
pub struct Timer(JsValue);

impl Timer {
    /// Calls `tick` every `milliseconds`.
    pub fn start(milliseconds: u32, tick: impl FnMut() + 'static) -> Timer {
        let id = gloo_timers::callback::Interval::new(milliseconds, tick).forget();
        // Node, Bun and Deno hand out objects that can be told not to keep the process alive.
        if let Ok(unref) = Reflect::get(&id, &"unref".into())
            && let Some(unref) = unref.dyn_ref::<Function>()
            && let Err(error) = unref.call0(&id)
        {
            drop(caught(&error, ErrorKind::Unsupported));
        }
        Timer(id)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_interval(&self.0);
    }
}
