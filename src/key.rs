//! Keys and namespaces: what is allowed, and the order that every backend keeps.
//!
//! A key is 1 to 512 bytes of UTF-8: segments joined by dots (`users.123.settings.theme`), no
//! segment empty, no control character (C0, DEL, C1) and no noncharacter. Keys sort by their
//! bytes. A key that breaks a rule is refused; a key is never rewritten.

use crate::error::{Error, ErrorKind, Result};
use std::{
    fmt::{self, Write as _},
    num::NonZeroU8,
    sync::Arc,
};

/// The longest key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 512;
/// The longest namespace, in bytes of UTF-8.
pub const MAX_NAMESPACE_BYTES: usize = 64;

/// The name of a namespace: a key's rules without the dot, 1 to 64 bytes. The default is `""`.
///
/// ```
/// use dataknobs_kv::Namespace;
/// assert!(Namespace::new("tenant-7").is_ok());
/// assert!(Namespace::new("a.b").is_err());
/// assert_eq!(Namespace::default().as_str(), "");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Default for Namespace {
    fn default() -> Self {
        Namespace(Arc::from(""))
    }
}

impl Namespace {
    /// Checks `name` against the rules. `""` is the default namespace.
    ///
    /// # Errors
    /// `invalid-key`, with the rule that `name` breaks.
    pub fn new(name: &str) -> Result<Namespace> {
        if name.is_empty() {
            return Ok(Namespace::default());
        }
        let fault = if name.len() > MAX_NAMESPACE_BYTES {
            Some(format!(
                "a namespace has at most {MAX_NAMESPACE_BYTES} bytes of UTF-8; this one has {}",
                name.len()
            ))
        } else if name.contains('.') {
            Some("a namespace holds no dot: namespaces do not nest".to_owned())
        } else {
            fault(name)
        };
        match fault {
            None => Ok(Namespace(name.into())),
            Some(rule) => Err(Error::new(
                ErrorKind::InvalidKey,
                format!("namespace {}: {rule}", Shown(name)),
            )),
        }
    }

    /// The name; `""` for the default namespace.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A validated key, borrowed, with its namespace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key<'a> {
    namespace: &'a Namespace,
    text: &'a str,
}

impl<'a> Key<'a> {
    /// Checks `text` against the rules of the module's head.
    ///
    /// # Errors
    /// `invalid-key`, with the rule that `text` breaks.
    #[inline]
    pub fn new(namespace: &'a Namespace, text: &'a str) -> Result<Key<'a>> {
        check_key(text)?;
        Ok(Key { namespace, text })
    }

    /// The key without its namespace.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The namespace that the key is in.
    #[must_use]
    #[inline]
    pub fn namespace(&self) -> &'a Namespace {
        self.namespace
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Shown(self.namespace.as_str()), Shown(self.text))
    }
}

/// Checks `text` against a key's rules.
///
/// ```
/// assert!(dataknobs_kv::check_key("users.123.name").is_ok());
/// assert!(dataknobs_kv::check_key("users..name").is_err());
/// ```
///
/// # Errors
/// `invalid-key`, with the rule that `text` breaks.
#[inline]
pub fn check_key(text: &str) -> Result<()> {
    if is_plain(text.as_bytes()) {
        return Ok(());
    }
    check_slowly(text)
}

#[cold]
fn check_slowly(text: &str) -> Result<()> {
    match fault(text) {
        None => Ok(()),
        Some(rule) => Err(Error::new(
            ErrorKind::InvalidKey,
            format!("key {}: {rule}", Shown(text)),
        )
        .with_key(text)),
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
const LOW7: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Is this a valid key in ASCII? Eight bytes at a time; `false` only says "look closely".
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    if bytes.is_empty() || bytes.len() > MAX_KEY_BYTES {
        return false;
    }
    let mut after_dot = 0x80; // the key's start stands for a dot: a leading dot is an empty segment
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        match plain_word(u64::from_le_bytes(word), after_dot) {
            Some(last) => after_dot = last,
            None => return false,
        }
    }
    let rest = chunks.remainder();
    if rest.is_empty() {
        return after_dot == 0;
    }
    let mut word = [b'x'; 8];
    for (to, from) in word.iter_mut().zip(rest) {
        *to = *from;
    }
    bytes.last() != Some(&b'.') && plain_word(u64::from_le_bytes(word), after_dot).is_some()
}

/// Checks eight bytes; `after_dot` is 0x80 when a dot went before. The same for what follows, or
/// `None` when a byte is not ASCII, is a control character, or is the second of two dots.
#[inline]
fn plain_word(word: u64, after_dot: u64) -> Option<u64> {
    // With every high bit clear no sum carries into its neighbour: the masks are exact per byte.
    let printable = (word & LOW7) + ONES * (0x80 - 0x20); // high bit set: >= 0x20
    let not_delete = !((word & LOW7) + ONES); // high bit clear: 0x7f
    if word & HIGH != 0 || printable & not_delete & HIGH != HIGH {
        return None;
    }
    let dots = !((word ^ (ONES * 0x2e)) + LOW7) & HIGH;
    (dots & ((dots << 8) | after_dot) == 0).then_some(dots >> 56)
}

/// The first rule that `text` breaks.
fn fault(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("a key has at least one character".to_owned());
    }
    if text.len() > MAX_KEY_BYTES {
        return Some(format!(
            "a key has at most {MAX_KEY_BYTES} bytes of UTF-8; this one has {}",
            text.len()
        ));
    }
    if text.starts_with('.') || text.ends_with('.') || text.contains("..") {
        return Some(
            "no segment between the dots may be empty (no dot first, last or doubled)".to_owned(),
        );
    }
    text.chars().enumerate().find_map(|(at, c)| {
        let what = if c.is_control() {
            "a control character"
        } else if is_noncharacter(c) {
            "a noncharacter"
        } else {
            return None;
        };
        Some(format!(
            "character {} is {what} (U+{:04X}), which no key may hold",
            at + 1,
            u32::from(c)
        ))
    })
}

/// The 66 noncharacters of the Unicode Standard, section 23.7.
fn is_noncharacter(c: char) -> bool {
    matches!(u32::from(c), 0xfdd0..=0xfdef) || u32::from(c) & 0xfffe == 0xfffe
}

/// A text in a message: quoted, control characters escaped, and cut where it is long. (`{:?}` would
/// bring 5 KB of Unicode tables into the wasm.)
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for (at, c) in self.0.chars().enumerate() {
            match c {
                _ if at == 60 => return f.write_str("\"…"),
                '"' | '\\' => write!(f, "\\{c}")?,
                _ if c.is_control() || is_noncharacter(c) => {
                    write!(f, "\\u{{{:04x}}}", u32::from(c))?
                }
                _ => f.write_char(c)?,
            }
        }
        f.write_str("\"")
    }
}

/// An owned key that keeps up to 23 bytes inline: 24 bytes wide, where most keys fit.
pub(crate) enum KeyBuf {
    Inline(Inline),
    Heap(Box<str>),
}

const _: () = assert!(size_of::<KeyBuf>() == 24);

/// The bytes first, and so aligned as the heap's pointer is: they are checked and compared by words.
#[repr(C)]
pub(crate) struct Inline {
    bytes: [u8; 23],
    /// The length and one more; 0 marks a key on the heap.
    len: NonZeroU8,
}

impl KeyBuf {
    #[inline]
    pub(crate) fn new(text: &str) -> KeyBuf {
        let mut bytes = [0; 23];
        match bytes.get_mut(..text.len()) {
            Some(head) => {
                head.copy_from_slice(text.as_bytes());
                let len = NonZeroU8::MIN.saturating_add(text.len() as u8);
                KeyBuf::Inline(Inline { bytes, len })
            }
            None => KeyBuf::Heap(text.into()),
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            KeyBuf::Inline(Inline { bytes, len }) => {
                bytes.get(..usize::from(len.get()) - 1).unwrap_or_default()
            }
            KeyBuf::Heap(text) => text.as_bytes(),
        }
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            // Always valid: the bytes were copied whole from a `str`.
            KeyBuf::Inline(_) => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            KeyBuf::Heap(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for good in [
            "a",
            "a.b",
            "users.123.name",
            "a-b",
            "ä",
            "日本.語",
            "a b",
            "*",
            "x.\u{fffd}",
            "\u{10fffd}",
            "12345678.12345678",
        ] {
            assert!(check_key(good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            ".",
            ".a",
            "a.",
            "a..b",
            "1234567..b",
            "12345678..",
            "1234567.",
            "123456..",
            "a\n",
            "\u{7f}",
            "a\u{80}",
            "\u{9f}",
            "\u{fdd0}",
            "\u{fdef}",
            "\u{ffff}",
            "\u{1fffe}",
            "\u{10ffff}",
            "a\0b",
            "1234567.\u{1f}",
        ] {
            let error = check_key(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::InvalidKey, "{bad:?}");
        }
    }

    #[test]
    fn lengths() {
        assert!(check_key(&"k".repeat(512)).is_ok());
        assert!(check_key(&"k".repeat(513)).is_err());
        assert!(check_key(&"é".repeat(256)).is_ok());
        assert!(check_key(&"é".repeat(257)).is_err());
        assert!(Namespace::new(&"n".repeat(64)).is_ok());
        assert!(Namespace::new(&"n".repeat(65)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn the_fast_check_agrees_with_the_rules(text in "[a-c.\\x00\\x1f\\x7f~ éÿ]{0,24}") {
            proptest::prop_assert_eq!(check_key(&text).is_ok(), fault(&text).is_none());
        }

        #[test]
        fn owned_keys_keep_their_text(text in "\\PC{0,30}") {
            let buf = KeyBuf::new(&text);
            proptest::prop_assert_eq!(buf.as_str(), text.as_str());
        }
    }
}
