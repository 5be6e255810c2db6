//! Typed values: what a key holds, and what comes back as it was.

mod number;
mod object;

pub use object::Object;

use crate::{
    error::{Error, ErrorKind, Result},
    maybe_send::{MaybeSend, MaybeSync},
};
use number::Number;
use std::fmt;

/// How deep arrays and objects may nest, so that no reader can run out of stack.
pub const MAX_DEPTH: usize = 256;

/// A value with its type: `"123"` stays text, `123` an integer.
///
/// ```
/// use dataknobs_kv::Value;
/// let value: Value = "123".into();
/// assert_eq!(value.as_text(), Some("123"));
/// assert_eq!(Value::from(1).type_name(), "integer");
/// assert!(Value::from(1).same(&Value::from(1.0)), "numbers compare by what they are worth");
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Value {
    /// Null: a value, not an absence.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A double, of any kind: NaN, the infinities and −0 too.
    Float(f64),
    /// Text.
    Text(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// An array.
    Array(Box<Vec<Value>>),
    /// An object: names and values in the order in which they were given.
    Object(Box<Object>),
    /// A value of a type that only some bindings know: `date`, `bigint`, `map`, …
    Tagged(Box<Tagged>),
    /// A value that the host keeps on its side.
    Host(HostValue),
}

/// A value of a type that only some bindings know, under a tag with a documented body.
#[derive(Clone, Debug)]
pub struct Tagged {
    /// The type's name, such as `date`.
    pub tag: Box<str>,
    /// What the tag says the value is made of.
    pub body: Value,
}

/// The tag of an integer that is kept apart from 64-bit integers (JavaScript's `bigint`); its body
/// is the number in decimal, as text.
pub const BIGINT_TAG: &str = "bigint";

/// What the host does for values that it keeps: JavaScript's strings and objects stay where they
/// are, and the store holds a number for each.
pub trait HostValues: MaybeSend + MaybeSync {
    /// A second number for the value under `slot`.
    fn retain(&self, slot: u32) -> u32;
    /// The number is no longer held.
    fn release(&self, slot: u32);
    /// The value under `slot`, copied to this side.
    ///
    /// # Errors
    /// What the host could not express.
    fn materialise(&self, slot: u32) -> Result<Value>;
    /// Lends those of the values under `slots` that are text to `take`, in one crossing and without running anybody's
    /// code; `None`: it is to be asked for alone. A host that cannot does not call it.
    fn texts(&self, slots: &[u32], take: &mut dyn FnMut(&[Option<&str>])) {
        let _ = (slots, take);
    }
}

/// Lends the texts of those of the values that the host keeps, in their order. Where it keeps some and cannot lend
/// them, `take` is not called.
pub(crate) fn lend_texts(values: &[&Value], take: &mut dyn FnMut(&[Option<&str>])) {
    let mut slots = Vec::new();
    let mut host = None;
    for value in values {
        if let Value::Host(held) = value {
            slots.push(held.slot);
            host = Some(held.host);
        }
    }
    match host {
        None => take(&[]),
        Some(host) => host.texts(&slots, &mut |texts| {
            if texts.len() == slots.len() {
                take(texts);
            }
        }),
    }
}

/// Calls `f` with the texts of those of the values that the host keeps, in their order; `None`, or none at all: it is
/// to be asked for alone. Where all are texts, they are lent. Else they are copied before: `f` may run others' code.
pub(crate) fn with_texts<R>(values: &[&Value], f: &mut dyn FnMut(&[Option<&str>]) -> R) -> R {
    let mut done = None;
    let mut copies: Vec<Option<Box<str>>> = Vec::new();
    lend_texts(values, &mut |texts| {
        if texts.iter().all(Option::is_some) {
            done = Some(f(texts));
        } else {
            copies = texts.iter().map(|text| text.map(Box::from)).collect();
        }
    });
    done.unwrap_or_else(|| f(&copies.iter().map(Option::as_deref).collect::<Vec<_>>()))
}

/// The number of a value that the host keeps; released when dropped.
pub struct HostValue {
    slot: u32,
    host: &'static dyn HostValues,
}

impl HostValue {
    /// Takes over `slot`, which `host` has just given out.
    pub fn new(slot: u32, host: &'static dyn HostValues) -> HostValue {
        HostValue { slot, host }
    }

    /// The number under which the host keeps the value.
    #[must_use]
    #[inline]
    pub fn slot(&self) -> u32 {
        self.slot
    }
}

impl Clone for HostValue {
    fn clone(&self) -> Self {
        HostValue::new(self.host.retain(self.slot), self.host)
    }
}

impl Drop for HostValue {
    #[inline]
    fn drop(&mut self) {
        self.host.release(self.slot);
    }
}

impl fmt::Debug for HostValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}", self.slot)
    }
}

impl Value {
    /// The type's name, as messages and documentation spell it; of a tagged value its tag.
    #[must_use]
    pub fn type_name(&self) -> &str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Float(_) => "double",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Tagged(tagged) => &tagged.tag,
            Value::Host(_) => "host value",
        }
    }

    /// The text, where the value is text on this side.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, where the value is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The bytes, where the value is bytes on this side.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The value on this side: a value that the host keeps is copied over.
    ///
    /// # Errors
    /// What the host could not express.
    pub fn materialise(&self) -> Result<Value> {
        match self {
            Value::Host(held) => held.host.materialise(held.slot),
            other => Ok(other.clone()),
        }
    }

    /// Are two values the same for compare-and-swap? Numbers by mathematical value, whatever their
    /// tag (NaN is NaN, −0 is 0); objects whatever the order of their names; otherwise the same
    /// type and the same content. Values that the host keeps compare as themselves only:
    /// [`materialise`](Value::materialise) them first.
    #[must_use]
    pub fn same(&self, other: &Value) -> bool {
        if let (Some(a), Some(b)) = (Number::of(self), Number::of(other)) {
            return a.same(&b);
        }
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| x.same(y))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len()
                    && a.sorted()
                        .iter()
                        .zip(b.sorted())
                        .all(|(x, y)| x.0 == y.0 && x.1.same(&y.1))
            }
            (Value::Tagged(a), Value::Tagged(b)) => a.tag == b.tag && a.body.same(&b.body),
            (Value::Host(a), Value::Host(b)) => a.slot == b.slot,
            _ => false,
        }
    }

    /// Refuses what nests deeper than [`MAX_DEPTH`].
    pub(crate) fn check_depth(&self) -> Result<()> {
        fn within(value: &Value, left: usize) -> bool {
            let Some(left) = left.checked_sub(1) else {
                return false;
            };
            match value {
                Value::Array(items) => items.iter().all(|v| within(v, left)),
                Value::Object(fields) => fields.iter().all(|(_, v)| within(v, left)),
                Value::Tagged(tagged) => within(&tagged.body, left),
                _ => true,
            }
        }
        if within(self, MAX_DEPTH) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("a value nests at most {MAX_DEPTH} deep"),
        ))
    }
}

/// `same`: what compare-and-swap calls equal.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.same(other)
    }
}

macro_rules! from {
    ($($from:ty => |$v:ident| $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Value {
                $to
            }
        }
    )*};
}

from! {
    &str => |v| Value::Text(v.into());
    String => |v| Value::Text(v.into());
    bool => |v| Value::Bool(v);
    i32 => |v| Value::Int(v.into());
    i64 => |v| Value::Int(v);
    f64 => |v| Value::Float(v);
    &[u8] => |v| Value::Bytes(v.into());
    Vec<u8> => |v| Value::Bytes(v.into());
    Vec<Value> => |v| Value::Array(Box::new(v));
    Object => |v| Value::Object(Box::new(v));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_compare_whatever_their_order() {
        let object = |fields: &[(&str, i32)]| {
            Value::from(
                fields
                    .iter()
                    .map(|(n, v)| (*n, Value::from(*v)))
                    .collect::<Object>(),
            )
        };
        assert!(object(&[("a", 1), ("b", 2)]).same(&object(&[("b", 2), ("a", 1)])));
        assert!(!object(&[("a", 1)]).same(&object(&[("a", 2)])));
        assert!(object(&[("a", 1), ("a", 2)]).same(&object(&[("a", 2)])));
    }

    #[test]
    fn depth_is_bounded() {
        let nest = |depth| (1..depth).fold(Value::Null, |inner, _| Value::from(vec![inner]));
        assert!(nest(MAX_DEPTH).check_depth().is_ok());
        assert!(nest(MAX_DEPTH + 1).check_depth().is_err());
    }
}
