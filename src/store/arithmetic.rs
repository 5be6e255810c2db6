//! `increment` and `append`.

use super::{Store, compare::with_value, options::ShownNumber};
use crate::{
    backend::{Backend, Decision},
    error::{Error, ErrorKind, Result},
    maybe_send::{MaybeSend, MaybeSync},
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
        let delta = delta.into();
        let key = self.key(key)?;
        match &delta {
            Value::Int(_) => {}
            Value::Float(n) if n.is_finite() => {}
            Value::Float(n) => {
                return Err(
                    argument(format!("a delta is finite; got {}", ShownNumber(*n)))
                        .with_key(key.as_str()),
                );
            }
            other => {
                return Err(
                    argument(format!("a delta is a number; got {}", other.type_name()))
                        .with_key(key.as_str()),
                );
            }
        }
        self.change_value(key, |old| match old {
            None => add(&Value::Int(0), &delta),
            Some(old) => add(old, &delta),
        })
        .await
    }

    /// Adds text to the text, or bytes to the bytes, under `key`; absent counts as empty. The new
    /// value.
    ///
    /// # Errors
    /// `type-mismatch`: what is there is of another type. `invalid-argument`: `tail` is neither text
    /// nor bytes. And as [`set`](Store::set).
    pub async fn append(&self, key: &str, tail: impl Into<Value> + MaybeSend) -> Result<Value> {
        let tail = tail.into().materialise()?;
        let key = self.key(key)?;
        if !matches!(tail, Value::Text(_) | Value::Bytes(_)) {
            return Err(argument(format!(
                "append adds text or bytes; got {}",
                tail.type_name()
            ))
            .with_key(key.as_str()));
        }
        self.change_value(key, |old| match (old, &tail) {
            (None, tail) => Ok(tail.clone()),
            (Some(Value::Text(old)), Value::Text(tail)) => Ok([&**old, tail].concat().into()),
            (Some(Value::Bytes(old)), Value::Bytes(tail)) => Ok([&**old, tail].concat().into()),
            (Some(old), tail) => Err(mismatch(format!(
                "{} cannot be appended to {}",
                tail.type_name(),
                old.type_name()
            ))),
        })
        .await
    }

    /// Puts what `make` makes of the value in its place, and returns it.
    async fn change_value(
        &self,
        key: crate::key::Key<'_>,
        make: impl Fn(Option<&Value>) -> Result<Value> + MaybeSend + MaybeSync,
    ) -> Result<Value> {
        let mut made = Value::Null;
        self.change(key, self.now(), |stored, now| {
            let value = match stored.map(|s| s.value) {
                Some(held @ Value::Host(_)) => make(Some(&held.materialise()?)),
                old => make(old),
            }?;
            made = value.clone();
            Ok(Some(Decision::Put(with_value(stored, value, now))))
        })
        .await?;
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
            let sum = digits
                .parse::<i64>()
                .ok()
                .and_then(|a| a.checked_add(*b))
                .ok_or_else(overflow)?;
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
