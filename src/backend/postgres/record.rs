//! How records, ranges and pages look in PostgreSQL.

use super::{Answer, statements::Array};
use crate::{
    backend::{
        Applied, Commit, Item, Page, Scan, Want, Was,
        wire::{self, Action, Step},
    },
    error::{Error, ErrorKind, Result},
    json,
    record::{FORMAT_VERSION, Record, Stored, Version},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::num::NonZeroU64;

/// One row of an answer.
pub(super) type Row = Vec<Option<String>>;

/// The last millisecond of the year 9999: what is later is of no use to people.
const LAST: u64 = 253_402_300_799_999;

/// Steps as arrays, an item a step.
pub(super) struct Columns {
    pub(super) keys: String,
    pub(super) envelopes: String,
    pub(super) expires: String,
    pub(super) metadata: String,
    pub(super) created: String,
    pub(super) updated: String,
}

impl Columns {
    pub(super) fn of(steps: &[Step<'_>]) -> Columns {
        let mut envelopes = Array::new();
        let mut metadata = Array::new();
        for step in steps {
            match &step.action {
                Action::Put(envelope) => envelopes.bytes(envelope),
                Action::Delete | Action::Keep => envelopes.null(),
            }
            let fields = step.record.and_then(|record| record.metadata.as_deref());
            // A text form that there is not is no reason to refuse the entry.
            match fields.and_then(|fields| json::fields_to_json(fields).ok()) {
                Some(text) => metadata.text(&without_nul(&text)),
                None => metadata.null(),
            }
        }
        let times = |of: &dyn Fn(&Step<'_>) -> Option<u64>| {
            let mut times = Array::new();
            for step in steps {
                match of(step) {
                    Some(time) => times.number(time.min(LAST)),
                    None => times.null(),
                }
            }
            times.end()
        };
        Columns {
            keys: Array::of(steps.iter().map(|step| step.key.as_str())),
            envelopes: envelopes.end(),
            expires: times(&|step| step.expires_at.map(NonZeroU64::get)),
            metadata: metadata.end(),
            created: times(&|step| step.record.map(|record| record.created_at)),
            updated: times(&|step| step.record.map(|record| record.updated_at)),
        }
    }
}

/// `jsonb` has no U+0000 (PostgreSQL, "8.14. JSON Types"): here it is the replacement character.
fn without_nul(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        // An escape is two bytes long; what follows `\u` is no backslash.
        let escape = if from.starts_with("\\u0000") { 6 } else { 2 };
        let (escape, after) = from.split_at_checked(escape).unwrap_or((from, ""));
        out.push_str(if escape.len() == 6 { "\\ufffd" } else { escape });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The bounds of a scan: from (included), to (not included).
pub(super) fn range(prefix: &str, after: Option<&str>, reverse: bool) -> [String; 2] {
    // Keys hold no noncharacter, so that U+10FFFF is above all that may follow.
    let (from, to) = (prefix.to_owned(), format!("{prefix}\u{10FFFF}"));
    match after {
        None => [from, to],
        Some(after) if reverse => [from, to.min(after.to_owned())],
        // PostgreSQL's text holds no U+0000, so that U+0001 makes the text that comes next.
        Some(after) => [from.max(format!("{after}\u{1}")), to],
    }
}

/// The item `at` of a row.
pub(super) fn item(row: &Row, at: usize) -> Result<Option<&str>> {
    match row.get(at) {
        Some(item) => Ok(item.as_deref()),
        None => Err(strange("a statement")),
    }
}

/// The item `at` of a row, which is not null.
pub(super) fn text(row: &Row, at: usize) -> Result<&str> {
    item(row, at)?.ok_or_else(|| strange("a statement"))
}

/// The item `at` of a row, which is a number.
pub(super) fn number(row: &Row, at: usize) -> Result<u64> {
    text(row, at)?.parse().map_err(|_| strange("a statement"))
}

/// PostgreSQL's base64 has lines.
fn bytes(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'\n').collect();
    STANDARD.decode(digits).map_err(|_| strange("a statement"))
}

/// The record of an envelope and its version.
pub(super) fn read(version: &str, envelope: &str) -> Result<Stored> {
    Ok(Stored {
        record: Record::decode(&bytes(envelope)?)?,
        version: Version::parse(version),
    })
}

/// When an entry expires. Before the epoch is no time of ours.
fn expiry(row: &Row, at: usize) -> Result<Option<NonZeroU64>> {
    match item(row, at)? {
        None => Ok(None),
        Some(_) => Ok(NonZeroU64::new(number(row, at)?)),
    }
}

/// The page that `scan.sql` answered.
pub(super) fn page(rows: &[Row], query: &Scan<'_>, limit: usize) -> Result<Page> {
    let mut items = Vec::with_capacity(rows.len());
    let mut whole = true;
    for row in rows {
        // Where nothing was found there is one row, for the time.
        let Some(key) = item(row, 1)? else { break };
        let Some(envelope) = item(row, 4)? else {
            // It would be too much at once.
            whole = false;
            break;
        };
        let named = |error: Error| error.with_key(key);
        let stored = match query.want {
            Want::Keys => head(envelope).map_err(named).map(|()| None)?,
            Want::Records => Some(read(text(row, 2)?, envelope).map_err(named)?),
        };
        items.push(Item {
            key: key.into(),
            expires_at: expiry(row, 3)?,
            stored,
        });
    }
    let more = !whole || items.len() >= limit;
    let last = items.last().filter(|_| more);
    Ok(Page {
        resume: last.map(|item| item.key.clone()),
        items,
    })
}

/// Is this the first byte of an envelope?
fn head(first: &str) -> Result<()> {
    match &bytes(first)?[..] {
        [FORMAT_VERSION] => Ok(()),
        other => Record::decode(other).map(drop),
    }
}

/// What `commit.sql` says about one mutation; `None`: nothing was done.
pub(super) fn fate(row: &Row) -> Result<Option<Commit>> {
    let applied = match text(row, 2)? {
        "w" => Applied::Written(Version::parse(text(row, 3)?)),
        "d" if text(row, 4)? == "true" => Applied::Deleted(Was::Stored(expiry(row, 5)?)),
        "d" => Applied::Deleted(Was::Absent),
        "k" => Applied::Checked,
        "c" => {
            let index = number(row, 1)?.saturating_sub(1) as usize;
            return Ok(Some(Commit::Conflict { index }));
        }
        "x" => return Err(foreign()),
        "n" => return Ok(None),
        _ => return Err(strange("a commit")),
    };
    Ok(Some(Commit::Done(vec![applied])))
}

/// What `put.sql` says about one record.
pub(super) fn put(row: &Row) -> Result<Commit> {
    let version = item(row, 2)?.ok_or_else(foreign)?;
    let applied = Applied::Written(Version::parse(version));
    Ok(Commit::Done(vec![applied]))
}

#[cold]
pub(super) fn foreign() -> Error {
    Error::new(
        ErrorKind::Corrupt,
        "what PostgreSQL holds under this key is no record of this store, or one of a newer format: \
         it is left as it is",
    )
}

#[cold]
pub(super) fn strange(what: &str) -> Error {
    wire::strange("PostgreSQL", what)
}

impl Answer {
    /// From the JSON of rows.
    pub(super) fn of_json(rows: serde_json::Value) -> Option<Answer> {
        use serde_json::Value as Json;
        let Json::Array(rows) = rows else { return None };
        let item = |item| match item {
            Json::Null => Some(None),
            Json::String(text) => Some(Some(text)),
            _ => None,
        };
        let row = |row| match row {
            Json::Array(items) => items.into_iter().map(item).collect(),
            _ => None,
        };
        let rows: Option<Vec<Row>> = rows.into_iter().map(row).collect();
        rows.map(Answer::Rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let range = |prefix, after, reverse| {
            let bounds = range(prefix, after, reverse);
            let text = bounds.join(" ").replace('\u{10FFFF}', "~");
            text.replace('\u{1}', "+")
        };
        assert_eq!(range("", None, false), " ~");
        assert_eq!(range("a.", None, true), "a. a.~");
        assert_eq!(range("a.", Some("a.b"), false), "a.b+ a.~");
        assert_eq!(range("a.", Some("a.b"), true), "a. a.b");
        // Out of the range: from its beginning, or nothing.
        assert_eq!(range("b.", Some("a"), false), "b. b.~");
        assert_eq!(range("b.", Some("c"), true), "b. b.~");
        assert_eq!(range("b.", Some("a"), true), "b. a");
        assert_eq!(range("b.", Some("c"), false), "c+ b.~");
    }

    #[test]
    fn nul_is_replaced_in_json_and_nothing_else() {
        for (json, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"b"}"#),
            (
                r#"{"\u0000":"\n\u0000\u0001"}"#,
                r#"{"\ufffd":"\n\ufffd\u0001"}"#,
            ),
            (r#"{"a":"\\u0000\\"}"#, r#"{"a":"\\u0000\\"}"#),
            (r#"{"a":"\\\u0000"}"#, r#"{"a":"\\\ufffd"}"#),
        ] {
            assert_eq!(without_nul(json), expected);
        }
    }

    #[test]
    fn bytes_have_lines() {
        assert_eq!(bytes("AQ\nID\n").as_deref(), Ok(&[1, 2, 3][..]));
        assert!(bytes("!").is_err());
        assert_eq!(head("AQ==").map_err(|e| e.kind()), Ok(()));
        let newer = head("Ag==").expect_err("a newer format");
        assert!(newer.message().contains("newer") || newer.message().contains("version 2"));
        assert!(head("").is_err());
    }
}
