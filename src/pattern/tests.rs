//! The specification's table, every refusal, and the bounds; `tests/pattern_model.rs` has the second opinion.

use super::{Pattern, Verdict, escape, nfa};
use crate::error::ErrorKind;
use std::fmt::Write as _;

fn parse(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// `pattern: keys that match; keys that do not`, separated by spaces.
macro_rules! matches {
    ($($name:ident: $pattern:literal, $yes:literal, $no:literal;)*) => {$(
        #[test]
        fn $name() {
            let pattern = parse($pattern);
            let mut matcher = pattern.matcher();
            for (keys, expected) in [($yes, true), ($no, false), ($yes, true)] {
                for key in keys.split_whitespace() {
                    assert_eq!(pattern.matches(key), expected, "{key}");
                    assert_eq!(matcher.check(key) == Verdict::Match, expected, "{key}");
                }
            }
        }
    )*};
}

matches! {
    star_inside: "logs.2024-*", "logs.2024-01 logs.2024-", "logs.2024 logs.2024-01.x logs.2025-01";
    star_segment: "users.*.name", "users.1.name users.é.name", "users.name users.1.2.name users.1.names users.1";
    star_alone: "*", "a é 🦀", "a.b";
    star_both_sides: "*a*", "a ba ab bab", "b b.a a.b";
    star_twice: "a*b*c", "abc aXbYc abbc", "ab.c ac";
    below: "app.**", "app.a app.a.b", "app application ap apq.x";
    at_any_depth: "**.error", "error a.error a.b.error error.error", "xerror a.xerror error.a errors";
    in_the_middle: "a.**.z", "a.z a.b.z a.b.c.z a.z.z", "az a.bz z a a.z.b";
    every_key: "**", "a a.b é.🦀", "";
    twice_is_once: "a.**.**", "a.b a.b.c", "a";
    twice_around: "**.a.**", "a.b x.a.b x.y.a.b.c", "a x.a ba.b";
    twice_front: "**.**.x", "x a.x a.b.x", "a ax";
    question: "a.?", "a.b a.é a.🦀", "a.bc a a.b.c";
    question_is_no_dot: "a?b", "axb", "a.b ab";
    set: "[abc]", "a b c", "d ab é";
    set_range: "x[a-cx-z]", "xa xb xc xx xz", "xd xw x";
    set_not: "[!a]x", "bx éx", "ax .x x a.x";
    set_not_caret: "[^a-c]", "d é - ^", "a b c .";
    set_never_dot: "a[+-9]b", "a+b a-b a/b a9b", "a.b";
    set_not_never_dot: "a[!x]b", "ayb", "a.b axb";
    set_of_a_dot: "a[.]b", "", "a.b a[.]b ab";
    set_dash_first: "[-a]", "- a", "b";
    set_dash_last: "[a-]", "- a", "b";
    set_dash_after_not: "[!-a]", "b", "- a";
    set_dash_after_range: "[a-c-]", "a b c -", "d";
    set_dash_escaped: r"[a-c\-e]", "a b c - e", "d";
    set_bracket: r"[\]]x", "]x", "x";
    set_escaped_bang: r"[\!a]", "! a", "b";
    set_bang_later: "[a!^]", "a ! ^", "b";
    set_literals: "[*?{,[]", "* ? { , [", "a";
    set_escaped_range: r"[\a-\c]", "a b c", r"d \";
    set_overlap: "[a-mc-z][b-d]", "ab zc md", "Ab aa";
    set_unicode: "[α-ω]", "α λ ω", "a Ω";
    alternatives: "{dev,prod}.x", "dev.x prod.x", "x devprod.x dev";
    alternatives_dots: "a{.b.c,.d}.e", "a.b.c.e a.d.e", "a.e a.b.e";
    alternatives_nested: "{a,{b,c{d,e}}f}", "a bf cdf cef", "b cf af";
    alternatives_empty: "{a,}b", "ab b", "aab a";
    alternatives_all_empty: "a{,}", "a", "a,";
    alternative_single: "{a}b", "ab", "a b";
    alternatives_wild: "{*.x,[ab]?,**.z}", "q.x ac z q.z q.r.z", "x q.y abc zz";
    stars_expand: "{**,a}.b", "b a.b x.y.b", "ab xb b.a";
    stars_expand_end: "{a.**,b}", "a.x a.x.y b", "a b.x";
    stars_expand_tail: "a.**{.b,}", "a.b a.x a.x.b a.b.b", "a ab";
    stars_expand_both: "{a,**}{.b,.**}", "a.b b x.b a.x x.y", "";
    stars_expand_zero: "**{,.a}{,.**}", "a x a.b x.a.y", "";
    escapes: r"\*\?\[\{\\\a", r"*?[{\a", r"\*\?\[\{\\\a x";
    escaped_comma: r"{a\,b,c\}}", "a,b c}", "a b c";
    closers_outside: "a]b}c,d", "a]b}c,d", "abcd";
    case_counts: "a", "a", "A";
    no_empty_segments: "a..b", "", "a.b a.x.b";
    maybe_empty_segment: "a.{,b}.c", "a.b.c", "a.c";
    control_characters: "a\u{1}b", "a\u{1}b", "ab";
    long_and_wild: "*a?b*", "axb xaxbx aaxb", "ab a.b";
}

macro_rules! refused {
    ($($name:ident: $pattern:expr, $position:literal, $advice:literal;)*) => {$(
        #[test]
        fn $name() {
            let error = Pattern::parse(&$pattern).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPattern);
            let position = concat!("at character ", $position, ": ");
            assert!(error.message().starts_with(position), "{error}");
            assert!(error.message().contains($advice), "{error}");
        }
    )*};
}

refused! {
    empty: "", 1, "write `**` for every key";
    too_long: "a".repeat(4097), 4097, "at most 4096 bytes";
    too_long_wide: "é".repeat(2049), 2049, "at most 4096 bytes";
    too_deep: "{".repeat(33), 33, "32 deep";
    stars_after_text: "a**", 2, "write `a*` or `a.**`";
    stars_before_text: "é.**b", 3, "write `*b` or `**.b`";
    stars_amid_text: "x.a**b.y", 4, "write `a*b` or `a.**.b`";
    three_stars: "***", 1, "write `*` or `**`";
    four_stars: "a.****", 3, "write `*` or `**`";
    stars_after_set: "[ab]**", 5, "write `[ab]*` or `[ab].**`";
    stars_after_question: "?**", 2, "write `?*` or `?.**`";
    stars_after_group: "{a,b}**", 6, "put a dot beside the alternatives";
    stars_before_group: "**{.a,b}", 1, "must stand alone";
    stars_in_group: "a{**,.b}", 3, "must stand alone";
    stars_in_group_end: "{a,**}b", 4, "must stand alone";
    stars_after_maybe: "a.{b,}**", 7, "must stand alone";
    stars_before_maybe: "**{.a,}b", 1, "must stand alone";
    stars_twice_by_groups: "{**,a.}{**,b}", 2, "must stand alone";
    stars_with_escape: r"a.\{**", 5, "inside a segment";
    set_unclosed: "aé[b", 3, "end it with `]`";
    set_unclosed_range: "a[b-", 2, "end it with `]`";
    set_unclosed_empty: "a[", 2, "end it with `]`";
    set_unclosed_first: "[]a", 1, "cannot be empty";
    set_empty: "x.[]", 3, "cannot be empty";
    set_empty_not: "[!]", 1, "cannot be empty";
    set_empty_caret: "[^]", 1, "cannot be empty";
    set_reversed: "a[xz-a]", 4, "write `a-z`";
    set_dash_in_the_middle: "[a-c-e]", 5, r"write `\-`";
    set_escape_at_end: r"[a\", 3, r"write `\\`";
    group_unclosed: "a{b,c", 2, "end it with `}`";
    group_unclosed_inner: "{a,{b,c}", 1, "end it with `}`";
    group_unclosed_last: "{a,{b", 4, "end it with `}`";
    group_empty: "a.{}", 3, r"`\{}`";
    group_empty_inner: "{a,{}}", 4, r"`\{}`";
    escape_at_end: r"é.\", 3, r"write `\\`";
}

/// `pattern: literal prefix, literal segments`
#[test]
fn plan() {
    for (text, prefix, segments) in [
        ("users.*.name", "users.", "users name"),
        ("**.error", "", "error"),
        ("app.**", "app.", "app"),
        ("a.**.z", "a.", "a z"),
        ("logs.2024-*", "logs.2024-", "logs"),
        (r"a\*b.\?*", "a*b.?", "a*b"),
        ("{app.a,app.b}.x", "app.", "x"),
        ("{a,b}.c.d", "", "c d"),
        ("{a.,}b.c", "", "c"),
        ("a{.x,}.d", "a.", "d"),
        ("a.{b.c}.d", "a.b.c.d", "a d"),
        ("a{b,}", "a", ""),
        ("é.[🦀].x*", "é.🦀.x", "é 🦀"),
        ("é.🦀x.[ab]", "é.🦀x.", "é 🦀x"),
        ("a..b", "a..b", "a b"),
        ("a.[.]", "", "a"),
        ("**", "", ""),
    ] {
        let pattern = parse(text);
        assert_eq!(pattern.literal_prefix(), prefix, "{text}");
        assert_eq!(pattern.literal_segments().join(" "), segments, "{text}");
    }
}

#[test]
fn exact_and_all() {
    for (text, exact) in [
        ("a.b", Some("a.b")),
        (r"\*", Some("*")),
        ("{a,a}.[b]", Some("a.b")),
        ("a?", None),
        ("{a,}", None),
    ] {
        assert_eq!(parse(text).exact(), exact, "{text}");
    }
    for text in ["**", "**.**", "**.**.**", "{**,a}", "**{.**,}"] {
        assert!(parse(text).matches_all(), "{text}");
    }
    for text in ["*", "a.**", "**.a", "{*,*.**}", "**.*.**", "**.{a,b}"] {
        assert!(!parse(text).matches_all(), "{text}");
    }
}

#[test]
fn dead_prefixes() {
    for (text, key, dead) in [
        ("users.*.name", "users.1.email", Some(9)),
        ("users.*.name", "users.1.name.x", Some(13)),
        ("users.*.name", "users.1.nam", None),
        ("users.*.name", "users", None),
        ("users.*.name", "usa.1", Some(3)),
        ("é.x", "è.x", Some(2)),
        ("a🦀", "a🦁", Some(5)),
        ("a[!é]x", "aéx", Some(3)),
        ("app.**", "app", None),
        ("**.error", "a.b.errors", None),
        ("*", "a.b", Some(2)),
        ("[.]", "a", Some(0)),
        ("a.b", "a.b.c", Some(4)),
    ] {
        assert_eq!(
            parse(text).matcher().check(key),
            Verdict::No { dead },
            "{text} {key}"
        );
    }
}

#[test]
fn escape_round_trip() {
    for text in ["a.b", "*?[]{},\\!^-", "é🦀", "a\\", "**", "{a,b}"] {
        assert_eq!(parse(&escape(text)).exact(), Some(text));
        let inside = parse(&format!("x{{{},b}}", escape(text)));
        assert!(inside.matches(&format!("x{text}")), "{text}");
    }
}

#[test]
fn at_the_bounds() {
    assert!(parse(&"a".repeat(4096)).matches(&"a".repeat(4096)));
    let deep = "{a,".repeat(32) + "b" + &"}".repeat(32);
    assert!(parse(&deep).matches("b"));
    let message = Pattern::parse(&"{".repeat(33)).unwrap_err().to_string();
    assert!(
        message.starts_with("invalid-pattern: at character 33"),
        "{message}"
    );
}

/// Neither nodes nor states nor steps explode, and what is kept of them is bounded.
#[test]
fn linear() {
    let wide = (0x100..0x700).filter_map(char::from_u32).collect();
    let mut sets = String::new();
    for i in 0..500u32 {
        write!(sets, "[!{}]*", char::from_u32(0x100 + i).unwrap()).unwrap();
    }
    for text in [
        "{a,b}".repeat(30),
        "{a,}".repeat(800),
        "{a,aa}".repeat(600),
        "*a".repeat(2000),
        "*a*".to_owned() + &"?".repeat(4000),
        "**.a.".repeat(800) + "b",
        "a".to_owned() + &"{,.**}".repeat(600),
        "a.**".to_owned() + &"{,.b}".repeat(600),
        "{".repeat(32) + "a" + &"*b,c}".repeat(32),
        "{*a,".repeat(32) + "b" + &"}".repeat(32),
        wide,
        sets,
    ] {
        let pattern = parse(&text);
        let nodes = pattern.0.program.nodes.len();
        assert!(
            nodes <= 2 * text.len() + 2,
            "{nodes} nodes for {} bytes",
            text.len()
        );
        let mut matcher = pattern.matcher();
        let mut bytes = 0;
        for key in [
            "a".repeat(512),
            "ab".repeat(256),
            "a.".repeat(255) + "b",
            "aab".repeat(170),
            "ĀaĀāa".repeat(60),
        ] {
            for cut in [0, 1, 2, key.len() / 2] {
                let key = key.get(cut..).unwrap_or(&key);
                bytes += key.len();
                matcher.check(key);
            }
        }
        let Some(table) = &matcher.table else {
            continue;
        };
        assert!(table.steps <= bytes, "{} steps", table.steps);
        let (cells, states, kept) = table.sizes();
        assert!(
            cells <= 1 << 18 && states <= 1024 && kept <= (1 << 18) + nodes,
            "{cells} {states} {kept}"
        );
    }
    assert!(size_of::<nfa::Node>() <= 12);
}

/// What is asked before the automaton is says the same.
#[test]
fn tails_agree_with_the_automaton() {
    let parts = [
        "a",
        "b",
        "ab",
        "é",
        "🦀",
        ".",
        "..",
        ".name",
        "name",
        ".ab.",
        "long-ending",
    ];
    let mut keys = vec![String::new()];
    for first in parts {
        keys.push(first.to_owned());
        for second in parts {
            keys.push(format!("{first}{second}"));
            keys.extend(parts.map(|third| format!("{first}{second}{third}")));
        }
    }
    for text in [
        "*",
        "a*",
        "*a",
        "a*a",
        "ab*b",
        "*.name",
        "a.*.name",
        "a.*",
        "é*é",
        "*🦀",
        "*.a.b",
        "a*b.a",
        "*long-ending",
        "a.*.long-ending",
        "a*.longer-than-eight",
        "**.name",
        "a.**.b",
        "**.a.b",
        "a.**.*.b",
        "**.{a,b}.name",
        "**.*b",
        "{a,b}*",
        "a.{*,b}.name",
    ] {
        let pattern = parse(text);
        let prefix = pattern.literal_prefix();
        let (mut asked, mut ran) = (pattern.matcher(), pattern.matcher());
        for key in keys.iter().filter(|key| key.starts_with(prefix)) {
            let (said, automaton) = (asked.check(key), ran.run(key.as_bytes(), prefix.len()));
            assert_eq!(
                said == Verdict::Match,
                automaton == Verdict::Match,
                "{text} {key}"
            );
            // A key that a `**` can be continued to is never dead.
            if pattern.0.program.tail.is_none() || !text.contains("**") {
                assert_eq!(said, automaton, "{text} {key}");
            }
        }
    }
}

/// A matcher begins with what the last one has learned, whichever that was.
#[test]
fn matchers_share_what_they_learn() {
    let pattern = parse("{a,b}*[!c].x");
    let check = |matcher: &mut super::Matcher| {
        for (key, expected) in [
            ("aad.x", true),
            ("béé.x", true),
            ("aac.x", false),
            ("aad.y", false),
        ] {
            assert_eq!(matcher.check(key) == Verdict::Match, expected, "{key}");
        }
        matcher.table.as_ref().map_or(0, |table| table.steps)
    };
    let (mut one, mut other) = (pattern.matcher(), pattern.clone().matcher());
    let steps = check(&mut one);
    assert!(steps > 0);
    assert_eq!(check(&mut other), steps);
    drop(one);
    assert_eq!(check(&mut pattern.matcher()), steps);
    drop(other);
    assert_eq!(check(&mut pattern.matcher()), steps);
}
