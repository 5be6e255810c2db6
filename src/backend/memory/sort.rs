//! Sorting ids by their keys, mostly by comparing integers: eight bytes of each key at a time.

use super::slab::Slab;

/// How many ids are sorted at a time, so that the words take at most 16 MB; few in tests, so that
/// they meet the bound.
const BLOCK: usize = if cfg!(test) { 1 << 10 } else { 1 << 20 };
/// A run of so few is sorted by comparing keys.
const SHORT: usize = 12;

pub(super) fn sort(ids: &mut [u32], slab: &Slab) {
    let mut words = Vec::with_capacity(ids.len().min(BLOCK));
    for block in ids.chunks_mut(BLOCK) {
        words.clear();
        words.extend(block.iter().map(|id| (word(slab.key(*id), 0), *id)));
        words.sort_unstable_by_key(|pair| pair.0);
        refine(&mut words, 0, slab);
        for (to, from) in block.iter_mut().zip(&words) {
            *to = from.1;
        }
    }
    if ids.len() > BLOCK {
        // The library's stable sort finds the runs that are there, and merges them.
        ids.sort_by(|a, b| slab.key(*a).cmp(slab.key(*b)));
    }
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

/// Sorts what the words at `depth` leave open.
fn refine(pairs: &mut [(u64, u32)], depth: usize, slab: &Slab) {
    for run in pairs.chunk_by_mut(|a, b| a.0 == b.0) {
        // A word with a zero holds the key's end.
        if run.len() < 2 || run.first().is_none_or(|pair| pair.0 & 0xff == 0) {
            continue;
        }
        if run.len() <= SHORT {
            run.sort_unstable_by(|a, b| slab.key(a.1).cmp(slab.key(b.1)));
            continue;
        }
        let depth = depth + 8;
        for pair in run.iter_mut() {
            pair.0 = word(slab.key(pair.1), depth);
        }
        run.sort_unstable_by_key(|pair| pair.0);
        refine(run, depth, slab);
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

    #[test]
    fn sorts_more_than_a_block() {
        let mut slab = Slab::default();
        let mut ids: Vec<u32> = (0..BLOCK as u32 * 3 + 100)
            .filter_map(|n| {
                slab.insert(Entry::new(
                    &n.wrapping_mul(2_654_435_761).to_string(),
                    Record::default(),
                    1,
                ))
            })
            .collect();
        sort(&mut ids, &slab);
        assert!(ids.is_sorted_by(|a, b| slab.key(*a) < slab.key(*b)));
    }
}
