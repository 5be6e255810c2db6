//! Asks the host's store and ours the same: both are imports.

#[allow(clippy::all, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "bench:guest/guest",
        generate_all,
    });
    export!(Component with_types_in self);
}

use bindings::{
    Guest,
    dataknobs::kv::{
        store::Store,
        types::{Config, Value},
    },
    wasi::keyvalue::{
        batch,
        store::{self, Bucket},
    },
};
use std::cell::OnceCell;

struct Component;

/// What `load` leaves for the others.
struct State {
    bucket: Bucket,
    store: Store,
    hot: Vec<String>,
    values: Vec<(String, Value)>,
}

thread_local! {
    static STATE: OnceCell<State> = const { OnceCell::new() };
}

fn times(passes: u32, pass: impl Fn(&State)) {
    STATE.with(|cell| {
        let state = cell.get().expect("not loaded");
        (0..passes).for_each(|_| pass(state));
    });
}

fn text(at: usize) -> String {
    format!("value {at}")
}

impl Guest for Component {
    fn load(keys: Vec<String>, hot: Vec<u32>) {
        let bucket = store::open("").unwrap();
        let store = Store::open(&Config {
            backend: "memory".into(),
            namespace: String::new(),
            max_entries: None,
        })
        .unwrap();
        for (at, key) in keys.iter().enumerate() {
            bucket.set(key, text(at).as_bytes()).unwrap();
            store.set(key, &Value::Text(text(at)), None).unwrap();
        }
        let state = State {
            bucket,
            store,
            hot: hot.iter().map(|&at| keys[at as usize].clone()).collect(),
            values: (0..hot.len())
                .map(|at| (text(at), Value::Text(text(at))))
                .collect(),
        };
        STATE.with(|cell| assert!(cell.set(state).is_ok(), "loaded twice"));
    }

    fn provider_get(passes: u32) {
        times(passes, |state| {
            for key in &state.hot {
                state.bucket.get(key).unwrap().expect("not there");
            }
        });
    }

    fn provider_set(passes: u32) {
        times(passes, |state| {
            for (key, (text, _)) in state.hot.iter().zip(&state.values) {
                state.bucket.set(key, text.as_bytes()).unwrap();
            }
        });
    }

    fn provider_get_many(passes: u32) {
        times(passes, |state| {
            let found = batch::get_many(&state.bucket, &state.hot).unwrap();
            assert!(found.iter().all(Option::is_some));
        });
    }

    fn component_get(passes: u32) {
        times(passes, |state| {
            for key in &state.hot {
                state.store.get(key).unwrap().expect("not there");
            }
        });
    }

    fn component_set(passes: u32) {
        times(passes, |state| {
            for (key, (_, value)) in state.hot.iter().zip(&state.values) {
                assert!(state.store.set(key, value, None).unwrap());
            }
        });
    }

    fn component_get_many(passes: u32) {
        times(passes, |state| {
            let found = state.store.get_many(&state.hot).unwrap();
            assert!(found.iter().all(Option::is_some));
        });
    }

    fn empty_get(key: String) -> Result<Option<String>, String> {
        // As long as the values that are stored.
        Ok((!key.is_empty()).then(|| "value 123".into()))
    }

    fn empty_set(key: String, value: String) -> Result<bool, String> {
        Ok(!key.is_empty() && !value.is_empty())
    }
}
