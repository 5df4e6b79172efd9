//! How lists are packed: numbers as varints, sorted keys without what they share with the key before, and ids as the
//! bytes they stand for.
//!
//! What must stay true: packed keys sort like what they were packed from, and what cannot be unpacked is told as
//! `None`, never guessed.

use anyspend_domain::Timestamp;
use anyspend_domain::entropy::BASE62;
use std::borrow::Cow;
use ulid::Ulid;

/// Characters of the token every id carries.
const TOKEN: usize = 26;
/// Bytes of a packed token.
const TOKEN_BYTES: usize = 16;

/// What an id carries after its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    /// Nothing.
    None,
    /// A link's short code: eight base-62 digits.
    ShortCode,
    /// A locator: twenty-four hexadecimal digits.
    Locator,
}

impl Suffix {
    const fn characters(self) -> usize {
        match self {
            Self::None => 0,
            Self::ShortCode => 8,
            Self::Locator => 24,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::None => 0,
            Self::ShortCode => 6,
            Self::Locator => 12,
        }
    }
}

/// What the ids of a list look like, so that they can be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdShape {
    /// The type prefix with its underscore.
    pub prefix: &'static str,
    /// What comes after the token.
    pub suffix: Suffix,
}

impl IdShape {
    /// Bytes of a packed id.
    pub const fn packed_length(&self) -> usize {
        TOKEN_BYTES + self.suffix.bytes()
    }

    /// The id as bytes that sort like the id; `None` when it does not have this shape.
    pub fn pack(&self, id: &str) -> Option<Vec<u8>> {
        let (token, suffix) = id.strip_prefix(self.prefix)?.split_at_checked(TOKEN)?;
        if suffix.len() != self.suffix.characters() {
            return None;
        }
        let mut packed = Vec::with_capacity(self.packed_length());
        packed.extend_from_slice(&Ulid::from_string(token).ok()?.0.to_be_bytes());
        match self.suffix {
            Suffix::None => {}
            Suffix::ShortCode => {
                let number = suffix.bytes().try_fold(0, |number, digit| Some(number * 62 + base62_value(digit)?))?;
                packed.extend_from_slice(&number.to_be_bytes()[8 - self.suffix.bytes()..]);
            }
            Suffix::Locator => packed.extend_from_slice(&hex::decode(suffix).ok()?),
        }
        Some(packed)
    }

    /// The id that was packed into the last bytes of `key`.
    pub fn unpack(&self, key: &[u8]) -> Option<String> {
        let packed = key.get(key.len().checked_sub(self.packed_length())?..)?;
        let (token, suffix) = packed.split_at_checked(TOKEN_BYTES)?;
        let token = Ulid(u128::from_be_bytes(token.try_into().ok()?)).to_string();
        let suffix = match self.suffix {
            Suffix::None => String::new(),
            Suffix::ShortCode => {
                let mut number = suffix.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
                let mut digits = [b'0'; Suffix::ShortCode.characters()];
                for digit in digits.iter_mut().rev() {
                    *digit = BASE62[usize::try_from(number % 62).ok()?];
                    number /= 62;
                }
                String::from_utf8(digits.to_vec()).ok()?
            }
            Suffix::Locator => hex::encode(suffix),
        };
        Some(format!("{}{token}{suffix}", self.prefix))
    }

    /// When the object was made: the time in the token of the id packed into the last bytes of `key`.
    pub fn made_at(&self, key: &[u8]) -> Option<Timestamp> {
        let packed = key.get(key.len().checked_sub(self.packed_length())?..)?;
        Timestamp::from_millis(packed[..6].iter().fold(0, |millis, byte| (millis << 8) | u64::from(*byte)))
    }

    /// The smallest packed id an object made at `moment` can have.
    pub fn first_at(&self, moment: Timestamp) -> Vec<u8> {
        moment.millis().to_be_bytes()[2..].to_vec()
    }
}

fn base62_value(digit: u8) -> Option<u64> {
    Some(u64::from(match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'Z' => digit - b'A' + 10,
        b'a'..=b'z' => digit - b'a' + 36,
        _ => return None,
    }))
}

/// One entry of a sorted list: its key, which ends with the packed id, and what else is kept of the object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) key: Vec<u8>,
    pub(crate) row: Vec<u8>,
}

/// Appends a number.
pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Appends a length.
pub(crate) fn put_length(out: &mut Vec<u8>, length: usize) {
    put_number(out, u64::try_from(length).unwrap_or(u64::MAX));
}

/// Appends bytes with their length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends a key that follows `before` in order.
pub(crate) fn put_key(out: &mut Vec<u8>, before: &[u8], key: &[u8]) {
    let shared = shared_length(before, key);
    put_length(out, shared);
    put_bytes(out, &key[shared..]);
}

/// How many bytes two keys begin with alike.
pub(crate) fn shared_length(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// Reads what the functions above wrote.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    /// A key after the one that `key` holds; `key` then holds it.
    pub(crate) fn key(&mut self, key: &mut Vec<u8>) -> Option<()> {
        let shared = self.length()?;
        let rest = self.bytes()?;
        (shared <= key.len()).then(|| {
            key.truncate(shared);
            key.extend_from_slice(rest);
        })
    }
}

/// Packs sorted entries.
pub(crate) fn pack_entries(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * 24);
    let mut before: &[u8] = &[];
    for entry in entries {
        put_key(&mut out, before, &entry.key);
        put_bytes(&mut out, &entry.row);
        before = &entry.key;
    }
    out
}

/// What squeezed entries begin with. Plain ones begin with a 0: the first key shares nothing with one before it.
const SQUEEZED: u8 = 1;
/// Squeezed harder, texts become hardly smaller.
const SQUEEZING: u8 = 6;
/// More than any block takes unpacked.
const MOST_UNPACKED: usize = 16 << 20;

/// Makes packed entries with texts smaller, where they become smaller.
pub(crate) fn squeeze(packed: Vec<u8>) -> Vec<u8> {
    let mut squeezed = vec![SQUEEZED];
    squeezed.extend(miniz_oxide::deflate::compress_to_vec(&packed, SQUEEZING));
    if squeezed.len() < packed.len() { squeezed } else { packed }
}

/// Unpacks what [`pack_entries`] packed, squeezed or not.
pub(crate) fn unpack_entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    each_entry(bytes, |key, row| entries.push(Entry { key: key.to_vec(), row: row.to_vec() }))?;
    Some(entries)
}

/// Walks through packed entries without keeping them.
pub(crate) fn each_entry(bytes: &[u8], mut visit: impl FnMut(&[u8], &[u8])) -> Option<()> {
    let plain = match bytes.split_first() {
        Some((&SQUEEZED, squeezed)) => {
            Cow::Owned(miniz_oxide::inflate::decompress_to_vec_with_limit(squeezed, MOST_UNPACKED).ok()?)
        }
        _ => Cow::Borrowed(bytes),
    };
    let mut reader = Reader::new(&plain);
    let mut key = Vec::new();
    while !reader.is_empty() {
        reader.key(&mut key)?;
        visit(&key, reader.bytes()?);
    }
    Some(())
}

/// Bytes an entry takes after another one.
pub(crate) fn packed_size(before: &[u8], entry: &Entry) -> usize {
    // Lengths below 128 take one byte each; longer ones are rare enough not to matter for the size of a block.
    entry.key.len() - shared_length(before, &entry.key) + entry.row.len() + 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyspend_domain::{PaymentLinkId, ShortCode};

    const LINK: IdShape = IdShape { prefix: "pl_", suffix: Suffix::ShortCode };

    #[test]
    fn a_packed_id_sorts_like_the_id_and_comes_back_whole() {
        let now = Timestamp::parse("2026-02-27T10:30:00Z").unwrap();
        let mut ids: Vec<String> = (0..200)
            .map(|n| PaymentLinkId::generate(now.plus_millis(n / 3), &ShortCode::generate()).to_string())
            .collect();
        ids.sort();
        let packed: Vec<Vec<u8>> = ids.iter().map(|id| LINK.pack(id).unwrap()).collect();
        assert!(packed.is_sorted());
        for (id, packed) in ids.iter().zip(&packed) {
            assert_eq!((packed.len(), LINK.unpack(packed).as_ref()), (LINK.packed_length(), Some(id)));
        }
        assert_eq!(LINK.made_at(&packed[0]), Some(now));
        assert!(LINK.first_at(now) <= packed[0] && LINK.first_at(now.plus_millis(1)) > packed[0]);
        let customer = IdShape { prefix: "cust_", suffix: Suffix::Locator };
        let id = "cust_01JD00000000000000000EVENT0123456789abcdef01234567";
        assert_eq!(customer.unpack(&customer.pack(id).unwrap()).as_deref(), Some(id));
        for other in ["pl_x", "cs_01JD00000000000000000EVENT", "pl_01JD00000000000000000EVENTabc", "pl_é"] {
            assert_eq!(LINK.pack(other), None, "{other}");
        }
    }

    #[test]
    fn packed_entries_come_back_and_damaged_ones_do_not() {
        let entry = |key: &str, row: &str| Entry { key: key.into(), row: row.into() };
        let entries = vec![entry("", "x"), entry("apple", ""), entry("apply", "1"), entry("b", &"long".repeat(100))];
        let packed = pack_entries(&entries);
        assert_eq!(unpack_entries(&packed).as_ref(), Some(&entries));
        assert_eq!(unpack_entries(&packed[..packed.len() - 1]), None);
        let squeezed = squeeze(packed.clone());
        assert!(squeezed.len() < packed.len());
        assert_eq!(unpack_entries(&squeezed), Some(entries));
        assert_eq!(unpack_entries(&squeezed[..squeezed.len() - 1]), None);
        let hardly = pack_entries(&[entry("k", "v")]);
        assert_eq!(squeeze(hardly.clone()), hardly, "what does not become smaller stays as it is");
        assert_eq!(unpack_entries(&[5, 1, b'a', 0]), None, "shares more than there is");
        let mut out = Vec::new();
        for number in [0, 1, 127, 128, 300, u64::MAX] {
            put_number(&mut out, number);
        }
        let mut reader = Reader::new(&out);
        assert_eq!([0; 6].map(|_| reader.number().unwrap()), [0, 1, 127, 128, 300, u64::MAX]);
    }
}
