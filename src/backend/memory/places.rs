//! Places in a list of ids in chunks: finding them, and going on from one.

/// So few ids are walked as they are; fewer in tests, so that they meet the bound.
pub(super) const FEW: usize = if cfg!(test) { 4 } else { 64 };

/// The place of an id, or the one behind the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) chunk: usize,
    pub(super) at: usize,
}

/// A list, lent.
#[derive(Clone, Copy)]
pub(super) struct View<'a>(&'a [Vec<u32>]);

/// What a search asks of an id: it holds for all before a place and for none behind it, or the
/// other way round. As an object: a search in each caller is a KB of wasm.
type Holds<'a> = &'a mut dyn FnMut(u32) -> bool;

/// How many of the first of `count` things hold, where all that hold come first: looks near the
/// beginning first.
pub(super) fn run(count: usize, holds: &mut dyn FnMut(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, 1);
    while high <= count && holds(high - 1) {
        (low, high) = (high, high * 2);
    }
    // Of the first `low` all hold; of the first `high`, if there are as many, not all.
    let mut high = high.min(count + 1) - 1;
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

impl<'a> View<'a> {
    /// A list of chunks, of which none is empty.
    pub(super) fn new(chunks: &'a [Vec<u32>]) -> View<'a> {
        View(chunks)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u32> + 'a {
        self.0.iter().flatten().copied()
    }

    pub(super) fn end(self) -> Place {
        Place {
            chunk: self.0.len(),
            at: 0,
        }
    }

    pub(super) fn get(self, place: Place) -> Option<u32> {
        self.chunk(place.chunk).get(place.at).copied()
    }

    fn chunk(self, chunk: usize) -> &'a [u32] {
        self.0.get(chunk).map_or(&[], |ids| ids)
    }

    /// The ids from one place on, as many as lie in one piece before another; the other place, or
    /// the one behind them.
    pub(super) fn piece(self, from: Place, to: Place) -> (&'a [u32], Place) {
        let ids = self.chunk(from.chunk);
        if from.chunk == to.chunk {
            return (ids.get(from.at..to.at).unwrap_or_default(), to);
        }
        let next = Place {
            chunk: from.chunk + 1,
            at: 0,
        };
        (ids.get(from.at..).unwrap_or_default(), next.min(to))
    }

    /// The same from the other end: as many as lie in one piece before `to`, and where they begin.
    pub(super) fn piece_back(self, from: Place, to: Place) -> (&'a [u32], Place) {
        let chunk = to.chunk - usize::from(to.at == 0 && to.chunk > 0);
        let ids = self.chunk(chunk);
        let end = if chunk == to.chunk { to.at } else { ids.len() };
        let begin = Place { chunk, at: 0 }.max(from);
        (ids.get(begin.at..end).unwrap_or_default(), begin)
    }

    /// Are there so few ids that a search among them is done at once?
    pub(super) fn is_short(self) -> bool {
        self.0.len() <= 1 && self.chunk(0).len() <= FEW
    }

    /// How many ids lie from one place to another.
    pub(super) fn distance(self, from: Place, to: Place) -> usize {
        let between = self.0.get(from.chunk..to.chunk).unwrap_or_default();
        (between.iter().map(Vec::len).sum::<usize>() + to.at).saturating_sub(from.at)
    }

    /// The first place whose id `before` does not hold for; it holds for all before.
    pub(super) fn partition(self, before: Holds<'_>) -> Place {
        self.partition_from(0, before)
    }

    fn partition_from(self, chunk: usize, before: Holds<'_>) -> Place {
        let chunks = self.0.get(chunk..).unwrap_or_default();
        let skipped = chunks.partition_point(|ids| ids.last().is_some_and(|id| before(*id)));
        let chunk = chunk + skipped;
        let at = self.chunk(chunk).partition_point(|id| before(*id));
        Place { chunk, at }
    }

    /// The first place from `from` on whose id `holds` does not hold for; near ones are cheap.
    pub(super) fn gallop(self, from: Place, holds: Holds<'_>) -> Place {
        let ids = self.chunk(from.chunk).get(from.at..).unwrap_or_default();
        let here = run(ids.len(), &mut |at| {
            ids.get(at).is_some_and(|id| holds(*id))
        });
        if here < ids.len() {
            return Place {
                chunk: from.chunk,
                at: from.at + here,
            };
        }
        self.partition_from((from.chunk + 1).min(self.0.len()), holds)
    }

    /// The first place from which on `holds` holds for all up to `to`; near ones are cheap.
    pub(super) fn gallop_back(self, to: Place, holds: Holds<'_>) -> Place {
        let (ids, Place { chunk, .. }) = self.piece_back(Place::default(), to);
        let last = ids.len().wrapping_sub(1);
        let here = run(ids.len(), &mut |at| {
            ids.get(last - at).is_some_and(|id| holds(*id))
        });
        if here == 0 {
            return to;
        }
        if here < ids.len() || chunk == 0 {
            return Place {
                chunk,
                at: ids.len() - here,
            };
        }
        View(self.0.get(..chunk).unwrap_or_default()).partition(&mut |id| !holds(id))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::SortedIds;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_places(ids in proptest::collection::btree_set(0..300_u32, 0..80), from in 0..300_u32, to in 0..300_u32) {
            let mut list = SortedIds::default();
            for id in &ids {
                list.push(*id);
            }
            let view = list.view();
            let place = |limit| view.partition(&mut |id| id < limit);
            let at = |limit| ids.range(limit..).next().copied();
            prop_assert_eq!(view.get(place(from)), at(from));
            let (low, high) = (from.min(to), from.max(to));
            let (first, last) = (place(low), place(high));
            prop_assert_eq!(view.gallop(first, &mut |id| id < high), last);
            prop_assert_eq!(view.gallop_back(last, &mut |id| id >= low), first);
            prop_assert_eq!(view.distance(first, last), ids.range(low..high).count());
            let (mut walked, mut here) = (Vec::new(), first);
            while here < last {
                let (piece, next) = view.piece(here, last);
                prop_assert!(!piece.is_empty());
                walked.extend(piece);
                here = next;
            }
            prop_assert!(walked.iter().eq(ids.range(low..high)));
            while first < here {
                let (piece, next) = view.piece_back(first, here);
                prop_assert!(!piece.is_empty() && walked.ends_with(piece));
                walked.truncate(walked.len() - piece.len());
                here = next;
            }
            prop_assert!(walked.is_empty());
        }
    }
}
