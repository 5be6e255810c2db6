//! How records, ranges and pages look in Redis.

use super::{Page, Reply, Scan};
use crate::{
    backend::{Item, Want, wire},
    error::{Error, Result},
    record::{Record, Stored, Version},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use std::num::NonZeroU64;

/// What follows the version: `<expires_at>:<envelope>`, 0 for never.
pub(super) fn write(envelope: &[u8], expires_at: Option<NonZeroU64>) -> String {
    let mut text = format!("{}:", expires_at.map_or(0, NonZeroU64::get));
    STANDARD_NO_PAD.encode_string(envelope, &mut text);
    text
}

/// Version, expiry and the rest of a record.
fn split(text: &str) -> Result<(Version, Option<NonZeroU64>, &str)> {
    let mut parts = text.splitn(3, ':');
    let mut digits = || parts.next()?.parse::<u64>().ok();
    let (Some(version), Some(expires)) = (digits(), digits()) else {
        return Err(foreign());
    };
    let rest = parts.next().ok_or_else(foreign)?;
    Ok((Version::Number(version), NonZeroU64::new(expires), rest))
}

/// The record that a text of Redis holds.
pub(super) fn read(text: &str) -> Result<Stored> {
    let (version, _, envelope) = split(text)?;
    let bytes = STANDARD_NO_PAD.decode(envelope).map_err(|_| foreign())?;
    Ok(Stored {
        record: Record::decode(&bytes)?,
        version,
    })
}

/// The bounds of a scan as `ZRANGEBYLEX` takes them, in the direction of travel.
pub(super) fn range(prefix: &str, after: Option<&str>, reverse: bool) -> (String, String) {
    let low = if prefix.is_empty() {
        "-".to_owned()
    } else {
        format!("[{prefix}")
    };
    // Keys hold no noncharacter, so that U+10FFFF is above all that may follow.
    let high = if prefix.is_empty() {
        "+".to_owned()
    } else {
        format!("({prefix}\u{10FFFF}")
    };
    let beyond = |after: &str| format!("({after}");
    match (after, reverse) {
        (None, false) => (low, high),
        (None, true) => (high, low),
        (Some(after), false) if after < prefix => (low, high),
        (Some(after), false) => (beyond(after), high),
        (Some(after), true) if after > prefix && !after.starts_with(prefix) => (high, low),
        (Some(after), true) => (beyond(after), low),
    }
}

/// The page that `scan.lua` answered.
pub(super) fn page(answer: &[Reply], query: &Scan<'_>) -> Result<Page> {
    let Some((last, found)) = answer.split_first() else {
        return Err(strange("a scan"));
    };
    let mut items = Vec::with_capacity(found.len() / 2);
    for pair in found.chunks(2) {
        let [key, record] = pair else {
            return Err(strange("a scan"));
        };
        let (key, text) = (key.text()?, record.text()?);
        let (_, expires_at, _) = split(text).map_err(|e| e.with_key(key))?;
        items.push(Item {
            key: key.into(),
            expires_at,
            stored: match query.want {
                Want::Keys => None,
                Want::Records => Some(read(text).map_err(|e| e.with_key(key))?),
            },
        });
    }
    let resume = Some(last.text()?)
        .filter(|last| !last.is_empty())
        .map(Into::into);
    Ok(Page { items, resume })
}

/// A number, however it came.
pub(super) fn number(reply: &Reply) -> Result<u64> {
    match reply {
        Reply::Integer(n) => u64::try_from(*n).map_err(|_| strange("a number")),
        other => other.text()?.parse().map_err(|_| strange("a number")),
    }
}

/// `TIME`: seconds and microseconds; in milliseconds.
pub(super) fn time(reply: &Reply) -> Result<u64> {
    match reply {
        Reply::Many(parts) if parts.len() == 2 => {
            Ok(number(&parts[0])? * 1000 + number(&parts[1])? / 1000)
        }
        _ => Err(strange("TIME")),
    }
}

#[cold]
pub(super) fn foreign() -> Error {
    wire::foreign("Redis")
}

#[cold]
pub(super) fn strange(what: &str) -> Error {
    wire::strange("Redis", what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn ranges() {
        let range = |prefix, after, reverse| {
            let (from, to) = range(prefix, after, reverse);
            format!("{from} {to}").replace('\u{10FFFF}', "~")
        };
        assert_eq!(range("", None, false), "- +");
        assert_eq!(range("", None, true), "+ -");
        assert_eq!(range("", Some("k"), false), "(k +");
        assert_eq!(range("a.", None, false), "[a. (a.~");
        assert_eq!(range("a.", Some("a.b"), true), "(a.b [a.");
        // Out of the range: from its beginning, or nothing.
        assert_eq!(range("b.", Some("a"), false), "[b. (b.~");
        assert_eq!(range("b.", Some("c"), true), "(b.~ [b.");
        assert_eq!(range("b.", Some("c"), false), "(c (b.~");
    }

    #[test]
    fn foreign_texts_are_refused() {
        for text in [
            "", "1", "1:", "1:0", "x:0:AA", "1:0:!", "1:-1:AA", "7:0:AA==",
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{text}");
        }
    }
}
