//! A walk through the keys of a namespace: which list to take, from where to where, and what to
//! leave out on the way.

use super::{
    entry::Entry,
    hashing::Hashing,
    places::{Place, View},
    postings::Listed,
    slab::Slab,
    space::Space,
};
use crate::{
    backend::{Found, Scan},
    pattern::{Pattern, Verdict},
};
use std::ops::ControlFlow;

/// A range of so few keys is walked as it is; fewer in tests, so that they meet the bound.
const FEW: usize = if cfg!(test) { 4 } else { 64 };

pub(super) fn walk(
    space: &mut Space,
    slab: &mut Slab,
    hashing: &Hashing,
    query: &Scan<'_>,
    mut f: impl FnMut(Found<'_>) -> ControlFlow<()>,
) -> Option<Box<str>> {
    if let Some(text) = query.pattern.and_then(Pattern::exact) {
        let beyond = |after: &str| {
            if query.reverse {
                text < after
            } else {
                text > after
            }
        };
        if text.starts_with(query.prefix)
            && query.after.is_none_or(beyond)
            && let Some(id) = space.find(hashing.of(text.as_bytes()), text, slab)
            && let Some(entry) = slab.get(id)
        {
            let _ = f(found(id, text, entry, query));
        }
        return None;
    }
    let prefix = prefix(query)?;
    let index = space.index(slab, hashing);
    let (mut from, mut to) = bounds(index.order(), prefix, query, slab);
    let helpful = helpful_segments(query.pattern, prefix);
    let mut one = Vec::new();
    let mut view = index.order();
    let mut wanted = false;
    if helpful.clone().next().is_some() {
        let count = view.distance(from, to);
        if count > FEW {
            index.want_postings(slab, hashing);
            let listed = index.postings().and_then(|p| p.shortest(helpful, hashing));
            let list = match listed {
                Some(Listed::List(ids)) => Some(ids.view()),
                Some(Listed::One(id)) => {
                    one.push(id);
                    Some(View::new(std::slice::from_ref(&one)))
                }
                Some(Listed::None) => return None,
                None => None,
            };
            wanted = list.is_none();
            view = index.order();
            if let Some(list) = list {
                let (first, last) = bounds(list, prefix, query, slab);
                if list.distance(first, last) * 2 < count {
                    (view, from, to) = (list, first, last);
                }
            }
        }
    }
    let mut matcher = query
        .pattern
        .filter(|p| !p.matches_all() && !matches_range(p))
        .map(Pattern::matcher);
    let (mut looked, mut missed) = (0, 0);
    let mut left = query.limit.max(1);
    let mut resume = None;
    loop {
        let place = if query.reverse {
            view.before(to).filter(|place| *place >= from)
        } else {
            (from < to).then_some(from)
        };
        let Some((place, id)) = place.and_then(|place| Some((place, view.get(place)?))) else {
            break;
        };
        if query.reverse {
            to = place;
        } else {
            from = view.next(place);
        }
        slab.touch(view.ahead(place, query.reverse));
        let Some(entry) = slab.get(id) else { continue };
        let key = entry.key().as_str();
        if let Some(matcher) = &mut matcher {
            looked += 1;
            if let Verdict::No { dead } = matcher.check(key) {
                missed += 1;
                if let Some(head) = dead.and_then(|dead| key.as_bytes().get(..dead)) {
                    let within = |other| slab.key(other).starts_with(head);
                    if query.reverse {
                        to = view.gallop_back(to, within);
                    } else {
                        from = view.gallop(from, within);
                    }
                }
                continue;
            }
        }
        if f(found(id, key, entry, query)).is_break() {
            break;
        }
        left -= 1;
        if left == 0 {
            resume = (from < to).then(|| key.into());
            break;
        }
    }
    index.looked(looked, if wanted { missed } else { 0 });
    resume
}

#[inline]
fn found<'a>(id: u32, key: &'a str, entry: &'a Entry, query: &Scan<'_>) -> Found<'a> {
    Found {
        key,
        expires_at: entry.expires_at(),
        stored: Some(entry.lend()),
        matched: true,
        id: Some(id),
        // Who finds it expired may pass it over and never learn the key's text.
        first: query.ids && (entry.expires_at().is_some() || entry.name()),
    }
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

/// Does the pattern match every key in the range, as `app.**` does?
fn matches_range(pattern: &Pattern) -> bool {
    let head = pattern.as_str().strip_suffix("**");
    head.is_some_and(|head| head.ends_with('.') && head == pattern.literal_prefix())
}

/// The segments of a pattern that its keys have and others in the range may not.
fn helpful_segments<'q>(
    pattern: Option<&'q Pattern>,
    prefix: &'q str,
) -> impl Iterator<Item = &'q str> + Clone {
    let whole = prefix.rsplit_once('.').map_or("", |(whole, _)| whole);
    pattern
        .map_or(&[][..], Pattern::literal_segments)
        .iter()
        .map(|segment| &**segment)
        .filter(move |segment| whole.split('.').all(|known| known != *segment))
}

/// Where the keys of a list lie that begin with `prefix` and come after `query.after`.
fn bounds(list: View<'_>, prefix: &str, query: &Scan<'_>, slab: &Slab) -> (Place, Place) {
    let prefix = prefix.as_bytes();
    let after = query.after.map(str::as_bytes);
    let within = |id| slab.key(id).starts_with(prefix);
    if query.reverse {
        let to = list.partition(|id| {
            let key = slab.key(id);
            (key < prefix || key.starts_with(prefix)) && after.is_none_or(|after| key < after)
        });
        let from = if prefix.is_empty() {
            Place::default()
        } else {
            list.gallop_back(to, within)
        };
        return (from, to);
    }
    let from = match (prefix, after) {
        ([], None) => Place::default(),
        _ => list.partition(|id| {
            let key = slab.key(id);
            key < prefix || after.is_some_and(|after| key <= after)
        }),
    };
    let to = if prefix.is_empty() {
        list.end()
    } else {
        list.gallop(from, within)
    };
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_patterns_match_all_of_their_range() {
        let matches = |text| matches_range(&Pattern::parse(text).unwrap());
        assert!(matches("app.**") && matches("a.b.**"));
        for text in [
            "app.*", "**", "a.*.**", r"a\*.**", r"app.\**", "{a,b}.**", "a.b",
        ] {
            assert!(!matches(text), "{text}");
        }
    }
}
