//! The store as an object of JavaScript, and the calls that need not be the fastest.

use crate::{
    convert::{entry_to_js, from_js, metadata_from_js, object_to_js, to_js},
    hooks::{caught, clear_stale, keep, thrown},
    kept::Gate,
    open::Timer,
    wire::{Guard, PROMISE, Signal, finish, leave, promise},
};
use dataknobs_kv::{
    AtomicOutcome, Check, Error, ErrorKind, Result, ScanOptions, SetOptions, Tagged, Ttl, Value,
    Version,
    backend::{Backend, Erased, memory::Memory},
};
use js_sys::{Array, Function, Map, Object, Promise, Reflect};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast, prelude::*};
use wasm_bindgen_futures::JsFuture;

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

fn strings(texts: &[String]) -> JsValue {
    let texts = texts.iter().map(|text| JsValue::from_str(text));
    texts.collect::<Array>().into()
}

fn optional(value: Option<Value>) -> Result<JsValue> {
    value.map_or(Ok(JsValue::UNDEFINED), |value| to_js(&value))
}

/// The calls that need not be the fastest. One export and one future for all of them: one of each a
/// call costs 30 KB of wasm.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Op {
    /// `key`
    Get,
    /// `key`
    Exists,
    /// `key`
    Delete,
    /// an array of keys; an array of values
    GetMany,
    /// `key, value, ttl, metadata, flags, ifVersion`
    SetWith,
    /// an array of such entries
    SetManyWith,
    /// `key`
    GetEntry,
    /// `key, version`
    DeleteIf,
    /// `key`
    GetAndDelete,
    /// `from, to`
    Rename,
    /// `from, to`
    Copy,
    /// an array of keys; an array of `[key, true, false or error]`
    DeleteMany,
    /// `pattern`; a Map
    GetPattern,
    /// `pattern`
    DeletePattern,
    /// `pattern`
    CountPattern,
    /// `pattern, limit, after, reverse, values`
    ScanPage,
    /// `key`
    GetMetadata,
    /// `key, fields`
    SetMetadata,
    /// `key, fields`
    ReplaceMetadata,
    /// `key`; seconds, or null: for ever
    Ttl,
    /// `key, seconds`
    Expire,
    /// `key`
    Persist,
    /// nothing
    CleanupExpired,
    /// `key, old, new`; `undefined` is absent
    CompareAndSwap,
    /// `key, f`
    Update,
    /// `key, version or null, value`
    Replace,
    /// `key, delta`
    Increment,
    /// `key, tail`
    Append,
    /// an array of `[key, version or null]`, and one of `[key, value, ttl, metadata]` (a set) or `[key]`
    Atomic,
    /// nothing
    Namespaces,
    /// nothing
    Clear,
    /// nothing
    Close,
}

/// The arguments of a call. The JavaScript half has checked their types.
struct Args(Array);

impl Args {
    fn at(&self, index: u32) -> JsValue {
        self.0.get(index)
    }
    fn text(&self, index: u32) -> String {
        self.optional_text(index).unwrap_or_default()
    }
    fn optional_text(&self, index: u32) -> Option<String> {
        self.at(index).as_string()
    }
    fn number(&self, index: u32) -> Option<f64> {
        self.at(index).as_f64()
    }
    fn flag(&self, index: u32) -> bool {
        self.at(index).is_truthy()
    }
    fn version(&self, index: u32) -> Option<Version> {
        self.optional_text(index).map(|text| Version::parse(&text))
    }
    fn rows(&self, index: u32) -> Vec<Args> {
        let rows: Array = self.at(index).unchecked_into();
        rows.iter().map(|row| Args(row.unchecked_into())).collect()
    }
    fn texts(&self, index: u32) -> Vec<String> {
        let texts: Array = self.at(index).unchecked_into();
        texts.iter().filter_map(|text| text.as_string()).collect()
    }
    /// The options of a `set`, from the third argument on.
    fn set_options(&self) -> Result<SetOptions> {
        let flags = self.number(4).unwrap_or_default() as u32;
        Ok(SetOptions {
            ttl: self.number(2).map(Ttl::seconds).transpose()?,
            metadata: metadata_from_js(&self.at(3))?,
            if_absent: flags & 1 != 0,
            keep_ttl: flags & 2 != 0,
            keep_metadata: flags & 4 != 0,
            if_version: self.version(5),
        })
    }
}

fn count(number: u64) -> JsValue {
    JsValue::from_f64(number as f64)
}

fn result_to_js<T: Into<JsValue>>(result: std::result::Result<T, &Error>) -> JsValue {
    match result {
        Ok(value) => value.into(),
        Err(error) => thrown(error),
    }
}

/// A call, on a store of its own: the promise may outlive the caller's.
async fn run(store: Inner, op: Op, args: Args) -> Result<JsValue> {
    let key = args.text(0);
    let immediate = store.backend().immediate();
    // A value stays on the other side where nobody must look inside.
    let value = |value: JsValue| {
        if immediate {
            Ok(keep(value))
        } else {
            from_js(&value)
        }
    };
    Ok(match op {
        Op::Get => optional(store.get(&key).await?)?,
        Op::Exists => store.exists(&key).await?.into(),
        Op::Delete => store.delete(&key).await?.into(),
        Op::GetMany => {
            let values = store.get_many(&args.texts(0)).await?;
            let values = values.into_iter().map(optional);
            values.collect::<Result<Array>>()?.into()
        }
        Op::SetWith => {
            let options = args.set_options().map_err(|e| e.with_key(&key))?;
            store
                .set_with(&key, value(args.at(1))?, options)
                .await?
                .is_done()
                .into()
        }
        Op::SetManyWith => {
            let mut entries = Vec::new();
            for row in args.rows(0) {
                let key = row.text(0);
                let options = row.set_options().map_err(|e| e.with_key(&key))?;
                entries.push((key, value(row.at(1))?, options));
            }
            let results = store.set_many(entries).await?;
            let results = results
                .iter()
                .map(|r| result_to_js(r.as_ref().map(|_| true)));
            results.collect::<Array>().into()
        }
        Op::GetEntry => match store.get_entry(&key).await? {
            Some(entry) => entry_to_js(&entry)?,
            None => JsValue::UNDEFINED,
        },
        Op::DeleteIf => {
            let version = Version::parse(&args.text(1));
            store.delete_if(&key, &version).await?.is_done().into()
        }
        Op::GetAndDelete => optional(store.get_and_delete(&key).await?)?,
        Op::Rename => store.rename(&key, &args.text(1)).await?.into(),
        Op::Copy => store.copy(&key, &args.text(1)).await?.into(),
        Op::DeleteMany => {
            let results = store.delete_each(&args.texts(0)).await?;
            let results = results.iter().map(|(key, result)| {
                Array::of2(
                    &JsValue::from_str(key),
                    &result_to_js(result.as_ref().map(|b| *b)),
                )
            });
            results.collect::<Array>().into()
        }
        Op::GetPattern => {
            let map = Map::new();
            for (key, value) in store.get_pattern(&key).await? {
                map.set(&key.into(), &to_js(&value)?);
            }
            map.into()
        }
        Op::DeletePattern => count(store.delete_pattern(&key).await?),
        Op::CountPattern => count(store.count_pattern(&key).await?),
        Op::ScanPage => {
            let options = ScanOptions {
                limit: args.number(1).map(|n| n as usize),
                after: args.optional_text(2),
                reverse: args.flag(3),
            };
            if args.flag(4) {
                let entries = store.entries(&key, &options).await?;
                entries
                    .iter()
                    .map(entry_to_js)
                    .collect::<Result<Array>>()?
                    .into()
            } else {
                strings(&store.keys_with(&key, &options).await?)
            }
        }
        Op::GetMetadata => match store.get_metadata(&key).await? {
            Some(metadata) => object_to_js(&metadata)?,
            None => JsValue::UNDEFINED,
        },
        Op::SetMetadata | Op::ReplaceMetadata => {
            let fields = metadata_from_js(&args.at(1))?.unwrap_or_default();
            match op {
                Op::SetMetadata => store.set_metadata(&key, fields).await?,
                _ => store.replace_metadata(&key, fields).await?,
            }
            .into()
        }
        Op::Ttl => match store.ttl(&key).await? {
            None => JsValue::UNDEFINED,
            Some(None) => JsValue::NULL,
            Some(Some(left)) => (left.as_millis() as f64 / 1000.0).into(),
        },
        Op::Expire => {
            let ttl = Ttl::seconds(args.number(1).unwrap_or_default());
            store
                .expire(&key, ttl.map_err(|e| e.with_key(&key))?)
                .await?
                .into()
        }
        Op::Persist => store.persist(&key).await?.into(),
        Op::CleanupExpired => count(store.cleanup_expired().await?),
        Op::CompareAndSwap => {
            let given = |at: u32| Some(args.at(at)).filter(|v| !v.is_undefined());
            let old = given(1).map(|old| from_js(&old)).transpose()?;
            let new = given(2).map(value).transpose()?;
            store
                .compare_and_swap(&key, old.as_ref(), new)
                .await?
                .is_done()
                .into()
        }
        Op::Update => {
            let f: Function = args.at(1).unchecked_into();
            let made = store.update(&key, |old| {
                // The function is async over there: it gives a promise.
                let made = optional(old).map(|old| f.call1(&JsValue::NULL, &old));
                async move {
                    let made = match made? {
                        Ok(made) => JsFuture::from(made.unchecked_into::<Promise>()).await,
                        Err(thrown) => Err(thrown),
                    };
                    value(made.map_err(|thrown| caught(&thrown, ErrorKind::Aborted))?)
                }
            });
            to_js(&made.await?)?
        }
        Op::Replace => {
            let at = args.version(1).map_or(Check::Absent, Check::Version);
            let outcome = store.replace(&key, &at, value(args.at(2))?).await?;
            outcome.is_done().into()
        }
        Op::Increment => {
            let delta = match from_js(&args.at(1))? {
                Value::Tagged(big) => big_int(&big).ok_or_else(|| {
                    Error::new(ErrorKind::InvalidArgument, "a delta fits into 64 bits")
                        .with_key(&key)
                })?,
                delta => delta,
            };
            match store.increment(&key, delta).await? {
                // A number wherever one can hold the sum.
                Value::Tagged(big) => to_js(&big_int(&big).unwrap_or(Value::Tagged(big)))?,
                sum => to_js(&sum)?,
            }
        }
        Op::Append => to_js(&store.append(&key, from_js(&args.at(1))?).await?)?,
        Op::Atomic => {
            let mut atomic = store.atomic();
            for check in args.rows(0) {
                let expected = check.version(1).map_or(Check::Absent, Check::Version);
                atomic = atomic.check(check.text(0), expected);
            }
            for write in args.rows(1) {
                let key = write.text(0);
                atomic = if write.0.length() > 1 {
                    let options = write.set_options().map_err(|e| e.with_key(&key))?;
                    atomic.set_with(key, value(write.at(1))?, options)
                } else {
                    atomic.delete(key)
                };
            }
            atomic_to_js(atomic.commit().await?)?
        }
        Op::Namespaces => strings(&store.namespaces().await?),
        Op::Clear => count(store.clear().await?),
        Op::Close => {
            store.close().await?;
            JsValue::UNDEFINED
        }
    })
}

fn big_int(big: &Tagged) -> Option<Value> {
    let digits = big
        .body
        .as_text()
        .filter(|_| &*big.tag == dataknobs_kv::BIGINT_TAG)?;
    digits.parse().ok().map(Value::Int)
}

fn atomic_to_js(outcome: AtomicOutcome) -> Result<JsValue> {
    let result = JsValue::from(Object::new());
    let set = |name: &str, value: JsValue| drop(Reflect::set(&result, &name.into(), &value));
    match outcome {
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
            set("index", count(index as u64));
            set(
                "entry",
                entry.map_or(Ok(JsValue::UNDEFINED), |entry| entry_to_js(&entry))?,
            );
        }
    }
    Ok(result)
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
