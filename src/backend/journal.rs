//! What changed, as bytes: the form in which backends that keep their entries in memory write them
//! down beside it.
//!
//! A block is a byte, the format version 1; then, in CBOR (RFC 8949), the version counter when it was
//! written; then its entries, one after the other:
//!
//! | item | CBOR |
//! |---|---|
//! | namespace, key | text, text |
//! | version | unsigned: of the record; of a deletion, the counter when it was made |
//! | record | bytes: its envelope; null: a deletion |
//!
//! A block read twice, or after one that is newer, changes nothing: an entry counts only where its
//! version is newer than what is there. So blocks may be merged, and a page of entries may hold more
//! than the blocks before it.

use crate::{
    cbor::{self, Head, Major, Reader, Writer},
    error::{Error, ErrorKind, Result},
    sorted::last_of_each,
};

/// The newest format that this build reads and writes.
pub const FORMAT: u8 = 1;

/// One change of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'b> {
    /// The namespace; `""` is the default one.
    pub namespace: &'b str,
    /// The key.
    pub key: &'b str,
    /// The record's version, or the counter when the key was deleted.
    pub version: u64,
    /// The record's envelope; `None`: the key was deleted.
    pub envelope: Option<&'b [u8]>,
}

/// A block as it is written.
pub struct Block(Writer);

impl Block {
    /// A block without changes, written when the counter is `counter`.
    #[must_use]
    pub fn new(counter: u64) -> Block {
        Block::with_room(counter, 16)
    }

    /// The same, with room for so many bytes.
    pub(crate) fn with_room(counter: u64, bytes: usize) -> Block {
        let mut out = Writer(Vec::with_capacity(bytes));
        out.0.push(FORMAT);
        out.head(Major::Unsigned, counter);
        Block(out)
    }

    /// Adds a change.
    pub fn push(&mut self, change: Change<'_>) {
        self.0.bytes(Major::Text, change.namespace.as_bytes());
        self.0.bytes(Major::Text, change.key.as_bytes());
        self.0.head(Major::Unsigned, change.version);
        match change.envelope {
            Some(envelope) => self.0.bytes(Major::Bytes, envelope),
            None => self.0.simple(cbor::NULL),
        }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.0.len()
    }

    /// Never: a block has a head.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The block.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.0
    }
}

#[cold]
fn damaged() -> Error {
    Error::new(
        ErrorKind::Corrupt,
        "what is stored is damaged: a block of changes cannot be read",
    )
}

/// Reads a block: its counter, and each of its changes through `f`.
///
/// ```
/// use dataknobs_kv::backend::journal::{Block, Change, read};
/// let mut block = Block::new(7);
/// let gone = Change { namespace: "", key: "a", version: 7, envelope: None };
/// block.push(gone);
/// let mut seen = Vec::new();
/// let counter = read(&block.into_bytes(), |change| { seen.push(change.key.to_owned()); Ok(()) })?;
/// assert_eq!((counter, seen), (7, vec!["a".to_owned()]));
/// # Ok::<(), dataknobs_kv::Error>(())
/// ```
///
/// # Errors
/// `corrupt`: no block, a damaged one, or one of a newer format; and what `f` says.
pub fn read<'b>(block: &'b [u8], mut f: impl FnMut(Change<'b>) -> Result<()>) -> Result<u64> {
    let (&format, body) = block.split_first().ok_or_else(damaged)?;
    if format > FORMAT {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!(
                "what is stored has format version {format}; this build reads up to {FORMAT}: update \
                 dataknobs-kv"
            ),
        ));
    }
    let mut from = Reader(body);
    let counter = from
        .expect(Major::Unsigned)
        .filter(|_| format == FORMAT)
        .ok_or_else(damaged)?;
    while !from.0.is_empty() {
        f(change(&mut from).ok_or_else(damaged)?)?;
    }
    Ok(counter)
}

fn change<'b>(from: &mut Reader<'b>) -> Option<Change<'b>> {
    Some(Change {
        namespace: from.text()?,
        key: from.text()?,
        version: from.expect(Major::Unsigned)?,
        envelope: match from.head()? {
            Head::Of(Major::Bytes, len) => Some(from.take(len)?),
            Head::Of(Major::Simple, cbor::NULL) => None,
            _ => return None,
        },
    })
}

/// One block in the place of several that follow each other: of each key, its newest change.
///
/// # Errors
/// `corrupt`: one of them cannot be read.
pub fn merge<'b>(blocks: &[&'b [u8]]) -> Result<Vec<u8>> {
    let mut counter = 0;
    let mut changes: Vec<Change<'b>> = Vec::new();
    for block in blocks {
        let written = read(block, |change| {
            changes.push(change);
            Ok(())
        })?;
        counter = counter.max(written);
    }
    let names: Vec<(&str, &str)> = changes.iter().map(|c| (c.namespace, c.key)).collect();
    let newest = last_of_each(&names);
    let mut merged = Block::new(counter);
    for (change, newest) in changes.into_iter().zip(newest) {
        if newest {
            merged.push(change);
        }
    }
    Ok(merged.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put<'b>(key: &'b str, version: u64, envelope: &'b [u8]) -> Change<'b> {
        Change {
            namespace: "n",
            key,
            version,
            envelope: Some(envelope),
        }
    }

    fn gone(key: &str, version: u64) -> Change<'_> {
        Change {
            namespace: "n",
            key,
            version,
            envelope: None,
        }
    }

    fn block(counter: u64, changes: &[Change<'_>]) -> Vec<u8> {
        let mut block = Block::new(counter);
        changes.iter().for_each(|change| block.push(*change));
        block.into_bytes()
    }

    fn all(block: &[u8]) -> Result<(u64, Vec<Change<'_>>)> {
        let mut changes = Vec::new();
        let counter = read(block, |change| {
            changes.push(change);
            Ok(())
        })?;
        Ok((counter, changes))
    }

    #[test]
    fn comes_back_as_it_was() {
        let changes = [
            put("a", 3, b"xyz"),
            gone("b.c", u64::MAX),
            put("\u{e9}", 0, b""),
        ];
        let bytes = block(9, &changes);
        assert_eq!(all(&bytes).unwrap(), (9, changes.to_vec()));
    }

    #[test]
    fn every_cut_but_those_between_changes_is_noticed() {
        let changes = [put("a", 300, &[7; 40]), gone("b", 5)];
        let whole = block(70_000, &changes);
        let first = block(70_000, &changes[..1]);
        let head = block(70_000, &[]);
        for len in 0..whole.len() {
            let cut = all(&whole[..len]);
            if [first.len(), head.len()].contains(&len) {
                assert!(cut.is_ok());
            } else {
                assert_eq!(cut.unwrap_err().kind(), ErrorKind::Corrupt, "{len}");
            }
        }
        let mut newer = whole;
        newer[0] = FORMAT + 1;
        assert!(
            all(&newer)
                .unwrap_err()
                .message()
                .contains("format version 2")
        );
    }

    #[test]
    fn merged_blocks_keep_the_newest_of_each_key() {
        let one = block(
            4,
            &[put("a", 1, b"1"), put("b", 2, b"2"), put("c", 4, b"3")],
        );
        let two = block(6, &[gone("b", 4), put("a", 6, b"4")]);
        let merged = merge(&[&one, &two]).unwrap();
        let expected = [put("c", 4, b"3"), gone("b", 4), put("a", 6, b"4")];
        assert_eq!(all(&merged).unwrap(), (6, expected.to_vec()));
        assert!(merge(&[&one, &two[..3]]).is_err());
    }
}
