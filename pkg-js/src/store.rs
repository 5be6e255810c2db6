//! The store as an object of JavaScript, and the calls that need not be the fastest.

use crate::{
    convert::{entry_to_js, from_js, metadata_from_js, object_to_js, to_js},
    hooks::{clear_stale, keep, thrown},
    open::Timer,
    wire::finish,
};
use dataknobs_kv::{
    AtomicOutcome, Check, Error, ErrorKind, Metadata, Pattern, Result, ScanOptions, SetOptions,
    Ttl, Value, Version,
    backend::{Any, Backend, Want},
};
use js_sys::{Array, Map, Object, Reflect};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::{JsCast, prelude::*};

type Inner = dataknobs_kv::Store<Any>;

/// A store. Its fast calls are in `hot.rs`.
#[wasm_bindgen]
pub struct Store {
    inner: Inner,
    immediate: bool,
    /// The store that owns the connection, where this one is what `open` gave.
    connection: Option<Inner>,
    timer: Rc<RefCell<Option<Timer>>>,
}

impl Store {
    /// What `open` gives: closing it closes the connection.
    pub fn opened(inner: Inner, connection: Inner) -> Store {
        Store {
            immediate: inner.backend().immediate(),
            inner,
            connection: Some(connection),
            timer: Rc::default(),
        }
    }

    /// The store on this side.
    #[inline]
    pub fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Is everything ready at once?
    #[inline]
    pub fn immediate(&self) -> bool {
        self.immediate
    }

    /// Removes what has expired every so often, until the store is closed or dropped.
    pub fn clean_up_every(&self, milliseconds: u32) {
        // Held by the timer's closure alone, the store would never be dropped: it holds none.
        let store = self.inner.downgrade();
        let slot = Rc::downgrade(&self.timer);
        let timer = Timer::start(milliseconds, move || match store.upgrade() {
            Some(store) if !store.is_closed() => wasm_bindgen_futures::spawn_local(async move {
                // What could not be removed now is so in the next round.
                let _ = store.cleanup_expired().await;
                clear_stale(true);
            }),
            _ => {
                if let Some(slot) = slot.upgrade() {
                    slot.take();
                }
            }
        });
        *self.timer.borrow_mut() = Some(timer);
    }

    /// A value from JavaScript, which stays there where nobody must look inside.
    fn value(&self, value: JsValue) -> Result<Value> {
        if self.immediate { Ok(keep(value)) } else { from_js(&value) }
    }
}

/// An array of strings.
pub fn strings(texts: &[String]) -> JsValue {
    texts.iter().map(|t| JsValue::from_str(t)).collect::<Array>().into()
}

fn optional(value: Option<Value>) -> Result<JsValue> {
    value.map_or(Ok(JsValue::UNDEFINED), |value| to_js(&value))
}

/// The options of a `set`, by position: what an object would cost to read.
fn set_options(
    ttl: Option<f64>,
    metadata: &JsValue,
    flags: u32,
    if_version: Option<String>,
) -> Result<SetOptions> {
    Ok(SetOptions {
        ttl: ttl.map(Ttl::seconds).transpose()?,
        metadata: metadata_from_js(metadata)?,
        if_absent: flags & 1 != 0,
        keep_ttl: flags & 2 != 0,
        keep_metadata: flags & 4 != 0,
        if_version: if_version.as_deref().map(Version::parse),
    })
}

type Returned = Result<JsValue, JsValue>;

/// A call that is ready at once or gives a promise, on a clone of the store.
macro_rules! call {
    ($self:ident, |$store:ident| $body:expr) => {{
        let $store = $self.inner.clone();
        let returned = finish(async move { $body });
        clear_stale(false);
        returned
    }};
}

#[wasm_bindgen]
impl Store {
    /// Is everything ready at once?
    pub fn is_immediate(&self) -> bool {
        self.immediate
    }

    /// `set` with every option.
    pub fn set_with(
        &self,
        key: String,
        value: JsValue,
        ttl: Option<f64>,
        metadata: JsValue,
        flags: u32,
        if_version: Option<String>,
    ) -> Returned {
        let value = self.value(value);
        call!(self, |store| {
            let options = set_options(ttl, &metadata, flags, if_version);
            let options = options.map_err(|e| e.with_key(&key))?;
            Ok(store.set_with(&key, value?, options).await?.is_done().into())
        })
    }

    /// `setMany` with options for each: `[key, value, ttl, metadata, flags, ifVersion]` each.
    pub fn set_many_with(&self, entries: Vec<Array>) -> Returned {
        let values: Vec<_> = entries.iter().map(|entry| self.value(entry.get(1))).collect();
        call!(self, |store| {
            let mut all = Vec::with_capacity(entries.len());
            for (entry, value) in entries.iter().zip(values) {
                let key = entry.get(0).as_string().unwrap_or_default();
                let options = set_options(
                    entry.get(2).as_f64(),
                    &entry.get(3),
                    entry.get(4).as_f64().unwrap_or_default() as u32,
                    entry.get(5).as_string(),
                );
                let options = options.map_err(|e| e.with_key(&key))?;
                all.push((key, value?, options));
            }
            let results = store.set_many(all).await?;
            let results = results.iter().map(|result| match result {
                Ok(_) => JsValue::TRUE,
                Err(error) => thrown(error),
            });
            Ok(results.collect::<Array>().into())
        })
    }

    /// The entry under a key.
    pub fn get_entry(&self, key: String) -> Returned {
        call!(self, |store| match store.get_entry(&key).await? {
            Some(entry) => entry_to_js(&entry),
            None => Ok(JsValue::UNDEFINED),
        })
    }

    /// Removes the entry under a key on its version.
    pub fn delete_if(&self, key: String, version: &str) -> Returned {
        let version = Version::parse(version);
        call!(self, |store| Ok(store.delete_if(&key, &version).await?.is_done().into()))
    }

    /// Takes the value under a key out.
    pub fn get_and_delete(&self, key: String) -> Returned {
        call!(self, |store| optional(store.get_and_delete(&key).await?))
    }

    /// Moves an entry.
    pub fn rename(&self, from: String, to: String) -> Returned {
        call!(self, |store| store.rename(&from, &to).await.map(JsValue::from))
    }

    /// Copies an entry.
    pub fn copy(&self, from: String, to: String) -> Returned {
        call!(self, |store| store.copy(&from, &to).await.map(JsValue::from))
    }

    /// Removes entries: an array of `[key, true, false or error]`.
    pub fn delete_many(&self, keys: Vec<String>) -> Returned {
        call!(self, |store| {
            let results = store.delete_each(&keys).await?;
            let results = results.into_iter().map(|(key, result)| {
                let result = result.map_or_else(|e| thrown(&e), JsValue::from);
                Array::of2(&key.into(), &result)
            });
            Ok(results.collect::<Array>().into())
        })
    }

    /// The values whose keys match.
    pub fn get_pattern(&self, pattern: String) -> Returned {
        call!(self, |store| {
            let map = Map::new();
            for (key, value) in store.get_pattern(&pattern).await? {
                map.set(&key.into(), &to_js(&value)?);
            }
            Ok(map.into())
        })
    }

    /// Removes what matches.
    pub fn delete_pattern(&self, pattern: String) -> Returned {
        call!(self, |store| Ok((store.delete_pattern(&pattern).await? as f64).into()))
    }

    /// How many match.
    pub fn count_pattern(&self, pattern: String) -> Returned {
        call!(self, |store| Ok((store.count_pattern(&pattern).await? as f64).into()))
    }

    /// A page of a scan: entries, or keys.
    pub fn scan_page(
        &self,
        pattern: String,
        limit: usize,
        after: Option<String>,
        reverse: bool,
        values: bool,
    ) -> Returned {
        call!(self, |store| {
            let options = ScanOptions { limit: Some(limit), after, reverse };
            if !values {
                return Ok(strings(&store.keys_with(&pattern, &options).await?));
            }
            let mut entries = Vec::new();
            store
                .walk(&pattern, &options, Want::Records, false, |found| {
                    if let Some(stored) = found.stored {
                        entries.push(dataknobs_kv::Entry::new(found.key, stored));
                    }
                })
                .await?;
            let entries = entries.iter().map(entry_to_js);
            Ok(entries.collect::<Result<Array>>()?.into())
        })
    }

    /// The metadata of an entry.
    pub fn get_metadata(&self, key: String) -> Returned {
        call!(self, |store| match store.get_metadata(&key).await? {
            Some(metadata) => object_to_js(&metadata),
            None => Ok(JsValue::UNDEFINED),
        })
    }

    /// Merges or replaces the metadata of an entry.
    pub fn set_metadata(&self, key: String, fields: JsValue, replace: bool) -> Returned {
        call!(self, |store| {
            let fields: Metadata = metadata_from_js(&fields)?.unwrap_or_default();
            let done = match replace {
                true => store.replace_metadata(&key, fields).await,
                false => store.set_metadata(&key, fields).await,
            };
            done.map(JsValue::from)
        })
    }

    /// How long an entry has left, in seconds; null: for ever.
    pub fn ttl(&self, key: String) -> Returned {
        call!(self, |store| Ok(match store.ttl(&key).await? {
            None => JsValue::UNDEFINED,
            Some(None) => JsValue::NULL,
            Some(Some(left)) => (left.as_millis() as f64 / 1000.0).into(),
        }))
    }

    /// Lets an entry expire.
    pub fn expire(&self, key: String, seconds: f64) -> Returned {
        call!(self, |store| {
            let ttl = Ttl::seconds(seconds).map_err(|e| e.with_key(&key))?;
            store.expire(&key, ttl).await.map(JsValue::from)
        })
    }

    /// Lets an entry never expire.
    pub fn persist(&self, key: String) -> Returned {
        call!(self, |store| store.persist(&key).await.map(JsValue::from))
    }

    /// Removes what has expired.
    pub fn cleanup_expired(&self) -> Returned {
        call!(self, |store| Ok((store.cleanup_expired().await? as f64).into()))
    }

    /// Puts `new` in the place of `old`; `undefined` is absent.
    pub fn compare_and_swap(&self, key: String, old: JsValue, new: JsValue) -> Returned {
        let new = (!new.is_undefined()).then(|| self.value(new)).transpose();
        call!(self, |store| {
            let old = (!old.is_undefined()).then(|| from_js(&old)).transpose()?;
            Ok(store.compare_and_swap(&key, old.as_ref(), new?).await?.is_done().into())
        })
    }

    /// Puts what a function makes of a value in its place.
    pub fn update(&self, key: String, f: js_sys::Function) -> Returned {
        let immediate = self.immediate;
        call!(self, |store| {
            let value = store
                .update(&key, move |old| {
                    let f = f.clone();
                    async move {
                        let old = optional(old)?;
                        // The function is async over there: it throws nothing, it rejects.
                        let made = f.call1(&JsValue::NULL, &old);
                        let made = match made.map(|made| made.dyn_into::<js_sys::Promise>()) {
                            Ok(Ok(promise)) => wasm_bindgen_futures::JsFuture::from(promise).await,
                            Ok(Err(value)) => Ok(value),
                            Err(thrown) => Err(thrown),
                        };
                        let made = made
                            .map_err(|thrown| crate::hooks::caught(&thrown, ErrorKind::Aborted))?;
                        if immediate { Ok(keep(made)) } else { from_js(&made) }
                    }
                })
                .await?;
            to_js(&value)
        })
    }

    /// Adds to a number.
    pub fn increment(&self, key: String, delta: JsValue) -> Returned {
        call!(self, |store| {
            let delta = match from_js(&delta)? {
                Value::Tagged(big) if &*big.tag == dataknobs_kv::BIGINT_TAG => {
                    let digits = big.body.as_text().and_then(|d| d.parse().ok());
                    Value::Int(digits.ok_or_else(|| {
                        Error::new(ErrorKind::InvalidArgument, "a delta fits into 64 bits")
                            .with_key(&key)
                    })?)
                }
                delta => delta,
            };
            match store.increment(&key, delta).await? {
                // `increment` gives a number wherever one can hold the sum.
                Value::Tagged(big) => match big.body.as_text().and_then(|d| d.parse().ok()) {
                    Some(n) => to_js(&Value::Int(n)),
                    None => to_js(&Value::Tagged(big)),
                },
                sum => to_js(&sum),
            }
        })
    }

    /// Adds to a text or to bytes.
    pub fn append(&self, key: String, tail: JsValue) -> Returned {
        call!(self, |store| to_js(&store.append(&key, from_js(&tail)?).await?))
    }

    /// Checks `[key, version or null]` and writes `[key, value, ttl, metadata]` (a set) or `[key]`.
    pub fn atomic(&self, checks: Vec<Array>, writes: Vec<Array>) -> Returned {
        let values: Vec<_> = writes
            .iter()
            .map(|write| (write.length() > 1).then(|| self.value(write.get(1))).transpose())
            .collect();
        call!(self, |store| {
            let text = |array: &Array| array.get(0).as_string().unwrap_or_default();
            let mut atomic = store.atomic();
            for check in &checks {
                let expected = check.get(1).as_string();
                let expected = expected.map_or(Check::Absent, |v| Check::Version(Version::parse(&v)));
                atomic = atomic.check(text(check), expected);
            }
            for (write, value) in writes.iter().zip(values) {
                atomic = match value? {
                    None => atomic.delete(text(write)),
                    Some(value) => {
                        let options = set_options(write.get(2).as_f64(), &write.get(3), 0, None);
                        let options = options.map_err(|e| e.with_key(&text(write)))?;
                        atomic.set_with(text(write), value, options)
                    }
                };
            }
            let result = JsValue::from(Object::new());
            let set = |name: &str, value: JsValue| drop(Reflect::set(&result, &name.into(), &value));
            match atomic.commit().await? {
                AtomicOutcome::Done(versions) => {
                    set("ok", true.into());
                    let versions = versions.iter().map(|version| match version {
                        Some(version) => JsValue::from_str(&version.to_string()),
                        None => JsValue::UNDEFINED,
                    });
                    set("versions", versions.collect::<Array>().into());
                }
                AtomicOutcome::Lost { index, entry } => {
                    set("ok", false.into());
                    set("index", (index as f64).into());
                    set("entry", match entry {
                        Some(entry) => entry_to_js(&entry)?,
                        None => JsValue::UNDEFINED,
                    });
                }
            }
            Ok(result)
        })
    }

    /// The store of another namespace over the same connection.
    pub fn namespace(&self, name: &str) -> Result<Store, JsValue> {
        Ok(Store {
            inner: self.inner.namespace(name).map_err(|e| thrown(&e))?,
            immediate: self.immediate,
            connection: None,
            timer: Rc::default(),
        })
    }

    /// The names of the namespaces that hold entries.
    pub fn namespaces(&self) -> Returned {
        call!(self, |store| Ok(strings(&store.namespaces().await?)))
    }

    /// Removes every entry of this namespace.
    pub fn clear(&self) -> Returned {
        let count = call!(self, |store| Ok((store.clear().await? as f64).into()));
        clear_stale(true);
        count
    }

    /// Closes the store, and the connection where this is the store that was opened.
    pub fn close(&self) -> Returned {
        self.timer.take();
        let connection = self.connection.clone();
        call!(self, |store| {
            store.close().await?;
            if let Some(connection) = connection {
                connection.close().await?;
            }
            Ok(JsValue::UNDEFINED)
        })
    }
}

/// A pattern that matches exactly this text.
#[wasm_bindgen]
pub fn escape(text: &str) -> String {
    dataknobs_kv::escape_pattern(text)
}

/// Does a key match a pattern?
#[wasm_bindgen]
pub fn matches(pattern: &str, key: &str) -> Result<bool, JsValue> {
    Ok(Pattern::parse(pattern).map_err(|e| thrown(&e))?.matches(key))
}
