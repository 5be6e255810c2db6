//! The behaviour table (`tests/behaviour/*.json`) through the crate's own door: `Store<Memory>` on
//! a clock that only the table moves. One line a case; name a part of a case to run only those.

use base64::{Engine, engine::general_purpose::STANDARD};
use dataknobs_kv::{
    AtomicOutcome, Check, Entry, Error, Object, Outcome, ScanOptions, SetOptions, Store, Tagged,
    Ttl, Value, Version,
    backend::memory::{Memory, MemoryOptions},
    conformance::ManualHost,
    escape_pattern,
};
use serde_json::{Map, Value as Json, json};
use std::{collections::HashMap, fmt::Write, path::Path, process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    // Some values nest thousands deep; the stack of the main thread is the system's choice.
    let work = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(run_all);
    work.expect("a thread").join().expect("no panic")
}

fn run_all() -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviour");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("tests/behaviour")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    let (mut passed, mut elsewhere, mut steps) = (0, 0, 0);
    let mut failures = String::new();
    for path in files {
        let file = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let cases: Vec<Json> = serde_json::from_str(&text).expect(&file);
        for case in &cases {
            let name = case["name"].as_str().expect("a name");
            let line = format!("{file}: {name}");
            if !wanted.is_empty() && !wanted.iter().any(|w| line.contains(&**w)) {
                continue;
            }
            if let Some(fault) = malformed(case) {
                let _ = writeln!(failures, "{line}\n  {fault}");
                continue;
            }
            if let Some(doors) = case["doors"].as_array()
                && !doors.contains(&json!("crate"))
            {
                elsewhere += 1;
                continue;
            }
            let faults = pollster::block_on(run_case(case, &mut steps));
            let verdict = if faults.is_empty() { "ok" } else { "FAILED" };
            println!("{line} ... {verdict}");
            if faults.is_empty() {
                passed += 1;
            } else {
                let _ = writeln!(failures, "{line}\n  {}", faults.join("\n  "));
            }
        }
    }
    println!("\n{passed} cases passed ({steps} steps), {elsewhere} are for other doors");
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nFAILED:\n{failures}");
    ExitCode::FAILURE
}

/// What every door relies on in the form of a case.
fn malformed(case: &Json) -> Option<String> {
    let case = case.as_object()?;
    let known = ["name", "doors", "why", "steps"];
    if let Some(name) = case.keys().find(|k| !known.contains(&&***k)) {
        return Some(format!("unknown field {name}"));
    }
    if case.contains_key("doors") != case.contains_key("why") {
        return Some("doors and why go together".into());
    }
    case["steps"].as_array()?.iter().find_map(|step| {
        let step = step.as_object()?;
        let known = ["do", "is", "fails", "wait", "as"];
        let fine = step.keys().all(|k| known.contains(&&**k))
            && step.contains_key("do") != step.contains_key("wait")
            && !(step.contains_key("is") && step.contains_key("fails"));
        (!fine).then(|| format!("malformed step {step:?}"))
    })
}

/// A case's failures: the first ends it where what follows would build on it.
async fn run_case(case: &Json, count: &mut usize) -> Vec<String> {
    let host = ManualHost::new(1_700_000_000_000);
    let mut door = Door::new(Arc::clone(&host));
    let mut names = HashMap::new();
    let mut faults = Vec::new();
    for (at, step) in case["steps"].as_array().expect("steps").iter().enumerate() {
        *count += 1;
        let mut fault = |what: String| {
            let mut step = step["do"].to_string();
            if let Some((cut, _)) = step.char_indices().nth(200) {
                step.truncate(cut);
            }
            faults.push(format!("step {}: {step}\n    {what}", at + 1));
        };
        if let Some(ms) = step["wait"].as_u64() {
            host.advance(ms);
            continue;
        }
        let call = match expand(&step["do"], &names) {
            Ok(call) => call,
            Err(what) => {
                fault(what);
                break;
            }
        };
        let result = match door.call(call.as_array().expect("a call")).await {
            Ok(result) => result,
            Err(Failed::Inexpressible(what)) => {
                fault(format!("this door cannot say it: {what}"));
                break;
            }
            Err(Failed::Error(error)) => {
                match step["fails"].as_str() {
                    Some(code) if code == error.kind().code() => {}
                    Some(code) => fault(format!("should fail with {code}, not {error}")),
                    None => fault(format!("failed: {error}")),
                }
                if error.message().is_empty() {
                    fault("the error says nothing".into());
                }
                continue;
            }
        };
        if let Some(code) = step["fails"].as_str() {
            fault(format!("should fail with {code}; gave {}", short(&result)));
        }
        if let Some(expected) = step.get("is") {
            match expand(expected, &names) {
                Ok(expected) => {
                    if let Err(what) = matches(&expected, &result) {
                        fault(what);
                    }
                }
                Err(what) => fault(what),
            }
        }
        if let Some(name) = step["as"].as_str() {
            names.insert(name.to_owned(), result);
        }
    }
    faults
}

fn short(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(120) {
        None => text,
        Some((cut, _)) => format!("{}…", &text[..cut]),
    }
}

// The text form.

/// The tag and what follows it, where `json` stands for something else.
fn special(json: &Json) -> Option<(&str, &[Json])> {
    let object = json.as_object().filter(|o| o.len() == 1)?;
    let (tag, rest) = object.get("$")?.as_array()?.split_first()?;
    Some((tag.as_str()?, rest))
}

fn absent() -> Json {
    json!({"$": ["absent"]})
}

fn is_absent(json: &Json) -> bool {
    matches!(special(json), Some(("absent", [])))
}

/// Replaces the helpers.
fn expand(json: &Json, names: &HashMap<String, Json>) -> Result<Json, String> {
    if let Some((tag, args)) = special(json) {
        let text = |at: usize| args[at].as_str().expect("a text");
        let number = |at: usize| args[at].as_u64().expect("a number") as usize;
        return Ok(match tag {
            "repeat" => text(0).repeat(number(1)).into(),
            "join" => {
                let mut all = String::new();
                for part in args {
                    all += expand(part, names)?.as_str().expect("a text");
                }
                all.into()
            }
            "nest" => (0..number(0)).fold(expand(&args[1], names)?, |inner, _| json!([inner])),
            "keys" => (0..number(1))
                .map(|i| format!("{}{i:05}", text(0)))
                .collect(),
            "pairs" => (0..number(1))
                .map(|i| json!([format!("{}{i:05}", text(0)), i]))
                .collect(),
            "ref" => {
                let mut path = text(0).split('.');
                let mut at = names.get(path.next().unwrap_or_default());
                for part in path {
                    at = at.and_then(|json| match part.parse::<usize>() {
                        Ok(index) => json.get(index),
                        Err(_) => json.get(part),
                    });
                }
                return at
                    .cloned()
                    .ok_or_else(|| format!("nothing is named {}", text(0)));
            }
            "object" | "any" | "about" | "absent" => json.clone(),
            _ => json!({"$": [tag, expand(&args[0], names)?]}),
        });
    }
    Ok(match json {
        Json::Array(items) => Json::Array(
            items
                .iter()
                .map(|item| expand(item, names))
                .collect::<Result<_, _>>()?,
        ),
        Json::Object(fields) => Json::Object(
            fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), expand(value, names)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => other.clone(),
    })
}

fn to_value(json: &Json) -> Value {
    let object = |fields: &Map<String, Json>| -> Value {
        let fields = fields.iter().map(|(n, v)| (&**n, to_value(v)));
        fields.collect::<Object>().into()
    };
    match special(json) {
        Some(("object", [Json::Object(fields)])) => return object(fields),
        Some(("bytes", [Json::String(text)])) => {
            return STANDARD.decode(text).expect("base64").into();
        }
        Some(("double", [Json::String(text)])) => {
            return text.parse::<f64>().expect("a double").into();
        }
        Some((tag, [body])) => {
            return Value::Tagged(Box::new(Tagged {
                tag: tag.into(),
                body: to_value(body),
            }));
        }
        _ => {}
    }
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => (*b).into(),
        Json::Number(n) => match n.as_i64() {
            Some(n) => n.into(),
            None => n.as_f64().expect("a number").into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(to_value).collect::<Vec<_>>().into(),
        Json::Object(fields) => object(fields),
    }
}

fn to_text(value: &Value) -> Json {
    let object = |fields: &Object| -> Json {
        let fields: Map<String, Json> = fields
            .iter()
            .map(|(name, value)| (name.to_owned(), to_text(value)))
            .collect();
        if fields.len() == 1 && fields.contains_key("$") {
            return json!({"$": ["object", fields]});
        }
        Json::Object(fields)
    };
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Int(n) => json!(n),
        Value::Float(n) if n.is_nan() => json!({"$": ["double", "NaN"]}),
        Value::Float(n) if n.is_infinite() => {
            json!({"$": ["double", if *n > 0.0 { "Infinity" } else { "-Infinity" }]})
        }
        Value::Float(n) => json!(n),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!({"$": ["bytes", STANDARD.encode(bytes)]}),
        Value::Array(items) => items.iter().map(to_text).collect(),
        Value::Object(fields) => object(fields),
        Value::Tagged(tagged) => json!({"$": [tagged.tag, to_text(&tagged.body)]}),
        other => panic!("{other:?} has no text form"),
    }
}

/// Does `got` look as `expected` says?
fn matches(expected: &Json, got: &Json) -> Result<(), String> {
    let differ = || Err(format!("should be {}, not {}", short(expected), short(got)));
    match special(expected) {
        Some(("any", [])) if !is_absent(got) => return Ok(()),
        Some(("about", [number, tolerance])) => {
            let (n, t) = (number.as_f64().expect("n"), tolerance.as_f64().expect("t"));
            let near = got.as_f64().is_some_and(|got| (got - n).abs() <= t);
            return if near { Ok(()) } else { differ() };
        }
        Some(("object", [Json::Object(expected)])) => {
            return match special(got) {
                Some(("object", [Json::Object(got)])) => matches(&expected["$"], &got["$"]),
                _ => differ(),
            };
        }
        Some((tag, body)) => {
            return match special(got) {
                Some((other, found)) if tag == other && body.len() == found.len() => {
                    body.iter().zip(found).try_for_each(|(a, b)| matches(a, b))
                }
                _ => differ(),
            };
        }
        None if special(got).is_some() => return differ(),
        None => {}
    }
    match (expected, got) {
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .try_for_each(|(at, (a, b))| matches(a, b).map_err(|e| format!("[{at}] {e}"))),
        (Json::Object(a), Json::Object(b)) => a.iter().try_for_each(|(name, a)| {
            let b = b.get(name).cloned().unwrap_or_else(absent);
            matches(a, &b).map_err(|e| format!("{name}: {e}"))
        }),
        (Json::Number(a), Json::Number(b)) => {
            let bits = |n: &serde_json::Number| (n.is_f64(), n.as_f64().map(f64::to_bits));
            if a == b && bits(a) == bits(b) {
                Ok(())
            } else {
                differ()
            }
        }
        (a, b) if a == b => Ok(()),
        _ => differ(),
    }
}

// The door.

enum Failed {
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

struct Door {
    root: Store<Memory>,
    store: Store<Memory>,
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
    fn new(host: Arc<ManualHost>) -> Door {
        let memory = Memory::new(MemoryOptions::default(), host.clone());
        let root = Store::new(memory, host);
        Door {
            store: root.clone(),
            root,
        }
    }

    async fn call(&mut self, call: &[Json]) -> Called<Json> {
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
