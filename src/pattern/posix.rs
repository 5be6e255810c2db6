//! A pattern as a regular expression of PostgreSQL's ("9.7.3. POSIX Regular Expressions").

use super::{
    Pattern,
    parse::{self, Parsed, Token},
};

/// A longer one costs more to compile there than it saves.
const MAX_TEXT: usize = 1_000;

impl Pattern {
    /// A regular expression that every matching key matches, and perhaps others; `None` where the literal
    /// prefix says as much.
    pub(crate) fn posix(&self) -> Option<String> {
        if self.matches_prefixed() {
            return None;
        }
        let parsed = parse::parse(self.as_str()).ok()?;
        let text = text(&parsed);
        (text.len() <= MAX_TEXT).then_some(text)
    }
}

fn text(parsed: &Parsed) -> String {
    let segments = |token: &Token| matches!(token, Token::Segments);
    let any = parsed.tokens.iter().any(segments);
    let mut out = String::from("^");
    let mut before: Option<&Token> = None;
    for token in &parsed.tokens {
        match token {
            // A `**` may stand for no segment, and then takes the dot behind it away, over the edges of
            // alternatives too.
            Token::Char('.') if any && before.is_none_or(|token| !is_text(token)) => {
                out.push_str("\\.?");
            }
            Token::Char(c) => char(*c, &mut out),
            Token::One => out.push_str("[^.]"),
            Token::Run => out.push_str("[^.]*"),
            Token::Segments => out.push_str(".*"),
            Token::Set(at) => set(parsed, *at, &mut out),
            Token::Open => out.push_str("(?:"),
            Token::Comma => out.push('|'),
            Token::Close => out.push(')'),
        }
        before = Some(token);
    }
    out.push('$');
    out
}

fn is_text(token: &Token) -> bool {
    matches!(
        token,
        Token::Char(_) | Token::One | Token::Run | Token::Set(_)
    )
}

/// A letter or digit behind a backslash would mean something else; every other character is itself.
fn char(c: char, out: &mut String) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        out.push('\\');
    }
    out.push(c);
}

/// Beyond ASCII the order of characters is the server's business: any character then.
fn set(parsed: &Parsed, at: usize, out: &mut String) {
    let begin = match at.checked_sub(1) {
        Some(before) => parsed.sets.get(before).map_or(0, |(end, _)| *end),
        None => 0,
    };
    let (ranges, negated) = match parsed.sets.get(at) {
        Some((end, negated)) => (parsed.ranges.get(begin..*end).unwrap_or_default(), *negated),
        None => (&[][..], true),
    };
    if !ranges
        .iter()
        .all(|(low, high)| low.is_ascii() && high.is_ascii())
    {
        out.push_str("[^.]");
        return;
    }
    out.push_str(if negated { "[^." } else { "[" });
    for (low, high) in ranges {
        char(*low, out);
        if low < high {
            out.push('-');
            char(*high, out);
        }
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn posix(pattern: &str) -> Option<String> {
        Pattern::parse(pattern).expect(pattern).posix()
    }

    #[test]
    fn texts() {
        for (pattern, expected) in [
            ("users.*.name", r"^users\.[^.]*\.name$"),
            ("a-?.[a-c9]", r"^a\-[^.]\.[a-c9]$"),
            ("**.error", r"^.*\.?error$"),
            ("a.**.z", r"^a\..*\.?z$"),
            ("{dev,prod.x}.c", r"^(?:dev|prod\.x)\.c$"),
            ("{**,a}.b*", r"^(?:.*|a)\.?b[^.]*$"),
            (r"x.[!\]\-^]", r"^x\.[^.\]\-\^]$"),
            ("x.[à-ü]é?", r"^x\.[^.]é[^.]$"),
        ] {
            assert_eq!(posix(pattern).as_deref(), Some(expected), "{pattern}");
        }
        assert_eq!(posix("**"), None);
        assert_eq!(posix("app.**"), None);
        assert_eq!(posix(&"?".repeat(300)), None);
    }

    proptest! {
        /// By another engine than PostgreSQL's, whose syntax is the same here.
        #[test]
        fn what_matches_is_never_left_out(
            pattern in "([ab*?.,{}\\[\\]!-]|\\*\\*\\.|\\.\\*\\*|\\{a,\\*\\*\\}){1,10}",
            keys in proptest::collection::vec("[ab]{1,2}(\\.[ab]{1,2}){0,3}", 20),
        ) {
            let Ok(parsed) = Pattern::parse(&pattern) else { return Ok(()) };
            let Some(text) = parsed.posix() else { return Ok(()) };
            let regex = regex::Regex::new(&text).expect(&text);
            for key in &keys {
                prop_assert!(
                    !parsed.matches(key) || regex.is_match(key),
                    "{pattern} as {text} leaves out {key}"
                );
            }
        }
    }
}
