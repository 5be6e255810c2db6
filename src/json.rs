//! The text form of values as JSON: what WIT and HTTP carry, and what the behaviour table is
//! written in.
//!
//! Null, booleans, numbers, strings, arrays and objects are as they are. A number without fraction
//! and exponent that fits into 64 bits is an integer; every other one is a double, and so is `-0`,
//! as in JavaScript. A whole double is written `1.0`. What JSON lacks is, at any depth, an object
//! whose only name is `$`:
//!
//! | value | text |
//! |---|---|
//! | bytes | `{"$": ["bytes", "AAEC"]}`, in base64 |
//! | a double that is not finite | `{"$": ["double", "NaN"]}`, `"Infinity"`, `"-Infinity"` |
//! | an object whose only name is `$` | `{"$": ["object", {"$": …}]}` |
//! | a value of a type that only some bindings know | `{"$": [tag, body]}` |
//!
//! Names keep their order; of a repeated name the last value wins.

use crate::{
    error::{Error, ErrorKind, Result},
    value::{MAX_DEPTH, Object, Tagged, Value},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Serialize,
    de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor},
};
use std::fmt;

/// The only name of an object that stands for something else.
const SPECIAL: &str = "$";
const BYTES: &str = "bytes";
const DOUBLE: &str = "double";
const OBJECT: &str = "object";

/// The tags that no [`Tagged`] value may have, as they mean something else in the text form.
pub const RESERVED_TAGS: [&str; 3] = [BYTES, DOUBLE, OBJECT];

/// How deep the JSON of a value of [`MAX_DEPTH`] nests: an escaped object is three levels of JSON.
const MAX_JSON_DEPTH: usize = 3 * MAX_DEPTH;

/// The text form of `value`.
///
/// ```
/// use dataknobs_kv::{Value, json};
/// let value = Value::from(vec![Value::from(1), 1.0.into(), vec![0u8, 1, 2].into()]);
/// assert_eq!(json::to_json(&value)?, r#"[1,1.0,{"$":["bytes","AAEC"]}]"#);
/// assert_eq!(json::from_json(r#"[1,1.0,{"$":["bytes","AAEC"]}]"#)?, value);
/// # Ok::<(), dataknobs_kv::Error>(())
/// ```
///
/// # Errors
/// `invalid-argument`: the value nests too deep, or has a tag that means something else here
/// (`bytes`, `double`, `object`); and what the host could not express of a value that it keeps.
pub fn to_json(value: &Value) -> Result<String> {
    value.check_depth()?;
    let mut out = Vec::new();
    write(value, MAX_DEPTH, &mut out)?;
    // Only whole texts were written.
    String::from_utf8(out).map_err(|_| fault("the text form of the value is not UTF-8"))
}

/// The text form of an object.
#[cfg(feature = "postgres")]
pub(crate) fn fields_to_json(fields: &Object) -> Result<String> {
    let mut out = Vec::new();
    object(fields, MAX_DEPTH, &mut out)?;
    String::from_utf8(out).map_err(|_| fault("the text form of the fields is not UTF-8"))
}

/// The value whose text form `text` is.
///
/// # Errors
/// `invalid-argument`, with the place: `text` is not JSON, nests too deep, or holds an object whose
/// only name is `$` that stands for nothing.
pub fn from_json(text: &str) -> Result<Value> {
    let mut reader = serde_json::Deserializer::from_str(text);
    // The depth is counted here: this bound is deeper than serde_json's.
    reader.disable_recursion_limit();
    let raw = Reader {
        left: MAX_JSON_DEPTH,
    }
    .deserialize(&mut reader)
    .and_then(|raw| reader.end().map(|()| raw))
    .map_err(|e| fault(format!("the text form of a value is JSON: {e}")))?;
    read(raw, MAX_DEPTH).map_err(Misread::into_error)
}

fn fault(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn write(value: &Value, left: usize, out: &mut Vec<u8>) -> Result<()> {
    // A value that the host kept may nest as well; all else was checked before.
    let left = left.checked_sub(1).ok_or_else(too_deep)?;
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Int(number) => scalar(number, out)?,
        Value::Float(number) if number.is_finite() => scalar(number, out)?,
        Value::Float(number) => {
            let name = match number {
                n if n.is_nan() => "NaN",
                n if *n > 0.0 => "Infinity",
                _ => "-Infinity",
            };
            special(DOUBLE, out, |out| scalar(name, out))?;
        }
        Value::Text(text) => scalar(&**text, out)?,
        Value::Bytes(bytes) => special(BYTES, out, |out| scalar(&*STANDARD.encode(bytes), out))?,
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, left, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) if fields.len() == 1 && fields.get(SPECIAL).is_some() => {
            special(OBJECT, out, |out| object(fields, left, out))?;
        }
        Value::Object(fields) => object(fields, left, out)?,
        Value::Tagged(tagged) => {
            if RESERVED_TAGS.contains(&&*tagged.tag) {
                return Err(fault(format!(
                    "the tag {:?} means something else in the text form of values: use another",
                    tagged.tag
                )));
            }
            special(&tagged.tag, out, |out| write(&tagged.body, left, out))?;
        }
        Value::Host(_) => write(&value.materialise()?, left + 1, out)?,
    }
    Ok(())
}

fn object(fields: &Object, left: usize, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    for (at, (name, value)) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        scalar(name, out)?;
        out.push(b':');
        write(value, left, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn special(
    tag: &str,
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    out.extend_from_slice(b"{\"$\":[");
    scalar(tag, out)?;
    out.push(b',');
    body(out)?;
    out.extend_from_slice(b"]}");
    Ok(())
}

fn scalar<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    value
        .serialize(&mut serde_json::Serializer::new(out))
        .map_err(|e| fault(e.to_string()))
}

fn too_deep() -> Error {
    fault(format!("a value nests at most {MAX_DEPTH} deep"))
}

/// JSON as it is, whatever it stands for.
enum Raw {
    Scalar(Value),
    Array(Vec<Raw>),
    Object(Vec<(String, Raw)>),
}

/// Reads [`Raw`], `left` levels deep at most.
#[derive(Clone, Copy)]
struct Reader {
    left: usize,
}

impl Reader {
    fn inner<E: serde::de::Error>(self) -> Result<Reader, E> {
        let left = self.left.checked_sub(1);
        left.map(|left| Reader { left })
            .ok_or_else(|| E::custom(format_args!("a value nests at most {MAX_DEPTH} deep")))
    }
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Raw;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Raw, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(flag.into()))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(number.into()))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
        let value = i64::try_from(number).map_or(Value::Float(number as f64), Value::Int);
        Ok(Raw::Scalar(value))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(number.into()))
    }
    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(text.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Raw::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let inner = self.inner()?;
        let mut fields = Vec::new();
        while let Some(name) = map.next_key()? {
            fields.push((name, map.next_value_seed(inner)?));
        }
        Ok(Raw::Object(fields))
    }
}

/// What was wrong, and the way there from the innermost outwards.
struct Misread {
    message: String,
    path: Vec<String>,
}

impl Misread {
    fn new(message: impl Into<String>) -> Misread {
        Misread {
            message: message.into(),
            path: Vec::new(),
        }
    }

    fn below(mut self, step: impl Into<String>) -> Misread {
        self.path.push(step.into());
        self
    }

    fn into_error(self) -> Error {
        let path: String = self.path.into_iter().rev().collect();
        let place = if path.is_empty() { "the top" } else { &path };
        fault(format!("{}, at {place}", self.message))
    }
}

/// What JSON stands for.
fn read(raw: Raw, left: usize) -> Result<Value, Misread> {
    let left = left
        .checked_sub(1)
        .ok_or_else(|| Misread::new(format!("a value nests at most {MAX_DEPTH} deep")))?;
    match raw {
        Raw::Scalar(value) => Ok(value),
        Raw::Array(items) => {
            let items: Result<Vec<Value>, Misread> = items
                .into_iter()
                .enumerate()
                .map(|(at, item)| read(item, left).map_err(|e| e.below(format!("[{at}]"))))
                .collect();
            items.map(Value::from)
        }
        Raw::Object(mut fields) => match fields.pop() {
            Some((name, inside)) if fields.is_empty() && name == SPECIAL => {
                read_special(inside, left).map_err(|e| e.below(".$"))
            }
            last => {
                fields.extend(last);
                read_fields(fields, left)
            }
        },
    }
}

fn read_fields(fields: Vec<(String, Raw)>, left: usize) -> Result<Value, Misread> {
    let fields: Result<Object, Misread> = fields
        .into_iter()
        .map(|(name, inside)| match read(inside, left) {
            Ok(value) => Ok((name, value)),
            Err(e) => Err(e.below(format!(".{name}"))),
        })
        .collect();
    fields.map(Value::from)
}

/// What stands under the only name `$`.
fn read_special(inside: Raw, left: usize) -> Result<Value, Misread> {
    let pair = match inside {
        Raw::Array(items) => <[Raw; 2]>::try_from(items).ok(),
        _ => None,
    };
    let Some([Raw::Scalar(Value::Text(tag)), body]) = pair else {
        return Err(Misread::new(
            "what stands under the only name \"$\" is [tag, body]; an object that has that name \
             is written {\"$\": [\"object\", {\"$\": …}]}",
        ));
    };
    match (&*tag, body) {
        (BYTES, Raw::Scalar(Value::Text(text))) if let Ok(bytes) = STANDARD.decode(&*text) => {
            Ok(bytes.into())
        }
        (BYTES, _) => Err(Misread::new("bytes are base64 text with + and /, padded")),
        (DOUBLE, Raw::Scalar(Value::Text(name))) if let Some(number) = in_words(&name) => {
            Ok(number.into())
        }
        (DOUBLE, _) => Err(Misread::new(
            "a double in words is \"NaN\", \"Infinity\" or \"-Infinity\"",
        )),
        (OBJECT, Raw::Object(fields)) => read_fields(fields, left).map_err(|e| e.below("[1]")),
        (OBJECT, _) => Err(Misread::new("what follows \"object\" is an object")),
        (_, body) => {
            let body = read(body, left).map_err(|e| e.below("[1]"))?;
            Ok(Value::Tagged(Box::new(Tagged { tag, body })))
        }
    }
}

fn in_words(name: &str) -> Option<f64> {
    match name {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
