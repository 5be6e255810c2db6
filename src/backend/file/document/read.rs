//! JSON text as values, in one pass over its bytes: the form of [`json`](crate::json), read without
//! serde.

use super::{BYTES, DOUBLE, OBJECT, RESERVED, SPECIAL, TAGGED, base64};
use crate::{
    host::Host,
    value::{MAX_DEPTH, Object, Tagged, Value},
};
use std::borrow::Cow;

/// What was wrong; where is the reader's place.
pub(super) type Fault = Cow<'static, str>;
pub(super) type Read<T> = Result<T, Fault>;

/// A place in a text.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    host: &'t dyn Host,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, host: &'t dyn Host) -> Reader<'t> {
        Reader { text, at: 0, host }
    }

    /// The line that is being read, from 1.
    pub(super) fn line(&self) -> usize {
        let read = self.text.as_bytes().get(..self.at).unwrap_or_default();
        1 + read.iter().filter(|b| **b == b'\n').count()
    }

    pub(super) fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no white space.
    // Inlined it is 5 KB more of wasm.
    #[cfg_attr(target_family = "wasm", inline(never))]
    #[cfg_attr(not(target_family = "wasm"), inline)]
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.text.as_bytes().get(self.at).copied()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    #[cfg_attr(not(target_family = "wasm"), inline)]
    pub(super) fn expect(&mut self, wanted: u8) -> Read<()> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(match self.peek() {
            None => "it ends early".into(),
            Some(_) => format!("'{}' was expected", char::from(wanted)).into(),
        })
    }

    pub(super) fn end(&mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err("something follows the end".into()),
        }
    }

    /// The fields of an object; `f` reads what is under each name.
    #[inline]
    pub(super) fn fields(
        &mut self,
        mut f: impl FnMut(&mut Reader<'t>, Cow<'t, str>) -> Read<()>,
    ) -> Read<()> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            f(self, name)?;
            if !self.take(b',') {
                return self.expect(b'}');
            }
        }
    }

    fn items(&mut self, mut f: impl FnMut(&mut Reader<'t>) -> Read<()>) -> Read<()> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            f(self)?;
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Read<Value> {
        if !self.bytes().starts_with(word.as_bytes()) {
            return Err("a value was expected".into());
        }
        self.at += word.len();
        Ok(value)
    }

    /// The text of a number, and whether it has neither point nor exponent.
    fn number(&mut self) -> Read<(&'t str, bool)> {
        let fault = "a number was expected";
        self.peek();
        let (from, mut whole) = (self.at, true);
        self.at += usize::from(self.bytes().first() == Some(&b'-'));
        match self.digits() {
            0 => return Err(fault.into()),
            count if count > 1 && self.text.as_bytes().get(self.at - count) == Some(&b'0') => {
                return Err("a number begins with no needless 0".into());
            }
            _ => {}
        }
        if self.bytes().first() == Some(&b'.') {
            self.at += 1;
            whole = false;
            if self.digits() == 0 {
                return Err(fault.into());
            }
        }
        if let Some(b'e' | b'E') = self.bytes().first() {
            self.at += 1;
            whole = false;
            if let Some(b'+' | b'-') = self.bytes().first() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(fault.into());
            }
        }
        Ok((self.text.get(from..self.at).unwrap_or_default(), whole))
    }

    fn digits(&mut self) -> usize {
        let rest = self.bytes();
        let count = rest.iter().position(|b| !b.is_ascii_digit());
        let count = count.unwrap_or(rest.len());
        self.at += count;
        count
    }

    pub(super) fn unsigned(&mut self) -> Read<u64> {
        let (text, _) = self.number()?;
        let fault = || "a whole number of 64 bits was expected".into();
        text.parse().map_err(|_| fault())
    }

    pub(super) fn unsigneds(&mut self) -> Read<Vec<u64>> {
        let mut all = Vec::new();
        self.items(|reader| {
            all.push(reader.unsigned()?);
            Ok(())
        })?;
        Ok(all)
    }

    pub(super) fn value(&mut self, left: usize) -> Read<Value> {
        let Some(left) = left.checked_sub(1) else {
            return Err(format!("a value nests at most {MAX_DEPTH} deep").into());
        };
        match self.peek() {
            Some(b'"') => Ok(match self.string()? {
                Cow::Borrowed(text) => Value::Text(text.into()),
                Cow::Owned(text) => Value::Text(text.into()),
            }),
            Some(b'{') => self.object(left),
            Some(b'[') => {
                let mut items = Vec::new();
                self.items(|reader| {
                    items.push(reader.value(left)?);
                    Ok(())
                })?;
                Ok(items.into())
            }
            Some(b't') => self.word("true", true.into()),
            Some(b'f') => self.word("false", false.into()),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => {
                let (text, whole) = self.number()?;
                if whole
                    && text != "-0"
                    && let Ok(number) = text.parse::<i64>()
                {
                    return Ok(number.into());
                }
                match self.host.read_double(text) {
                    Some(number) if number.is_finite() => Ok(number.into()),
                    _ => Err("a number is out of range".into()),
                }
            }
            Some(_) => Err("a value was expected".into()),
            None => Err("it ends early".into()),
        }
    }

    fn object(&mut self, left: usize) -> Read<Value> {
        let maybe = match self.bytes() {
            [_, b'"', third, ..] => matches!(third, b'$' | b'\\'),
            [_, second, ..] => second.is_ascii_whitespace(),
            _ => false,
        };
        if maybe {
            let from = self.at;
            if let Some(value) = self.special(left)? {
                return Ok(value);
            }
            self.at = from;
        }
        self.plain_object(left).map(Value::from)
    }

    pub(super) fn plain_object(&mut self, left: usize) -> Read<Object> {
        let mut fields: Vec<(Box<str>, Value)> = Vec::new();
        self.fields(|reader, name| {
            fields.push((name.into(), reader.value(left)?));
            Ok(())
        })?;
        let count = fields.len();
        let object: Object = fields.into_iter().collect();
        if object.len() < count {
            return Err("an object has a name twice".into());
        }
        Ok(object)
    }

    /// What an object stands for whose only name is `$`; `None`: the object has other names too.
    fn special(&mut self, left: usize) -> Read<Option<Value>> {
        self.expect(b'{')?;
        if self.peek() != Some(b'"') || self.string()? != SPECIAL {
            return Ok(None);
        }
        self.expect(b':')?;
        let inside = self.at;
        self.skip()?;
        if !self.take(b'}') {
            return Ok(None);
        }
        let end = self.at;
        self.at = inside;
        let value = self.stands_for(left)?;
        self.at = end;
        Ok(Some(value))
    }

    fn stands_for(&mut self, left: usize) -> Read<Value> {
        self.expect(b'[')?;
        let mut tag = self.string()?;
        self.expect(b',')?;
        let value = match &*tag {
            BYTES => base64::decode(&self.string()?)
                .ok_or("bytes are base64 text with + and /, padded")?
                .into(),
            DOUBLE => match &*self.string()? {
                "NaN" => f64::NAN.into(),
                "Infinity" => f64::INFINITY.into(),
                "-Infinity" => f64::NEG_INFINITY.into(),
                _ => return Err("a double in words is NaN, Infinity or -Infinity".into()),
            },
            OBJECT => self.plain_object(left)?.into(),
            _ => {
                let mut body = None;
                if tag == TAGGED {
                    // Its second item is a reserved tag, where there is a third.
                    let from = self.at;
                    if self.peek() == Some(b'"') {
                        let reserved = self.string()?;
                        if self.take(b',') {
                            body = Some(self.value(left)?);
                            tag = reserved;
                        } else {
                            self.at = from;
                        }
                    }
                }
                let body = match body {
                    Some(body) if RESERVED.contains(&&*tag) => body,
                    Some(_) => return Err("only a reserved tag is written as three items".into()),
                    None => self.value(left)?,
                };
                let tag = tag.into();
                Value::Tagged(Box::new(Tagged { tag, body }))
            }
        };
        self.expect(b']')?;
        Ok(value)
    }

    /// Goes beyond a value without looking at it closely.
    fn skip(&mut self) -> Read<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return Err("it ends early".into()),
                Some(b'"') => drop(self.string()?),
                Some(b'[' | b'{') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b']' | b'}') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                Some(b']' | b'}' | b',' | b':') => return Err("a value was expected".into()),
                Some(_) => {
                    let ends = |b: &u8| matches!(b, b',' | b':' | b']' | b'}' | b'"' | 0..=b' ');
                    let rest = self.bytes();
                    self.at += rest.iter().position(ends).unwrap_or(rest.len()).max(1);
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}
