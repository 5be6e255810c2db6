//! The types of the world from and to those of the core.

use crate::types;
use dataknobs_kv::{
    AtomicOutcome, Check, Entry, Error, ErrorKind, Metadata, Outcome, ScanOptions, SetOptions,
    Tagged, Ttl, Value, Version, json,
};
use std::time::Duration;

pub(crate) type Result<T, E = types::Error> = std::result::Result<T, E>;

impl From<Error> for types::Error {
    fn from(error: Error) -> types::Error {
        use types::ErrorKind as To;
        types::Error {
            kind: match error.kind() {
                ErrorKind::InvalidKey => To::InvalidKey,
                ErrorKind::InvalidPattern => To::InvalidPattern,
                ErrorKind::InvalidArgument => To::InvalidArgument,
                ErrorKind::TypeMismatch => To::TypeMismatch,
                ErrorKind::NotFound => To::NotFound,
                ErrorKind::Conflict => To::Conflict,
                ErrorKind::AccessDenied => To::AccessDenied,
                ErrorKind::QuotaExceeded => To::QuotaExceeded,
                ErrorKind::Unavailable => To::Unavailable,
                ErrorKind::Timeout => To::Timeout,
                ErrorKind::Aborted => To::Aborted,
                ErrorKind::Closed => To::Closed,
                ErrorKind::Corrupt => To::Corrupt,
                ErrorKind::OutcomeUnknown => To::OutcomeUnknown,
                // A kind that this version of the world does not name is `unsupported` too.
                _ => To::Unsupported,
            },
            message: error.message().to_owned(),
            retryable: error.retryable(),
            key: error.key().map(str::to_owned),
        }
    }
}

fn argument(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

pub(crate) fn value_in(value: types::Value) -> dataknobs_kv::Result<Value> {
    Ok(match value {
        types::Value::Null => Value::Null,
        types::Value::Boolean(flag) => flag.into(),
        types::Value::Integer(number) => number.into(),
        types::Value::Double(number) => number.into(),
        types::Value::Text(text) => text.into(),
        types::Value::Bytes(bytes) => bytes.into(),
        types::Value::Json(text) => json::from_json(&text)?,
        types::Value::Tagged(types::Tagged { tag, body }) => {
            if json::RESERVED_TAGS.contains(&&*tag) {
                return Err(argument(format!(
                    "the tag {tag:?} means something else in the text form of values: use another"
                )));
            }
            Value::Tagged(Box::new(Tagged {
                tag: tag.into(),
                body: json::from_json(&body)?,
            }))
        }
    })
}

pub(crate) fn value_out(value: Value) -> Result<types::Value> {
    Ok(match value {
        Value::Null => types::Value::Null,
        Value::Bool(flag) => types::Value::Boolean(flag),
        Value::Int(number) => types::Value::Integer(number),
        Value::Float(number) => types::Value::Double(number),
        Value::Text(text) => types::Value::Text(text.into()),
        Value::Bytes(bytes) => types::Value::Bytes(bytes.into()),
        Value::Tagged(tagged) => types::Value::Tagged(types::Tagged {
            body: json::to_json(&tagged.body)?,
            tag: tagged.tag.into(),
        }),
        other => types::Value::Json(json::to_json(&other)?),
    })
}

pub(crate) fn maybe_value(value: Option<Value>) -> Result<Option<types::Value>> {
    value.map(value_out).transpose()
}

pub(crate) fn metadata_in(text: &str) -> dataknobs_kv::Result<Metadata> {
    match json::from_json(text) {
        Ok(Value::Object(fields)) => Ok(*fields),
        Ok(other) => Err(argument(format!(
            "metadata is the text of a JSON object; got a value of type {}",
            other.type_name()
        ))),
        Err(error) => Err(argument(format!(
            "metadata is the text of a JSON object: {}",
            error.message()
        ))),
    }
}

pub(crate) fn metadata_out(metadata: Metadata) -> Result<String> {
    Ok(json::to_json(&metadata.into())?)
}

pub(crate) fn set_options(options: Option<types::SetOptions>) -> dataknobs_kv::Result<SetOptions> {
    let Some(options) = options else {
        return Ok(SetOptions::default());
    };
    Ok(SetOptions {
        ttl: options.ttl_ms.map(Ttl::millis).transpose()?,
        metadata: options.metadata.as_deref().map(metadata_in).transpose()?,
        if_absent: options.if_absent,
        if_version: options.if_version.as_deref().map(Version::parse),
        keep_ttl: options.keep_ttl,
        keep_metadata: options.keep_metadata,
    })
}

/// Value and options of a write; an error is about the key.
pub(crate) fn write(
    key: &str,
    value: types::Value,
    options: Option<types::SetOptions>,
) -> Result<(Value, SetOptions)> {
    let read = || Ok((value_in(value)?, set_options(options)?));
    read().map_err(|error: Error| error.with_key(key).into())
}

/// Key, value and options of one write among several.
pub(crate) fn put(put: types::Put) -> Result<(String, Value, SetOptions)> {
    let options = types::SetOptions {
        ttl_ms: put.ttl_ms,
        metadata: put.metadata,
        if_absent: false,
        if_version: None,
        keep_ttl: false,
        keep_metadata: false,
    };
    let (value, options) = write(&put.key, put.value, Some(options))?;
    Ok((put.key, value, options))
}

pub(crate) fn scan_options(options: Option<types::ScanOptions>) -> ScanOptions {
    options.map_or_else(ScanOptions::default, |options| ScanOptions {
        limit: options.limit.map(|limit| limit as usize),
        after: options.after,
        reverse: options.reverse,
    })
}

pub(crate) fn entry(entry: Entry) -> Result<types::Entry> {
    Ok(types::Entry {
        value: value_out(entry.value).map_err(|error| types::Error {
            key: Some(entry.key.clone()),
            ..error
        })?,
        metadata: metadata_out(entry.metadata)?,
        version: entry.version.to_string(),
        created_at_ms: entry.created_at,
        updated_at_ms: entry.updated_at,
        expires_at_ms: entry.expires_at,
        key: entry.key,
    })
}

pub(crate) fn done(outcome: Outcome) -> bool {
    outcome.is_done()
}

pub(crate) fn time_left(left: Option<Option<Duration>>) -> types::TimeLeft {
    match left {
        None => types::TimeLeft::Absent,
        Some(None) => types::TimeLeft::Never,
        // At most 10 years.
        Some(Some(left)) => types::TimeLeft::Milliseconds(left.as_millis() as u64),
    }
}

pub(crate) fn check(check: types::Check) -> (String, Check) {
    let expected = check.version.as_deref().map_or(Check::Absent, |version| {
        Check::Version(Version::parse(version))
    });
    (check.key, expected)
}

pub(crate) fn atomic_outcome(outcome: AtomicOutcome) -> Result<types::AtomicOutcome> {
    Ok(match outcome {
        AtomicOutcome::Done(versions) => types::AtomicOutcome::Done(
            versions
                .into_iter()
                .map(|version| version.map(|version| version.to_string()))
                .collect(),
        ),
        AtomicOutcome::Lost { index, entry: held } => {
            types::AtomicOutcome::Lost(types::LostCheck {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                entry: held.map(|held| entry(*held)).transpose()?,
            })
        }
    })
}
