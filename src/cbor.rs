//! The part of CBOR (RFC 8949) that envelopes are made of: integers, doubles, text, bytes, arrays,
//! maps and tags, all of definite length. (`minicbor` is 3 KB of gzip more in the wasm.)

/// RFC 8949 section 3.1: the three high bits of an item's first byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Major {
    Unsigned,
    /// −1 − n.
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    /// Section 3.3; the head's value says which.
    Simple,
}

pub(crate) const FALSE: u64 = 20;
pub(crate) const TRUE: u64 = 21;
pub(crate) const NULL: u64 = 22;
/// The low bits of the first byte of a double.
const DOUBLE: u8 = 27;

pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    /// A head, as short as it can be (section 4.2.1).
    pub(crate) fn head(&mut self, major: Major, n: u64) {
        let high = (major as u8) << 5;
        let bytes = n.to_be_bytes();
        // How many bytes follow, and what the low bits call that.
        let (count, low) = match n {
            0..24 => (0, n as u8),
            24..0x100 => (1, 24),
            0x100..0x1_0000 => (2, 25),
            0x1_0000..0x1_0000_0000 => (4, 26),
            _ => (8, 27),
        };
        self.0.push(high | low);
        self.0
            .extend_from_slice(bytes.get(8 - count..).unwrap_or_default());
    }

    pub(crate) fn simple(&mut self, value: u64) {
        self.head(Major::Simple, value);
    }

    pub(crate) fn integer(&mut self, n: i64) {
        match u64::try_from(n) {
            Ok(n) => self.head(Major::Unsigned, n),
            // -1 - n, without an overflow.
            Err(_) => self.head(Major::Negative, !n as u64),
        }
    }

    pub(crate) fn double(&mut self, n: f64) {
        self.0.push((Major::Simple as u8) << 5 | DOUBLE);
        self.0.extend_from_slice(&n.to_be_bytes());
    }

    pub(crate) fn bytes(&mut self, major: Major, bytes: &[u8]) {
        self.head(major, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}

/// What an item begins with.
#[derive(Clone, Copy)]
pub(crate) enum Head {
    Of(Major, u64),
    Double(f64),
}

pub(crate) struct Reader<'b>(pub(crate) &'b [u8]);

impl<'b> Reader<'b> {
    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: u64) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn head(&mut self) -> Option<Head> {
        let first = *self.take(1)?.first()?;
        let count = match first & 31 {
            low @ 0..24 => return Some(Head::Of(major(first), low.into())),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            // 28-30 are reserved, 31 is of indefinite length.
            _ => return None,
        };
        let n = self.take(count)?;
        let n = n.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        match (major(first), count) {
            (Major::Simple, 8) => Some(Head::Double(f64::from_bits(n))),
            // Halves and floats are never written; section 3.3 has no other simple value for us.
            (Major::Simple, _) => None,
            (major, _) => Some(Head::Of(major, n)),
        }
    }

    /// The value of a head that must be of this kind.
    pub(crate) fn expect(&mut self, wanted: Major) -> Option<u64> {
        match self.head()? {
            Head::Of(major, n) if major == wanted => Some(n),
            _ => None,
        }
    }

    pub(crate) fn text(&mut self) -> Option<&'b str> {
        let count = self.expect(Major::Text)?;
        std::str::from_utf8(self.take(count)?).ok()
    }
}

fn major(first: u8) -> Major {
    match first >> 5 {
        0 => Major::Unsigned,
        1 => Major::Negative,
        2 => Major::Bytes,
        3 => Major::Text,
        4 => Major::Array,
        5 => Major::Map,
        6 => Major::Tag,
        _ => Major::Simple,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 8949, appendix A.
    #[test]
    fn integers() {
        for (n, bytes) in [
            (0_i64, &[0x00][..]),
            (23, &[0x17]),
            (24, &[0x18, 0x18]),
            (100, &[0x18, 0x64]),
            (1000, &[0x19, 0x03, 0xe8]),
            (1_000_000, &[0x1a, 0x00, 0x0f, 0x42, 0x40]),
            (
                1_000_000_000_000,
                &[0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0],
            ),
            (-1, &[0x20]),
            (-10, &[0x29]),
            (-100, &[0x38, 0x63]),
            (-1000, &[0x39, 0x03, 0xe7]),
            (
                i64::MIN,
                &[0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
        ] {
            let mut out = Writer(Vec::new());
            out.integer(n);
            assert_eq!(out.0, bytes, "{n}");
            let read = match Reader(bytes).head() {
                Some(Head::Of(Major::Unsigned, n)) => i64::try_from(n).ok(),
                Some(Head::Of(Major::Negative, n)) => i64::try_from(n).ok().map(|n| -1 - n),
                _ => None,
            };
            assert_eq!(read, Some(n));
        }
    }

    #[test]
    fn what_is_not_ours() {
        for bytes in [
            &[][..],
            &[0x18],                         // a byte is missing
            &[0x1c],                         // reserved
            &[0x5f],                         // bytes of indefinite length
            &[0xf9, 0x3c, 0x00],             // a half
            &[0xfa, 0x47, 0xc3, 0x50, 0x00], // a float
            &[0xf8, 0xff],                   // simple(255)
        ] {
            assert!(Reader(bytes).head().is_none(), "{bytes:x?}");
        }
        assert!(
            Reader(&[0x62, b'a']).text().is_none(),
            "a text that ends early"
        );
        assert!(
            Reader(&[0x61, 0xff]).text().is_none(),
            "a text that is not UTF-8"
        );
        assert!(
            Reader(&[0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
                .text()
                .is_none()
        );
    }
}
