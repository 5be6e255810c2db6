//! Patterns over keys.
//!
//! | syntax | matches |
//! |---|---|
//! | `*` | any run of characters inside one segment (`logs.2024-*`), or one whole segment (`users.*.name`); never a dot |
//! | `**` | as a whole segment: any number of segments. `app.**` is everything below `app`, not `app` itself; `**.error` is `error` at any depth, the top too; `a.**.z` includes `a.z`; `**` alone is every key |
//! | `?` | one character that is not a dot |
//! | `[abc]` `[a-z]` | one character in the set; never a dot |
//! | `[!abc]` `[^a-z]` | one character that is not in the set; never a dot |
//! | `{dev,prod}` | alternatives, which may hold any of the above, dots and other alternatives; one may be empty: `{a,}` |
//! | `\` | takes the next character as it is: `\*` is a star |
//!
//! - Characters are code points and case counts. `]`, `}` and `,` outside of their brackets are themselves.
//! - In a set `-` first or last is itself, `\` takes the next character as it is, `]` must be written `\]`, and
//!   `*`, `?`, `{` and `,` are themselves.
//! - `**` with other text in its segment (`a**`) is refused. In alternatives it means what it would mean if they were
//!   written out: `{**,a}.b` is `**.b` or `a.b`, and `x{**,a}` is refused as `x**` is.
//! - A key has no empty segment, so `a..b` is a pattern that matches nothing.
//! - A pattern has 1 to 4,096 bytes and alternatives at most 32 deep.
//!
//! The text becomes an automaton whose size is linear in the text ([`nfa`]), which a [`Matcher`] turns into table
//! look-ups while it runs ([`dfa`]), within a fixed bound of memory. A key therefore costs at worst its length times
//! the length of the pattern, whatever the pattern.

mod dfa;
mod nfa;
mod parse;
#[cfg(feature = "postgres")]
mod posix;
mod tail;
#[cfg(test)]
mod tests;

use crate::{error::Result, maybe_send::Lock};
use std::fmt;
use std::sync::Arc;

pub use dfa::Matcher;

/// A compiled pattern; a clone shares it.
///
/// ```
/// use dataknobs_kv::Pattern;
///
/// let names = Pattern::parse("users.*.name")?;
/// assert!(names.matches("users.7.name"));
/// assert!(!names.matches("users.7.address.name"));
/// assert!(Pattern::parse("{dev,prod}.**.error").unwrap().matches("prod.error"));
///
/// let refused = Pattern::parse("users.a**").unwrap_err();
/// assert!(refused.message().starts_with("at character 8: "));
/// # Ok::<(), dataknobs_kv::Error>(())
/// ```
#[derive(Clone)]
pub struct Pattern(Arc<Inner>);

struct Inner {
    text: Box<str>,
    exact: bool,
    segments: Box<[Box<str>]>,
    program: nfa::Program,
    /// Does a `**` follow the literal prefix, behind which nothing need come?
    rest: bool,
    /// What the last [`Matcher`] has learned: a pattern that finds little is asked for often.
    table: Lock<Option<Box<dfa::Table>>>,
}

/// What a [`Matcher`] says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The key matches.
    Match,
    /// The key does not match.
    No {
        /// `Some(n)`: no key that begins with the first `n` bytes of this one can match, so that an ordered scan can
        /// go on behind all of them. `n` is the smallest that the automaton knows, lies between two characters, and is
        /// 0 where no key at all can match. `None`: a longer key may match.
        dead: Option<usize>,
    },
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// [`InvalidPattern`](crate::ErrorKind::InvalidPattern), with the position of the fault in code points from 1 and
    /// with what to write instead.
    ///
    /// ```
    /// use dataknobs_kv::Pattern;
    /// assert!(Pattern::parse("logs.2024-*").is_ok());
    /// let error = Pattern::parse("logs.[0-9").unwrap_err();
    /// assert_eq!(error.message(), r"at character 6: `[` is not closed: end it with `]`, or write `\[`");
    /// ```
    // On wasm there is one thread, and the lock is a cell.
    #[cfg_attr(target_family = "wasm", allow(clippy::arc_with_non_send_sync))]
    pub fn parse(text: &str) -> Result<Pattern> {
        let parsed = parse::parse(text)?;
        let program = nfa::Program::build(&parsed);
        Ok(Pattern(Arc::new(Inner {
            text: text.into(),
            exact: program.start == [nfa::ACCEPT],
            rest: program.has_rest(&program.start),
            segments: parsed.literal_segments(),
            program,
            table: Lock::default(),
        })))
    }

    /// The text that was compiled.
    ///
    /// ```
    /// # use dataknobs_kv::Pattern;
    /// assert_eq!(Pattern::parse("a.{b,c}").unwrap().as_str(), "a.{b,c}");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The text that every matching key starts with, without escapes; the longest there is.
    ///
    /// ```
    /// # use dataknobs_kv::Pattern;
    /// assert_eq!(Pattern::parse("users.*.name").unwrap().literal_prefix(), "users.");
    /// assert_eq!(Pattern::parse("logs.{2024,2025}-??").unwrap().literal_prefix(), "logs.202");
    /// assert_eq!(Pattern::parse("**.error").unwrap().literal_prefix(), "");
    /// ```
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        &self.0.program.prefix
    }

    /// The only text that the pattern matches, where it leaves no choice. It need not be a valid key (`a..b`).
    ///
    /// ```
    /// # use dataknobs_kv::Pattern;
    /// assert_eq!(Pattern::parse(r"a.\*").unwrap().exact(), Some("a.*"));
    /// assert_eq!(Pattern::parse("a.*").unwrap().exact(), None);
    /// ```
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        self.0.exact.then_some(&*self.0.program.prefix)
    }

    /// Whether every key matches, as with `**`.
    ///
    /// ```
    /// # use dataknobs_kv::Pattern;
    /// assert!(Pattern::parse("**").unwrap().matches_all());
    /// assert!(!Pattern::parse("*").unwrap().matches_all());
    /// ```
    #[must_use]
    pub fn matches_all(&self) -> bool {
        self.0.rest && self.0.program.prefix.is_empty()
    }

    /// Whether every key matches that begins with the literal prefix, as with `app.**`.
    pub(crate) fn matches_prefixed(&self) -> bool {
        self.0.rest
    }

    /// Whole segments that every matching key has: those at the top level of the pattern without wildcards or
    /// alternatives, without escapes, in the order of the pattern.
    ///
    /// ```
    /// # use dataknobs_kv::Pattern;
    /// let pattern = Pattern::parse("app.**.{dev,prod}.error.*").unwrap();
    /// let segments: Vec<&str> = pattern.literal_segments().iter().map(|s| &**s).collect();
    /// assert_eq!(segments, ["app", "error"]);
    /// ```
    #[must_use]
    pub fn literal_segments(&self) -> &[Box<str>] {
        &self.0.segments
    }

    /// Whether `key` matches. For many keys take one [`matcher`](Pattern::matcher), which learns.
    ///
    /// ```
    /// # use dataknobs_kv::Pattern;
    /// assert!(Pattern::parse("**.error").unwrap().matches("error"));
    /// ```
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        if self.0.exact {
            return *key == *self.0.program.prefix;
        }
        self.matcher().check(key) == Verdict::Match
    }

    /// A matcher for many keys.
    ///
    /// ```
    /// use dataknobs_kv::{Pattern, Verdict};
    ///
    /// let mut matcher = Pattern::parse("app.*.x").unwrap().matcher();
    /// assert_eq!(matcher.check("app.1.x"), Verdict::Match);
    /// assert_eq!(matcher.check("app.1"), Verdict::No { dead: None });
    /// assert_eq!(matcher.check("app.1.y.z"), Verdict::No { dead: Some(7) }); // nothing below `app.1.y`
    /// ```
    #[must_use]
    pub fn matcher(&self) -> Matcher {
        Matcher::new(self.clone())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.0.text).finish()
    }
}

/// A pattern that matches exactly `text`, also as a part of a longer pattern or as an alternative.
///
/// ```
/// use dataknobs_kv::{Pattern, escape_pattern};
///
/// assert_eq!(escape_pattern("50%*{x}"), r"50%\*\{x\}");
/// assert!(Pattern::parse(&escape_pattern("a.[b]")).unwrap().matches("a.[b]"));
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | ',' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
