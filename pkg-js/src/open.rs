//! Opening a store: its options, its backend, and clean-up by a timer.

use crate::{
    custom::Custom,
    hooks::{Js, caught, thrown},
    kept::{Gate, Journal},
    store::Store,
};
use dataknobs_kv::{
    Error, ErrorKind, Host, Result,
    backend::{
        Erased,
        memory::{Memory, MemoryOptions},
        not_here,
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
/// `cleanup_interval`: seconds, checked; `undefined` for no clean-up. `here`: the backends of this
/// runtime. `gate`: who writes the memory down, and `journal`: that memory.
#[wasm_bindgen]
pub fn open(
    backend: JsValue,
    namespace: &str,
    cleanup_interval: Option<f64>,
    max_entries: Option<f64>,
    here: &str,
    gate: Option<Gate>,
    journal: Option<Journal>,
) -> Result<Store, JsValue> {
    let memory = journal.map(|journal| journal.0);
    let store =
        opened(&backend, namespace, max_entries, here, gate, memory).map_err(|e| thrown(&e))?;
    if let Some(seconds) = cleanup_interval {
        store.clean_up_every((seconds * 1000.0).ceil() as u32);
    }
    Ok(store)
}

fn opened(
    backend: &JsValue,
    namespace: &str,
    max_entries: Option<f64>,
    here: &str,
    gate: Option<Gate>,
    memory: Option<Memory>,
) -> Result<Store> {
    let host: Arc<dyn Host> = Arc::new(Js);
    let (backend, memory) = match backend.as_string().as_deref() {
        None if backend.is_object() => {
            let custom = Custom::new(backend.clone().unchecked_into())?;
            (Erased::new(custom), None)
        }
        None => return Err(argument("a backend is a name, or an object of your own")),
        Some(name) if name == "memory" || gate.is_some() => {
            let whole = max_entries.is_none_or(|n| n >= 0.0 && n.trunc() == n);
            if !whole {
                return Err(argument("maxEntries is a whole number of at least 1"));
            }
            let options = MemoryOptions::bounded(max_entries.map(|n| n as u64))?;
            let memory = match memory {
                Some(memory) => memory,
                None => Memory::new(options, Arc::clone(&host)),
            };
            (Erased::new(memory.clone()), Some(memory))
        }
        Some(name) => return Err(not_here(name, here)),
    };
    let store = dataknobs_kv::Store::new(backend, host);
    Store::opened(namespace, store, memory, gate)
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
