//! Sorting ids by their keys, by comparing integers: eight bytes of each key at a time.

use super::slab::Slab;

pub(super) fn sort(ids: &mut [u32], slab: &Slab) {
    // By id first: near each other in the slab, and often in the order of the keys already.
    let mut words: Vec<(u64, u32)> = ids.iter().map(|id| (u64::from(*id), *id)).collect();
    by_word(&mut words);
    refine(&mut words, 0, slab);
    for (to, from) in ids.iter_mut().zip(&words) {
        *to = from.1;
    }
}

/// One sort for all: an instance of the standard one is 4 KB of wasm.
#[inline(never)]
fn by_word(pairs: &mut [(u64, u32)]) {
    pairs.sort_unstable_by_key(|pair| pair.0);
}

/// Eight bytes of a key from `depth` on, as a number that sorts as they do. No key holds a zero
/// byte, so what fills up a short one sorts before everything.
fn word(key: &[u8], depth: usize) -> u64 {
    let rest = key.get(depth..).unwrap_or_default();
    if let Some(chunk) = rest.first_chunk() {
        return u64::from_be_bytes(*chunk);
    }
    let mut padded = [0; 8];
    for (to, from) in padded.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_be_bytes(padded)
}

/// Sorts keys that are the same before `depth`.
fn refine(pairs: &mut [(u64, u32)], depth: usize, slab: &Slab) {
    for pair in pairs.iter_mut() {
        pair.0 = word(slab.key(pair.1), depth);
    }
    by_word(pairs);
    for run in pairs.chunk_by_mut(|a, b| a.0 == b.0) {
        // A word with a zero holds the key's end.
        if run.len() > 1 && run.first().is_some_and(|pair| pair.0 & 0xff != 0) {
            refine(run, depth + 8, slab);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backend::memory::entry::Entry, record::Record};

    proptest::proptest! {
        #[test]
        fn sorts_as_the_keys_do(keys in proptest::collection::btree_set("(aaaaaaaa|users.12){0,3}[-.a!é]{1,9}", 0..80)) {
            let mut slab = Slab::default();
            // Backwards and interleaved, so that there is something to do.
            let (even, odd): (Vec<_>, Vec<_>) = keys.iter().enumerate().partition(|(at, _)| at % 2 == 0);
            let mut ids: Vec<u32> = even.into_iter().rev().chain(odd)
                .filter_map(|(_, key)| slab.insert(Entry::new(key, Record::default(), 1)))
                .collect();
            sort(&mut ids, &slab);
            let sorted: Vec<&str> = ids.iter().map(|id| std::str::from_utf8(slab.key(*id)).unwrap()).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            proptest::prop_assert_eq!(sorted, keys);
        }
    }
}
