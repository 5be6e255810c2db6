//! Places in a list of ids in chunks: finding them, and going on from one.

/// How far a walk reads ahead.
const AHEAD: usize = 8;

/// The place of an id, or the one behind the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) chunk: usize,
    pub(super) at: usize,
}

/// A list, lent.
#[derive(Clone, Copy)]
pub(super) struct View<'a>(&'a [Vec<u32>]);

/// How many of the first of `count` things hold, where all that hold come first: looks near the
/// beginning first.
fn run(count: usize, mut holds: impl FnMut(usize) -> bool) -> usize {
    if count == 0 || !holds(0) {
        return 0;
    }
    let (mut low, mut high) = (0, 1);
    while high < count && holds(high) {
        (low, high) = (high, high * 2);
    }
    // `low` holds; `high`, where there is one, does not.
    let mut high = high.min(count);
    low += 1;
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

    #[inline]
    pub(super) fn get(self, place: Place) -> Option<u32> {
        self.0.get(place.chunk)?.get(place.at).copied()
    }

    /// Every so many places: the ids that a walk will come to after as many more.
    #[inline]
    pub(super) fn ahead(self, place: Place, reverse: bool) -> &'a [u32] {
        if !place.at.is_multiple_of(AHEAD) {
            return &[];
        }
        let ids = self.0.get(place.chunk).map_or(&[][..], |ids| ids);
        let range = if reverse {
            place.at.saturating_sub(2 * AHEAD)..place.at.saturating_sub(AHEAD)
        } else {
            place.at + AHEAD..ids.len().min(place.at + 2 * AHEAD)
        };
        ids.get(range).unwrap_or_default()
    }

    fn len_of(self, chunk: usize) -> usize {
        self.0.get(chunk).map_or(0, Vec::len)
    }

    #[inline]
    pub(super) fn next(self, place: Place) -> Place {
        self.whole(Place {
            chunk: place.chunk,
            at: place.at + 1,
        })
    }

    /// A place behind a chunk's end is the next one's beginning.
    #[inline]
    fn whole(self, place: Place) -> Place {
        if place.at < self.len_of(place.chunk) {
            return place;
        }
        Place {
            chunk: (place.chunk + 1).min(self.0.len()),
            at: 0,
        }
    }

    /// The place before, if there is one.
    #[inline]
    pub(super) fn before(self, place: Place) -> Option<Place> {
        if let Some(at) = place.at.checked_sub(1) {
            return Some(Place {
                chunk: place.chunk,
                at,
            });
        }
        let chunk = place.chunk.checked_sub(1)?;
        Some(Place {
            chunk,
            at: self.len_of(chunk).checked_sub(1)?,
        })
    }

    /// How many ids lie from one place to another.
    pub(super) fn distance(self, from: Place, to: Place) -> usize {
        let between = self.0.get(from.chunk..to.chunk).unwrap_or_default();
        (between.iter().map(Vec::len).sum::<usize>() + to.at).saturating_sub(from.at)
    }

    /// The first place whose id `before` does not hold for; it holds for all before.
    pub(super) fn partition(self, mut before: impl FnMut(u32) -> bool) -> Place {
        let chunk = self
            .0
            .partition_point(|ids| ids.last().is_some_and(|id| before(*id)));
        let at = self
            .0
            .get(chunk)
            .map_or(0, |ids| ids.partition_point(|id| before(*id)));
        Place { chunk, at }
    }

    /// The first place from `from` on whose id `holds` does not hold for; near ones are cheap.
    pub(super) fn gallop(self, from: Place, mut holds: impl FnMut(u32) -> bool) -> Place {
        let rest = self
            .0
            .get(from.chunk)
            .and_then(|ids| ids.get(from.at..))
            .unwrap_or_default();
        let mut on = |id: Option<&u32>| id.is_some_and(|id| holds(*id));
        let here = run(rest.len(), |at| on(rest.get(at)));
        if here < rest.len() {
            return Place {
                chunk: from.chunk,
                at: from.at + here,
            };
        }
        let later = self.0.get(from.chunk + 1..).unwrap_or_default();
        let skipped = run(later.len(), |at| {
            on(later.get(at).and_then(|ids| ids.last()))
        });
        let at = later
            .get(skipped)
            .map_or(0, |ids| ids.partition_point(|id| on(Some(id))));
        Place {
            chunk: (from.chunk + 1 + skipped).min(self.0.len()),
            at,
        }
    }

    /// The first place from which on `holds` holds for all up to `to`; near ones are cheap.
    pub(super) fn gallop_back(self, to: Place, mut holds: impl FnMut(u32) -> bool) -> Place {
        let rest = self
            .0
            .get(to.chunk)
            .and_then(|ids| ids.get(..to.at))
            .unwrap_or_default();
        let mut on = |id: Option<&u32>| id.is_some_and(|id| holds(*id));
        let here = run(rest.len(), |at| on(rest.get(rest.len() - 1 - at)));
        if here < rest.len() {
            return Place {
                chunk: to.chunk,
                at: to.at - here,
            };
        }
        let skipped = run(to.chunk, |at| {
            on(self.0.get(to.chunk - 1 - at).and_then(|ids| ids.first()))
        });
        let Some(chunk) = (to.chunk - skipped).checked_sub(1) else {
            return Place::default();
        };
        let at = self
            .0
            .get(chunk)
            .map_or(0, |ids| ids.partition_point(|id| !on(Some(id))));
        self.whole(Place { chunk, at })
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
            let place = |limit| view.partition(|id| id < limit);
            let at = |limit| ids.range(limit..).next().copied();
            prop_assert_eq!(view.get(place(from)), at(from));
            let (low, high) = (from.min(to), from.max(to));
            prop_assert_eq!(view.gallop(place(low), |id| id < high), place(high));
            prop_assert_eq!(view.gallop_back(place(high), |id| id >= low), place(low));
            prop_assert_eq!(view.distance(place(low), place(high)), ids.range(low..high).count());
            let mut walked = Vec::new();
            let mut here = place(low);
            while here < view.end() {
                walked.extend(view.get(here));
                here = view.next(here);
            }
            prop_assert!(walked.iter().eq(ids.range(low..)));
            while let Some(before) = view.before(here) {
                prop_assert_eq!(view.get(before), walked.pop().or_else(|| ids.range(..view.get(before).unwrap() + 1).next_back().copied()));
                here = before;
            }
            prop_assert!(walked.is_empty());
        }
    }
}
