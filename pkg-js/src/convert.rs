//! Values between the two sides. What JavaScript hands over has been checked and copied there.

use crate::hooks::{caught, hooks, kept};
use dataknobs_kv::{BIGINT_TAG, Entry, Error, ErrorKind, Object, Result, Tagged, Value};
use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

/// Beyond it a double no longer tells integers apart: 2^53 - 1.
const MAX_SAFE: i64 = 9_007_199_254_740_991;

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// A JavaScript value on this side.
pub fn from_js(value: &JsValue) -> Result<Value> {
    from_js_within(value, dataknobs_kv::MAX_DEPTH)
}

fn from_js_within(value: &JsValue, depth: usize) -> Result<Value> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(refused("a value nests too deep"));
    };
    if let Some(text) = value.as_string() {
        return Ok(text.into());
    }
    if let Some(number) = value.as_f64() {
        return Ok(from_number(number));
    }
    if let Some(flag) = value.as_bool() {
        return Ok(flag.into());
    }
    if value.is_null() {
        return Ok(Value::Null);
    }
    if let Some(items) = value.dyn_ref::<Array>() {
        let items = items
            .iter()
            .map(|item| from_js_within(&item, depth))
            .collect::<Result<Vec<_>>>();
        return Ok(items?.into());
    }
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Ok(bytes.to_vec().into());
    }
    let parts = hooks(|h| h.take_apart(value)).unwrap_or_default();
    if let Some(parts) = parts.dyn_ref::<Array>() {
        let tag = parts.get(0).as_string().unwrap_or_default();
        let body = from_js_within(&parts.get(1), depth)?;
        // A bigint that no JavaScript number could hold is a 64-bit integer, and comes back as one.
        if tag == BIGINT_TAG
            && let Some(n) = body.as_text().and_then(|digits| digits.parse::<i64>().ok())
            && n.unsigned_abs() > MAX_SAFE as u64
        {
            return Ok(Value::Int(n));
        }
        return Ok(Value::Tagged(Box::new(Tagged {
            tag: tag.into(),
            body,
        })));
    }
    if !value.is_object() {
        return Err(refused("undefined, a function or a symbol is no value"));
    }
    let fields = js_sys::Object::entries(value.unchecked_ref());
    let fields = fields.iter().map(|field| {
        let field: &Array = field.unchecked_ref();
        let name = field.get(0).as_string().unwrap_or_default();
        Ok((name, from_js_within(&field.get(1), depth)?))
    });
    Ok(fields.collect::<Result<Object>>()?.into())
}

fn from_number(number: f64) -> Value {
    let whole = number.trunc() == number && number.abs() <= MAX_SAFE as f64;
    if whole && !(number == 0.0 && number.is_sign_negative()) {
        return Value::Int(number as i64);
    }
    Value::Float(number)
}

/// A value as JavaScript sees it.
pub fn to_js(value: &Value) -> Result<JsValue> {
    Ok(match value {
        Value::Null => JsValue::NULL,
        Value::Bool(flag) => JsValue::from_bool(*flag),
        Value::Int(n) if n.unsigned_abs() > MAX_SAFE as u64 => JsValue::from(*n),
        Value::Int(n) => JsValue::from_f64(*n as f64),
        Value::Float(n) => JsValue::from_f64(*n),
        Value::Text(text) => JsValue::from_str(text),
        Value::Bytes(bytes) => Uint8Array::from(&**bytes).into(),
        Value::Array(items) => {
            let array = Array::new();
            for item in items.iter() {
                array.push(&to_js(item)?);
            }
            array.into()
        }
        Value::Object(fields) => object_to_js(fields)?,
        Value::Tagged(tagged) => {
            let body = to_js(&tagged.body)?;
            match hooks(|h| h.put_together(&tagged.tag, body)) {
                Some(Ok(value)) => value,
                Some(Err(thrown)) => return Err(caught(&thrown, ErrorKind::Corrupt)),
                None => JsValue::UNDEFINED,
            }
        }
        Value::Host(held) => kept(held.slot())?,
        _ => return Err(refused("a value of a kind that this build does not know")),
    })
}

/// An object as JavaScript sees it.
pub fn object_to_js(fields: &Object) -> Result<JsValue> {
    let object = js_sys::Object::new();
    for (name, value) in fields.iter() {
        let value = to_js(value)?;
        hooks(|h| h.put(&object, name, value));
    }
    Ok(object.into())
}

/// Metadata from JavaScript: an object, or nothing.
pub fn metadata_from_js(value: &JsValue) -> Result<Option<Object>> {
    if value.is_undefined() {
        return Ok(None);
    }
    match from_js(value)? {
        Value::Object(fields) => Ok(Some(*fields)),
        other => Err(refused(&format!(
            "metadata is an object; got {}",
            other.type_name()
        ))),
    }
}

/// An entry as JavaScript sees it.
pub fn entry_to_js(entry: &Entry) -> Result<JsValue> {
    let object = JsValue::from(js_sys::Object::new());
    let set = |name: &str, value: JsValue| drop(Reflect::set(&object, &name.into(), &value));
    let time = |at: u64| JsValue::from_f64(at as f64);
    set("key", JsValue::from_str(&entry.key));
    let value = to_js(&entry.value);
    set("value", value.map_err(|e| e.with_key(&entry.key))?);
    set("metadata", object_to_js(&entry.metadata)?);
    set("version", JsValue::from_str(&entry.version.to_string()));
    set("createdAt", time(entry.created_at));
    set("updatedAt", time(entry.updated_at));
    set("expiresAt", entry.expires_at.map_or(JsValue::NULL, time));
    Ok(object)
}
