//! The journal beside the document: what changed since it was written, only ever appended to.
//!
//! It begins with [`HEADER_LEN`] bytes; all numbers are little-endian:
//!
//! | bytes | |
//! |---|---|
//! | 16 | `dataknobs-kv/j1` and a line feed: magic and format version |
//! | 8 | the sequence number of the last commit that the document holds already |
//! | 8 | a random number of this journal |
//!
//! Then one frame a commit:
//!
//! | bytes | |
//! |---|---|
//! | 4 | the length of the payload |
//! | 8 | the sequence number: of each commit one more than of the one before |
//! | 8 | a random number: two who write the same at the same time write two frames |
//! | 4 | CRC-32 (IEEE 802.3) of the twenty bytes before and the payload |
//! | … | the payload: a block of changes (see [`journal`](crate::backend::journal)) |

use crate::error::{Error, ErrorKind, Result};
use std::sync::LazyLock;

/// How long a journal without frames is.
pub const HEADER_LEN: usize = 32;
/// What a frame has besides its payload.
const FRAME_HEAD: usize = 24;
/// Where the sum is in it.
const SUM_AT: usize = 20;
const MAGIC: &[u8; 16] = b"dataknobs-kv/j1\n";
/// What every version's magic begins with.
const FAMILY: &[u8] = b"dataknobs-kv/j";

/// The beginning of a journal whose first frame will have the sequence number `base + 1`.
pub(super) fn header(base: u64, id: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LEN);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&base.to_le_bytes());
    out.extend_from_slice(&id.to_le_bytes());
    out
}

/// The base of a journal; `None` where not even its header was written.
pub(super) fn read_header(journal: &[u8], name: &str) -> Result<Option<u64>> {
    let corrupt = |what: &str| Err(Error::new(ErrorKind::Corrupt, what));
    let Some(head) = journal.get(..HEADER_LEN) else {
        let magic = journal.get(..MAGIC.len()).unwrap_or(journal);
        if MAGIC.starts_with(magic) {
            return Ok(None);
        }
        return corrupt(&foreign(name));
    };
    if !head.starts_with(MAGIC) {
        if head.starts_with(FAMILY) {
            return corrupt(&format!(
                "{name} was written by a newer version: update dataknobs-kv"
            ));
        }
        return corrupt(&foreign(name));
    }
    Ok(u64_at(head, MAGIC.len()))
}

fn foreign(name: &str) -> String {
    format!("{name} is no journal of this store: move it away, or give the store another path")
}

/// One frame.
pub(super) fn frame(sequence: u64, id: u64, payload: &[u8]) -> Result<Vec<u8>> {
    let Ok(len) = u32::try_from(payload.len()) else {
        return Err(Error::new(
            ErrorKind::QuotaExceeded,
            "one commit to a file holds at most 4 GiB: write in several",
        ));
    };
    let mut out = Vec::with_capacity(FRAME_HEAD + payload.len());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&id.to_le_bytes());
    let sum = crc(crc(!0, &out), payload) ^ !0;
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(payload);
    Ok(out)
}

/// A whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'b> {
    pub(super) sequence: u64,
    pub(super) payload: &'b [u8],
    /// The frame as it was written.
    pub(super) bytes: &'b [u8],
}

/// The frame with which `bytes` begin; `None`: none, or one that is not whole.
pub(super) fn first(bytes: &[u8]) -> Option<Frame<'_>> {
    let len = u32::from_le_bytes(array(bytes, 0)?);
    let end = FRAME_HEAD.checked_add(usize::try_from(len).ok()?)?;
    let whole = bytes.get(..end)?;
    let (head, payload) = whole.split_at_checked(FRAME_HEAD)?;
    let sum = u32::from_le_bytes(array(head, SUM_AT)?);
    (crc(crc(!0, head.get(..SUM_AT)?), payload) ^ !0 == sum).then_some(Frame {
        sequence: u64_at(head, 4)?,
        payload,
        bytes: whole,
    })
}

/// So many bytes are summed at most in search of a frame: content may look like the head of one at each
/// of its bytes.
const SEARCH: u64 = 1 << 28;

/// Is there a whole frame after the beginning of `bytes`, numbered `from` or a little more? Then what
/// is before it was not just cut off.
pub(super) fn any_beyond(bytes: &[u8], from: u64) -> bool {
    let mut left = SEARCH;
    (1..bytes.len()).any(|at| {
        let rest = bytes.get(at..).unwrap_or_default();
        let near = u64_at(rest, 4).is_some_and(|n| n.wrapping_sub(from) < 1 << 32);
        let len = array(rest, 0).map_or(0, u32::from_le_bytes);
        if !near || u64::from(len) > rest.len() as u64 {
            return false;
        }
        let affordable = left.checked_sub(u64::from(len));
        left = affordable.unwrap_or_default();
        affordable.is_some() && first(rest).is_some()
    })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// So many bytes are summed at a time.
const AT_ONCE: usize = 8;

/// The tables of CRC-32, made when they are first needed: they would be 8 KB of each module, which no compression
/// makes smaller.
static TABLES: LazyLock<[[u32; 256]; AT_ONCE]> = LazyLock::new(|| {
    let mut tables = [[0; 256]; AT_ONCE];
    let mut sums: [u32; 256] = std::array::from_fn(|byte| {
        (0..8).fold(byte as u32, |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    });
    let first = sums;
    for table in &mut tables {
        *table = sums;
        for sum in &mut sums {
            *sum = (*sum >> 8) ^ look_up(&first, *sum);
        }
    }
    tables
});

fn look_up(table: &[u32; 256], byte: u32) -> u32 {
    table.get((byte & 255) as usize).copied().unwrap_or(0)
}

/// The sum goes in and comes out inverted.
pub(super) fn crc(mut sum: u32, bytes: &[u8]) -> u32 {
    let tables = &*TABLES;
    let (words, rest) = bytes.as_chunks::<AT_ONCE>();
    for word in words {
        let x = u64::from_le_bytes(*word) ^ u64::from(sum);
        let (low, high) = (x as u32, (x >> 32) as u32);
        sum = look_up(&tables[7], low)
            ^ look_up(&tables[6], low >> 8)
            ^ look_up(&tables[5], low >> 16)
            ^ look_up(&tables[4], low >> 24)
            ^ look_up(&tables[3], high)
            ^ look_up(&tables[2], high >> 8)
            ^ look_up(&tables[1], high >> 16)
            ^ look_up(&tables[0], high >> 24);
    }
    rest.iter().fold(sum, |sum, byte| {
        look_up(&tables[0], sum ^ u32::from(*byte)) ^ sum >> 8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_the_one_of_the_standard() {
        assert_eq!(crc(!0, b"123456789") ^ !0, 0xcbf4_3926);
        assert_eq!(crc(!0, b"") ^ !0, 0);
        assert_eq!(crc(!0, b"a") ^ !0, 0xe8b7_be43);
        let fox = b"The quick brown fox jumps over the lazy dog";
        assert_eq!(crc(!0, fox) ^ !0, 0x414f_a339);
        for cut in 0..fox.len() {
            let (head, tail) = fox.split_at(cut);
            assert_eq!(crc(crc(!0, head), tail) ^ !0, 0x414f_a339, "{cut}");
        }
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let whole = frame(7, 1, b"payload").unwrap();
        let read = first(&whole).unwrap();
        assert_eq!((read.sequence, read.payload), (7, &b"payload"[..]));
        for len in 0..whole.len() {
            assert_eq!(first(&whole[..len]), None);
        }
        for bit in 0..whole.len() * 8 {
            let mut broken = whole.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(first(&broken), None, "{bit}");
        }
        let mut two = whole.clone();
        two.extend_from_slice(&frame(8, 1, b"more").unwrap());
        assert!(any_beyond(&two, 7));
        assert!(!any_beyond(&two[..two.len() - 1], 7));
        assert!(!any_beyond(&two, 9));
    }

    #[test]
    fn headers() {
        let head = header(34, 5);
        assert_eq!(read_header(&head, "j"), Ok(Some(34)));
        for len in 0..HEADER_LEN {
            assert_eq!(read_header(&head[..len], "j"), Ok(None));
        }
        for (bytes, part) in [
            (&b"{}"[..], "no journal"),
            (b"dataknobs-kv/j2\n----------------", "update"),
            (b"something that is as long as it is", "no journal"),
        ] {
            let error = read_header(bytes, "j").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.message().contains(part), "{error}");
        }
    }
}
