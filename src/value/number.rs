//! Numbers by what they are worth, whatever they are kept as.

use super::{BIGINT_TAG, Value};

/// A number by its worth.
pub(super) enum Number<'a> {
    Int(i64),
    Float(f64),
    /// Decimal digits with a sign, as long as they must be.
    Big(&'a str),
}

impl Number<'_> {
    pub(super) fn of(value: &Value) -> Option<Number<'_>> {
        match value {
            Value::Int(n) => Some(Number::Int(*n)),
            Value::Float(n) => Some(Number::Float(*n)),
            Value::Tagged(tagged) if &*tagged.tag == BIGINT_TAG => {
                let digits = tagged.body.as_text()?;
                Some(digits.parse().map_or(Number::Big(digits), Number::Int))
            }
            _ => None,
        }
    }

    pub(super) fn same(&self, other: &Number<'_>) -> bool {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a == b,
            (Number::Float(a), Number::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Number::Big(a), Number::Big(b)) => a == b,
            (Number::Int(a), Number::Float(b)) | (Number::Float(b), Number::Int(a)) => {
                // 2^63 and above have no i64; below, the cast is exact where the number is whole.
                b.trunc() == *b
                    && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(b)
                    && *b as i64 == *a
            }
            (Number::Big(a), Number::Float(b)) | (Number::Float(b), Number::Big(a)) => {
                same_big(a, *b)
            }
            _ => false,
        }
    }
}

/// Is a double worth what decimal digits beyond 64 bits say? The digits are reduced to binary, so
/// that no rounding decides. (Printing the double exactly instead costs 7 KB of wasm.)
fn same_big(digits: &str, double: f64) -> bool {
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits),
    };
    if !double.is_finite() || double.is_sign_negative() != negative || digits.len() > 310 {
        return false;
    }
    // Base 2^32, least significant first.
    let mut words: Vec<u32> = Vec::new();
    for digit in digits.bytes() {
        if !digit.is_ascii_digit() {
            return false;
        }
        let mut carry = u64::from(digit - b'0');
        for word in &mut words {
            carry += u64::from(*word) * 10;
            *word = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            words.push(carry as u32);
        }
    }
    // Every partial sum is exact where the number has at most 53 significant bits; where it has
    // more, some low word is lost, and the number is no double at all.
    let mut worth = 0.0_f64;
    for (at, word) in words.iter().enumerate().rev() {
        let part = f64::from(*word) * 2_f64.powi(32 * at as i32);
        let sum = worth + part;
        if sum - worth != part || sum - part != worth {
            return false;
        }
        worth = sum;
    }
    worth == double.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Tagged;

    fn big(digits: &str) -> Value {
        Value::Tagged(Box::new(Tagged {
            tag: BIGINT_TAG.into(),
            body: digits.into(),
        }))
    }

    #[test]
    fn numbers_compare_by_worth() {
        for (a, b, same) in [
            (Value::from(1), Value::from(1.0), true),
            (Value::from(0), Value::from(-0.0), true),
            (f64::NAN.into(), f64::NAN.into(), true),
            (
                i64::MAX.into(),
                Value::from(9_223_372_036_854_775_808.0),
                false,
            ),
            (
                i64::MIN.into(),
                Value::from(-9_223_372_036_854_775_808.0),
                true,
            ),
            (
                Value::from(9_007_199_254_740_993_i64),
                Value::from(9_007_199_254_740_992.0),
                false,
            ),
            (big("5"), Value::from(5), true),
            (big("5"), Value::from(5.0), true),
            (
                big("18446744073709551616"),
                Value::from(18_446_744_073_709_551_616.0),
                true,
            ),
            (
                big("18446744073709551617"),
                Value::from(18_446_744_073_709_551_616.0),
                false,
            ),
            (Value::from(1), Value::from("1"), false),
            (Value::from(1), Value::from(true), false),
            (Value::Null, Value::from(0), false),
        ] {
            assert_eq!(a.same(&b), same, "{a:?} {b:?}");
            assert_eq!(b.same(&a), same, "{b:?} {a:?}");
        }
    }
}
