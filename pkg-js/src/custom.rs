//! A backend written in JavaScript. Records cross as envelopes, opaque bytes to the other side.

use crate::hooks::caught;
use dataknobs_kv::{
    Error, ErrorKind, Key, Namespace, Record, Result, Stored, Version,
    backend::{
        Applied, Backend, Change, Commit, Expect, Freshness, Item, Limits, Mutation, Page, Scan,
        Want, Was,
    },
};
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use std::num::NonZeroU64;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// The object, and what it says of itself.
pub struct Custom {
    object: Object,
    limits: Limits,
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the custom backend's {what}"))
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Every backend takes keys of so many bytes.
const MIN_KEY: usize = 64;

/// What a backend may say of itself.
const LIMITS: [&str; 5] = [
    "maxBatch",
    "maxKey",
    "maxValue",
    "clockSkew",
    "losesAnswers",
];

fn get(object: &JsValue, name: &str) -> JsValue {
    // A getter that throws counts as a field that is not there.
    Reflect::get(object, &name.into()).unwrap_or_default()
}

fn put(object: &Object, name: &str, value: impl Into<JsValue>) {
    let _ = Reflect::set(object, &name.into(), &value.into());
}

/// An integer that a double holds exactly.
fn whole(value: &JsValue) -> Option<u64> {
    value
        .as_f64()
        .filter(|n| *n >= 0.0 && n.trunc() == *n && *n <= 9e15)
        .map(|n| n as u64)
}

fn version(value: &JsValue, what: &str) -> Result<Version> {
    match value.as_string() {
        Some(text) => Ok(Version::parse(&text)),
        None => Err(broken(&format!("{what} has no version (a string)"))),
    }
}

impl Custom {
    /// Takes an object that has the methods of a backend.
    pub fn new(object: Object) -> Result<Custom> {
        for method in ["read", "commit", "scan", "namespaces"] {
            if !get(&object, method).is_function() {
                return Err(refused(format!(
                    "a custom backend has the method {method}; this one has not"
                )));
            }
        }
        let mut limits = Limits {
            loses_answers: true,
            ..Limits::default()
        };
        let given = get(&object, "limits");
        let limit = |name: &str| {
            let value = get(&given, name);
            if value.is_undefined() {
                return Ok(None);
            }
            whole(&value)
                .map(Some)
                .ok_or_else(|| refused(format!("limits.{name} is a whole number")))
        };
        if given.is_object() {
            let size = |name: &str, default: usize, least: usize, most: usize| match limit(name)? {
                None => Ok(default),
                Some(n) if (least as u64..=most as u64).contains(&n) => Ok(n as usize),
                Some(_) if most < usize::MAX => {
                    Err(refused(format!("limits.{name} is {least} to {most}")))
                }
                Some(n) if n > most as u64 => Ok(most),
                Some(_) => Err(refused(format!("limits.{name} is at least {least}"))),
            };
            limits.max_batch = size("maxBatch", limits.max_batch, 1, usize::MAX)?;
            limits.max_key = size("maxKey", limits.max_key, MIN_KEY, limits.max_key)?;
            limits.max_value = size("maxValue", limits.max_value, 0, usize::MAX)?;
            limits.clock_skew = limit("clockSkew")?.unwrap_or(0);
            limits.loses_answers = match get(&given, "losesAnswers") {
                flag if flag.is_undefined() => true,
                flag => flag
                    .as_bool()
                    .ok_or_else(|| refused("limits.losesAnswers is true or false".to_owned()))?,
            };
            let names = Reflect::own_keys(&given)
                .map_err(|_| refused("limits cannot be read".to_owned()))?;
            for name in names.iter() {
                let name = name.as_string().unwrap_or_default();
                if !LIMITS.contains(&&*name) {
                    return Err(refused(format!(
                        "limits has no {name}: it has {}",
                        LIMITS.join(", ")
                    )));
                }
            }
        } else if !given.is_undefined() {
            return Err(refused("limits are an object".to_owned()));
        }
        Ok(Custom { object, limits })
    }

    /// Calls a method and waits for its answer. `lost`: may the call have changed something?
    async fn call(
        &self,
        method: &str,
        argument: &JsValue,
        extra: &JsValue,
        lost: bool,
    ) -> Result<JsValue> {
        let kind = if lost {
            ErrorKind::OutcomeUnknown
        } else {
            ErrorKind::Unavailable
        };
        let function = get(&self.object, method)
            .dyn_into::<Function>()
            .map_err(|_| broken(&format!("{method} is no function any more")))?;
        let answer = function
            .call2(&self.object, argument, extra)
            .map_err(|thrown| caught(&thrown, kind))?;
        // Whatever has a `then` is a promise to JavaScript.
        if !get(&answer, "then").is_function() {
            return Ok(answer);
        }
        JsFuture::from(Promise::resolve(&answer))
            .await
            .map_err(|thrown| caught(&thrown, kind))
    }

    fn mutation(&self, mutation: &Mutation<'_>) -> Result<Object> {
        let object = key_object(mutation.key);
        match mutation.expect {
            Expect::Any => {}
            Expect::Absent => put(&object, "expect", JsValue::NULL),
            Expect::At(version) => put(&object, "expect", version.to_string()),
        }
        match mutation.change {
            Change::Keep => put(&object, "change", "keep"),
            Change::Delete => put(&object, "change", "delete"),
            Change::Put(record) => {
                let bytes = record.encode()?;
                if bytes.len() > self.limits.max_value {
                    return Err(refused(format!(
                        "this backend takes records of at most {} bytes; this one has {}",
                        self.limits.max_value,
                        bytes.len()
                    ))
                    .with_key(mutation.key.as_str()));
                }
                put(&object, "change", "put");
                put(&object, "record", Uint8Array::from(&*bytes));
                put(&object, "expiresAt", expiry(record.expires_at));
            }
        }
        Ok(object)
    }
}

fn key_object(key: Key<'_>) -> Object {
    let object = Object::new();
    put(&object, "namespace", key.namespace().as_str());
    put(&object, "key", key.as_str());
    object
}

fn expiry(at: Option<NonZeroU64>) -> JsValue {
    at.map_or(JsValue::UNDEFINED, |at| JsValue::from_f64(at.get() as f64))
}

/// `{ record, version }`, or nothing.
fn stored(value: &JsValue) -> Result<Option<Stored>> {
    if value.is_undefined() || value.is_null() {
        return Ok(None);
    }
    let bytes = get(value, "record")
        .dyn_into::<Uint8Array>()
        .map_err(|_| broken("read gave a record that is no Uint8Array"))?;
    Ok(Some(Stored {
        record: Record::decode(&bytes.to_vec())?,
        version: version(&get(value, "version"), "record")?,
    }))
}

/// `{ versions: [...] }` or `{ conflict: index }`; of a delete the version is whether there was one.
fn commit(answer: &JsValue, batch: &[Mutation<'_>]) -> Result<Commit> {
    let conflict = get(answer, "conflict");
    if !conflict.is_undefined() && !conflict.is_null() {
        let index = whole(&conflict).filter(|at| *at < batch.len() as u64);
        return index
            .map(|at| Commit::Conflict { index: at as usize })
            .ok_or_else(|| broken("commit gave a conflict that is no place in the batch"));
    }
    let versions = get(answer, "versions")
        .dyn_into::<Array>()
        .map_err(|_| broken("commit gave neither versions nor conflict"))?;
    if versions.length() as usize != batch.len() {
        return Err(broken(
            "commit gave another number of versions than of changes",
        ));
    }
    let applied = batch.iter().zip(versions.iter()).map(|(mutation, value)| {
        Ok(match mutation.change {
            Change::Put(_) => Applied::Written(version(&value, "commit")?),
            Change::Keep => Applied::Checked,
            Change::Delete => Applied::Deleted(match value.as_bool() {
                Some(false) => Was::Absent,
                Some(true) => Was::Stored(None),
                None => {
                    let expired_at = whole(&value).and_then(NonZeroU64::new);
                    Was::Stored(Some(expired_at.ok_or_else(|| {
                        broken("commit does not tell of a delete whether there was a record")
                    })?))
                }
            }),
        })
    });
    Ok(Commit::Done(applied.collect::<Result<_>>()?))
}

impl Backend for Custom {
    fn limits(&self) -> Limits {
        self.limits.clone()
    }

    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        let asked: Array = keys.iter().map(|key| key_object(*key)).collect();
        let fresh = if fresh == Freshness::Latest {
            "latest"
        } else {
            "cached"
        };
        let answer = self.call("read", &asked, &fresh.into(), false).await?;
        let answer = answer
            .dyn_into::<Array>()
            .map_err(|_| broken("read gave no array"))?;
        answer.iter().map(|item| stored(&item)).collect()
    }

    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        let asked: Array = batch
            .iter()
            .map(|mutation| self.mutation(mutation))
            .collect::<Result<_>>()?;
        let answer = self
            .call("commit", &asked, &JsValue::UNDEFINED, true)
            .await?;
        commit(&answer, batch)
    }

    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        if !get(&self.object, "write").is_function() {
            let mut results = Vec::with_capacity(batch.len());
            for one in batch {
                results.push(self.commit(std::slice::from_ref(one)).await);
            }
            return results;
        }
        let asked: Vec<Result<Object>> = batch.iter().map(|m| self.mutation(m)).collect();
        let sent: Array = asked.iter().flatten().collect();
        let answer = match sent.length() {
            0 => Ok(JsValue::UNDEFINED),
            _ => self.call("write", &sent, &JsValue::UNDEFINED, true).await,
        };
        let answers = answer.map(|answer| answer.dyn_into::<Array>().unwrap_or_default());
        let mut at = 0;
        let each = |(asked, mutation): (Result<Object>, &Mutation<'_>)| {
            asked?;
            let answer = answers.as_ref().map_err(Error::clone)?.get(at);
            at += 1;
            if answer.is_instance_of::<js_sys::Error>() {
                return Err(caught(&answer, ErrorKind::OutcomeUnknown));
            }
            commit(&answer, std::slice::from_ref(mutation))
        };
        asked.into_iter().zip(batch).map(each).collect()
    }

    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        let asked = Object::new();
        put(&asked, "namespace", query.namespace.as_str());
        put(&asked, "prefix", query.prefix);
        put(
            &asked,
            "after",
            query.after.map_or(JsValue::UNDEFINED, JsValue::from_str),
        );
        put(&asked, "limit", query.limit.min(1 << 30) as f64);
        put(&asked, "reverse", query.reverse);
        put(
            &asked,
            "pattern",
            query
                .pattern
                .map_or(JsValue::UNDEFINED, |p| p.as_str().into()),
        );
        put(&asked, "records", query.want == Want::Records);
        let answer = self
            .call("scan", &asked, &JsValue::UNDEFINED, false)
            .await?;
        let items = get(&answer, "items")
            .dyn_into::<Array>()
            .map_err(|_| broken("scan gave no items"))?;
        let items = items.iter().map(|item| {
            let key = get(&item, "key");
            let key = key
                .as_string()
                .ok_or_else(|| broken("scan gave an item without a key"))?;
            let record = match query.want {
                Want::Records => stored(&item)?,
                Want::Keys => None,
            };
            if query.want == Want::Records && record.is_none() {
                return Err(broken("scan gave an item without a record"));
            }
            let expires_at = match &record {
                // The envelope is the truth; a field beside it is derived.
                Some(stored) => stored.record.expires_at,
                None => whole(&get(&item, "expiresAt")).and_then(NonZeroU64::new),
            };
            Ok(Item {
                key: key.into(),
                expires_at,
                stored: record,
            })
        });
        Ok(Page {
            items: items.collect::<Result<_>>()?,
            resume: get(&answer, "resume").as_string().map(Into::into),
        })
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        let answer = self
            .call(
                "namespaces",
                &JsValue::UNDEFINED,
                &JsValue::UNDEFINED,
                false,
            )
            .await?;
        let names = answer
            .dyn_into::<Array>()
            .map_err(|_| broken("namespaces gave no array"))?;
        names
            .iter()
            .map(|name| {
                Namespace::new(
                    &name
                        .as_string()
                        .ok_or_else(|| broken("namespaces gave no strings"))?,
                )
            })
            .collect()
    }

    async fn close(&self) -> Result<()> {
        if get(&self.object, "close").is_function() {
            self.call("close", &JsValue::UNDEFINED, &JsValue::UNDEFINED, false)
                .await?;
        }
        Ok(())
    }
}
