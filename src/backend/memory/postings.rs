//! For each segment of a key, the ids of the keys that have it, in the order of the keys. Segments
//! are kept as 32-bit hashes: a list may hold too much, and the matcher has the last word.

use super::{
    hashing::{Hashed, Hashing, spread},
    ids::SortedIds,
    slab::{ID_LIMIT, Slab},
};
use hashbrown::{HashTable, hash_table::Entry};

#[derive(Default)]
pub(super) struct Postings {
    /// By the hash of a segment: the only id; or, from `ID_LIMIT` up, the place of a list.
    terms: HashTable<Hashed>,
    lists: Vec<SortedIds>,
    /// Places in `lists` to use again.
    free: Vec<u32>,
}

/// The ids under a segment.
#[derive(Clone, Copy)]
pub(super) enum Listed<'a> {
    None,
    One(&'a u32),
    List(&'a SortedIds),
}

impl Listed<'_> {
    /// For about how many ids there is room.
    fn room(self) -> usize {
        match self {
            Listed::None => 0,
            Listed::One(_) => 1,
            Listed::List(ids) => ids.room(),
        }
    }
}

fn segments<'k>(key: &'k [u8], hashing: &'k Hashing) -> impl Iterator<Item = u32> + 'k {
    key.split(|byte| *byte == b'.')
        .map(|segment| hashing.of_any(segment) as u32)
}

impl Postings {
    /// The postings of keys in their order.
    pub(super) fn build(
        ids: impl Iterator<Item = u32>,
        slab: &Slab,
        hashing: &Hashing,
    ) -> Postings {
        let mut postings = Postings::default();
        for id in ids {
            for segment in segments(slab.key(id), hashing) {
                postings.add(segment, id, None);
            }
        }
        postings.lists.shrink_to_fit();
        postings
    }

    /// The shortest list of those under `segments`; of no segments there is none.
    pub(super) fn shortest(&self, segments: &[Box<str>], hashing: &Hashing) -> Listed<'_> {
        segments
            .iter()
            .map(|segment| self.find(segment, hashing))
            .min_by_key(|listed| listed.room())
            .unwrap_or(Listed::None)
    }

    fn find(&self, segment: &str, hashing: &Hashing) -> Listed<'_> {
        let segment = hashing.of_any(segment.as_bytes()) as u32;
        let Some(term) = self
            .terms
            .find(spread(segment), |term| term.hash == segment)
        else {
            return Listed::None;
        };
        match term.number.checked_sub(ID_LIMIT) {
            None => Listed::One(&term.number),
            Some(at) => self
                .lists
                .get(at as usize)
                .map_or(Listed::None, Listed::List),
        }
    }

    pub(super) fn insert(&mut self, id: u32, slab: &Slab, hashing: &Hashing) {
        for segment in segments(slab.key(id), hashing) {
            self.add(segment, id, Some(slab));
        }
    }

    /// Adds an id under a segment: at its place, or without a slab as the last one.
    fn add(&mut self, segment: u32, id: u32, slab: Option<&Slab>) {
        let to = |list: &mut SortedIds, id| match slab {
            Some(slab) => list.insert(id, slab),
            None => list.push(id),
        };
        let Postings { terms, lists, free } = self;
        let entry = terms.entry(spread(segment), |term| term.hash == segment, Hashed::spread);
        let mut entry = match entry {
            Entry::Vacant(entry) => {
                entry.insert(Hashed {
                    hash: segment,
                    number: id,
                });
                return;
            }
            Entry::Occupied(entry) => entry,
        };
        let term = entry.get_mut();
        if let Some(at) = term.number.checked_sub(ID_LIMIT) {
            if let Some(list) = lists.get_mut(at as usize) {
                to(list, id);
            }
        } else if term.number != id {
            let mut list = SortedIds::default();
            to(&mut list, term.number);
            to(&mut list, id);
            let at = match free.pop() {
                Some(at) => at,
                None => {
                    lists.push(SortedIds::default());
                    lists.len() as u32 - 1
                }
            };
            if let Some(place) = lists.get_mut(at as usize) {
                *place = list;
                term.number = ID_LIMIT | at;
            }
        }
    }

    pub(super) fn remove(&mut self, id: u32, slab: &Slab, hashing: &Hashing) {
        for segment in segments(slab.key(id), hashing) {
            let found = self
                .terms
                .find_entry(spread(segment), |term| term.hash == segment);
            let Ok(entry) = found else { continue };
            let ids = entry.get().number;
            let Some(at) = ids.checked_sub(ID_LIMIT) else {
                if ids == id {
                    entry.remove();
                }
                continue;
            };
            let Some(list) = self.lists.get_mut(at as usize) else {
                continue;
            };
            list.remove(id, slab);
            if list.is_empty() {
                *list = SortedIds::default();
                self.free.push(at);
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::entry::Entry, *};
    use crate::record::Record;
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeMap;

    fn text(n: u32) -> String {
        match n % 4 {
            0 => format!("a.{}.a", n / 4),
            1 => format!("b.{}", n / 4),
            2 => format!("{}.a.é", n / 4),
            _ => format!("z{n}"),
        }
    }

    proptest! {
        #[test]
        fn agree_with_the_keys(start in vec(0..200_u32, 0..100), steps in vec((any::<bool>(), 0..200_u32), 0..150)) {
            let (mut slab, hashing) = (Slab::default(), Hashing::new(|| 7));
            let all: Vec<u32> = (0..200).filter_map(|n| slab.insert(Entry::new(&text(n), Record::default(), 1))).collect();
            let mut model: BTreeMap<String, u32> = start.iter().map(|n| (text(*n), all[*n as usize])).collect();
            let mut postings = Postings::build(model.values().copied(), &slab, &hashing);
            for (add, n) in steps {
                let id = all[n as usize];
                if add {
                    model.insert(text(n), id);
                    postings.insert(id, &slab, &hashing);
                } else {
                    model.remove(&text(n));
                    postings.remove(id, &slab, &hashing);
                }
            }
            for segment in ["a", "b", "é", "z3", "z7", "0", "1", "20", "none"] {
                let expected: Vec<u32> =
                    model.iter().filter(|(key, _)| key.split('.').any(|s| s == segment)).map(|(_, id)| *id).collect();
                let listed: Vec<u32> = match postings.find(segment, &hashing) {
                    Listed::None => Vec::new(),
                    Listed::One(id) => vec![*id],
                    Listed::List(ids) => ids.view().iter().collect(),
                };
                prop_assert_eq!(listed, expected);
            }
            let shortest = postings.shortest(&["a".into(), "b".into()], &hashing).room();
            let room = |s| postings.find(s, &hashing).room();
            prop_assert_eq!(shortest, room("a").min(room("b")));
            for id in all {
                postings.remove(id, &slab, &hashing);
            }
            prop_assert!(postings.terms.is_empty());
            prop_assert_eq!(postings.free.len(), postings.lists.len());
        }
    }
}
