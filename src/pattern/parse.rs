//! From the text of a pattern to its tokens; everything that is refused is refused here.

use crate::error::{Error, ErrorKind, Result};
use std::str::Chars;

pub(super) const MAX_BYTES: usize = 4096;
pub(super) const MAX_DEPTH: usize = 32;

/// A flat list: alternatives are bracketed by `Open` and `Close`, so that nobody recurses.
pub(super) enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Run,
    /// `**`
    Segments,
    /// An index into [`Parsed::sets`].
    Set(usize),
    Open,
    Comma,
    Close,
}

impl Token {
    pub fn char(&self) -> Option<char> {
        match self {
            Token::Char(c) => Some(*c),
            _ => None,
        }
    }
}

pub(super) struct Parsed {
    pub tokens: Vec<Token>,
    /// Of each set: where its ranges end in `ranges`, and whether it is negated.
    pub sets: Vec<(usize, bool)>,
    pub ranges: Vec<(char, char)>,
}

/// What may stand directly before the next token, over all ways through the alternatives.
#[derive(Clone, Copy, Default)]
struct Before {
    /// Text of the same segment.
    text: bool,
    /// The position of a `**`, or 0.
    stars: usize,
}

impl Before {
    fn or(self, other: Before) -> Before {
        Before {
            text: self.text || other.text,
            stars: self.stars.max(other.stars),
        }
    }
}

/// Alternatives that are still open.
struct Group {
    position: usize,
    /// Before the group, and so before each alternative.
    before: Before,
    /// After the alternatives that are complete.
    after: Before,
}

struct Parser<'a> {
    text: &'a str,
    rest: Chars<'a>,
    /// Of the character that was read last, from 1.
    position: usize,
    before: Before,
    groups: Vec<Group>,
    out: Parsed,
}

pub(super) fn parse(text: &str) -> Result<Parsed> {
    if text.is_empty() {
        return refuse(1, "a pattern cannot be empty: write `**` for every key");
    }
    if text.len() > MAX_BYTES {
        let inside = (1..=MAX_BYTES)
            .filter(|&end| text.is_char_boundary(end))
            .count();
        return refuse(
            inside + 1,
            "a pattern has at most 4096 bytes: use several patterns",
        );
    }
    let mut parser = Parser {
        text,
        rest: text.chars(),
        position: 0,
        before: Before::default(),
        groups: Vec::new(),
        out: Parsed {
            tokens: Vec::with_capacity(text.len()),
            sets: Vec::new(),
            ranges: Vec::new(),
        },
    };
    while let Some(c) = parser.next() {
        parser.token(c)?;
    }
    match parser.groups.last() {
        Some(group) => refuse(
            group.position,
            r"`{` is not closed: end it with `}`, or write `\{`",
        ),
        None => Ok(parser.out),
    }
}

fn refuse<T>(position: usize, message: &str) -> Result<T> {
    Err(fault(position, &[message]))
}

#[cold]
#[inline(never)]
fn fault(position: usize, message: &[&str]) -> Error {
    let mut text = String::from("at character ");
    text.push_str(&position.to_string());
    text.push_str(": ");
    for part in message {
        text.push_str(part);
    }
    Error::new(ErrorKind::InvalidPattern, text)
}

impl Parser<'_> {
    #[inline(never)]
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next();
        self.position += usize::from(c.is_some());
        c
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    #[inline(never)]
    fn token(&mut self, c: char) -> Result<()> {
        match c {
            '*' if self.peek() == Some('*') => self.segments(),
            '*' => self.text(Token::Run),
            '?' => self.text(Token::One),
            '[' => self.set(),
            '\\' => {
                let c = self.escaped()?;
                self.char(c)
            }
            '{' => self.open(),
            ',' | '}' if !self.groups.is_empty() => self.end_alternative(c == '}'),
            c => self.char(c),
        }
    }

    fn char(&mut self, c: char) -> Result<()> {
        if c == '.' {
            self.before = Before::default();
            self.out.tokens.push(Token::Char('.'));
            return Ok(());
        }
        self.text(Token::Char(c))
    }

    /// Any token that is a part of a segment.
    #[inline(never)]
    fn text(&mut self, token: Token) -> Result<()> {
        if self.before.stars > 0 {
            return Err(self.beside_stars(self.before.stars));
        }
        self.before.text = true;
        self.out.tokens.push(token);
        Ok(())
    }

    fn segments(&mut self) -> Result<()> {
        match self.before {
            Before { stars: 1.., .. } => return Err(self.beside_stars(self.before.stars)),
            Before { text: true, .. } => return Err(self.beside_stars(self.position)),
            _ => {}
        }
        self.before.stars = self.position;
        self.next();
        self.out.tokens.push(Token::Segments);
        Ok(())
    }

    fn escaped(&mut self) -> Result<char> {
        match self.next() {
            Some(c) => Ok(c),
            None => refuse(
                self.position,
                r"`\` takes the next character as it is, and there is none: write `\\`",
            ),
        }
    }

    fn open(&mut self) -> Result<()> {
        if self.groups.len() == MAX_DEPTH {
            return refuse(
                self.position,
                "alternatives can be 32 deep: write the innermost ones out",
            );
        }
        self.groups.push(Group {
            position: self.position,
            before: self.before,
            after: Before::default(),
        });
        self.out.tokens.push(Token::Open);
        Ok(())
    }

    #[inline(never)]
    fn end_alternative(&mut self, close: bool) -> Result<()> {
        let Some(group) = self.groups.last_mut() else {
            return Ok(());
        };
        group.after = group.after.or(self.before);
        if !close {
            self.before = group.before;
            self.out.tokens.push(Token::Comma);
            return Ok(());
        }
        if let Some(Token::Open) = self.out.tokens.last() {
            return refuse(
                group.position,
                r"`{}` has no alternatives: write `{a,b}`, or `\{}` for the characters",
            );
        }
        self.before = group.after;
        self.groups.pop();
        self.out.tokens.push(Token::Close);
        Ok(())
    }

    /// After `[`.
    fn set(&mut self) -> Result<()> {
        let start = self.position;
        let negated = matches!(self.peek(), Some('!' | '^'));
        if negated {
            self.next();
        }
        let first = self.out.ranges.len();
        let mut after_range = false;
        loop {
            let position = self.position + 1;
            let low = match self.next() {
                None => return refuse(start, r"`[` is not closed: end it with `]`, or write `\[`"),
                Some(']') if self.out.ranges.len() == first => {
                    return refuse(
                        start,
                        r"a set cannot be empty: write `[\]]` for the character `]`, `\[` for `[`",
                    );
                }
                Some(']') => break,
                Some('-') if after_range && self.peek() != Some(']') => {
                    return refuse(
                        position,
                        r"`-` after a range: write `\-` for the character itself",
                    );
                }
                Some('\\') => self.escaped()?,
                Some(c) => c,
            };
            let mut ahead = self.rest.clone();
            after_range = ahead.next() == Some('-') && !matches!(ahead.next(), Some(']') | None);
            let mut high = low;
            if after_range {
                self.next();
                high = match self.next() {
                    Some('\\') => self.escaped()?,
                    c => c.unwrap_or(low),
                };
            }
            if low > high {
                let mut range = String::from(high);
                range.push('-');
                range.push(low);
                return Err(fault(
                    position,
                    &["the range is reversed: write `", &range, "`"],
                ));
            }
            self.out.ranges.push((low, high));
        }
        // `[*]` is a plain character; `[.]` matches nothing.
        if let ([(low, high)], false) = (&self.out.ranges[first..], negated)
            && low == high
            && *low != '.'
        {
            let c = *low;
            self.out.ranges.pop();
            return self.text(Token::Char(c));
        }
        let token = Token::Set(self.out.sets.len());
        self.out.sets.push((self.out.ranges.len(), negated));
        self.text(token)
    }

    /// The `**` at `position` has a neighbour in its segment.
    #[cold]
    #[inline(never)]
    fn beside_stars(&self, position: usize) -> Error {
        let (mut left, mut right, mut stars, mut escapes) =
            (String::new(), String::new(), 0, false);
        for (i, c) in self.text.chars().enumerate() {
            let edge = matches!(c, '.' | ',' | '{' | '}');
            escapes |= c == '\\';
            if i + 1 < position {
                left.push(c);
                if edge {
                    left.clear();
                }
            } else if c == '*' && right.is_empty() {
                stars += 1;
            } else if edge {
                break;
            } else {
                right.push(c);
            }
        }
        let must = "`**` must stand alone between dots: write `";
        if escapes {
            return fault(
                position,
                &[must, "*` inside a segment, `.**.` for whole segments"],
            );
        }
        if stars == 2 && left.is_empty() && right.is_empty() {
            return fault(
                position,
                &[must, "*`, or put a dot beside the alternatives"],
            );
        }
        let dot = |side: &str| if side.is_empty() { "" } else { "." };
        let (before, after) = (dot(&left), dot(&right));
        fault(
            position,
            &[
                must, &left, "*", &right, "` or `", &left, before, "**", after, &right, "`",
            ],
        )
    }
}

impl Parsed {
    /// Segments at the top level that are plain text.
    pub fn literal_segments(&self) -> Box<[Box<str>]> {
        let mut out: Vec<Box<str>> = Vec::new();
        let (mut segment, mut plain, mut depth) = (String::new(), true, 0);
        for token in self.tokens.iter().chain([&Token::Char('.')]) {
            match token {
                Token::Char('.') if depth == 0 => {
                    if plain && !segment.is_empty() {
                        out.push(segment.as_str().into());
                    }
                    segment.clear();
                    plain = true;
                    continue;
                }
                Token::Char(c) => {
                    segment.push(*c);
                    continue;
                }
                Token::Open => depth += 1,
                Token::Close => depth -= 1,
                _ => {}
            }
            plain = false;
        }
        out.into_boxed_slice()
    }
}
