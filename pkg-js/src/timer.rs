//! Timers, through gloo-timers.

use crate::hooks::caught;
use dataknobs_kv::ErrorKind;
use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = clearInterval)]
    fn clear_interval(id: &JsValue);
}

/// A timer that does not keep a process alive, stopped when it is freed.
#[wasm_bindgen]
pub struct Timer(JsValue);

/// Calls `tick` every `milliseconds`.
#[wasm_bindgen]
pub fn every(milliseconds: f64, tick: Function) -> Timer {
    let tick = move || drop(tick.call0(&JsValue::UNDEFINED));
    // No engine takes more than 31 bits.
    let milliseconds = milliseconds.min(f64::from(i32::MAX)) as u32;
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

impl Drop for Timer {
    fn drop(&mut self) {
        clear_interval(&self.0);
    }
}
