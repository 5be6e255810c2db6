//! What the JavaScript half gives at start, and the values that stay on its side.

use crate::{hot::split, wire::with_text};
use dataknobs_kv::{Error, ErrorKind, Host, HostValue, HostValues, Result, Value};
use std::cell::{OnceCell, RefCell};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The JavaScript half's functions.
    pub type Hooks;

    /// Keeps `value` under `slot`.
    #[wasm_bindgen(method)]
    fn keep(this: &Hooks, slot: u32, value: JsValue);
    /// A copy of what is kept under `slot`.
    #[wasm_bindgen(method, catch)]
    fn kept(this: &Hooks, slot: u32) -> Result<JsValue, JsValue>;
    /// What is kept under `slot` itself, to be looked at only.
    #[wasm_bindgen(method)]
    fn held(this: &Hooks, slot: u32) -> JsValue;
    /// Writes the texts that are kept under these slots into the scratch buffer, joined by NUL; nothing for
    /// what is no text or holds a NUL. How many bytes.
    #[wasm_bindgen(method)]
    fn texts(this: &Hooks, slots: &[u32]) -> usize;
    /// Forgets what is kept under these slots.
    #[wasm_bindgen(method)]
    fn forget(this: &Hooks, slots: &[u32]);
    /// `[tag, body]` of a value that JSON does not have, or `undefined` for a plain object.
    #[wasm_bindgen(method)]
    pub fn take_apart(this: &Hooks, value: &JsValue) -> JsValue;
    /// The value that `take_apart` took apart.
    #[wasm_bindgen(method, catch)]
    pub fn put_together(this: &Hooks, tag: &str, body: JsValue) -> Result<JsValue, JsValue>;
    /// A `KVError`.
    #[wasm_bindgen(method)]
    pub fn error(this: &Hooks, code: &str, message: &str, key: Option<&str>) -> JsValue;
    /// An object with one field more.
    #[wasm_bindgen(method)]
    pub fn put(this: &Hooks, object: &JsValue, name: &str, value: JsValue);
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn date_now() -> f64;
    #[wasm_bindgen(js_namespace = Math, js_name = random)]
    fn math_random() -> f64;
    #[wasm_bindgen(js_name = Number)]
    fn js_number(text: &str) -> f64;
    #[wasm_bindgen(js_name = String)]
    fn js_string(number: f64) -> String;
}

thread_local! {
    static HOOKS: OnceCell<Hooks> = const { OnceCell::new() };
    static SLOTS: RefCell<Slots> = const { RefCell::new(Slots::new()) };
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(message: &str);
}

/// Called once, by the JavaScript half, before anything else.
#[wasm_bindgen]
pub fn start(hooks: Hooks) {
    // No panic may be reachable. Where one is all the same, it says where instead of "unreachable".
    std::panic::set_hook(Box::new(|info| {
        console_error(&format!(
            "dataknobs-kv is broken, please report this: {info}"
        ));
    }));
    HOOKS.with(|cell| drop(cell.set(hooks)));
}

/// The JavaScript half. Before `start` there is none, and no store either.
pub fn hooks<R>(f: impl FnOnce(&Hooks) -> R) -> Option<R> {
    HOOKS.with(|cell| cell.get().map(f))
}

/// The numbers of the values that JavaScript keeps: the array is there, the numbers are ours.
struct Slots {
    /// The free numbers, as a stack.
    free: Vec<u32>,
    /// So many at the bottom of the stack are known to hold nothing over there any more.
    clear: usize,
    /// How many numbers there are, free or not.
    len: u32,
    /// How often each slot is held beyond once; empty until one is.
    extra: Vec<u32>,
}

/// So many freed slots may hold on to their values before they are cleared.
const MAX_STALE: usize = 64;

impl Slots {
    const fn new() -> Slots {
        Slots {
            free: Vec::new(),
            clear: 0,
            len: 0,
            extra: Vec::new(),
        }
    }

    fn take(&mut self) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.clear = self.clear.min(self.free.len());
                slot
            }
            None => {
                self.len += 1;
                self.len - 1
            }
        }
    }
}

/// Takes a free slot over.
pub fn take_slot() -> HostValue {
    HostValue::new(SLOTS.with_borrow_mut(Slots::take), &Js)
}

/// Lets JavaScript keep `value`.
pub fn keep(value: JsValue) -> Value {
    let held = take_slot();
    hooks(|h| h.keep(held.slot(), value));
    Value::Host(held)
}

/// A copy of what JavaScript keeps under `slot`.
pub fn kept(slot: u32) -> Result<JsValue> {
    match hooks(|h| h.kept(slot)) {
        Some(copy) => copy.map_err(|thrown| caught(&thrown, ErrorKind::Corrupt)),
        None => Ok(JsValue::UNDEFINED),
    }
}

/// Lets JavaScript forget what the freed slots held. `all`: also where they are few.
pub fn clear_stale(all: bool) {
    let stale = SLOTS.with_borrow_mut(|slots| {
        let stale = slots.free.get(slots.clear..).unwrap_or_default();
        if stale.is_empty() || (!all && stale.len() < MAX_STALE) {
            return Vec::new();
        }
        let stale = stale.to_vec();
        slots.clear = slots.free.len();
        stale
    });
    if !stale.is_empty() {
        hooks(|h| h.forget(&stale));
    }
}

/// JavaScript as the keeper of values, and as clock and chance.
pub struct Js;

impl HostValues for Js {
    fn retain(&self, slot: u32) -> u32 {
        SLOTS.with_borrow_mut(|slots| {
            let at = slot as usize;
            if slots.extra.len() <= at {
                slots.extra.resize(slots.len.max(slot + 1) as usize, 0);
            }
            if let Some(held) = slots.extra.get_mut(at) {
                *held += 1;
            }
        });
        slot
    }

    fn release(&self, slot: u32) {
        SLOTS.with_borrow_mut(|slots| match slots.extra.get_mut(slot as usize) {
            Some(held) if *held > 0 => *held -= 1,
            _ => slots.free.push(slot),
        });
    }

    fn materialise(&self, slot: u32) -> Result<Value> {
        // Not a copy: a copy is the user's own type again, which has no form without its serializer.
        crate::convert::from_js(&hooks(|h| h.held(slot)).unwrap_or_default())
    }

    /// The glue's own way copies each text character by character.
    fn texts(&self, slots: &[u32], take: &mut dyn FnMut(&[Option<&str>])) {
        let len = hooks(|h| h.texts(slots)).unwrap_or_default();
        let _ = with_text(len, |joined| {
            let texts = split(joined, slots.len())?.into_iter();
            take(
                &texts
                    .map(|text| (!text.is_empty()).then_some(text))
                    .collect::<Vec<_>>(),
            );
            Ok::<_, Error>(())
        });
    }
}

impl Host for Js {
    fn now(&self) -> u64 {
        date_now() as u64
    }

    fn write_double(&self, number: f64) -> String {
        let mut text = js_string(number);
        if number == 0.0 && number.is_sign_negative() {
            text.insert(0, '-');
        }
        if !text.contains(['.', 'e']) {
            text.push_str(".0");
        }
        text
    }

    fn read_double(&self, text: &str) -> Option<f64> {
        Some(js_number(text))
    }

    fn random(&self) -> u64 {
        let half = || (math_random() * 4_294_967_296.0) as u64;
        half() << 32 | half()
    }

    #[cfg(feature = "later")]
    fn sleep(&self, milliseconds: u64) -> dataknobs_kv::BoxFuture<'static, ()> {
        let milliseconds = u32::try_from(milliseconds).unwrap_or(u32::MAX);
        // gloo-timers' own future brings a channel of 2 KB.
        let timer = js_sys::Promise::new(&mut |resolve, _| {
            let done = move || drop(resolve.call0(&JsValue::UNDEFINED));
            gloo_timers::callback::Timeout::new(milliseconds, done).forget();
        });
        Box::pin(async move { drop(wasm_bindgen_futures::JsFuture::from(timer).await) })
    }

    #[cfg(not(feature = "later"))]
    fn sleep(&self, _: u64) -> dataknobs_kv::BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// The error as JavaScript throws it.
pub fn thrown(error: &Error) -> JsValue {
    hooks(|h| h.error(error.kind().code(), error.message(), error.key())).unwrap_or_default()
}

/// What JavaScript threw, as an error; `otherwise` is its kind where it does not say.
pub fn caught(thrown: &JsValue, otherwise: ErrorKind) -> Error {
    let text = |name: &str| {
        js_sys::Reflect::get(thrown, &name.into())
            .ok()
            .and_then(|v| v.as_string())
    };
    let kind = text("code").and_then(|code| ErrorKind::from_code(&code));
    let message = text("message")
        .or_else(|| thrown.as_string())
        .unwrap_or_else(|| "something was thrown that is no Error".to_owned());
    let error = match kind {
        Some(kind) => Error::new(kind, message),
        // What was to be handed over has no room in the module's memory.
        None if text("name").as_deref() == Some("RuntimeError") => Error::new(
            ErrorKind::QuotaExceeded,
            "the memory of the WebAssembly module, 4 GiB at most, has no room for it",
        ),
        None => Error::new(otherwise, format!("the custom code failed: {message}")),
    };
    match text("key") {
        Some(key) => error.with_key(&key),
        None => error,
    }
}
