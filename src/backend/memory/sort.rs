//! Sorting ids by their keys, by comparing integers: eight bytes of each key at a time.

use super::{bytes::word, slab::Slab};
use std::mem::swap;

/// Of so few insertion is faster; fewer in tests, so that they meet the bound.
const FEW: usize = if cfg!(test) { 8 } else { 48 };

type Pair = (u64, u32);

pub(super) fn sort(ids: &mut [u32], slab: &Slab) {
    // By id first: near each other in the slab, and often in the order of the keys already.
    let mut words: Vec<Pair> = ids.iter().map(|id| (u64::from(*id), *id)).collect();
    let mut spare = words.clone();
    by_word(&mut words, &mut spare);
    refine(&mut words, &mut spare, 0, slab);
    for (to, from) in ids.iter_mut().zip(&words) {
        *to = from.1;
    }
}

/// Sorts by single bytes of the words, the last one first: as fast as the standard sort, which is
/// 4 KB of wasm. `spare` is at least as long.
fn by_word(pairs: &mut [Pair], spare: &mut [Pair]) {
    if pairs.len() <= FEW {
        return insert(pairs);
    }
    for shift in (0..64).step_by(8) {
        let digit = |pair: &Pair| (pair.0 >> shift) as u8;
        let mut places = [0_usize; 256];
        for pair in &*pairs {
            places[usize::from(digit(pair))] += 1;
        }
        if places.contains(&pairs.len()) {
            continue;
        }
        let mut begin = 0;
        for place in &mut places {
            begin += std::mem::replace(place, begin);
        }
        for pair in &*pairs {
            let place = &mut places[usize::from(digit(pair))];
            if let Some(to) = spare.get_mut(*place) {
                *to = *pair;
            }
            *place += 1;
        }
        for (to, from) in pairs.iter_mut().zip(&*spare) {
            *to = *from;
        }
    }
}

fn insert(pairs: &mut [Pair]) {
    for len in 2..=pairs.len() {
        let mut head = pairs.get_mut(..len).unwrap_or_default();
        while let [rest @ .., last] = head
            && let Some(before) = rest.last_mut()
            && before.0 > last.0
        {
            swap(before, last);
            head = rest;
        }
    }
}

/// Sorts keys that are the same before `depth`.
fn refine(pairs: &mut [Pair], spare: &mut [Pair], depth: usize, slab: &Slab) {
    for pair in pairs.iter_mut() {
        pair.0 = word(slab.key(pair.1), depth);
    }
    by_word(pairs, spare);
    for run in pairs.chunk_by_mut(|a, b| a.0 == b.0) {
        // A word with a zero holds the key's end.
        if run.len() > 1 && run.first().is_some_and(|pair| pair.0 & 0xff != 0) {
            refine(run, spare, depth + 8, slab);
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
