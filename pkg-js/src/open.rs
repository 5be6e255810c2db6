//! Opening a store: its options, its backend, and clean-up by a timer.

use crate::{
    custom::Custom,
    hooks::{Js, caught, thrown},
    store::Store,
};
use dataknobs_kv::{
    Error, ErrorKind, Host, Result,
    backend::{
        Any,
        memory::{Memory, MemoryOptions},
    },
};
use js_sys::{Function, Reflect};
use serde::Deserialize;
use std::sync::Arc;
use wasm_bindgen::prelude::*;

/// What `KVStore.open` takes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Options {
    backend: String,
    namespace: String,
    auto_cleanup: bool,
    /// Seconds.
    cleanup_interval: f64,
    config: Option<MemoryConfig>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            backend: "memory".to_owned(),
            namespace: String::new(),
            auto_cleanup: true,
            cleanup_interval: 60.0,
            config: None,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct MemoryConfig {
    max_entries: Option<f64>,
}

fn argument(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Opens a store. `custom`: a backend written in JavaScript, in the place of a named one.
#[wasm_bindgen]
pub fn open(options: JsValue, custom: Option<js_sys::Object>) -> Result<Store, JsValue> {
    opened(options, custom).map_err(|e| thrown(&e))
}

fn opened(options: JsValue, custom: Option<js_sys::Object>) -> Result<Store> {
    let options: Options = match options.is_undefined() {
        true => Options::default(),
        false => serde_wasm_bindgen::from_value(options)
            .map_err(|e| argument(format!("the options of open: {e}")))?,
    };
    let host: Arc<dyn Host> = Arc::new(Js);
    let backend = match (custom, &*options.backend) {
        (Some(_), _) if options.config.is_some() => {
            return Err(argument(
                "a custom backend takes no config: configure the object itself".to_owned(),
            ));
        }
        (Some(object), _) => Any::Dyn(Box::new(Custom::new(object)?)),
        (None, "memory") => Any::Memory(Memory::new(
            memory_options(options.config.unwrap_or_default())?,
            Arc::clone(&host),
        )),
        (None, other) => {
            return Err(argument(format!(
                "there is no backend \"{other}\" in this build; there is: memory"
            )));
        }
    };
    let interval = options.cleanup_interval;
    // The longest wait of a JavaScript timer is 2^31 - 1 ms.
    if !(interval > 0.0 && interval <= 2_147_483.0) {
        return Err(argument((
            "cleanupInterval is a number of seconds, more than 0 and at most 2147483"
        ).to_owned()));
    }
    let store = dataknobs_kv::Store::new(backend, host);
    let root = if options.namespace.is_empty() {
        store.clone()
    } else {
        store.namespace(&options.namespace)?
    };
    let opened = Store::opened(root, store);
    if options.auto_cleanup {
        opened.clean_up_every((interval * 1000.0).ceil() as u32);
    }
    Ok(opened)
}

fn memory_options(config: MemoryConfig) -> Result<MemoryOptions> {
    let max_entries = match config.max_entries {
        None => None,
        Some(n) if n >= 1.0 && n.trunc() == n && n <= 4_294_967_295.0 => Some(n as usize),
        Some(_) => {
            return Err(argument("maxEntries is a whole number of at least 1".to_owned()));
        }
    };
    Ok(MemoryOptions { max_entries })
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
