//! The document: one JSON text that a person can open, an entry a line.
//!
//! ```text
//! {
//! "format": "dataknobs-kv/1",
//! "counter": 7,
//! "folded": 34,
//! "namespaces": {
//! "": {
//! "users.1.name": {"value": "Ada", "version": 3, "created_at": 1700000000000, "updated_at": 1700000000000}
//! }}}
//! ```
//!
//! `counter` is the newest version, `folded` the sequence number of the last commit of the journal that
//! is in the document. An entry may also have `expires_at`, `metadata`, and `writes`, the ids of its last
//! writes. Times are epoch milliseconds. Namespaces and keys are in the order of their bytes. Values
//! are as in the text form of values (feature `json`): what JSON lacks is an object whose only name is `$`,
//! such as `{"$": ["bytes", "AAEC"]}`; one form is added, `{"$": ["tagged", tag, body]}` for a tag that
//! means something else there. White space and the order of the fields do not matter, but for `format`,
//! which goes before the entries. A field of another name is refused: it would be lost.

mod base64;
mod read;
#[cfg(test)]
mod tests;
mod text;
mod write;

use super::super::{journal, memory::Memory};
use crate::{
    error::{Error, ErrorKind, Result},
    host::Host,
    key::{Key, Namespace, Shown},
    record::{REMEMBERED_WRITES, Record},
    value::MAX_DEPTH,
};
use read::{Fault, Read, Reader};
use std::{collections::HashSet, num::NonZeroU64};

const FORMAT: &str = "dataknobs-kv/1";
/// What every version's format begins with.
const FAMILY: &str = "dataknobs-kv/";

/// The only name of an object that stands for something else.
const SPECIAL: &str = "$";
const BYTES: &str = "bytes";
const DOUBLE: &str = "double";
const OBJECT: &str = "object";
/// Followed by a tag of [`RESERVED`] and its body.
const TAGGED: &str = "tagged";
const RESERVED: [&str; 3] = [BYTES, DOUBLE, OBJECT];

/// A byte order mark.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// How large a document may become: in 32 bits a vector that grows beyond has no room to move to.
const MOST: usize = if cfg!(target_pointer_width = "32") {
    1 << 29
} else {
    isize::MAX as usize
};

/// How many bytes of entries are taken from the memory at once.
const PAGE: usize = 1 << 20;

/// The document of what is in `memory`, with commits up to `folded`.
pub(super) fn write(memory: &Memory, folded: u64) -> Result<Vec<u8>> {
    let host = memory.host();
    let mut out = Vec::new();
    let mut after: Option<(String, String)> = None;
    let mut open: Option<String> = None;
    loop {
        let from = after.as_ref().map(|(n, k)| (n.as_str(), k.as_str()));
        let page = memory.dump(from, None, PAGE)?;
        if after.is_none() {
            // The counter comes with the first page.
            let counter = journal::read(&page.block, |_| Ok(()))?;
            out.extend_from_slice(b"{\n\"format\": ");
            write::text(FORMAT, &mut out);
            out.extend_from_slice(b",\n\"counter\": ");
            write::unsigned(counter, &mut out);
            out.extend_from_slice(b",\n\"folded\": ");
            write::unsigned(folded, &mut out);
            out.extend_from_slice(b",\n\"namespaces\": {");
        }
        journal::read(&page.block, |change| {
            let Some(envelope) = change.envelope else {
                return Ok(());
            };
            let separator: &[u8] = match &open {
                Some(name) if name == change.namespace => b",\n",
                Some(_) => b"\n},\n",
                None => b"\n",
            };
            out.extend_from_slice(separator);
            if open.as_deref() != Some(change.namespace) {
                write::text(change.namespace, &mut out);
                out.extend_from_slice(b": {\n");
                open = Some(change.namespace.to_owned());
            }
            write::text(change.key, &mut out);
            out.extend_from_slice(b": ");
            if out.len().saturating_add(envelope.len()) > MOST {
                return Err(Error::new(
                    ErrorKind::QuotaExceeded,
                    "the document would be larger than 512 MiB, which is all that this build can write: \
                     what was acknowledged is in the journal; delete some",
                ));
            }
            write_entry(&Record::decode(envelope)?, change.version, host, &mut out);
            Ok(())
        })?;
        match page.through {
            Some(end) => after = Some(end),
            None => break,
        }
    }
    if open.is_some() {
        out.extend_from_slice(b"\n}");
    }
    out.extend_from_slice(b"}}\n");
    Ok(out)
}

fn write_entry(record: &Record, version: u64, host: &dyn Host, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"value\": ");
    write::value(&record.value, host, out);
    let mut number = |name: &str, number: u64| {
        out.extend_from_slice(b", \"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\": ");
        write::unsigned(number, out);
    };
    number("version", version);
    number("created_at", record.created_at);
    number("updated_at", record.updated_at);
    if let Some(at) = record.expires_at {
        number("expires_at", at.get());
    }
    if let Some(metadata) = &record.metadata {
        out.extend_from_slice(b", \"metadata\": ");
        write::object(metadata, host, out);
    }
    for (at, id) in record.writes.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b", \"writes\": [" } else { b", " });
        write::unsigned(*id, out);
    }
    if !record.writes.is_empty() {
        out.push(b']');
    }
    out.push(b'}');
}

/// What takes the entries of a document.
pub(super) type Take<'f> = dyn FnMut(Key<'_>, Record, u64) -> Result<()> + 'f;

/// What a document says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) counter: u64,
    pub(super) folded: u64,
}

/// Reads a document, each entry through `take`. `name` is what messages call it.
pub(super) fn read(
    document: &[u8],
    name: &str,
    host: &dyn Host,
    take: &mut Take<'_>,
) -> Result<Head> {
    let corrupt = |message: String| Error::new(ErrorKind::Corrupt, message);
    if document.is_empty() {
        return Err(corrupt(format!(
            "{name} is empty, and was not written by this store: remove it to begin anew, or put a copy \
             in its place"
        )));
    }
    // Some editors put one there (RFC 8259, section 8.1).
    let document = document.strip_prefix(BOM).unwrap_or(document);
    let text = std::str::from_utf8(document).map_err(|_| {
        corrupt(format!(
            "{name} is not text, so no document of this store: give the store another path, or put a \
             copy in its place. It was not changed."
        ))
    })?;
    let mut reader = Reader::new(text, host);
    let mut refused = None;
    let mut ignore = |_: Key<'_>, _: Record, _: u64| Ok(());
    let mut parts = Parts {
        take,
        refused: &mut refused,
        format: false,
        head: Head::default(),
        last: None,
        sorted: true,
        seen: None,
    };
    let mut done = parts.document(&mut reader);
    if done.is_ok() && !parts.sorted {
        // Somebody has edited it: is a name there twice?
        reader = Reader::new(text, host);
        parts.take = &mut ignore;
        parts.seen = Some(HashSet::new());
        done = parts.document(&mut reader);
    }
    let (format, head) = (parts.format, parts.head);
    match (done, refused) {
        (_, Some(error)) => Err(error),
        (Ok(()), None) => Ok(head),
        (Err(fault), None) if format => Err(corrupt(format!(
            "{name} is damaged at line {}: {fault}. Put a copy in its place; it was not changed.",
            reader.line()
        ))),
        (Err(fault), None) => Err(corrupt(format!(
            "{name} is no document of this store ({fault}): give the store another path, or put a copy \
             in its place. It was not changed."
        ))),
    }
}

struct Parts<'a, 'f> {
    take: &'a mut Take<'f>,
    /// What went wrong otherwise than in the text.
    refused: &'a mut Option<Error>,
    format: bool,
    head: Head,
    /// The namespace and key that were read last.
    last: Option<String>,
    /// Were all of them in their order, as they are written? Then none is there twice.
    sorted: bool,
    /// All of them, where they were not.
    seen: Option<HashSet<Box<str>>>,
}

fn unknown(what: &str, name: &str) -> Fault {
    format!("{what} has no field {}", Shown(name)).into()
}

fn needs(name: &str) -> Fault {
    format!("an entry needs {name}").into()
}

impl Parts<'_, '_> {
    fn document(&mut self, reader: &mut Reader<'_>) -> Read<()> {
        let mut seen = [false; 3];
        reader.fields(|reader, name| {
            match &*name {
                "format" => self.format(&reader.string()?)?,
                "counter" => (self.head.counter, seen[0]) = (reader.unsigned()?, true),
                "folded" => (self.head.folded, seen[1]) = (reader.unsigned()?, true),
                // Only now: a tool may have sorted them.
                _ if !self.format => {
                    return Err("it does not begin with its \"format\"".into());
                }
                "namespaces" => {
                    seen[2] = true;
                    reader.fields(|reader, name| self.namespace(reader, &name))?;
                }
                other => return Err(unknown("the document", other)),
            }
            Ok(())
        })?;
        reader.end()?;
        if self.format && seen != [true; 3] {
            return Err("the document needs counter, folded and namespaces".into());
        }
        if !self.format {
            return Err("it has no field \"format\"".into());
        }
        Ok(())
    }

    fn format(&mut self, format: &str) -> Read<()> {
        if format == FORMAT {
            self.format = true;
            return Ok(());
        }
        let number = format.strip_prefix(FAMILY).map(str::parse::<u32>);
        Err(match number {
            Some(Ok(n)) if n > 1 => {
                format!("it has format version {n}, this build reads up to 1: update dataknobs-kv")
                    .into()
            }
            _ => "its format is another".into(),
        })
    }

    /// Was this namespace, or this key in it, there before?
    fn is_twice(&mut self, namespace: &str, key: Option<&str>) -> bool {
        let mut name = namespace.to_owned();
        if let Some(key) = key {
            // Neither may hold a NUL, and so this is their order too.
            name.push('\0');
            name.push_str(key);
        }
        if let Some(seen) = &mut self.seen {
            return !seen.insert(name.into());
        }
        self.sorted &= self.last.as_ref().is_none_or(|last| *last < name);
        self.last = Some(name);
        false
    }

    fn refuse<T>(&mut self, error: Error) -> Read<T> {
        *self.refused = Some(error);
        Err(Fault::default())
    }

    fn namespace(&mut self, reader: &mut Reader<'_>, name: &str) -> Read<()> {
        let namespace = Namespace::new(name).map_err(|e| Fault::from(e.message().to_owned()))?;
        if self.is_twice(name, None) {
            return Err(format!("the namespace {} is there twice", Shown(name)).into());
        }
        reader.fields(|reader, key| {
            if self.is_twice(name, Some(&key)) {
                return Err(format!("the key {} is there twice: remove one", Shown(&key)).into());
            }
            let key =
                Key::new(&namespace, &key).map_err(|e| Fault::from(e.message().to_owned()))?;
            let (record, version) = entry(reader)?;
            self.head.counter = self.head.counter.max(version);
            match (self.take)(key, record, version) {
                Ok(()) => Ok(()),
                Err(error) => self.refuse(error),
            }
        })
    }
}

/// What an entry may have.
const FIELDS: [&str; 7] = [
    "value",
    "version",
    "created_at",
    "updated_at",
    "expires_at",
    "metadata",
    "writes",
];

fn entry(reader: &mut Reader<'_>) -> Read<(Record, u64)> {
    let (mut record, mut value) = (Record::default(), None);
    let (mut version, mut created_at, mut updated_at) = (None, None, None);
    let mut seen = 0_u8;
    reader.fields(|reader, name| {
        let bit = FIELDS
            .iter()
            .position(|field| *field == name)
            .map_or(0, |at| 1 << at);
        if seen & bit != 0 {
            return Err(format!("{} is there twice in an entry", Shown(&name)).into());
        }
        seen |= bit;
        match &*name {
            "value" => value = Some(reader.value(MAX_DEPTH)?),
            "version" => version = Some(reader.unsigned()?),
            "created_at" => created_at = Some(reader.unsigned()?),
            "updated_at" => updated_at = Some(reader.unsigned()?),
            "expires_at" => {
                let at = NonZeroU64::new(reader.unsigned()?);
                record.expires_at = Some(at.ok_or("expires_at is never 0")?);
            }
            "metadata" => record.metadata = Some(Box::new(reader.plain_object(MAX_DEPTH)?)),
            "writes" => {
                record.writes = reader.unsigneds()?;
                if record.writes.len() > REMEMBERED_WRITES {
                    return Err(format!("writes are at most {REMEMBERED_WRITES}").into());
                }
            }
            other => return Err(unknown("an entry", other)),
        }
        Ok(())
    })?;
    record.value = value.ok_or_else(|| needs("a value"))?;
    record.created_at = created_at.ok_or_else(|| needs("created_at"))?;
    record.updated_at = updated_at.ok_or_else(|| needs("updated_at"))?;
    Ok((record, version.ok_or_else(|| needs("a version"))?))
}
