//! A sorted list in counted parts.
//!
//! The first part and the last are kept in the directory itself, so that the pages people look at need nothing else, and so
//! that what is appended rewrites no block; those between are blocks of their own. Since every part is counted, a page by
//! number is a sum over the parts before it.
//!
//! What must stay true: parts are sorted and disjoint; each key of a part is at or after the part's `first` and before
//! the next part's.

use crate::codec::{Entry, Reader, pack_entries, put_bytes, put_key, put_length, put_number, unpack_entries};

/// Where a block is kept: the attempt that wrote it, and its number among what that attempt wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId {
    /// The attempt.
    pub attempt: u64,
    /// The number.
    pub number: u64,
}

/// Where a part's entries are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// In the directory.
    Inline(Vec<Entry>),
    /// In a block, which takes this many bytes.
    Block {
        /// Which one.
        id: BlockId,
        /// Its bytes, as it is packed.
        bytes: usize,
    },
}

/// Some consecutive entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// No key of the part is before this; empty for the first part.
    pub first: Vec<u8>,
    /// How many entries there are.
    pub count: usize,
    /// Where they are.
    pub body: Body,
}

/// A sorted list. There is always at least one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

impl Default for Tree {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl Tree {
    /// Packs the parts.
    pub fn pack(&self, out: &mut Vec<u8>) {
        let mut attempts: Vec<u64> = self.blocks().map(|id| id.attempt).collect();
        attempts.sort_unstable();
        attempts.dedup();
        put_length(out, attempts.len());
        for attempt in &attempts {
            put_number(out, *attempt);
        }
        put_length(out, self.parts.len());
        let mut before: &[u8] = &[];
        for part in &self.parts {
            put_key(out, before, &part.first);
            before = &part.first;
            put_length(out, part.count);
            match &part.body {
                Body::Inline(entries) => {
                    put_number(out, 0);
                    put_bytes(out, &pack_entries(entries));
                }
                Body::Block { id, bytes } => {
                    put_length(out, attempts.binary_search(&id.attempt).unwrap_or_default() + 1);
                    put_number(out, id.number);
                    put_length(out, *bytes);
                }
            }
        }
    }

    /// Unpacks what [`Tree::pack`] packed.
    pub fn unpack(reader: &mut Reader<'_>) -> Option<Self> {
        let attempts = (0..reader.length()?).map(|_| reader.number()).collect::<Option<Vec<_>>>()?;
        let mut first = Vec::new();
        let parts = (0..reader.length()?).map(|_| {
            reader.key(&mut first)?;
            let count = reader.length()?;
            let body = match reader.length()?.checked_sub(1) {
                None => Body::Inline(unpack_entries(reader.bytes()?)?),
                Some(attempt) => {
                    let id = BlockId { attempt: *attempts.get(attempt)?, number: reader.number()? };
                    Body::Block { id, bytes: reader.length()? }
                }
            };
            Some(Part { first: first.clone(), count, body })
        });
        let parts = parts.collect::<Option<Vec<_>>>()?;
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// The blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = BlockId> {
        self.parts.iter().filter_map(|part| match part.body {
            Body::Block { id, .. } => Some(id),
            Body::Inline(_) => None,
        })
    }

    /// The block of a part.
    pub fn block_of(&self, part: usize) -> Option<BlockId> {
        match self.parts.get(part)?.body {
            Body::Block { id, .. } => Some(id),
            Body::Inline(_) => None,
        }
    }

    /// How many entries there are.
    pub fn count(&self) -> usize {
        self.parts.iter().map(|part| part.count).sum()
    }

    /// The entries of the parts from the start that are in the directory.
    pub fn inline_start(&self) -> &[Entry] {
        match self.parts.first().map(|part| &part.body) {
            Some(Body::Inline(entries)) => entries,
            _ => &[],
        }
    }

    /// A whole tree of sorted entries as one part.
    pub fn of(entries: Vec<Entry>) -> Self {
        Self { parts: vec![Part { first: Vec::new(), count: entries.len(), body: Body::Inline(entries) }] }
    }

    /// The entries that are in the directory.
    pub fn inline(&self) -> impl Iterator<Item = &Entry> {
        self.parts.iter().flat_map(|part| match &part.body {
            Body::Inline(entries) => entries.as_slice(),
            Body::Block { .. } => &[],
        })
    }
}
