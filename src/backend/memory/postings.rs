//! For each segment of a key, the ids of the keys that have it, in the order of the keys. Segments
//! are kept as 32-bit hashes: a list may hold too much, and the matcher has the last word.

use super::{
    hashing::Hashing,
    ids::SortedIds,
    slab::{ID_LIMIT, Slab},
};
use hashbrown::{HashTable, hash_table::Entry};

#[derive(Default)]
pub(super) struct Postings {
    terms: HashTable<Term>,
    lists: Vec<SortedIds>,
    /// Places in `lists` to use again.
    free: Vec<u32>,
}

struct Term {
    segment: u32,
    /// The only id; or, from `ID_LIMIT` up, the place of a list.
    ids: u32,
}

/// The ids under a segment.
#[derive(Clone, Copy)]
pub(super) enum Listed<'a> {
    None,
    One(u32),
    List(&'a SortedIds),
}

impl Listed<'_> {
    fn len(self) -> usize {
        match self {
            Listed::None => 0,
            Listed::One(_) => 1,
            Listed::List(ids) => ids.len(),
        }
    }
}

/// A hash for the table, which looks at the lower and at the uppermost bits.
fn spread(segment: u32) -> u64 {
    u64::from(segment) << 32 | u64::from(segment)
}

fn segments<'k>(key: &'k [u8], hashing: &'k Hashing) -> impl Iterator<Item = u32> + 'k {
    key.split(|byte| *byte == b'.')
        .map(|segment| hashing.of(segment) as u32)
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
                postings.add(segment, id, SortedIds::push);
            }
        }
        postings.lists.shrink_to_fit();
        postings
    }

    /// The shortest list of those under `segments`.
    pub(super) fn shortest<'s>(
        &self,
        segments: impl Iterator<Item = &'s str>,
        hashing: &Hashing,
    ) -> Option<Listed<'_>> {
        segments
            .map(|segment| self.find(segment, hashing))
            .min_by_key(|listed| listed.len())
    }

    fn find(&self, segment: &str, hashing: &Hashing) -> Listed<'_> {
        let segment = hashing.of(segment.as_bytes()) as u32;
        let Some(term) = self
            .terms
            .find(spread(segment), |term| term.segment == segment)
        else {
            return Listed::None;
        };
        match term.ids.checked_sub(ID_LIMIT) {
            None => Listed::One(term.ids),
            Some(at) => self
                .lists
                .get(at as usize)
                .map_or(Listed::None, Listed::List),
        }
    }

    pub(super) fn insert(&mut self, id: u32, slab: &Slab, hashing: &Hashing) {
        for segment in segments(slab.key(id), hashing) {
            self.add(segment, id, |list, id| list.insert(id, slab));
        }
    }

    fn add(&mut self, segment: u32, id: u32, to: impl Fn(&mut SortedIds, u32)) {
        let Postings { terms, lists, free } = self;
        let entry = terms.entry(
            spread(segment),
            |term| term.segment == segment,
            |term| spread(term.segment),
        );
        let mut entry = match entry {
            Entry::Vacant(entry) => {
                entry.insert(Term { segment, ids: id });
                return;
            }
            Entry::Occupied(entry) => entry,
        };
        let term = entry.get_mut();
        if let Some(at) = term.ids.checked_sub(ID_LIMIT) {
            if let Some(list) = lists.get_mut(at as usize) {
                to(list, id);
            }
        } else if term.ids != id {
            let mut list = SortedIds::default();
            to(&mut list, term.ids);
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
                term.ids = ID_LIMIT | at;
            }
        }
    }

    pub(super) fn remove(&mut self, id: u32, slab: &Slab, hashing: &Hashing) {
        for segment in segments(slab.key(id), hashing) {
            let found = self
                .terms
                .find_entry(spread(segment), |term| term.segment == segment);
            let Ok(entry) = found else { continue };
            let ids = entry.get().ids;
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
                    Listed::One(id) => vec![id],
                    Listed::List(ids) => ids.view().iter().collect(),
                };
                prop_assert_eq!(listed, expected);
            }
            let shortest = postings.shortest(["a", "b"].into_iter(), &hashing).map(Listed::len);
            let count = |s| postings.find(s, &hashing).len();
            prop_assert_eq!(shortest, Some(count("a").min(count("b"))));
            for id in all {
                postings.remove(id, &slab, &hashing);
            }
            prop_assert!(postings.terms.is_empty());
            prop_assert_eq!(postings.free.len(), postings.lists.len());
        }
    }
}
