//! The crate's own door: the operations of the table on a `Store`.

use super::{
    matching::matches,
    text::{absent, is_absent, special, to_text, to_value},
};
use dataknobs_kv::{
    AtomicOutcome, Check, Entry, Error, EventKind, Object, Outcome, ScanOptions, SetOptions, Store,
    Ttl, Value, Version, WatchOptions, Watched, Watcher, backend::Any, conformance::ManualHost,
    escape_pattern,
};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

pub enum Failed {
    Error(Error),
    Inexpressible(String),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Error(error)
    }
}

fn cannot<T>(what: impl Into<String>) -> Result<T, Failed> {
    Err(Failed::Inexpressible(what.into()))
}

type Called<T> = Result<T, Failed>;

pub struct Door {
    root: Store<Any>,
    store: Store<Any>,
    watcher: Option<Watcher>,
}

fn text(json: Option<&Json>) -> Called<&str> {
    match json {
        Some(Json::String(text)) => Ok(text),
        other => cannot(format!("text was asked, got {other:?}")),
    }
}

fn texts(json: Option<&Json>) -> Called<Vec<&str>> {
    match json {
        Some(Json::Array(items)) => items.iter().map(|item| text(Some(item))).collect(),
        other => cannot(format!("a list was asked, got {other:?}")),
    }
}

fn value(json: Option<&Json>) -> Called<Value> {
    match json {
        Some(json) if !is_absent(json) => {
            let value = to_value(json);
            text_form_agrees(json, &value);
            Ok(value)
        }
        _ => cannot("a value that is absent"),
    }
}

/// The crate's own text form reads and writes values as the table does.
fn text_form_agrees(json: &Json, value: &Value) {
    let text = json.to_string();
    let Ok(read) = dataknobs_kv::json::from_json(&text) else {
        assert!(text.matches('[').count() >= 256, "{text}");
        return;
    };
    assert_eq!(format!("{read:?}"), format!("{value:?}"), "{text}");
    let written = dataknobs_kv::json::to_json(value).expect("a text form");
    let mut reader = serde_json::Deserializer::from_str(&written);
    reader.disable_recursion_limit();
    let written: Json = serde::Deserialize::deserialize(&mut reader).expect("JSON");
    matches(&written, &to_text(value)).expect(&text);
    matches(&to_text(value), &written).expect(&text);
}

fn optional(json: Option<&Json>) -> Option<Value> {
    json.filter(|json| !is_absent(json)).map(to_value)
}

fn seconds(json: &Json) -> Called<Ttl> {
    let seconds = match to_value(json) {
        Value::Int(n) => n as f64,
        Value::Float(n) => n,
        other => return cannot(format!("seconds of type {}", other.type_name())),
    };
    Ok(Ttl::seconds(seconds)?)
}

fn metadata(json: Option<&Json>) -> Called<Object> {
    match json.map(to_value) {
        Some(Value::Object(fields)) => Ok(*fields),
        other => cannot(format!("metadata {other:?}")),
    }
}

fn fields(json: Option<&Json>) -> Called<Map<String, Json>> {
    match json {
        None => Ok(Map::new()),
        Some(Json::Object(fields)) if special(&json!(fields)).is_none() => Ok(fields.clone()),
        other => cannot(format!("options {other:?}")),
    }
}

fn flag(json: &Json) -> Called<bool> {
    json.as_bool()
        .map_or_else(|| cannot(format!("a flag {json}")), Ok)
}

fn set_options(json: Option<&Json>) -> Called<SetOptions> {
    let mut options = SetOptions::default();
    for (name, given) in &fields(json)? {
        match &**name {
            "ttl" => options.ttl = Some(seconds(given)?),
            "metadata" => options.metadata = Some(metadata(Some(given))?),
            "ifAbsent" => options.if_absent = flag(given)?,
            "ifVersion" => options.if_version = Some(Version::parse(text(Some(given))?)),
            "keepTtl" => options.keep_ttl = flag(given)?,
            "keepMetadata" => options.keep_metadata = flag(given)?,
            other => return cannot(format!("the option {other}")),
        }
    }
    Ok(options)
}

fn scan_options(json: Option<&Json>) -> Called<ScanOptions> {
    let mut options = ScanOptions::default();
    for (name, given) in &fields(json)? {
        match (&**name, given.as_u64()) {
            ("limit", Some(limit)) => options.limit = Some(limit as usize),
            ("after", _) => options.after = Some(text(Some(given))?.to_owned()),
            ("reverse", _) => options.reverse = flag(given)?,
            (other, _) => return cannot(format!("the option {other} {given}")),
        }
    }
    Ok(options)
}

fn entry_text(entry: &Entry) -> Json {
    json!({
        "key": entry.key,
        "value": to_text(&entry.value),
        "metadata": to_text(&entry.metadata.clone().into()),
        "version": entry.version.to_string(),
        "createdAt": entry.created_at,
        "updatedAt": entry.updated_at,
        "expiresAt": entry.expires_at,
    })
}

fn watched_text(watched: Watched) -> Json {
    let event = match watched {
        Watched::Overflow => return json!(["overflow"]),
        Watched::Event(event) => event,
    };
    let kind = match event.kind {
        EventKind::Set => "set",
        EventKind::Delete => "delete",
        EventKind::Expire => "expire",
    };
    let mut parts = vec![
        json!(kind),
        json!(event.key),
        json!(event.version.to_string()),
    ];
    parts.extend(event.value.as_ref().map(to_text));
    parts.into()
}

fn or_absent(value: Option<Value>) -> Json {
    value.as_ref().map_or_else(absent, to_text)
}

fn done(outcome: &Outcome) -> Json {
    json!(outcome.is_done())
}

fn pairs(entries: impl IntoIterator<Item = (String, Value)>) -> Json {
    entries
        .into_iter()
        .map(|(key, value)| json!([key, to_text(&value)]))
        .collect()
}

impl Door {
    pub fn new(backend: Any, host: Arc<ManualHost>) -> Door {
        let root = Store::new(backend, host);
        Door {
            store: root.clone(),
            root,
            watcher: None,
        }
    }

    pub async fn call(&mut self, call: &[Json]) -> Called<Json> {
        let store = &self.store;
        let arg = |at: usize| call.get(at);
        let key = || text(arg(1));
        let pattern = || arg(1).map_or(Ok("**"), |_| text(arg(1)));
        let most = match text(arg(0))? {
            "setMany" | "set" | "delete" | "increment" | "keys" | "scan" => 4,
            _ => call.len(),
        };
        if call.len() > most {
            return cannot("too many arguments");
        }
        Ok(match text(arg(0))? {
            "watch" => {
                let mut options = WatchOptions::default();
                for (name, given) in &fields(arg(2))? {
                    match (&**name, given.as_u64()) {
                        ("values", _) => options.values = flag(given)?,
                        ("buffer", Some(buffer)) => options.buffer = buffer as usize,
                        (other, _) => return cannot(format!("the option {other} {given}")),
                    }
                }
                self.watcher = Some(store.watch(pattern()?, options)?);
                absent()
            }
            "events" => {
                let watcher = self.watcher.as_ref().expect("a watch before its events");
                let events = std::iter::from_fn(|| watcher.try_next());
                events.map(watched_text).collect()
            }
            "get" => or_absent(store.get(key()?).await?),
            "getEntry" => match store.get_entry(key()?).await? {
                Some(entry) => entry_text(&entry),
                None => absent(),
            },
            "exists" => json!(store.exists(key()?).await?),
            "set" => {
                let (key, value) = (key()?, value(arg(2))?);
                if arg(3).is_none() {
                    store.set(key, value).await?;
                    return Ok(json!(true));
                }
                // All arguments are checked before anything else: the key's fault goes first.
                done(&store.set_with(key, value, set_options(arg(3))?).await?)
            }
            "delete" => match fields(arg(2))?.get("ifVersion") {
                None => json!(store.delete(key()?).await?),
                version => {
                    let version = Version::parse(text(version)?);
                    done(&store.delete_if(key()?, &version).await?)
                }
            },
            "getAndDelete" => or_absent(store.get_and_delete(key()?).await?),
            "rename" => json!(store.rename(key()?, text(arg(2))?).await?),
            "copy" => json!(store.copy(key()?, text(arg(2))?).await?),
            "getMany" => {
                let values = store.get_many(&texts(arg(1))?).await?;
                values.into_iter().map(or_absent).collect()
            }
            "setMany" => self.set_many(arg(1), arg(2)).await?,
            "deleteMany" => json!(store.delete_many(&texts(arg(1))?).await?),
            "keys" => json!(store.keys_with(pattern()?, &scan_options(arg(2))?).await?),
            "getPattern" => pairs(store.get_pattern(key()?).await?),
            "scan" => {
                let mut scan = store.scan(key()?, scan_options(arg(2))?)?;
                let mut found = Vec::new();
                while let Some(entry) = scan.next().await? {
                    found.push((entry.key, entry.value));
                }
                pairs(found)
            }
            "deletePattern" => json!(store.delete_pattern(key()?).await?),
            "countPattern" => json!(store.count_pattern(key()?).await?),
            "escape" => json!(escape_pattern(key()?)),
            "compareAndSwap" => {
                let (old, new) = (optional(arg(2)), optional(arg(3)));
                done(&store.compare_and_swap(key()?, old.as_ref(), new).await?)
            }
            "increment" => {
                let delta = optional(arg(2)).unwrap_or_else(|| 1.into());
                to_text(&store.increment(key()?, delta).await?)
            }
            "append" => to_text(&store.append(key()?, value(arg(2))?).await?),
            "getMetadata" => or_absent(store.get_metadata(key()?).await?.map(Value::from)),
            "setMetadata" => json!(store.set_metadata(key()?, metadata(arg(2))?).await?),
            "replaceMetadata" => json!(store.replace_metadata(key()?, metadata(arg(2))?).await?),
            "ttl" => match store.ttl(key()?).await? {
                None => absent(),
                Some(None) => Json::Null,
                Some(Some(left)) => json!(left.as_secs_f64()),
            },
            "expire" => {
                dataknobs_kv::check_key(key()?)
                    .or_else(|e| if store.is_closed() { Ok(()) } else { Err(e) })?;
                let ttl = seconds(arg(2).unwrap_or(&Json::Null))?;
                json!(store.expire(key()?, ttl).await?)
            }
            "persist" => json!(store.persist(key()?).await?),
            "cleanupExpired" => json!(store.cleanup_expired().await?),
            "clear" => json!(store.clear().await?),
            "namespaces" => json!(store.namespaces().await?),
            "atomic" => self.atomic(arg(1)).await?,
            "namespace" => {
                let name = key()?;
                self.store = match name {
                    "" => self.root.clone(),
                    name => self.root.namespace(name)?,
                };
                absent()
            }
            "close" => {
                store.close().await?;
                absent()
            }
            other => return cannot(format!("the operation {other}")),
        })
    }

    async fn set_many(&self, entries: Option<&Json>, options: Option<&Json>) -> Called<Json> {
        let Some(Json::Array(items)) = entries else {
            return cannot("entries that are no list");
        };
        let shared = set_options(options)?;
        let mut entries = Vec::new();
        for item in items {
            let own = match item.get(2) {
                None => shared.clone(),
                own => set_options(own)?,
            };
            entries.push((text(item.get(0))?, value(item.get(1))?, own));
        }
        let results = self.store.set_many(entries).await?;
        Ok(results.iter().map(|r| json!(r.is_ok())).collect())
    }

    async fn atomic(&self, plan: Option<&Json>) -> Called<Json> {
        let plan = fields(plan)?;
        let mut atomic = self.store.atomic();
        for check in plan["checks"].as_array().expect("checks") {
            let expected = match check.get(1) {
                Some(Json::Null) => Check::Absent,
                version => Check::Version(Version::parse(text(version)?)),
            };
            atomic = atomic.check(text(check.get(0))?, expected);
        }
        for write in plan["writes"].as_array().expect("writes") {
            let key = text(write.get(1))?;
            atomic = match text(write.get(0))? {
                "delete" => atomic.delete(key),
                _ => atomic.set_with(key, value(write.get(2))?, set_options(write.get(3))?),
            };
        }
        Ok(match atomic.commit().await? {
            AtomicOutcome::Done(versions) => {
                let versions: Vec<Option<String>> = versions
                    .iter()
                    .map(|v| v.as_ref().map(Version::to_string))
                    .collect();
                json!({"ok": true, "versions": versions})
            }
            AtomicOutcome::Lost { index, entry } => {
                let entry = entry.map_or_else(absent, |e| entry_text(&e));
                json!({"ok": false, "index": index, "entry": entry})
            }
        })
    }
}
