//! Values in the text form of the table, and its helpers.

use base64::{Engine, engine::general_purpose::STANDARD};
use dataknobs_kv::{Object, Tagged, Value};
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;

/// The tag and what follows it, where `json` stands for something else.
pub fn special(json: &Json) -> Option<(&str, &[Json])> {
    let object = json.as_object().filter(|o| o.len() == 1)?;
    let (tag, rest) = object.get("$")?.as_array()?.split_first()?;
    Some((tag.as_str()?, rest))
}

pub fn absent() -> Json {
    json!({"$": ["absent"]})
}

pub fn is_absent(json: &Json) -> bool {
    matches!(special(json), Some(("absent", [])))
}

/// Replaces the helpers.
pub fn expand(json: &Json, names: &HashMap<String, Json>) -> Result<Json, String> {
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

pub fn to_value(json: &Json) -> Value {
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

pub fn to_text(value: &Value) -> Json {
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
