//! Values as JSON text: the form of [`json`](crate::json), written without serde.

use super::{BYTES, DOUBLE, OBJECT, RESERVED, SPECIAL, TAGGED, base64};
use crate::{
    host::Host,
    value::{Object, Value},
};

pub(super) fn value(value: &Value, host: &dyn Host, out: &mut Vec<u8>) {
    match value {
        // An envelope holds no value of the host's.
        Value::Null | Value::Host(_) => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Int(number) => signed(*number, out),
        Value::Float(number) if number.is_finite() => {
            out.extend_from_slice(host.write_double(*number).as_bytes());
        }
        Value::Float(number) => special(DOUBLE, out, |out| {
            let name = match number {
                n if n.is_nan() => "NaN",
                n if *n > 0.0 => "Infinity",
                _ => "-Infinity",
            };
            text(name, out);
        }),
        Value::Text(content) => text(content, out),
        Value::Bytes(bytes) => special(BYTES, out, |out| {
            out.push(b'"');
            base64::encode(bytes, out);
            out.push(b'"');
        }),
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                self::value(item, host, out);
            }
            out.push(b']');
        }
        Value::Object(fields) if is_special(fields) => {
            special(OBJECT, out, |out| object(fields, host, out));
        }
        Value::Object(fields) => object(fields, host, out),
        Value::Tagged(tagged) if RESERVED.contains(&&*tagged.tag) => {
            special(TAGGED, out, |out| {
                text(&tagged.tag, out);
                out.push(b',');
                self::value(&tagged.body, host, out);
            });
        }
        Value::Tagged(tagged) => {
            special(&tagged.tag, out, |out| self::value(&tagged.body, host, out))
        }
    }
}

fn is_special(fields: &Object) -> bool {
    fields.len() == 1 && fields.get(SPECIAL).is_some()
}

pub(super) fn object(fields: &Object, host: &dyn Host, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, inside)) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(name, out);
        out.push(b':');
        value(inside, host, out);
    }
    out.push(b'}');
}

fn special(tag: &str, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"$\":[");
    text(tag, out);
    out.push(b',');
    body(out);
    out.extend_from_slice(b"]}");
}

pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest
        .iter()
        .position(|b| matches!(b, b'"' | b'\\' | 0..0x20))
    {
        let (plain, after) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((special, after)) = after.split_first() else {
            break;
        };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                out.extend_from_slice(b"\\u00");
                for digit in [control >> 4, control & 15] {
                    out.push(digit + if digit < 10 { b'0' } else { b'a' - 10 });
                }
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn signed(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    unsigned(number.unsigned_abs(), out);
}

pub(super) fn unsigned(mut number: u64, out: &mut Vec<u8>) {
    let from = out.len();
    loop {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.get_mut(from..).unwrap_or_default().reverse();
}
