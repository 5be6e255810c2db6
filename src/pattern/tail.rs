//! What a pattern ends with: asked first, it decides most keys without the automaton.

use super::parse::Token;

/// The plain text that a pattern ends with.
pub(super) struct Tail {
    pub text: String,
    /// Its last eight bytes, or the whole of a shorter one, as the upper bytes of a number; and
    /// which of its bits count.
    word: (u64, u64),
    pub middle: Middle,
}

/// What is between the literal prefix and the tail.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Middle {
    /// `*`. In the text the first dot is here, or it has none.
    Run(usize),
    /// `**.`
    Segments,
    /// A `**`, so that no continuation is ever dead, and then anything.
    Mixed,
}

impl Tail {
    /// The tail of a pattern. `any`: does a `**` follow the literal prefix, behind which something
    /// must come?
    pub fn find(tokens: &[Token], any: bool) -> Option<Tail> {
        let plain = |token: &&Token| token.char().is_some();
        let behind = tokens.iter().rev().take_while(plain).count();
        let (head, mut tail) = tokens.split_at_checked(tokens.len() - behind)?;
        let last = head.last()?;
        // Is it all that is not plain text?
        let alone = head.iter().take_while(plain).count() + 1 == head.len();
        let run = alone && matches!(last, Token::Run);
        if let [Token::Char('.'), rest @ ..] = tail
            && !run
        {
            // `**` may swallow the dot behind it.
            tail = rest;
        }
        let text: String = tail.iter().filter_map(Token::char).collect();
        let middle = if run {
            Middle::Run(text.find('.').unwrap_or(text.len()))
        } else if text.is_empty() || !any {
            return None;
        } else if alone && matches!(last, Token::Segments) {
            Middle::Segments
        } else {
            Middle::Mixed
        };
        Some(Tail::new(text, middle))
    }

    fn new(text: String, middle: Middle) -> Tail {
        let (mut bytes, mut mask) = ([0; 8], [0; 8]);
        let last = bytes.iter_mut().zip(&mut mask).rev();
        for ((byte, mask), of) in last.zip(text.bytes().rev()) {
            (*byte, *mask) = (of, 0xff);
        }
        Tail {
            text,
            word: (u64::from_le_bytes(bytes), u64::from_le_bytes(mask)),
            middle,
        }
    }

    /// How many bytes are before the tail, where a text ends with it. The last eight bytes are
    /// compared at once: a call of `memcmp` costs more than most tails.
    #[inline]
    pub fn before(&self, bytes: &[u8]) -> Option<usize> {
        let before = bytes.len().checked_sub(self.text.len())?;
        if let Some(last) = bytes.last_chunk() {
            let (word, mask) = self.word;
            if u64::from_le_bytes(*last) & mask != word {
                return None;
            }
            if self.text.len() <= 8 {
                return Some(before);
            }
        }
        bytes.ends_with(self.text.as_bytes()).then_some(before)
    }
}
