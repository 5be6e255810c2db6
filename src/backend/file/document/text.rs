//! Strings of JSON.

use super::read::{Read, Reader};
use std::borrow::Cow;

const UNESCAPED: &str = "a text has an end, and no control character in it";

impl<'t> Reader<'t> {
    pub(super) fn string(&mut self) -> Read<Cow<'t, str>> {
        self.expect(b'"')?;
        let from = self.at;
        let plain = plain(self.bytes());
        self.at += plain;
        match self.text.as_bytes().get(self.at) {
            Some(b'"') => {
                let text = self.text.get(from..self.at).unwrap_or_default();
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            Some(b'\\') => self.escaped(from).map(Cow::Owned),
            _ => Err(UNESCAPED.into()),
        }
    }

    #[cold]
    fn escaped(&mut self, from: usize) -> Read<String> {
        let mut out = self.text.get(from..self.at).unwrap_or_default().to_owned();
        loop {
            let Some((special, _)) = self.bytes().split_first() else {
                return Err(UNESCAPED.into());
            };
            self.at += 1;
            match special {
                b'"' => return Ok(out),
                b'\\' => out.push(self.escape()?),
                _ => return Err(UNESCAPED.into()),
            }
            let start = self.at;
            self.at += plain(self.bytes());
            out.push_str(self.text.get(start..self.at).unwrap_or_default());
        }
    }

    fn escape(&mut self) -> Read<char> {
        let letter = self.bytes().first().copied().unwrap_or(0);
        self.at += usize::from(letter.is_ascii());
        Ok(match letter {
            b'"' | b'\\' | b'/' => letter.into(),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex()?;
                let code = match high {
                    0xd800..0xdc00 if self.bytes().starts_with(b"\\u") => {
                        self.at += 2;
                        let low = self.hex()?;
                        if !(0xdc00..0xe000).contains(&low) {
                            return Err("half a surrogate pair".into());
                        }
                        0x1_0000 + ((high - 0xd800) << 10 | (low - 0xdc00))
                    }
                    _ => high,
                };
                char::from_u32(code).ok_or("half a surrogate pair")?
            }
            _ => return Err("no such escape".into()),
        })
    }

    fn hex(&mut self) -> Read<u32> {
        let fault = "four hexadecimal digits were expected";
        let four: &[u8; 4] = self.bytes().first_chunk().ok_or(fault)?;
        let mut code = 0;
        for digit in four {
            code = code << 4 | char::from(*digit).to_digit(16).ok_or(fault)?;
        }
        self.at += 4;
        Ok(code)
    }
}

/// How many bytes are as they are in a string.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    let special = |b: &u8| matches!(b, b'"' | b'\\' | 0..0x20);
    bytes.iter().position(special).unwrap_or(bytes.len())
}
