//! Patterns against a second opinion: random patterns have their alternatives written out one by one, each becomes a
//! regular expression, and the `regex` crate must agree on random keys.

use dataknobs_kv::{ErrorKind, Matcher, Pattern, Verdict, escape_pattern};
use proptest::collection::vec;
use proptest::prelude::*;
use regex::Regex;
use std::fmt::Write as _;

#[derive(Clone, Debug)]
enum Atom {
    Char(char),
    /// Written as `.` or as `\.`.
    Dot(bool),
    One,
    Run,
    /// With a number, to be found again.
    Segments(usize),
    Set(bool, Vec<(char, char)>),
    Group(Vec<Vec<Atom>>),
}

const CHARS: [char; 12] = ['a', 'a', 'a', 'b', 'b', 'é', '🦀', '*', '-', ']', ',', '!'];

fn character() -> impl Strategy<Value = char> {
    prop::sample::select(&CHARS[..])
}

fn sequence() -> impl Strategy<Value = Vec<Atom>> {
    let range = (character(), character()).prop_map(|(a, b)| if a < b { (a, b) } else { (b, a) });
    let leaf = prop_oneof![
        4 => character().prop_map(Atom::Char),
        4 => prop::bool::weighted(0.1).prop_map(Atom::Dot),
        1 => Just(Atom::One),
        2 => Just(Atom::Run),
        1 => (any::<bool>(), vec(range, 1..4)).prop_map(|(negated, ranges)| Atom::Set(negated, ranges)),
        2 => Just(Atom::Segments(0)),
    ];
    let tidy = |atoms: Vec<Atom>| {
        let mut out: Vec<Atom> = Vec::new();
        for atom in atoms {
            let stars = |atom: &Atom| matches!(atom, Atom::Run | Atom::Segments(_));
            // Most `**` get their dots; `*` beside a star would be written as another token.
            match (out.last(), &atom) {
                (Some(last), next) if stars(last) && stars(next) => out.push(Atom::Dot(false)),
                (Some(Atom::Segments(_)), Atom::Char('a' | '*') | Atom::One) => {
                    out.push(Atom::Dot(false))
                }
                (Some(Atom::Char('a' | 'é' | ',') | Atom::One), Atom::Segments(_)) => {
                    out.push(Atom::Dot(false))
                }
                _ => {}
            }
            out.push(atom);
        }
        out
    };
    let leaves = vec(leaf, 0..6).prop_map(tidy);
    let nested = leaves.clone().prop_recursive(3, 40, 4, move |inner| {
        let group = vec(inner.clone(), 1..4).prop_map(|mut ways| {
            if ways.len() == 1 && ways[0].is_empty() {
                ways.push(Vec::new());
            }
            Atom::Group(ways)
        });
        (inner.clone(), group, inner).prop_map(move |(mut atoms, group, after)| {
            atoms.push(group);
            atoms.extend(after);
            tidy(atoms)
        })
    });
    prop_oneof![1 => leaves, 3 => nested]
}

/// The pattern in our syntax.
fn write(atoms: &[Atom], out: &mut String) {
    for atom in atoms {
        match atom {
            Atom::Char(c @ ('a' | '-' | '!' | ']')) => out.push(*c),
            Atom::Char(c) => out.extend(['\\', *c]),
            Atom::Dot(escaped) => out.push_str(if *escaped { r"\." } else { "." }),
            Atom::One => out.push('?'),
            Atom::Run => out.push('*'),
            Atom::Segments(_) => out.push_str("**"),
            Atom::Set(negated, ranges) => {
                out.push_str(if *negated { "[!" } else { "[" });
                for (low, high) in ranges {
                    let escaped = |c: &char| {
                        if matches!(c, '*' | 'a') {
                            c.to_string()
                        } else {
                            format!("\\{c}")
                        }
                    };
                    out.push_str(&escaped(low));
                    if low != high {
                        write!(out, "-{}", escaped(high)).unwrap();
                    }
                }
                out.push(']');
            }
            Atom::Group(ways) => {
                for (i, way) in ways.iter().enumerate() {
                    out.push(if i == 0 { '{' } else { ',' });
                    write(way, out);
                }
                out.push('}');
            }
        }
    }
}

fn text(atoms: &[Atom]) -> String {
    let mut out = String::new();
    write(atoms, &mut out);
    out
}

/// Every way through the alternatives, or `None` where there are too many.
fn ways(atoms: &[Atom]) -> Option<Vec<Vec<Atom>>> {
    let mut all = vec![Vec::new()];
    for atom in atoms {
        let next = match atom {
            Atom::Group(groups) => groups
                .iter()
                .map(|way| ways(way))
                .collect::<Option<Vec<_>>>()?
                .concat(),
            atom => vec![vec![atom.clone()]],
        };
        all = all
            .iter()
            .flat_map(|a| next.iter().map(move |b| [&a[..], b].concat()))
            .collect();
        if all.len() > 60 {
            return None;
        }
    }
    Some(all)
}

type Way = Vec<Vec<Atom>>;

/// One way by its segments.
fn segments(way: &[Atom]) -> Way {
    way.split(|atom| matches!(atom, Atom::Dot(_)))
        .map(<[Atom]>::to_vec)
        .collect()
}

/// Every `**` that shares its segment with something in one of the ways.
fn misplaced(ways: &[Way]) -> Vec<usize> {
    let shared = ways.iter().flatten().filter(|segment| segment.len() > 1);
    let number = |atom: &Atom| {
        if let Atom::Segments(number) = atom {
            Some(*number)
        } else {
            None
        }
    };
    shared.flatten().filter_map(number).collect()
}

/// Calls `f` on every `**`.
fn each_stars(atoms: &mut [Atom], f: &mut impl FnMut(&mut Atom)) {
    for atom in atoms {
        match atom {
            Atom::Group(ways) => ways.iter_mut().for_each(|way| each_stars(way, f)),
            Atom::Segments(_) => f(atom),
            _ => {}
        }
    }
}

fn regex(ways: &[Way]) -> Regex {
    let mut out = String::from(r"(?s)\A(?:[^\s\S]");
    for way in ways {
        out.push('|');
        for (i, segment) in way.iter().enumerate() {
            let last = i + 1 == way.len();
            if let [Atom::Segments(_)] = segment[..] {
                out.push_str(if last {
                    r"[^.]+(?:\.[^.]+)*"
                } else {
                    r"(?:[^.]+\.)*"
                });
                continue;
            }
            for atom in segment {
                match atom {
                    Atom::Char(c) => write!(out, r"\x{{{:x}}}", *c as u32).unwrap(),
                    Atom::One => out.push_str("[^.]"),
                    Atom::Run => out.push_str("[^.]*"),
                    Atom::Set(negated, ranges) => {
                        out.push_str(if *negated { "[[^" } else { "[[" });
                        for &(low, high) in ranges {
                            write!(out, r"\x{{{:x}}}-\x{{{:x}}}", low as u32, high as u32).unwrap();
                        }
                        out.push_str("]&&[^.]]");
                    }
                    _ => unreachable!(),
                }
            }
            if !last {
                out.push_str(r"\.");
            }
        }
    }
    Regex::new(&(out + r")\z")).unwrap()
}

/// Xorshift: keys that follow the pattern need more choices than are worth shrinking.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % n
    }

    fn text(&mut self, least: usize) -> String {
        (0..least + self.below(3))
            .map(|_| CHARS[self.below(CHARS.len())])
            .collect()
    }

    /// A key that matches, or nearly.
    fn key(&mut self, ways: &[Way]) -> String {
        let mut out: Vec<String> = Vec::new();
        for segment in &ways[self.below(ways.len())] {
            if let [Atom::Segments(_)] = segment[..] {
                out.extend((0..self.below(3)).map(|_| self.text(1)));
                continue;
            }
            let mut text = String::new();
            for atom in segment {
                match atom {
                    Atom::Char(c) => text.push(*c),
                    Atom::Run => text.push_str(&self.text(0)),
                    Atom::Set(false, ranges) => {
                        let (low, high) = ranges[self.below(ranges.len())];
                        text.push([low, high][self.below(2)]);
                    }
                    _ => text.push(CHARS[self.below(CHARS.len())]),
                }
            }
            out.push(text);
        }
        match self.below(12) {
            0 => out.push(self.text(1)),
            1 => out.insert(0, self.text(1)),
            2 => drop(out.pop()),
            3 => out
                .iter_mut()
                .for_each(|segment| segment.extend(self.text(0).chars().take(1))),
            _ => {}
        }
        out.retain(|segment| !segment.is_empty());
        if out.is_empty() {
            self.text(1)
        } else {
            out.join(".")
        }
    }
}

/// What must be true of a match.
fn check_plan(pattern: &Pattern, key: &str) -> Result<(), TestCaseError> {
    prop_assert!(key.starts_with(pattern.literal_prefix()), "{key}");
    for segment in pattern.literal_segments() {
        prop_assert!(
            key.split('.').any(|part| *part == **segment),
            "{key} lacks {segment}"
        );
    }
    prop_assert!(pattern.exact().is_none_or(|exact| exact == key));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_regex(mut atoms in sequence(), seed in 1..u64::MAX) {
        let mut count = 0;
        each_stars(&mut atoms, &mut |atom| {
            *atom = Atom::Segments(count);
            count += 1;
        });
        let split = |atoms: &[Atom]| Some(ways(atoms)?.iter().map(|way| segments(way)).collect::<Vec<Way>>());
        let Some(mut ways) = split(&atoms) else { return Ok(()) };
        let bad = misplaced(&ways);
        if !bad.is_empty() {
            let refused = Pattern::parse(&text(&atoms)).map_err(|error| error.kind());
            prop_assert_eq!(refused.err(), Some(ErrorKind::InvalidPattern), "{}", text(&atoms));
            each_stars(&mut atoms, &mut |atom| {
                if matches!(atom, Atom::Segments(number) if bad.contains(number)) {
                    *atom = Atom::Char('b');
                }
            });
            ways = split(&atoms).unwrap();
        }
        let text = text(&atoms);
        if text.is_empty() {
            return Ok(());
        }
        let pattern = Pattern::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let regex = regex(&ways);
        let mut dice = Dice(seed);
        let keys: Vec<String> = (0..40).map(|_| dice.key(&ways)).collect();
        let mut matcher = pattern.matcher();
        for key in &keys {
            let expected = regex.is_match(key);
            let verdict = matcher.check(key);
            prop_assert_eq!(verdict == Verdict::Match, expected, "{} on {}", text, key);
            prop_assert_eq!(pattern.matches(key), expected, "{} on {}", text, key);
            if expected {
                check_plan(&pattern, key)?;
            }
            prop_assert!(expected || !pattern.matches_all());
            let Verdict::No { dead: Some(n) } = verdict else { continue };
            prop_assert!(key.is_char_boundary(n));
            for other in &keys {
                prop_assert!(!(other.starts_with(&key[..n]) && regex.is_match(other)), "{} on {}: {}", text, key, n);
                for (i, _) in other.char_indices() {
                    let spliced = key[..n].to_owned() + &other[i..];
                    prop_assert!(!regex.is_match(&spliced), "{} on {}: {} but {}", text, key, n, spliced);
                }
            }
        }
    }

    #[test]
    fn never_panics(text in prop_oneof![any::<String>(), r"[*?\[\]{},\\!\^.abé🦀-]{0,24}"], keys in vec(any::<String>(), 3)) {
        match Pattern::parse(&text) {
            Ok(pattern) => {
                prop_assert_eq!(pattern.as_str(), &text);
                let mut matcher = pattern.matcher();
                for key in keys.iter().chain([&text]) {
                    prop_assert_eq!(matcher.check(key) == Verdict::Match, pattern.matches(key));
                }
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::InvalidPattern);
                let position = error.message().strip_prefix("at character ").unwrap().split(':').next().unwrap();
                let position: usize = position.parse().unwrap();
                prop_assert!((1..=text.chars().count().max(1)).contains(&position), "{}: {}", text, error);
            }
        }
    }

    #[test]
    fn escape_matches_itself(text in r"[*?\[\]{},\\!\^.abé🦀-]{1,12}", other in any::<String>()) {
        let pattern = Pattern::parse(&escape_pattern(&text)).unwrap();
        prop_assert_eq!(pattern.exact(), Some(&*text));
        prop_assert!(pattern.matches(&text));
        prop_assert_eq!(pattern.matches(&other), other == text);
        let either = Pattern::parse(&format!("{{x.,}}{{{},y}}", escape_pattern(&text))).unwrap();
        let below = format!("x.{text}");
        prop_assert!(either.matches(&text) && either.matches(&below));
    }
}

/// More states than the matcher keeps: it forgets, and is right all the same.
#[test]
fn many_states() {
    let pattern = Pattern::parse(&("*a".to_owned() + &"?".repeat(14))).unwrap();
    let mut matcher: Matcher = pattern.matcher();
    let mut dice = Dice(7);
    for _ in 0..3000 {
        let length = 1 + dice.below(40);
        let key: String = (0..length)
            .map(|_| if dice.below(2) == 0 { 'a' } else { 'b' })
            .collect();
        let expected = key.bytes().rev().nth(14) == Some(b'a');
        assert_eq!(matcher.check(&key) == Verdict::Match, expected, "{key}");
    }
}

/// Exponential in a backtracking matcher or in an automaton that is built ahead. (The unit tests count the steps.)
#[test]
fn no_pattern_explodes() {
    let deep = "{*a,".repeat(32) + "b" + &"}".repeat(32);
    for text in [
        "{a,b}".repeat(30),
        "{a,}".repeat(800),
        "*a".repeat(2000),
        "**.*a*.".repeat(500) + "b",
        deep,
    ] {
        let mut matcher = Pattern::parse(&text).unwrap().matcher();
        for key in ["a".repeat(512), "a.".repeat(255) + "c", "ab".repeat(256)] {
            matcher.check(&key);
        }
    }
}
