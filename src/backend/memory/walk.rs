//! A walk through the keys of a namespace: which list to take, from where to where, and what to
//! leave out on the way.

use super::{
    bytes::{compare, starts_with},
    entry::Entry,
    hashing::Hashing,
    places::{FEW, Place, View, run},
    postings::Listed,
    slab::Slab,
    space::Space,
};
use crate::{
    backend::{Found, Scan, Want},
    pattern::{Matcher, Pattern, Verdict},
};
use std::ops::ControlFlow;

/// How far a walk reads ahead.
const AHEAD: usize = 8;

#[inline]
pub(super) fn walk(
    space: &mut Space,
    slab: &mut Slab,
    hashing: &Hashing,
    query: &Scan<'_>,
    mut f: impl FnMut(Found<'_>) -> ControlFlow<()>,
) -> Option<Box<str>> {
    let mut course = plan(space, slab, hashing, query)?;
    let mut left = query.limit.max(1);
    let mut resume = None;
    while let Some(id) = course.next(slab) {
        let Some(entry) = slab.get(id) else { continue };
        if !course.takes(entry.key().as_bytes(), slab) {
            continue;
        }
        let key = entry.key().as_str();
        if f(found(id, key, entry, query)).is_break() {
            break;
        }
        left -= 1;
        if left == 0 {
            resume = course.goes_on().then(|| key.into());
            break;
        }
    }
    let Course { looked, wanted, .. } = course;
    space.looked(looked, wanted);
    resume
}

#[inline]
fn found<'a>(id: u32, key: &'a str, entry: &'a Entry, query: &Scan<'_>) -> Found<'a> {
    Found {
        key,
        expires_at: entry.expires_at(),
        stored: match query.want {
            Want::Keys => None,
            Want::Records => Some(entry.lend()),
        },
        matched: true,
        id: Some(id),
        // Who finds it expired may pass it over and never learn the key's text.
        first: query.ids && (entry.expires_at().is_some() || entry.name()),
    }
}

/// A list of ids, and what of it is still to be walked. What is done for each key is always a part
/// of the walk: for size it would not be, and the calls take a fifth of a walk's time.
struct Course<'a> {
    view: View<'a>,
    /// The ids that come next, in one piece; and the range of those that come after.
    ids: &'a [u32],
    from: Place,
    to: Place,
    reverse: bool,
    /// Of the keys in the range, which ones? All begin with the literal prefix.
    matcher: Option<Matcher>,
    looked: usize,
    /// How many of them in vain, where postings would help.
    wanted: Option<usize>,
}

impl<'a> Course<'a> {
    /// Through few ids.
    fn through(ids: &'a [u32], query: &Scan<'_>) -> Course<'a> {
        Course {
            view: View::new(&[]),
            ids,
            from: Place::default(),
            to: Place::default(),
            reverse: query.reverse,
            matcher: None,
            looked: 0,
            wanted: None,
        }
    }

    /// Through what of a list begins with `prefix` and comes after what the query says.
    fn over(view: View<'a>, prefix: &str, query: &Scan<'_>, slab: &Slab) -> Course<'a> {
        let (from, to) = bounds(view, prefix, query, slab);
        Course {
            view,
            from,
            to,
            ..Course::through(&[], query)
        }
    }

    /// The same, of what the pattern matches.
    fn matching(self, query: &Scan<'_>) -> Course<'a> {
        let pattern = query.pattern.filter(|p| !p.matches_prefixed());
        Course {
            matcher: pattern.map(Pattern::matcher),
            ..self
        }
    }

    /// How many ids there are in the range.
    fn count(&self) -> usize {
        self.view.distance(self.from, self.to)
    }

    /// Is anything left?
    fn goes_on(&self) -> bool {
        !self.ids.is_empty() || self.from < self.to
    }

    #[inline(always)]
    fn next(&mut self, slab: &Slab) -> Option<u32> {
        if self.ids.is_empty() {
            self.fill();
        }
        let split = if self.reverse {
            self.ids.split_last()
        } else {
            self.ids.split_first()
        };
        let (id, rest) = split?;
        self.ids = rest;
        if rest.len().is_multiple_of(AHEAD) {
            let (near, far) = (rest.len().min(AHEAD), rest.len().min(2 * AHEAD));
            let soon = if self.reverse {
                rest.len() - far..rest.len() - near
            } else {
                near..far
            };
            slab.touch(rest.get(soon).unwrap_or_default());
        }
        Some(*id)
    }

    /// Goes to the next piece.
    fn fill(&mut self) {
        if self.from >= self.to {
            return;
        }
        if self.reverse {
            (self.ids, self.to) = self.view.piece_back(self.from, self.to);
        } else {
            (self.ids, self.from) = self.view.piece(self.from, self.to);
        }
    }

    /// Does the pattern match a key? Where it does not, what cannot match either is passed over.
    #[inline(always)]
    fn takes(&mut self, key: &[u8], slab: &Slab) -> bool {
        let Some(matcher) = &mut self.matcher else {
            return true;
        };
        self.looked += 1;
        match matcher.check_rest(key) {
            Verdict::Match => true,
            Verdict::No { dead } => {
                self.missed(dead.and_then(|dead| key.get(..dead)), slab);
                false
            }
        }
    }

    /// Passes over what begins with `head`.
    fn missed(&mut self, head: Option<&[u8]>, slab: &Slab) {
        self.wanted = self.wanted.map(|missed| missed + 1);
        let Some(head) = head else { return };
        let within = &mut |id| starts_with(slab.key(id), head);
        let ids = self.ids;
        let reverse = self.reverse;
        let skipped = run(ids.len(), &mut |at| {
            let id = if reverse {
                ids.iter().nth_back(at)
            } else {
                ids.get(at)
            };
            id.is_some_and(|id| within(*id))
        });
        let rest = if reverse {
            ids.get(..ids.len() - skipped)
        } else {
            ids.get(skipped..)
        };
        self.ids = rest.unwrap_or_default();
        if !self.ids.is_empty() || self.from >= self.to {
            return;
        }
        if reverse {
            self.to = self.view.gallop_back(self.to, within);
        } else {
            self.from = self.view.gallop(self.from, within);
        }
    }
}

/// Where to walk; `None` where there is nothing to find.
fn plan<'a>(
    space: &'a mut Space,
    slab: &mut Slab,
    hashing: &Hashing,
    query: &Scan<'_>,
) -> Option<Course<'a>> {
    let prefix = prefix(query)?;
    if let Some(text) = query.pattern.and_then(Pattern::exact) {
        let id = space.find(hashing.of_any(text.as_bytes()), text, slab)?;
        return one(id, prefix, query, slab);
    }
    let index = space.index(slab, hashing);
    let segments = query.pattern.map_or(&[][..], Pattern::literal_segments);
    let helpful = segments.iter().any(|segment| narrows(segment, prefix));
    if helpful
        && index.lacks_postings()
        && Course::over(index.order(), prefix, query, slab).count() > FEW
    {
        index.make_postings(slab, hashing);
    }
    if helpful {
        index.used();
    }
    let index = &*index;
    let mut list = None;
    if !segments.is_empty() {
        list = match index.shortest(segments, hashing) {
            Some(Listed::None) => return None,
            Some(Listed::One(id)) => {
                return one(id, prefix, query, slab).map(|course| course.matching(query));
            }
            Some(Listed::List(ids)) => Some(ids.view()),
            None => None,
        };
    }
    let mut course = match list {
        // A look at a hash table, where a search in the order of all keys is many looks at keys.
        Some(view) if view.is_short() => Course::over(view, prefix, query, slab),
        _ => Course::over(index.order(), prefix, query, slab),
    };
    let count = course.count();
    if helpful && count > FEW {
        match list {
            None => course.wanted = Some(0),
            Some(view) => {
                let listed = Course::over(view, prefix, query, slab);
                if listed.count() * 2 < count {
                    course = listed;
                }
            }
        }
    }
    Some(course.matching(query))
}

/// Through the only id that may be found.
fn one<'a>(id: &'a u32, prefix: &str, query: &Scan<'_>, slab: &Slab) -> Option<Course<'a>> {
    let key = slab.key(*id);
    let beyond = |after: &str| {
        let order = compare(key, after.as_bytes());
        if query.reverse {
            order.is_lt()
        } else {
            order.is_gt()
        }
    };
    let within = starts_with(key, prefix.as_bytes()) && query.after.is_none_or(beyond);
    within.then(|| Course::through(std::slice::from_ref(id), query))
}

/// What every key to be found begins with; `None` where none can.
fn prefix<'q>(query: &Scan<'q>) -> Option<&'q str> {
    let own = query.pattern.map_or("", Pattern::literal_prefix);
    if own.starts_with(query.prefix) {
        Some(own)
    } else {
        query.prefix.starts_with(own).then_some(query.prefix)
    }
}

/// May keys that begin with `prefix` lack a segment?
fn narrows(segment: &str, prefix: &str) -> bool {
    let whole = prefix.rsplit_once('.').map_or("", |(whole, _)| whole);
    let mut known = whole.as_bytes().split(|byte| *byte == b'.');
    known.all(|known| compare(known, segment.as_bytes()).is_ne())
}

/// Where the keys of a list lie that begin with `prefix` and come after `query.after`.
fn bounds(list: View<'_>, prefix: &str, query: &Scan<'_>, slab: &Slab) -> (Place, Place) {
    let prefix = prefix.as_bytes();
    let within = &mut |id| starts_with(slab.key(id), prefix);
    if query.reverse {
        // What comes before what may be found, or may be itself.
        let to = match query.after.map(str::as_bytes) {
            None if prefix.is_empty() => list.end(),
            after => list.partition(&mut |id| {
                let key = slab.key(id);
                after.is_none_or(|after| compare(key, after).is_lt())
                    && (starts_with(key, prefix) || compare(key, prefix).is_lt())
            }),
        };
        let from = if prefix.is_empty() {
            Place::default()
        } else {
            list.gallop_back(to, within)
        };
        return (from, to);
    }
    let from = match query.after.map(str::as_bytes) {
        Some(after) if after >= prefix => {
            list.partition(&mut |id| compare(slab.key(id), after).is_le())
        }
        _ if prefix.is_empty() => Place::default(),
        _ => list.partition(&mut |id| compare(slab.key(id), prefix).is_lt()),
    };
    let to = if prefix.is_empty() {
        list.end()
    } else {
        list.gallop(from, within)
    };
    (from, to)
}
