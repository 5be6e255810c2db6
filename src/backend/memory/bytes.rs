//! Comparing keys eight bytes at a time: `memcmp` is a call, which costs more than most keys, and
//! on wasm a loop over single bytes.

use std::cmp::Ordering;

/// Are two texts the same?
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let (Some(a_end), Some(b_end)) = (a.last_chunk(), b.last_chunk()) else {
        return a.iter().zip(b).all(|(a, b)| a == b);
    };
    let (a, b) = (a.as_chunks().0, b.as_chunks().0);
    word(a_end) == word(b_end) && a.iter().zip(b).all(|(a, b)| word(a) == word(b))
}

pub(super) fn starts_with(text: &[u8], head: &[u8]) -> bool {
    text.get(..head.len())
        .is_some_and(|start| same(start, head))
}

/// Eight bytes of a text from `depth` on, as a number that sorts as they do. Zeros fill up what is
/// shorter: no key holds a zero byte.
#[inline]
pub(super) fn word(text: &[u8], depth: usize) -> u64 {
    let rest = text.get(depth..).unwrap_or_default();
    if let Some(chunk) = rest.first_chunk() {
        return u64::from_be_bytes(*chunk);
    }
    // Not through an array: copying into one is a call.
    let number = rest
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    let missing = 8 * (8 - rest.len()) as u32;
    number.checked_shl(missing).unwrap_or_default()
}

/// The byte order of two texts.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let mut depth = 0;
    loop {
        let (x, y) = (word(a, depth), word(b, depth));
        depth += 8;
        if x != y {
            return x.cmp(&y);
        }
        if depth >= a.len().min(b.len()) {
            // Where one is the other and zeros.
            return a.len().cmp(&b.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_texts_are_the_same() {
        let text: Vec<u8> = (0..40).collect();
        for len in 0..40 {
            assert!(same(&text[..len], &text.clone()[..len]));
            assert!(!same(&text[..len], &text[..len + 1]));
            assert!(starts_with(&text, &text[..len]) && !starts_with(&text[..len], &text));
            for at in 0..len {
                let mut other = text.clone();
                other[at] ^= 64;
                assert!(!same(&text[..len], &other[..len]), "{len} {at}");
                assert!(!starts_with(&text, &other[..len]), "{len} {at}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn compares_as_slices_do(head in "(users\\.)?[a-c]{0,20}", a in "[\0a\u{e9}]{0,9}", b in "[\0a\u{e9}]{0,9}") {
            let (a, b) = (format!("{head}{a}"), format!("{head}{b}"));
            proptest::prop_assert_eq!(compare(a.as_bytes(), b.as_bytes()), a.cmp(&b));
        }
    }
}
