//! How lists are packed: numbers as varints, and sorted keys without what they share with the key before.
//!
//! What must stay true: what cannot be unpacked is told as `None`, never guessed.

use std::borrow::Cow;

/// One entry of a sorted list: its key, which ends with the packed id, and what else is kept of the object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What the list is sorted by, and the packed id.
    pub key: Vec<u8>,
    /// What else is kept.
    pub row: Vec<u8>,
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
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the beginning.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A number.
    pub fn number(&mut self) -> Option<u64> {
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

    /// A length.
    pub fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// Bytes with their length.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    /// A key after the one that `key` holds; `key` then holds it.
    pub fn key(&mut self, key: &mut Vec<u8>) -> Option<()> {
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
pub fn unpack_entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    each_entry(bytes, |key, row| entries.push(Entry { key: key.to_vec(), row: row.to_vec() }))?;
    Some(entries)
}

/// Walks through packed entries without keeping them.
pub fn each_entry(bytes: &[u8], mut visit: impl FnMut(&[u8], &[u8])) -> Option<()> {
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
