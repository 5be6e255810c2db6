//! What callers pass and get: options, entries, outcomes.

use crate::{
    error::{Error, ErrorKind, Result},
    key::Shown,
    record::{Metadata, StoredRef, Version},
    value::Value,
};
use std::{fmt, num::NonZeroU64, time::Duration};

/// The longest time to live: 10 years of 365.25 days, in milliseconds.
const MAX_TTL: f64 = 315_576_000_000.0;

/// A time to live, more than 0 and at most 10 years, rounded up to a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl(NonZeroU64);

impl Ttl {
    /// A time to live of `seconds`; fractions are allowed.
    ///
    /// ```
    /// use dataknobs_kv::Ttl;
    /// assert_eq!(Ttl::seconds(0.0001)?.as_millis(), 1);
    /// assert!(Ttl::seconds(0.0).is_err());
    /// # Ok::<(), dataknobs_kv::Error>(())
    /// ```
    ///
    /// # Errors
    /// `invalid-argument`: zero, negative, not finite, or over 10 years.
    pub fn seconds(seconds: f64) -> Result<Ttl> {
        let millis = exact_millis(seconds).ceil();
        // The cast is exact: the bound is far below 2^53.
        match NonZeroU64::new(millis as u64) {
            Some(ttl) if (1.0..=MAX_TTL).contains(&millis) => Ok(Ttl(ttl)),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "a time to live is more than 0 and at most {} seconds (10 years); got {}",
                    MAX_TTL as u64 / 1000,
                    ShownNumber(seconds)
                ),
            )),
        }
    }

    /// A time to live of `millis` milliseconds.
    ///
    /// # Errors
    /// `invalid-argument`: zero or over 10 years.
    pub fn millis(millis: u64) -> Result<Ttl> {
        Ttl::seconds(millis as f64 / 1000.0)
    }

    /// The time to live in milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0.get()
    }

    pub(super) fn after(self, now: u64) -> NonZeroU64 {
        self.0.saturating_add(now)
    }
}

/// A number in a message, to three places. (Printing doubles exactly brings 10 KB into the wasm.)
pub(super) struct ShownNumber(pub(super) f64);

impl fmt::Display for ShownNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0;
        let sign = if n < 0.0 { "-" } else { "" };
        if n.is_nan() {
            return f.write_str("NaN");
        }
        if n.is_infinite() {
            return write!(f, "{sign}Infinity");
        }
        if n.abs() >= 1e15 {
            return write!(f, "{sign}more than 10^15");
        }
        let thousandths = (n.abs() * 1000.0).round() as u64;
        write!(f, "{sign}{}", thousandths / 1000)?;
        match thousandths % 1000 {
            0 if thousandths == 0 && n != 0.0 => f.write_str(".000…"),
            0 => Ok(()),
            rest => write!(f, ".{rest:03}"),
        }
    }
}

/// Milliseconds, without the error that a multiplication adds: 1.001 s is 1,001 ms and not
/// 1,000.9999999999999 rounded up, and 0.07 s is 70 ms and not 71.
fn exact_millis(seconds: f64) -> f64 {
    let millis = seconds * 1000.0;
    let whole = millis.round();
    if whole / 1000.0 == seconds {
        whole
    } else {
        millis
    }
}

impl TryFrom<Duration> for Ttl {
    type Error = Error;
    fn try_from(duration: Duration) -> Result<Ttl> {
        Ttl::seconds(duration.as_secs_f64())
    }
}

/// How a value is written. The default: whatever is there, without metadata, never expiring.
#[derive(Clone, Debug, Default)]
pub struct SetOptions {
    /// Expires after this long.
    pub ttl: Option<Ttl>,
    /// The user's fields. `ttl` among them is the time to live in seconds, and is not stored.
    pub metadata: Option<Metadata>,
    /// Only if there is no entry.
    pub if_absent: bool,
    /// Only if the entry is of this version.
    pub if_version: Option<Version>,
    /// Keep the expiry of what is there.
    pub keep_ttl: bool,
    /// Keep the metadata of what is there.
    pub keep_metadata: bool,
}

/// In words, since the options are spelt otherwise in other languages.
fn clash(what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}

impl SetOptions {
    /// Must the entry be read before it is written?
    #[inline]
    pub(super) fn is_blind(&self) -> bool {
        !self.if_absent && self.if_version.is_none() && !self.keep_ttl && !self.keep_metadata
    }

    /// Refuses what contradicts itself, and takes the time to live out of the metadata.
    pub(super) fn check(&mut self) -> Result<()> {
        if let Some(metadata) = &mut self.metadata {
            if let Some(ttl) = metadata.remove("ttl") {
                let seconds = match ttl {
                    Value::Int(n) => n as f64,
                    Value::Float(n) => n,
                    other => {
                        return Err(Error::new(
                            ErrorKind::InvalidArgument,
                            format!(
                                "the field ttl in metadata is the time to live in seconds, a number; \
                                 got a value of type {}",
                                other.type_name()
                            ),
                        ));
                    }
                };
                if self.ttl.replace(Ttl::seconds(seconds)?).is_some() {
                    return Err(clash(
                        "the time to live is given twice, as ttl and in the metadata: give one of them",
                    ));
                }
            }
            check_metadata(metadata)?;
        }
        if self.if_absent && self.if_version.is_some() {
            return Err(clash(
                "a write depends on absence or on a version: give one of them",
            ));
        }
        if self.keep_ttl && self.ttl.is_some() {
            return Err(clash(
                "a write keeps the time to live or has a new one: give one of them",
            ));
        }
        if self.keep_metadata && self.metadata.is_some() {
            return Err(clash(
                "a write keeps the metadata or has new ones: give one of them",
            ));
        }
        Ok(())
    }
}

/// Metadata is JSON: nothing that only one binding knows.
pub(super) fn check_metadata(metadata: &Metadata) -> Result<()> {
    fn fault(value: &Value) -> Option<&str> {
        match value {
            Value::Float(n) if !n.is_finite() => Some("a number that is not finite"),
            Value::Bytes(_) | Value::Tagged(_) | Value::Host(_) => Some(value.type_name()),
            Value::Array(items) => items.iter().find_map(fault),
            Value::Object(fields) => fields.iter().find_map(|(_, v)| fault(v)),
            _ => None,
        }
    }
    for (name, value) in metadata.iter() {
        value.check_depth()?;
        if let Some(what) = fault(value) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("metadata is JSON; the field {} holds {what}", Shown(name)),
            ));
        }
    }
    Ok(())
}

/// An entry: value, metadata and the system fields.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Value,
    /// The user's fields.
    pub metadata: Metadata,
    /// Which write the entry comes from.
    pub version: Version,
    /// When the entry was written first, in epoch milliseconds.
    pub created_at: u64,
    /// When the entry was changed last, in epoch milliseconds.
    pub updated_at: u64,
    /// When it expires, in epoch milliseconds; `None`: never.
    pub expires_at: Option<u64>,
}

impl Entry {
    /// The entry that a backend lends.
    #[must_use]
    pub fn new(key: &str, stored: StoredRef<'_>) -> Entry {
        Entry {
            key: key.to_owned(),
            value: stored.value.clone(),
            metadata: stored.metadata.cloned().unwrap_or_default(),
            version: stored.version.to_version(),
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            expires_at: stored.expires_at.map(NonZeroU64::get),
        }
    }
}

/// How a change under a condition ended: a lost race is a result, not an error.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was made. The version of what is there now; `None` after a delete, or where the answer to
    /// the write was lost and others wrote since.
    Done(Option<Version>),
    /// The condition did not hold. What is there instead.
    Lost(Option<Box<Entry>>),
}

impl Outcome {
    /// Was the change made?
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Outcome::Done(_))
    }
}

/// Which keys a scan returns, and in which order.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// At most so many; `None`: all.
    pub limit: Option<usize>,
    /// Only keys beyond this one, in the direction of travel, whether or not it exists.
    pub after: Option<String>,
    /// From the last key to the first.
    pub reverse: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ttl_bounds() {
        for (seconds, millis) in [
            (1.0, 1000),
            (0.07, 70),
            (1.001, 1001),
            (0.0001, 1),
            (0.0015, 2),
            (315_576_000.0, 315_576_000_000),
        ] {
            assert_eq!(
                Ttl::seconds(seconds).map(Ttl::as_millis),
                Ok(millis),
                "{seconds}"
            );
        }
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 315_576_000.001] {
            assert!(Ttl::seconds(bad).is_err(), "{bad}");
        }
    }
}
