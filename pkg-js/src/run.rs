//! The calls that need not be the fastest: what each asks of the store.

use crate::{
    convert::{entry_to_js, from_js, metadata_from_js, object_to_js, to_js},
    hooks::{keep, thrown},
    op::{Args, Op},
    store::Over,
};
use dataknobs_kv::{
    AtomicOutcome, Check, Error, ErrorKind, Result, ScanOptions, Store, Tagged, Ttl, Value,
    Version, backend::Backend,
};
use js_sys::{Array, Map, Object, Reflect};
#[cfg(feature = "later")]
use js_sys::{Function, Promise};
#[cfg(feature = "later")]
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

fn strings(texts: &[String]) -> JsValue {
    let texts = texts.iter().map(|text| JsValue::from_str(text));
    texts.collect::<Array>().into()
}

/// What is under `key`, which an error names.
fn optional(key: &str, value: Option<Value>) -> Result<JsValue> {
    let value = value.map_or(Ok(JsValue::UNDEFINED), |value| to_js(&value));
    value.map_err(|error| error.with_key(key))
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
pub async fn run(store: Store<Over>, op: Op, args: Args) -> Result<JsValue> {
    let key = &*args.text(0);
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
        Op::Get => optional(key, wait!(store.get(key))?)?,
        Op::Exists => wait!(store.exists(key))?.into(),
        Op::Delete => wait!(store.delete(key))?.into(),
        Op::GetMany => {
            let keys = args.texts(0);
            let values = wait!(store.get_many(&keys))?;
            let values = values.into_iter().zip(&keys);
            let values = values.map(|(value, key)| optional(key, value));
            values.collect::<Result<Array>>()?.into()
        }
        Op::SetWith => {
            let options = args.set_options().map_err(|e| e.with_key(key))?;
            wait!(store.set_with(key, value(args.at(1))?, options))?
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
            let results = wait!(store.set_many(entries))?;
            let results = results
                .iter()
                .map(|r| result_to_js(r.as_ref().map(|_| true)));
            results.collect::<Array>().into()
        }
        Op::GetEntry => match wait!(store.get_entry(key))? {
            Some(entry) => entry_to_js(&entry)?,
            None => JsValue::UNDEFINED,
        },
        Op::DeleteIf => {
            let version = Version::parse(&args.text(1));
            wait!(store.delete_if(key, &version))?.is_done().into()
        }
        Op::GetAndDelete => {
            // What cannot be handed over stays where it is.
            optional(key, wait!(store.get(key))?)?;
            optional(key, wait!(store.get_and_delete(key))?)?
        }
        Op::Rename => wait!(store.rename(key, &args.text(1)))?.into(),
        Op::Copy => wait!(store.copy(key, &args.text(1)))?.into(),
        Op::DeleteMany => {
            let results = wait!(store.delete_each(&args.texts(0)))?;
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
            for (key, value) in wait!(store.get_pattern(key))? {
                let value = optional(&key, Some(value))?;
                map.set(&key.into(), &value);
            }
            map.into()
        }
        Op::DeletePattern => count(wait!(store.delete_pattern(key))?),
        Op::CountPattern => count(wait!(store.count_pattern(key))?),
        Op::ScanPage => {
            let options = ScanOptions {
                limit: args.number(1).map(|n| n as usize),
                after: args.optional_text(2),
                reverse: args.flag(3),
            };
            if args.flag(4) {
                let entries = wait!(store.entries(key, &options))?;
                entries
                    .iter()
                    .map(entry_to_js)
                    .collect::<Result<Array>>()?
                    .into()
            } else {
                strings(&wait!(store.keys_with(key, &options))?)
            }
        }
        Op::GetMetadata => match wait!(store.get_metadata(key))? {
            Some(metadata) => object_to_js(&metadata)?,
            None => JsValue::UNDEFINED,
        },
        Op::SetMetadata | Op::ReplaceMetadata => {
            let fields = metadata_from_js(&args.at(1))?.unwrap_or_default();
            match op {
                Op::SetMetadata => wait!(store.set_metadata(key, fields))?,
                _ => wait!(store.replace_metadata(key, fields))?,
            }
            .into()
        }
        Op::Ttl => match wait!(store.ttl(key))? {
            None => JsValue::UNDEFINED,
            Some(None) => JsValue::NULL,
            Some(Some(left)) => (left.as_millis() as f64 / 1000.0).into(),
        },
        Op::Expire => {
            let ttl = Ttl::seconds(args.number(1).unwrap_or_default());
            wait!(store.expire(key, ttl.map_err(|e| e.with_key(key))?))?.into()
        }
        Op::Persist => wait!(store.persist(key))?.into(),
        Op::CleanupExpired => count(wait!(store.cleanup_expired())?),
        Op::CompareAndSwap => {
            let given = |at: u32| Some(args.at(at)).filter(|v| !v.is_undefined());
            let old = given(1).map(|old| from_js(&old)).transpose()?;
            let new = given(2).map(value).transpose()?;
            wait!(store.compare_and_swap(key, old.as_ref(), new))?
                .is_done()
                .into()
        }
        #[cfg(feature = "later")]
        Op::Update => {
            let f: Function = args.at(1).unchecked_into();
            let made = store.update(key, |old| {
                // The function is async over there: it gives a promise.
                let made = optional(key, old).map(|old| f.call1(&JsValue::NULL, &old));
                async move {
                    let made = match made? {
                        Ok(made) => {
                            wasm_bindgen_futures::JsFuture::from(made.unchecked_into::<Promise>())
                                .await
                        }
                        Err(thrown) => Err(thrown),
                    };
                    value(made.map_err(|thrown| crate::hooks::caught(&thrown, ErrorKind::Aborted))?)
                }
            });
            to_js(&made.await?)?
        }
        #[cfg(not(feature = "later"))]
        Op::Update => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "update is read and replace here",
            ));
        }
        Op::Replace => {
            let at = args.version(1).map_or(Check::Absent, Check::Version);
            let outcome = wait!(store.replace(key, &at, value(args.at(2))?))?;
            outcome.is_done().into()
        }
        Op::Increment => {
            let delta = match from_js(&args.at(1))? {
                Value::Tagged(big) => big_int(&big).ok_or_else(|| {
                    Error::new(ErrorKind::InvalidArgument, "a delta fits into 64 bits")
                        .with_key(key)
                })?,
                delta => delta,
            };
            match wait!(store.increment(key, delta))? {
                // A number wherever one can hold the sum.
                Value::Tagged(big) => to_js(&big_int(&big).unwrap_or(Value::Tagged(big)))?,
                sum => to_js(&sum)?,
            }
        }
        Op::Append => to_js(&wait!(store.append(key, from_js(&args.at(1))?))?)?,
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
            atomic_to_js(wait!(atomic.commit())?)?
        }
        Op::Namespaces => strings(&wait!(store.namespaces())?),
        Op::Clear => count(wait!(store.clear())?),
        Op::Close => {
            wait!(store.close())?;
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
