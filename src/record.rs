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
    cbor::{self, Head, Major, Reader, Writer},
    error::{Error, ErrorKind, Result},
    value::{MAX_DEPTH, Object, Tagged, Value},
};
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

impl StoredRef<'_> {
    /// Adds the record's envelope to `bytes`, with `text` for a value that the host keeps.
    #[inline(never)]
    pub(crate) fn encode_into(&self, text: Option<&str>, bytes: &mut Vec<u8>) -> Result<()> {
        let kept = match self.value {
            Value::Host(_) if text.is_none() => Some(self.value.materialise()?),
            _ => None,
        };
        let mut out = Writer(std::mem::take(bytes));
        out.0.push(FORMAT_VERSION);
        out.head(Major::Array, 6);
        match text {
            Some(text) => out.bytes(Major::Text, text.as_bytes()),
            None => write_value(&mut out, kept.as_ref().unwrap_or(self.value)),
        }
        match self.metadata {
            Some(fields) => write_object(&mut out, fields),
            None => out.simple(cbor::NULL),
        }
        out.head(Major::Unsigned, self.created_at);
        out.head(Major::Unsigned, self.updated_at);
        match self.expires_at {
            Some(at) => out.head(Major::Unsigned, at.get()),
            None => out.simple(cbor::NULL),
        }
        out.head(Major::Array, self.writes.len() as u64);
        for id in self.writes {
            out.head(Major::Unsigned, *id);
        }
        *bytes = out.0;
        Ok(())
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
        let mut envelope = Vec::new();
        let lent = StoredRef {
            value: &self.value,
            metadata: self.metadata.as_deref(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            expires_at: self.expires_at,
            writes: &self.writes,
            version: VersionRef::Number(0),
        };
        lent.encode_into(None, &mut envelope)?;
        Ok(envelope)
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

fn write_value(out: &mut Writer, value: &Value) {
    match value {
        // A host value is never nested: hosts hold whole values only.
        Value::Null | Value::Host(_) => out.simple(cbor::NULL),
        Value::Bool(flag) => out.simple(if *flag { cbor::TRUE } else { cbor::FALSE }),
        Value::Int(n) => out.integer(*n),
        Value::Float(n) => out.double(*n),
        Value::Text(text) => out.bytes(Major::Text, text.as_bytes()),
        Value::Bytes(bytes) => out.bytes(Major::Bytes, bytes),
        Value::Array(items) => {
            out.head(Major::Array, items.len() as u64);
            items.iter().for_each(|item| write_value(out, item));
        }
        Value::Object(fields) => write_object(out, fields),
        Value::Tagged(tagged) => {
            out.head(Major::Tag, NAMED);
            out.head(Major::Array, 2);
            out.bytes(Major::Text, tagged.tag.as_bytes());
            write_value(out, &tagged.body);
        }
    }
}

fn write_object(out: &mut Writer, fields: &Object) {
    out.head(Major::Map, fields.len() as u64);
    for (name, value) in fields.iter() {
        out.bytes(Major::Text, name.as_bytes());
        write_value(out, value);
    }
}

fn read_record(body: &[u8]) -> Option<Record> {
    let mut from = Reader(body);
    if from.expect(Major::Array)? != 6 {
        return None;
    }
    let value = read_value(&mut from, MAX_DEPTH)?;
    let metadata = match from.head()? {
        Head::Of(Major::Simple, cbor::NULL) => None,
        Head::Of(Major::Map, count) => Some(Box::new(read_fields(&mut from, count, MAX_DEPTH)?)),
        _ => return None,
    };
    let created_at = from.expect(Major::Unsigned)?;
    let updated_at = from.expect(Major::Unsigned)?;
    let expires_at = match from.head()? {
        Head::Of(Major::Simple, cbor::NULL) => None,
        Head::Of(Major::Unsigned, at) => Some(NonZeroU64::new(at)?),
        _ => return None,
    };
    let count = from.expect(Major::Array)?;
    if count > REMEMBERED_WRITES as u64 {
        return None;
    }
    let mut writes = Vec::new();
    for _ in 0..count {
        writes.push(from.expect(Major::Unsigned)?);
    }
    from.0.is_empty().then_some(Record {
        value,
        metadata,
        created_at,
        updated_at,
        expires_at,
        writes,
    })
}

fn read_value(from: &mut Reader<'_>, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let (major, n) = match from.head()? {
        Head::Double(n) => return Some(Value::Float(n)),
        Head::Of(major, n) => (major, n),
    };
    Some(match major {
        Major::Unsigned => Value::Int(i64::try_from(n).ok()?),
        Major::Negative => Value::Int(!i64::try_from(n).ok()?),
        Major::Bytes => Value::Bytes(from.take(n)?.into()),
        Major::Text => Value::Text(std::str::from_utf8(from.take(n)?).ok()?.into()),
        Major::Array => {
            // No capacity ahead of what is there: a damaged count must not ask for memory.
            let mut items = Vec::new();
            for _ in 0..n {
                items.push(read_value(from, depth)?);
            }
            Value::Array(Box::new(items))
        }
        Major::Map => Value::Object(Box::new(read_fields(from, n, depth)?)),
        Major::Tag => {
            if n != NAMED || from.expect(Major::Array)? != 2 {
                return None;
            }
            let tag = from.text()?.into();
            Value::Tagged(Box::new(Tagged {
                tag,
                body: read_value(from, depth)?,
            }))
        }
        Major::Simple => match n {
            cbor::FALSE => Value::Bool(false),
            cbor::TRUE => Value::Bool(true),
            cbor::NULL => Value::Null,
            _ => return None,
        },
    })
}

fn read_fields(from: &mut Reader<'_>, count: u64, depth: usize) -> Option<Object> {
    let mut fields = Vec::new();
    for _ in 0..count {
        let name = from.text()?;
        fields.push((name, read_value(from, depth)?));
    }
    let fields: Object = fields.into_iter().collect();
    // A name twice is damage, not a choice.
    (fields.len() as u64 == count).then_some(fields)
}
