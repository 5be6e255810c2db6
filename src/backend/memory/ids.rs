//! Ids in the byte order of their keys: a list in chunks, so that neither an insertion nor a
//! removal moves more than a chunk.

use super::{
    bytes::compare,
    places::{Place, View},
    slab::Slab,
};

/// The most ids in a chunk; few in tests, so that they meet the bounds.
const CHUNK: usize = if cfg!(test) { 8 } else { 512 };
/// How far a chunk is filled where many ids come in order.
const FILL: usize = CHUNK / 8 * 7;

/// Few ids in one piece, many in chunks of which none is empty.
pub(super) enum SortedIds {
    Few(Vec<u32>),
    Many(Vec<Vec<u32>>),
}

impl Default for SortedIds {
    fn default() -> Self {
        SortedIds::Few(Vec::new())
    }
}

impl SortedIds {
    pub(super) fn view(&self) -> View<'_> {
        View::new(match self {
            SortedIds::Few(ids) if ids.is_empty() => &[],
            SortedIds::Few(ids) => std::slice::from_ref(ids),
            SortedIds::Many(chunks) => chunks,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            SortedIds::Few(ids) => ids.is_empty(),
            SortedIds::Many(chunks) => chunks.is_empty(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            SortedIds::Few(ids) => ids.len(),
            SortedIds::Many(chunks) => chunks.iter().map(Vec::len).sum(),
        }
    }

    /// For how many ids there is room in its pieces: to count them is to look at each.
    pub(super) fn room(&self) -> usize {
        match self {
            SortedIds::Few(ids) => ids.len(),
            SortedIds::Many(chunks) => chunks.len() * CHUNK,
        }
    }

    /// Adds an id whose key comes last. An id that is there already stays alone.
    pub(super) fn push(&mut self, id: u32) {
        let last = match self {
            SortedIds::Few(ids) => Some(ids),
            SortedIds::Many(chunks) => chunks.last_mut(),
        };
        match last {
            Some(ids) if ids.last() == Some(&id) => {}
            Some(ids) if ids.len() < FILL => ids.push(id),
            _ => self.chunks().push(vec![id]),
        }
    }

    fn chunks(&mut self) -> &mut Vec<Vec<u32>> {
        loop {
            match self {
                SortedIds::Many(chunks) => return chunks,
                SortedIds::Few(ids) => {
                    let ids = std::mem::take(ids);
                    *self = SortedIds::Many(if ids.is_empty() {
                        Vec::new()
                    } else {
                        vec![ids]
                    });
                }
            }
        }
    }

    /// The first place whose key does not come before that of an id.
    fn place(&self, id: u32, slab: &Slab) -> Place {
        let key = slab.key(id);
        self.view()
            .partition(&mut |other| compare(slab.key(other), key).is_lt())
    }

    /// Adds an id at its place. An id that is there already stays alone.
    pub(super) fn insert(&mut self, id: u32, slab: &Slab) {
        let place = self.place(id, slab);
        if self.view().get(place) == Some(id) {
            return;
        }
        if let SortedIds::Few(ids) = self
            && ids.len() < CHUNK
        {
            // The only place with another chunk is the end.
            let at = if place.chunk == 0 {
                place.at
            } else {
                ids.len()
            };
            ids.insert(at, id);
            return;
        }
        let chunks = self.chunks();
        let end = place.chunk == chunks.len();
        let Some(chunk) = (if end {
            chunks.last_mut()
        } else {
            chunks.get_mut(place.chunk)
        }) else {
            return chunks.push(vec![id]);
        };
        if end {
            if chunk.len() < CHUNK {
                chunk.push(id);
            } else {
                chunks.push(vec![id]);
            }
            return;
        }
        chunk.insert(place.at, id);
        if chunk.len() > CHUNK {
            let rest = chunk.split_off(CHUNK / 2);
            chunks.insert(place.chunk + 1, rest);
        }
    }

    /// Takes an id out, if it is there.
    pub(super) fn remove(&mut self, id: u32, slab: &Slab) {
        let place = self.place(id, slab);
        if self.view().get(place) != Some(id) {
            return;
        }
        match self {
            SortedIds::Few(ids) => drop(ids.remove(place.at)),
            SortedIds::Many(chunks) => {
                let Some(chunk) = chunks.get_mut(place.chunk) else {
                    return;
                };
                chunk.remove(place.at);
                let left = chunk.len();
                if left == 0 {
                    chunks.remove(place.chunk);
                } else if left < CHUNK / 4
                    && chunks
                        .get(place.chunk + 1)
                        .is_some_and(|next| next.len() < CHUNK / 2)
                {
                    let next = chunks.remove(place.chunk + 1);
                    if let Some(chunk) = chunks.get_mut(place.chunk) {
                        chunk.extend(next);
                    }
                }
            }
        }
    }

    /// Keeps the ids that `keep` says.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        match self {
            SortedIds::Few(ids) => ids.retain(|id| keep(*id)),
            SortedIds::Many(chunks) => chunks.retain_mut(|chunk| {
                chunk.retain(|id| keep(*id));
                !chunk.is_empty()
            }),
        }
    }

    /// The same list with `more`, which are in order, among it.
    pub(super) fn merged(&self, more: &[u32], slab: &Slab) -> SortedIds {
        let (view, mut out) = (self.view(), SortedIds::default());
        let mut place = Place::default();
        let copy = |mut from: Place, to: Place, out: &mut SortedIds| {
            while from < to {
                let (ids, next) = view.piece(from, to);
                for id in ids {
                    out.push(*id);
                }
                from = next;
            }
        };
        for &id in more {
            let key = slab.key(id);
            let next = view.gallop(place, &mut |other| compare(slab.key(other), key).is_lt());
            copy(place, next, &mut out);
            out.push(id);
            place = next;
        }
        copy(place, view.end(), &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backend::memory::entry::Entry, record::Record};
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeSet;

    /// A slab whose ids are in the order of their keys.
    fn slab(count: u32) -> Slab {
        let mut slab = Slab::default();
        for n in 0..count {
            slab.insert(Entry::new(&format!("{n:05}"), Record::default(), 1));
        }
        slab
    }

    fn check(list: &SortedIds, model: &BTreeSet<u32>) {
        let ids: Vec<u32> = list.view().iter().collect();
        assert!(ids.iter().eq(model));
        assert_eq!(list.len(), ids.len());
        assert_eq!(list.is_empty(), ids.is_empty());
        if let SortedIds::Many(chunks) = list {
            assert!(
                chunks
                    .iter()
                    .all(|chunk| (1..=CHUNK).contains(&chunk.len()))
            );
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(start in vec(0..300_u32, 0..150), steps in vec((any::<bool>(), 0..300_u32), 0..200)) {
            let slab = slab(300);
            let mut model: BTreeSet<u32> = start.into_iter().collect();
            let mut list = SortedIds::default();
            for id in &model {
                list.push(*id);
                list.push(*id);
            }
            check(&list, &model);
            for (add, id) in steps {
                if add {
                    model.insert(id);
                    list.insert(id, &slab);
                } else {
                    model.remove(&id);
                    list.remove(id, &slab);
                }
                check(&list, &model);
            }
            let more: BTreeSet<u32> = (0..300).filter(|id| id % 3 == 0 && !model.contains(id)).collect();
            let merged = list.merged(&more.iter().copied().collect::<Vec<_>>(), &slab);
            model.extend(more);
            check(&merged, &model);
            let mut kept = merged;
            kept.retain(|id| id % 5 < 2);
            model.retain(|id| id % 5 < 2);
            check(&kept, &model);
        }
    }
}
