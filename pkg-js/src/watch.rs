//! Watching, as JavaScript does it.

use crate::{
    convert::to_js,
    hooks::{clear_stale, thrown},
    store::Store,
};
use dataknobs_kv::{Error, ErrorKind, EventKind, Result, WatchOptions, Watched};
use js_sys::{Function, Reflect};
use std::{
    sync::Arc,
    task::{Context, Poll, Wake},
};
use wasm_bindgen::prelude::*;

/// Changes that wait to be read.
#[wasm_bindgen]
pub struct Watcher(dataknobs_kv::Watcher);

/// A function of JavaScript that wakes.
struct Call(Function);

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        // It is a promise's `resolve`, which throws nothing.
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

#[wasm_bindgen]
impl Watcher {
    /// What happened next; `undefined` at the end. Null: nothing yet, and `wake` is called when there is.
    pub fn next(&self, wake: Function) -> Result<JsValue, JsValue> {
        let waker = Arc::new(Call(wake)).into();
        let next = match self.0.poll_next(&mut Context::from_waker(&waker)) {
            Poll::Pending => return Ok(JsValue::NULL),
            Poll::Ready(next) => next,
        };
        let next = next.and_then(|next| {
            next.map_or(Ok(JsValue::UNDEFINED), |watched| watched_to_js(&watched))
        });
        clear_stale(false);
        next.map_err(|e| thrown(&e))
    }

    /// Ends it.
    pub fn end(&self) {
        self.0.end();
    }
}

fn watched_to_js(watched: &Watched) -> Result<JsValue> {
    let object = JsValue::from(js_sys::Object::new());
    let set = |name: &str, value: JsValue| drop(Reflect::set(&object, &name.into(), &value));
    let Watched::Event(event) = watched else {
        set("type", "overflow".into());
        return Ok(object);
    };
    let kind = match event.kind {
        EventKind::Set => "set",
        EventKind::Delete => "delete",
        EventKind::Expire => "expire",
    };
    set("type", kind.into());
    set("key", JsValue::from_str(&event.key));
    set("version", event.version.to_string().into());
    if let Some(value) = &event.value {
        set("value", to_js(value)?);
    }
    Ok(object)
}

#[wasm_bindgen]
impl Store {
    /// Watches the keys that match a pattern; `buffer`: how many events may wait.
    pub fn watch(
        &self,
        pattern: &str,
        values: bool,
        buffer: Option<f64>,
    ) -> Result<Watcher, JsValue> {
        let default = WatchOptions::default();
        let whole = |n: &f64| (0.0..=4_294_967_295.0).contains(n) && n.trunc() == *n;
        if buffer.is_some_and(|n| !whole(&n)) {
            let error = Error::new(
                ErrorKind::InvalidArgument,
                "the buffer of a watch is a whole number of at least 1",
            );
            return Err(thrown(&error));
        }
        let options = WatchOptions {
            values,
            buffer: buffer.map_or(default.buffer, |n| n as usize),
        };
        match self.inner().watch(pattern, options) {
            Ok(watcher) => Ok(Watcher(watcher)),
            Err(error) => Err(thrown(&error)),
        }
    }
}
