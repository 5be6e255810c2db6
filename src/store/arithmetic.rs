//! `increment` and `append`.

use super::{Ops, Store, compare::with_value, options::ShownNumber};
use crate::{
    backend::{Backend, Decision},
    error::{Error, ErrorKind, Result},
    key::Key,
    maybe_send::{MaybeSend, MaybeSync},
    record::StoredRef,
    value::{BIGINT_TAG, Tagged, Value},
};

impl<B: Backend> Store<B> {
    /// Adds `delta`, an integer or a double, to the number under `key`; absent counts as 0. The sum:
    /// an integer, or a double where either side is one.
    ///
    /// # Errors
    /// `type-mismatch`: what is there is no number. `invalid-argument`: the delta is no number or
    /// not finite, or the sum is past 64 bits or not finite. And as [`set`](Store::set).
    pub async fn increment(&self, key: &str, delta: impl Into<Value> + MaybeSend) -> Result<Value> {
        wait!(self.ops().increment(key, delta.into()))
    }

    /// Adds text to the text, or bytes to the bytes, under `key`; absent counts as empty. The new
    /// value.
    ///
    /// # Errors
    /// `type-mismatch`: what is there is of another type. `invalid-argument`: `tail` is neither text
    /// nor bytes. And as [`set`](Store::set).
    pub async fn append(&self, key: &str, tail: impl Into<Value> + MaybeSend) -> Result<Value> {
        wait!(self.ops().append(key, tail.into()))
    }
}

/// What a change makes of the old value.
trait Make: MaybeSend + MaybeSync {
    fn make(&self, old: Option<&Value>) -> Result<Value>;
}

impl<F: Fn(Option<&Value>) -> Result<Value> + MaybeSend + MaybeSync> Make for F {
    fn make(&self, old: Option<&Value>) -> Result<Value> {
        self(old)
    }
}

impl Ops<'_> {
    async fn increment(&self, key: &str, delta: Value) -> Result<Value> {
        let key = self.key(key)?;
        let fault = match &delta {
            Value::Int(_) => None,
            Value::Float(n) if n.is_finite() => None,
            Value::Float(n) => Some(format!("a delta is finite; got {}", ShownNumber(*n))),
            other => Some(format!("a delta is a number; got {}", other.type_name())),
        };
        if let Some(fault) = fault {
            return Err(argument(fault).with_key(key.as_str()));
        }
        wait!(self.change_value(key, &|old: Option<&Value>| {
            add(old.unwrap_or(&Value::Int(0)), &delta)
        }))
    }

    async fn append(&self, key: &str, tail: Value) -> Result<Value> {
        let tail = tail.materialise()?;
        let key = self.key(key)?;
        if !matches!(tail, Value::Text(_) | Value::Bytes(_)) {
            let got = tail.type_name();
            return Err(
                argument(format!("append adds text or bytes; got {got}")).with_key(key.as_str())
            );
        }
        wait!(
            self.change_value(key, &|old: Option<&Value>| match (old, &tail) {
                (None, tail) => Ok(tail.clone()),
                (Some(Value::Text(old)), Value::Text(tail)) => Ok([&**old, tail].concat().into()),
                (Some(Value::Bytes(old)), Value::Bytes(tail)) => Ok([&**old, tail].concat().into()),
                (Some(old), tail) => Err(mismatch(format!(
                    "{} cannot be appended to {}",
                    tail.type_name(),
                    old.type_name()
                ))),
            })
        )
    }

    /// Puts what `make` makes of the value in its place, and returns it.
    async fn change_value(&self, key: Key<'_>, make: &dyn Make) -> Result<Value> {
        let mut made = Value::Null;
        wait!(self.change(key, &mut |stored: Option<StoredRef<'_>>, now| {
            let value = match stored.map(|s| s.value) {
                Some(held @ Value::Host(_)) => make.make(Some(&held.materialise()?)),
                old => make.make(old),
            }?;
            made = value.clone();
            Ok(Some(Decision::Put(with_value(stored, value, now))))
        }))?;
        Ok(made)
    }
}

fn add(old: &Value, delta: &Value) -> Result<Value> {
    match (old, delta) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Int(a), Value::Float(b)) => finite(*a as f64 + b),
        (Value::Float(a), Value::Int(b)) => finite(a + *b as f64),
        (Value::Float(a), Value::Float(b)) => finite(a + b),
        // A big integer stays one, within 64 bits.
        (Value::Tagged(big), Value::Int(b)) if &*big.tag == BIGINT_TAG => {
            let digits = big.body.as_text().unwrap_or_default();
            let Ok(old) = digits.parse::<i64>() else {
                return Err(mismatch(
                    "increment works on 64-bit integers; what is there is larger: use update"
                        .to_owned(),
                ));
            };
            let sum = old.checked_add(*b).ok_or_else(overflow)?;
            Ok(Value::Tagged(Box::new(Tagged {
                tag: BIGINT_TAG.into(),
                body: sum.to_string().into(),
            })))
        }
        _ => Err(mismatch(format!(
            "increment works on integers and doubles; what is there is {}",
            old.type_name()
        ))),
    }
}

fn finite(sum: f64) -> Result<Value> {
    if sum.is_finite() {
        return Ok(Value::Float(sum));
    }
    Err(argument(format!(
        "the sum is not finite: {}",
        ShownNumber(sum)
    )))
}

fn overflow() -> Error {
    argument("the sum does not fit into a 64-bit integer".to_owned())
}

fn argument(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn mismatch(message: String) -> Error {
    Error::new(ErrorKind::TypeMismatch, message)
}
