//! A record: a value with its metadata and times; and its envelope, the bytes that every backend
//! keeps.
//!
//! # The envelope
//! The first byte is the format version, 1. A CBOR array (RFC 8949) of six items follows:
//!
//! | item | CBOR | |
//! |---|---|---|
//! | value | null, bool, integer, double, text, bytes, array, map with text keys; a tagged value is tag 27 over `[tag, body]` | |
//! | metadata | map, or null for none | |
//! | created_at | unsigned | epoch milliseconds |
//! | updated_at | unsigned | epoch milliseconds |
//! | expires_at | unsigned, or null: never | epoch milliseconds |
//! | writes | array of unsigned | the ids of the last writes, oldest first, at most 8 |
//!
//! A newer version is refused, never rewritten.

use crate::{
    error::{Error, ErrorKind, Result},
    value::{MAX_DEPTH, Object, Tagged, Value},
};
use minicbor::{Decoder, Encoder, data::Type};
use std::{fmt, num::NonZeroU64};

/// The newest envelope format that this build reads and writes.
pub const FORMAT_VERSION: u8 = 1;
/// How many write ids a record remembers.
pub const REMEMBERED_WRITES: usize = 8;

/// User fields of an entry: any JSON object.
pub type Metadata = Object;

/// A value with its metadata, times and the ids of its last writes.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The value.
    pub value: Value,
    /// The user's fields; `None` is an empty object.
    pub metadata: Option<Box<Metadata>>,
    /// When the entry was written first, in epoch milliseconds.
    pub created_at: u64,
    /// When the entry was changed last, in epoch milliseconds.
    pub updated_at: u64,
    /// From when on the entry is absent, in epoch milliseconds.
    pub expires_at: Option<NonZeroU64>,
    /// The ids of the last writes, oldest first, at most [`REMEMBERED_WRITES`].
    pub writes: Vec<u64>,
}

/// Which write an entry comes from: opaque, and never the same twice for a key, also not after it
/// was deleted and written again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// A backend that counts.
    Number(u64),
    /// A backend with tokens of its own, such as an ETag.
    Token(Box<str>),
}

impl Version {
    /// Reads what `to_string` wrote. Any text is a version, if perhaps of no entry.
    ///
    /// ```
    /// use dataknobs_kv::Version;
    /// assert_eq!(Version::parse("7"), Version::Number(7));
    /// assert_eq!(Version::parse("07").to_string(), "07");
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Version {
        match text.parse::<u64>() {
            // Only the form that `to_string` gives: "+7" and "07" are tokens.
            Ok(n) if n == 0 || !text.starts_with(['0', '+']) => Version::Number(n),
            _ => Version::Token(text.into()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Version::Number(n) => write!(f, "{n}"),
            Version::Token(text) => f.write_str(text),
        }
    }
}

/// A record as a backend holds it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The record.
    pub record: Record,
    /// Which write it comes from.
    pub version: Version,
}

/// A stored record, lent: nothing is copied until somebody asks.
#[derive(Clone, Copy, Debug)]
pub struct StoredRef<'a> {
    /// The value.
    pub value: &'a Value,
    /// The user's fields; `None` is an empty object.
    pub metadata: Option<&'a Metadata>,
    /// When the entry was written first, in epoch milliseconds.
    pub created_at: u64,
    /// When the entry was changed last, in epoch milliseconds.
    pub updated_at: u64,
    /// From when on the entry is absent, in epoch milliseconds.
    pub expires_at: Option<NonZeroU64>,
    /// The ids of the last writes.
    pub writes: &'a [u64],
    /// Which write it comes from.
    pub version: VersionRef<'a>,
}

/// A version, lent.
#[derive(Clone, Copy, Debug)]
pub enum VersionRef<'a> {
    /// A backend that counts.
    Number(u64),
    /// A backend with tokens of its own.
    Token(&'a str),
}

impl VersionRef<'_> {
    /// A version of its own.
    #[must_use]
    pub fn to_version(self) -> Version {
        match self {
            VersionRef::Number(n) => Version::Number(n),
            VersionRef::Token(text) => Version::Token(text.into()),
        }
    }
}

impl PartialEq<Version> for VersionRef<'_> {
    fn eq(&self, other: &Version) -> bool {
        match (self, other) {
            (VersionRef::Number(a), Version::Number(b)) => a == b,
            (VersionRef::Token(a), Version::Token(b)) => **a == **b,
            _ => false,
        }
    }
}

impl Stored {
    /// The record, lent.
    #[must_use]
    pub fn lend(&self) -> StoredRef<'_> {
        StoredRef {
            value: &self.record.value,
            metadata: self.record.metadata.as_deref(),
            created_at: self.record.created_at,
            updated_at: self.record.updated_at,
            expires_at: self.record.expires_at,
            writes: &self.record.writes,
            version: match &self.version {
                Version::Number(n) => VersionRef::Number(*n),
                Version::Token(text) => VersionRef::Token(text),
            },
        }
    }
}

impl StoredRef<'_> {
    /// Is the entry absent at `now` (epoch milliseconds)?
    #[must_use]
    #[inline]
    pub fn expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| now >= at.get())
    }

    /// A record of its own.
    #[must_use]
    pub fn to_record(&self) -> Record {
        Record {
            value: self.value.clone(),
            metadata: self.metadata.map(|m| Box::new(m.clone())),
            created_at: self.created_at,
            updated_at: self.updated_at,
            expires_at: self.expires_at,
            writes: self.writes.to_vec(),
        }
    }

    /// A record and version of their own.
    #[must_use]
    pub fn to_stored(&self) -> Stored {
        Stored {
            record: self.to_record(),
            version: self.version.to_version(),
        }
    }
}

impl Record {
    /// The record's envelope.
    ///
    /// ```
    /// use dataknobs_kv::Record;
    /// let record = Record { value: "text".into(), created_at: 1, updated_at: 2, ..Record::default() };
    /// let bytes = record.encode().unwrap();
    /// assert_eq!(Record::decode(&bytes).unwrap().value, record.value);
    /// ```
    ///
    /// # Errors
    /// What the host could not express of a value that it keeps.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut out = Encoder::new(vec![FORMAT_VERSION]);
        // Writing to a Vec can't fail.
        let _ = out.array(6);
        match &self.value {
            Value::Host(_) => write_value(&mut out, &self.value.materialise()?),
            value => write_value(&mut out, value),
        }
        match &self.metadata {
            Some(fields) => write_object(&mut out, fields),
            None => drop(out.null()),
        }
        let _ = out
            .u64(self.created_at)
            .and_then(|o| o.u64(self.updated_at));
        let _ = match self.expires_at {
            Some(at) => out.u64(at.get()),
            None => out.null(),
        };
        let _ = out.array(self.writes.len() as u64);
        for id in &self.writes {
            let _ = out.u64(*id);
        }
        Ok(out.into_writer())
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// `corrupt`: not an envelope, a damaged one, or one of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Record> {
        match bytes.split_first() {
            Some((&FORMAT_VERSION, body)) => read_record(body)
                .ok_or_else(|| corrupt("a stored record is damaged: it is no version 1 envelope")),
            Some((&newer, _)) if newer > FORMAT_VERSION => Err(corrupt(&format!(
                "a stored record has format version {newer}; this build reads up to {FORMAT_VERSION}: \
                 update dataknobs-kv"
            ))),
            _ => Err(corrupt("what is stored is no record of this store")),
        }
    }

    /// Adds the id of a write, forgetting the oldest where the ring is full.
    pub(crate) fn remember(&mut self, id: u64) {
        if self.writes.len() >= REMEMBERED_WRITES {
            self.writes.drain(..=self.writes.len() - REMEMBERED_WRITES);
        }
        self.writes.push(id);
    }
}

fn corrupt(message: &str) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}

/// RFC 8949 tag 27 (IANA registry): an object with a type name.
const NAMED: u64 = 27;

type Out = Encoder<Vec<u8>>;

fn write_value(out: &mut Out, value: &Value) {
    let _ = match value {
        // A host value is never nested: hosts hold whole values only.
        Value::Null | Value::Host(_) => out.null(),
        Value::Bool(b) => out.bool(*b),
        Value::Int(n) => out.i64(*n),
        Value::Float(n) => out.f64(*n),
        Value::Text(text) => out.str(text),
        Value::Bytes(bytes) => out.bytes(bytes),
        Value::Array(items) => {
            let _ = out.array(items.len() as u64);
            return items.iter().for_each(|item| write_value(out, item));
        }
        Value::Object(fields) => return write_object(out, fields),
        Value::Tagged(tagged) => {
            let _ = out
                .tag(minicbor::data::Tag::new(NAMED))
                .and_then(|o| o.array(2))
                .and_then(|o| o.str(&tagged.tag));
            return write_value(out, &tagged.body);
        }
    };
}

fn write_object(out: &mut Out, fields: &Object) {
    let _ = out.map(fields.len() as u64);
    for (name, value) in fields.iter() {
        let _ = out.str(name);
        write_value(out, value);
    }
}

fn read_record(body: &[u8]) -> Option<Record> {
    let mut from = Decoder::new(body);
    if from.array().ok()?? != 6 {
        return None;
    }
    let value = read_value(&mut from, MAX_DEPTH)?;
    let metadata = match from.datatype().ok()? {
        Type::Null => {
            from.null().ok()?;
            None
        }
        _ => Some(Box::new(read_object(&mut from, MAX_DEPTH)?)),
    };
    let created_at = from.u64().ok()?;
    let updated_at = from.u64().ok()?;
    let expires_at = match from.datatype().ok()? {
        Type::Null => {
            from.null().ok()?;
            None
        }
        _ => Some(NonZeroU64::new(from.u64().ok()?)?),
    };
    let count = from.array().ok()??;
    if count > REMEMBERED_WRITES as u64 {
        return None;
    }
    let writes = (0..count).map(|_| from.u64().ok()).collect::<Option<_>>()?;
    (from.position() == body.len()).then_some(Record {
        value,
        metadata,
        created_at,
        updated_at,
        expires_at,
        writes,
    })
}

fn read_value(from: &mut Decoder<'_>, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    Some(match from.datatype().ok()? {
        Type::Null => {
            from.null().ok()?;
            Value::Null
        }
        Type::Bool => Value::Bool(from.bool().ok()?),
        Type::F64 => Value::Float(from.f64().ok()?),
        Type::String => Value::Text(from.str().ok()?.into()),
        Type::Bytes => Value::Bytes(from.bytes().ok()?.into()),
        Type::Array => {
            let count = from.array().ok()??;
            // No capacity ahead of what is there: a damaged count must not ask for memory.
            let items = (0..count)
                .map(|_| read_value(from, depth))
                .collect::<Option<Vec<_>>>()?;
            Value::Array(Box::new(items))
        }
        Type::Map => Value::Object(Box::new(read_object(from, depth)?)),
        Type::Tag => {
            if from.tag().ok()?.as_u64() != NAMED || from.array().ok()?? != 2 {
                return None;
            }
            let tag = from.str().ok()?.into();
            Value::Tagged(Box::new(Tagged {
                tag,
                body: read_value(from, depth)?,
            }))
        }
        _ => Value::Int(from.i64().ok()?),
    })
}

fn read_object(from: &mut Decoder<'_>, depth: usize) -> Option<Object> {
    let count = from.map().ok()??;
    let fields = (0..count)
        .map(|_| Some((from.str().ok()?, read_value(from, depth)?)))
        .collect::<Option<Object>>()?;
    // A name twice is damage, not a choice.
    (fields.len() as u64 == count).then_some(fields)
}
