//! Opening a store: its options and its backend.

use crate::{
    hooks::{Js, thrown},
    journal::Journal,
    store::{Over, Store},
};
use dataknobs_kv::{
    Error, ErrorKind, Host, Result,
    backend::{
        memory::{Memory, MemoryOptions},
        not_here,
    },
};
use std::sync::Arc;
use wasm_bindgen::prelude::*;

fn argument(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Opens a store on memory, or on a backend written in JavaScript. The JavaScript half knows the
/// options by name (serde here would be 9 KB of the package); what they mean is decided here.
/// `here`: the backends of this runtime. `journal`: a memory that JavaScript writes down.
#[wasm_bindgen]
pub fn open(
    backend: JsValue,
    namespace: &str,
    max_entries: Option<f64>,
    here: &str,
    journal: Option<Journal>,
) -> Result<Store, JsValue> {
    let memory = journal.map(|journal| journal.0);
    opened(&backend, namespace, max_entries, here, memory).map_err(|e| thrown(&e))
}

fn opened(
    backend: &JsValue,
    namespace: &str,
    max_entries: Option<f64>,
    here: &str,
    memory: Option<Memory>,
) -> Result<Store> {
    let host: Arc<dyn Host> = Arc::new(Js);
    let (backend, memory) = match backend.as_string().as_deref() {
        #[cfg(feature = "later")]
        None if backend.is_object() => {
            let custom = crate::custom::Custom::new(backend.clone().unchecked_into())?;
            (Over::new(custom), None)
        }
        None => return Err(argument("a backend is a name, or an object of your own")),
        Some(name) if name == "memory" || memory.is_some() => {
            let whole = max_entries.is_none_or(|n| n >= 0.0 && n.trunc() == n);
            if !whole {
                return Err(argument("maxEntries is a whole number of at least 1"));
            }
            let options = MemoryOptions::bounded(max_entries.map(|n| n as u64))?;
            let memory = match memory {
                Some(memory) => memory,
                None => Memory::new(options, Arc::clone(&host)),
            };
            #[cfg(feature = "later")]
            let over = Over::new(memory.clone());
            #[cfg(not(feature = "later"))]
            let over: Over = memory.clone();
            (over, Some(memory))
        }
        Some(name) => return Err(not_here(name, here)),
    };
    let store = dataknobs_kv::Store::new(backend, host);
    Store::opened(namespace, store, memory)
}
