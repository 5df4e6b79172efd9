//! A sorted list in counted parts, what changed since it was packed, and the page that follows from both.
//!
//! A tree is a row of parts in order. The first and the last are kept in the directory itself, so that the pages people
//! look at need nothing else, and so that what is appended rewrites no block; those between are blocks of their own.
//! Since every part is counted, a page by number is a sum over the parts before it.
//!
//! What must stay true: parts are sorted and disjoint; each key of a part is at or after the part's `first` and before
//! the next part's; a removed key is in the parts, an added one is not. Nothing here reads or writes.

use super::codec::{Entry, Reader, pack_entries, packed_size, put_bytes, put_key, put_length, put_number};
use super::codec::{shared_length, squeeze, unpack_entries};
use std::collections::{BTreeMap, BTreeSet};

/// Where a block is kept: the attempt that wrote it, and its number among what that attempt wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BlockId {
    pub(crate) attempt: u64,
    pub(crate) number: u64,
}

/// Where a part's entries are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// In the directory.
    Inline(Vec<Entry>),
    /// In a block, which takes this many bytes.
    Block { id: BlockId, bytes: usize },
}

/// Some consecutive entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// No key of the part is before this; empty for the first part.
    pub(crate) first: Vec<u8>,
    pub(crate) count: usize,
    pub(crate) body: Body,
}

/// A sorted list. There is always at least one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) parts: Vec<Part>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { parts: vec![Part { first: Vec::new(), count: 0, body: Body::Inline(Vec::new()) }] }
    }
}

/// What changed in a tree since it was packed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Overlay {
    removed: Vec<Vec<u8>>,
    added: Vec<Entry>,
}

impl Overlay {
    /// Sorts the changes. What is removed and added alike was not changed.
    pub(crate) fn new(mut removed: Vec<Entry>, mut added: Vec<Entry>) -> Self {
        removed.sort_unstable();
        removed.dedup();
        added.sort_unstable();
        added.dedup();
        let changed: Vec<Entry> = added.iter().filter(|entry| removed.binary_search(entry).is_err()).cloned().collect();
        removed.retain(|entry| added.binary_search(entry).is_err());
        Self::all(removed, changed)
    }

    /// Sorts the changes, and takes all of them for changes.
    pub(crate) fn all(mut removed: Vec<Entry>, mut added: Vec<Entry>) -> Self {
        removed.sort_unstable();
        added.sort_unstable();
        Self { removed: removed.into_iter().map(|entry| entry.key).collect(), added }
    }

    fn removed_before(&self, key: &[u8]) -> usize {
        self.removed.partition_point(|removed| removed.as_slice() < key)
    }

    fn added_before(&self, key: &[u8]) -> usize {
        self.added.partition_point(|added| added.key.as_slice() < key)
    }
}

/// The entries of parts that were loaded, by the part's place.
pub(crate) type Bodies = BTreeMap<usize, Vec<Entry>>;

/// A tree with its changes.
pub(crate) struct Changed<'a> {
    tree: &'a Tree,
    overlay: &'a Overlay,
    /// How many entries are before each part, and at last how many there are.
    starts: Vec<usize>,
}

/// From where a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After this many entries.
    Skip(u64),
    /// After this key.
    After(Vec<u8>),
}

/// Which entries are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window<'a> {
    pub(crate) start: &'a Start,
    pub(crate) limit: usize,
    pub(crate) descending: bool,
    /// Only keys at or after this.
    pub(crate) from: Option<&'a [u8]>,
    /// Only keys before this.
    pub(crate) to: Option<&'a [u8]>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) entries: Vec<Entry>,
    /// How many entries there are between `from` and `to`.
    pub(crate) total: usize,
    /// How many of them are before the page.
    pub(crate) skipped: usize,
}

/// How many entries are before something: exactly, once the part it falls into is loaded.
#[derive(Debug, Clone, Copy)]
struct Rank {
    least: usize,
    most: usize,
}

impl Rank {
    const fn exactly(rank: usize) -> Self {
        Self { least: rank, most: rank }
    }

    fn map(self, change: impl Fn(usize) -> usize) -> Self {
        Self { least: change(self.least), most: change(self.most) }
    }
}

impl<'a> Changed<'a> {
    pub(crate) fn new(tree: &'a Tree, overlay: &'a Overlay) -> Self {
        let mut starts = Vec::with_capacity(tree.parts.len() + 1);
        let mut before = 0;
        for part in &tree.parts {
            let gone = overlay.removed_before(&part.first);
            starts.push((before + overlay.added_before(&part.first)).saturating_sub(gone));
            before += part.count;
        }
        starts.push((before + overlay.added.len()).saturating_sub(overlay.removed.len()));
        Self { tree, overlay, starts }
    }

    pub(crate) fn total(&self) -> usize {
        self.starts[self.tree.parts.len()]
    }

    /// How many entries a part has, changes included.
    fn count(&self, part: usize) -> usize {
        self.starts[part + 1].saturating_sub(self.starts[part])
    }

    /// The part a key falls into.
    fn part_of(&self, key: &[u8]) -> usize {
        self.tree.parts.partition_point(|part| part.first.as_slice() <= key).saturating_sub(1)
    }

    /// The changes within a part.
    fn changes(&self, part: usize) -> (&[Vec<u8>], &[Entry]) {
        let first = &self.tree.parts[part].first;
        let (removed, added) = (self.overlay.removed_before(first), self.overlay.added_before(first));
        match self.tree.parts.get(part + 1) {
            Some(next) => (
                &self.overlay.removed[removed..self.overlay.removed_before(&next.first)],
                &self.overlay.added[added..self.overlay.added_before(&next.first)],
            ),
            None => (&self.overlay.removed[removed..], &self.overlay.added[added..]),
        }
    }

    /// A part's entries with its changes; `None` when its block is not among `blocks`.
    fn entries(&self, part: usize, blocks: &Bodies) -> Option<Vec<Entry>> {
        let base = match &self.tree.parts[part].body {
            Body::Inline(entries) => entries,
            Body::Block { .. } => blocks.get(&part)?,
        };
        let (removed, added) = self.changes(part);
        let kept = base.iter().filter(|entry| removed.binary_search(&entry.key).is_err());
        let mut entries: Vec<Entry> = kept.chain(added).cloned().collect();
        entries.sort_unstable();
        Some(entries)
    }

    fn rank(&self, key: &[u8], blocks: &Bodies) -> Rank {
        let part = self.part_of(key);
        match self.entries(part, blocks) {
            Some(entries) => {
                Rank::exactly(self.starts[part] + entries.partition_point(|entry| entry.key.as_slice() < key))
            }
            None => Rank { least: self.starts[part], most: self.starts[part + 1] },
        }
    }

    /// The bounds of the whole window and of the page in it, in ascending order.
    fn bounds(&self, window: &Window<'_>, blocks: &Bodies) -> [Rank; 4] {
        let rank = |key: &[u8]| self.rank(key, blocks);
        let from = window.from.map_or(Rank::exactly(0), rank);
        let to = window.to.map_or(Rank::exactly(self.total()), rank);
        let within = |rank: Rank| Rank {
            least: rank.least.clamp(from.least, to.least.max(from.least)),
            most: rank.most.clamp(from.most, to.most.max(from.most)),
        };
        // Where the page starts: its smallest entry, or past its largest one.
        let start = within(match (window.start, window.descending) {
            (Start::Skip(skip), descending) => {
                let skip = usize::try_from(*skip).unwrap_or(usize::MAX);
                if descending {
                    to.map(|to| to.saturating_sub(skip))
                } else {
                    from.map(|from| from.saturating_add(skip))
                }
            }
            (Start::After(key), false) => rank(&[key.as_slice(), &[0]].concat()),
            (Start::After(key), true) => rank(key),
        });
        let (low, high) = if window.descending {
            (start.map(|high| high.saturating_sub(window.limit)), start)
        } else {
            (start, start.map(|low| low.saturating_add(window.limit)))
        };
        [from, to, within(low), within(high)]
    }

    /// The parts whose blocks are needed for a page and are not among `blocks`.
    pub(crate) fn needed(&self, window: &Window<'_>, blocks: &Bodies) -> BTreeSet<usize> {
        let [_, _, low, high] = self.bounds(window, blocks);
        let anchors = [window.from, window.to].into_iter().flatten();
        let cursor = match window.start {
            Start::After(key) => Some(key.as_slice()),
            Start::Skip(_) => None,
        };
        let mut needed: BTreeSet<usize> = anchors.chain(cursor).map(|key| self.part_of(key)).collect();
        if low.least < high.most {
            let first = self.starts.partition_point(|start| *start <= low.least).saturating_sub(1);
            needed.extend((first..self.tree.parts.len()).take_while(|part| self.starts[*part] < high.most));
        }
        needed.retain(|part| matches!(self.tree.parts[*part].body, Body::Block { .. }) && !blocks.contains_key(part));
        needed
    }

    /// The page, once no more blocks are [`Changed::needed`].
    pub(crate) fn slice(&self, window: &Window<'_>, blocks: &Bodies) -> Slice {
        let [from, to, low, high] = self.bounds(window, blocks);
        let (from, to) = (from.least, to.least.max(from.least));
        let (low, high) = (low.least, high.least.max(low.least));
        let mut entries = Vec::with_capacity(high - low);
        for part in 0..self.tree.parts.len() {
            if self.starts[part] < high && low < self.starts[part + 1] {
                let whole = self.entries(part, blocks).unwrap_or_default();
                let (skip, end) = (low.saturating_sub(self.starts[part]), high - self.starts[part]);
                entries.extend(whole.into_iter().take(end).skip(skip));
            }
        }
        if window.descending {
            entries.reverse();
        }
        let skipped = if window.descending { to.saturating_sub(high) } else { low.saturating_sub(from) };
        Slice { entries, total: to - from, skipped }
    }
}

/// How large things in a tree are to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// A tree of no more entries and bytes is one inline part.
    pub(crate) small: (usize, usize),
    /// What an inline part at an end keeps when it is cut; nothing means that ends are blocks like all others.
    pub(crate) edge: (usize, usize),
    /// From where on an inline part at an end is cut.
    pub(crate) edge_most: (usize, usize),
    /// Below which an inline part at an end is filled up again: fewer entries *and* fewer bytes.
    pub(crate) edge_least: (usize, usize),
    /// Bytes of a block, before it is squeezed.
    pub(crate) block: usize,
    /// Whether blocks are squeezed: worth it where they are texts, which are never read alone.
    pub(crate) squeezed: bool,
    /// Most parts of a tree: blocks grow with it rather than the directory.
    pub(crate) parts: usize,
}

/// A tree packed anew.
#[derive(Debug, Default)]
pub(crate) struct Repacked {
    /// Its parts; a block that is new stands with the attempt and the number it was packed with.
    pub(crate) tree: Tree,
    /// The new blocks, packed, in the order of their numbers.
    pub(crate) blocks: Vec<Vec<u8>>,
    /// Blocks of the tree before that this one does without.
    pub(crate) superseded: Vec<BlockId>,
}

impl Changed<'_> {
    /// Bytes a part takes, more or less, changes included.
    fn bytes(&self, part: usize) -> usize {
        let base = &self.tree.parts[part];
        match &base.body {
            Body::Inline(_) => self.count(part) * 32,
            Body::Block { bytes, .. } => bytes * self.count(part) / base.count.max(1),
        }
    }

    fn is_small(&self, sizes: &Sizes) -> bool {
        self.total() <= sizes.small.0
            && (0..self.tree.parts.len()).map(|part| self.bytes(part)).sum::<usize>() <= sizes.small.1 * 2
    }

    /// Bytes of a block of this tree.
    fn block_bytes(&self, sizes: &Sizes) -> usize {
        let all: usize = (0..self.tree.parts.len()).map(|part| self.bytes(part)).sum();
        sizes.block.max(all / sizes.parts)
    }

    /// The parts that are packed anew: those that change, and those that must be joined with them.
    pub(crate) fn repacked_parts(&self, sizes: &Sizes) -> BTreeSet<usize> {
        let last = self.tree.parts.len() - 1;
        if self.is_small(sizes) {
            return (0..=last).collect();
        }
        let mut parts: BTreeSet<usize> = (0..=last)
            .filter(|part| {
                let (removed, added) = self.changes(*part);
                !removed.is_empty() || !added.is_empty()
            })
            .collect();
        let block = self.block_bytes(sizes);
        // A block that has become too small is joined with a neighbour.
        for part in parts.clone() {
            if self.tree.block_of(part).is_some() && self.bytes(part) < block / 4 {
                parts.insert(if part < last { part + 1 } else { part.saturating_sub(1) });
            }
        }
        if sizes.edge.0 > 0 {
            self.fill_edge(&mut (0..=last), sizes, &mut parts);
            self.fill_edge(&mut (0..=last).rev(), sizes, &mut parts);
        }
        parts
    }

    /// Adds the parts that the inline part at one end needs to be long enough, or to be cut.
    fn fill_edge(&self, inwards: &mut dyn Iterator<Item = usize>, sizes: &Sizes, parts: &mut BTreeSet<usize>) {
        let Some(edge) = inwards.next() else { return };
        let (mut entries, mut bytes) = (self.count(edge), self.bytes(edge));
        let is_block = matches!(self.tree.parts[edge].body, Body::Block { .. });
        let fits = |entries: usize, bytes: usize| entries <= sizes.edge_most.0 && bytes <= sizes.edge_most.1;
        if is_block {
            parts.insert(edge);
        } else if !fits(entries, bytes) {
            parts.insert(edge);
            // What is cut off joins the block beside it while that has room.
            if let Some(next) = inwards.next()
                && self.bytes(next) + bytes < self.block_bytes(sizes)
            {
                parts.insert(next);
            }
            return;
        }
        while entries < sizes.edge_least.0 && bytes < sizes.edge_least.1 {
            let Some(next) = inwards.next() else { return };
            parts.extend([edge, next]);
            entries += self.count(next);
            bytes += self.bytes(next);
        }
    }

    /// Packs the tree anew. `blocks` holds the entries of the blocks among [`Changed::repacked_parts`]; new blocks are
    /// numbered from `number` on.
    pub(crate) fn repack(&self, sizes: &Sizes, blocks: &Bodies, attempt: u64, number: u64) -> Repacked {
        let parts = self.repacked_parts(sizes);
        let last = self.tree.parts.len() - 1;
        let mut packer = Packer {
            attempt,
            number,
            block: self.block_bytes(sizes),
            squeezed: sizes.squeezed,
            done: Repacked::default(),
        };
        packer.done.tree.parts.clear();
        let mut part = 0;
        while part <= last {
            if !parts.contains(&part) {
                packer.done.tree.parts.push(self.tree.parts[part].clone());
                part += 1;
                continue;
            }
            let begin = part;
            let mut run = Vec::new();
            while parts.contains(&part) {
                run.extend(self.entries(part, blocks).unwrap_or_default());
                if let Body::Block { id, .. } = self.tree.parts[part].body {
                    packer.done.superseded.push(id);
                }
                part += 1;
            }
            packer.run(run, self.tree.parts[begin].first.clone(), (begin == 0, part > last), sizes);
        }
        match packer.done.tree.parts.first_mut() {
            // Whatever was before it is gone, and what comes before it one day belongs to it.
            Some(first) => first.first.clear(),
            None => packer.done.tree = Tree::default(),
        }
        packer.done
    }
}

struct Packer {
    attempt: u64,
    number: u64,
    block: usize,
    squeezed: bool,
    done: Repacked,
}

impl Packer {
    /// Packs consecutive entries that begin at `first`, and with which the tree begins or ends where `ends` says so.
    fn run(&mut self, mut entries: Vec<Entry>, mut first: Vec<u8>, ends: (bool, bool), sizes: &Sizes) {
        let bytes = |entries: &[Entry]| -> usize {
            entries
                .iter()
                .scan(&[][..], |before, entry| {
                    let size = packed_size(before, entry);
                    *before = &entry.key;
                    Some(size)
                })
                .sum()
        };
        let fits = |entries: &[Entry], most: (usize, usize)| entries.len() <= most.0 && bytes(entries) <= most.1;
        if ends == (true, true) && fits(&entries, sizes.small) {
            self.inline(entries, first);
            return;
        }
        let edges = sizes.edge.0 > 0;
        if edges && ends != (true, true) && ends != (false, false) && fits(&entries, sizes.edge_most) {
            self.inline(entries, first);
            return;
        }
        let kept = |entries: &mut dyn Iterator<Item = &Entry>| {
            let mut bytes = 0;
            let fits = |entry: &&Entry| {
                bytes += entry.key.len() + entry.row.len() + 3;
                bytes <= sizes.edge.1
            };
            entries.take(sizes.edge.0).take_while(fits).count()
        };
        if edges && ends.0 {
            let rest = entries.split_off(kept(&mut entries.iter()));
            self.inline(std::mem::replace(&mut entries, rest), std::mem::take(&mut first));
            first = self.boundary(&entries);
        }
        let tail = if edges && ends.1 {
            let length = kept(&mut entries.iter().rev());
            entries.split_off(entries.len() - length)
        } else {
            Vec::new()
        };
        let pieces = bytes(&entries).div_ceil(self.block).max(1);
        let piece = bytes(&entries).div_ceil(pieces);
        let mut begin = 0;
        let mut taken = 0;
        for index in 0..entries.len() {
            let before = if index == begin { &[][..] } else { &entries[index - 1].key };
            taken += packed_size(before, &entries[index]);
            if taken >= piece || index + 1 == entries.len() {
                if begin > 0 {
                    first = separator(&entries[begin - 1].key, &entries[begin].key);
                }
                self.block(&entries[begin..=index], std::mem::take(&mut first));
                begin = index + 1;
                taken = 0;
            }
        }
        if edges && ends.1 {
            let first = match entries.last().zip(tail.first()) {
                Some((before, next)) => separator(&before.key, &next.key),
                None => first,
            };
            self.inline(tail, first);
        }
    }

    /// Where the entries after the inline part that was just packed begin.
    fn boundary(&self, entries: &[Entry]) -> Vec<u8> {
        let before = match self.done.tree.parts.last().map(|part| &part.body) {
            Some(Body::Inline(entries)) => entries.last(),
            _ => None,
        };
        before.zip(entries.first()).map(|(before, next)| separator(&before.key, &next.key)).unwrap_or_default()
    }

    fn inline(&mut self, entries: Vec<Entry>, first: Vec<u8>) {
        self.done.tree.parts.push(Part { first, count: entries.len(), body: Body::Inline(entries) });
    }

    fn block(&mut self, entries: &[Entry], first: Vec<u8>) {
        let packed = pack_entries(entries);
        let packed = if self.squeezed { squeeze(packed) } else { packed };
        let id = BlockId { attempt: self.attempt, number: self.number };
        self.number += 1;
        let body = Body::Block { id, bytes: packed.len() };
        self.done.tree.parts.push(Part { first, count: entries.len(), body });
        self.done.blocks.push(packed);
    }
}

/// The shortest key that is after `before` and not after `next`.
fn separator(before: &[u8], next: &[u8]) -> Vec<u8> {
    next[..next.len().min(shared_length(before, next) + 1)].to_vec()
}

impl Tree {
    /// Packs the parts.
    pub(crate) fn pack(&self, out: &mut Vec<u8>) {
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
    pub(crate) fn unpack(reader: &mut Reader<'_>) -> Option<Self> {
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
    pub(crate) fn blocks(&self) -> impl Iterator<Item = BlockId> {
        self.parts.iter().filter_map(|part| match part.body {
            Body::Block { id, .. } => Some(id),
            Body::Inline(_) => None,
        })
    }

    /// The block of a part.
    pub(crate) fn block_of(&self, part: usize) -> Option<BlockId> {
        match self.parts.get(part)?.body {
            Body::Block { id, .. } => Some(id),
            Body::Inline(_) => None,
        }
    }

    /// How many entries there are.
    pub(crate) fn count(&self) -> usize {
        self.parts.iter().map(|part| part.count).sum()
    }

    /// The entries of the parts from the start that are in the directory.
    pub(crate) fn inline_start(&self) -> &[Entry] {
        match self.parts.first().map(|part| &part.body) {
            Some(Body::Inline(entries)) => entries,
            _ => &[],
        }
    }
}

impl Part {
    /// A whole tree of sorted entries as one part.
    pub(crate) const fn inline(entries: Vec<Entry>) -> Self {
        Self { first: Vec::new(), count: entries.len(), body: Body::Inline(entries) }
    }
}

impl Tree {
    /// The entries that are in the directory.
    pub(crate) fn inline(&self) -> impl Iterator<Item = &Entry> {
        self.parts.iter().flat_map(|part| match &part.body {
            Body::Inline(entries) => entries.as_slice(),
            Body::Block { .. } => &[],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const SIZES: Sizes = Sizes {
        small: (6, 400),
        edge: (4, 1_000),
        edge_most: (8, 1_000),
        edge_least: (3, 1_000),
        block: 60,
        squeezed: false,
        parts: 1_000,
    };
    const WITHOUT_EDGES: Sizes = Sizes { edge: (0, 0), squeezed: true, ..SIZES };

    /// A tree with its blocks, and what must be in it.
    struct World {
        sizes: Sizes,
        tree: Tree,
        blocks: HashMap<BlockId, Vec<u8>>,
        model: BTreeMap<Vec<u8>, Vec<u8>>,
        attempt: u64,
    }

    fn entry(key: u16, row: u8) -> Entry {
        // Keys that share beginnings of all lengths, some of them the beginning of others.
        let key = format!("{key:b}").into_bytes();
        Entry { row: if row == 0 { Vec::new() } else { vec![row] }, key }
    }

    impl World {
        /// The changes that the model knows and the tree does not.
        fn overlay(&mut self, changes: &[(u16, Option<u8>)]) -> Overlay {
            let before = self.model.clone();
            for (key, row) in changes {
                let entry = entry(*key, row.unwrap_or_default());
                match row {
                    Some(_) => self.model.insert(entry.key, entry.row),
                    None => self.model.remove(&entry.key),
                };
            }
            let entries = |model: &BTreeMap<Vec<u8>, Vec<u8>>| -> Vec<Entry> {
                model.iter().map(|(key, row)| Entry { key: key.clone(), row: row.clone() }).collect()
            };
            Overlay::new(entries(&before), entries(&self.model))
        }

        fn bodies(&self, parts: &BTreeSet<usize>) -> Bodies {
            let body = |part: &usize| {
                let id = self.tree.block_of(*part)?;
                Some((*part, unpack_entries(&self.blocks[&id]).unwrap()))
            };
            parts.iter().filter_map(body).collect()
        }

        fn check(&self, overlay: &Overlay, window: &Window<'_>) {
            let changed = Changed::new(&self.tree, overlay);
            let needed = changed.needed(window, &Bodies::new());
            let blocks = self.bodies(&needed);
            assert!(changed.needed(window, &blocks).is_empty(), "one look at the directory tells all that is needed");
            let slice = changed.slice(window, &blocks);

            let within = |key: &Vec<u8>| {
                window.from.is_none_or(|from| key.as_slice() >= from) && window.to.is_none_or(|to| key.as_slice() < to)
            };
            let mut all: Vec<_> = self.model.iter().filter(|(key, _)| within(key)).collect();
            if window.descending {
                all.reverse();
            }
            let skipped = match window.start {
                Start::Skip(skip) => usize::try_from(*skip).unwrap().min(all.len()),
                Start::After(last) => all
                    .iter()
                    .take_while(|(key, _)| if window.descending { *key >= last } else { *key <= last })
                    .count(),
            };
            let page = all.iter().skip(skipped).take(window.limit);
            let page = page.map(|(key, row)| Entry { key: (*key).clone(), row: (*row).clone() }).collect();
            assert_eq!(slice, Slice { entries: page, total: all.len(), skipped });
        }

        fn repack(&mut self, overlay: &Overlay) {
            self.attempt += 1;
            let changed = Changed::new(&self.tree, overlay);
            let bodies = self.bodies(&changed.repacked_parts(&self.sizes));
            let repacked = changed.repack(&self.sizes, &bodies, self.attempt, 7);
            for id in &repacked.superseded {
                assert!(self.blocks.remove(id).is_some());
            }
            for (number, packed) in (7..).zip(repacked.blocks) {
                self.blocks.insert(BlockId { attempt: self.attempt, number }, packed);
            }
            let mut packed = Vec::new();
            repacked.tree.pack(&mut packed);
            assert_eq!(Tree::unpack(&mut Reader::new(&packed)).as_ref(), Some(&repacked.tree));
            self.tree = repacked.tree;

            let ids: Vec<BlockId> = self.tree.blocks().collect();
            assert_eq!(ids.len(), self.blocks.len(), "every block is led to once");
            assert_eq!(self.tree.count(), self.model.len());
            let mut before: Option<Vec<u8>> = None;
            for (place, part) in self.tree.parts.iter().enumerate() {
                let entries = match &part.body {
                    Body::Inline(entries) => entries.clone(),
                    Body::Block { id, bytes } => {
                        assert_eq!(self.blocks[id].len(), *bytes);
                        unpack_entries(&self.blocks[id]).unwrap()
                    }
                };
                assert_eq!(entries.len(), part.count);
                for entry in entries {
                    assert!(entry.key >= part.first && before.as_ref().is_none_or(|before| *before < entry.key));
                    before = Some(entry.key);
                }
                assert!(before.as_ref().is_none_or(|before| *before
                    < self.tree.parts.get(place + 1).map_or(vec![255], |next| next.first.clone())
                    || place == 0));
            }
            if self.sizes.edge.0 > 0 && self.model.len() > self.sizes.small.0 {
                for part in [self.tree.parts.first(), self.tree.parts.last()].into_iter().flatten() {
                    let within = self.sizes.edge_least.0..=self.sizes.edge_most.0;
                    assert!(matches!(part.body, Body::Inline(_)) && within.contains(&part.count), "{:?}", self.tree);
                }
            }
        }
    }

    fn changes() -> impl Strategy<Value = Vec<(u16, Option<u8>)>> {
        prop::collection::vec((0_u16..400, prop_oneof![3 => (0_u8..3).prop_map(Some), 2 => Just(None)]), 0..40)
    }

    fn windows() -> impl Strategy<Value = (Result<u64, u16>, usize, bool, Option<u16>, Option<u16>)> {
        let start = prop_oneof![(0_u64..120).prop_map(Ok), (0_u16..400).prop_map(Err)];
        let bound = || prop::option::weighted(0.3, 0_u16..400);
        (start, 1_usize..9, any::<bool>(), bound(), bound())
    }

    proptest! {
        #[test]
        fn any_page_of_any_tree_with_any_changes_is_the_models(
            edges in any::<bool>(),
            rounds in prop::collection::vec((changes(), changes(), prop::collection::vec(windows(), 6)), 1..8),
        ) {
            let sizes = if edges { SIZES } else { WITHOUT_EDGES };
            let mut world =
                World { sizes, tree: Tree::default(), blocks: HashMap::new(), model: BTreeMap::new(), attempt: 0 };
            for (packed, pending, windows) in rounds {
                let overlay = world.overlay(&packed);
                world.repack(&overlay);
                let before = world.model.clone();
                let overlay = world.overlay(&pending);
                for (start, limit, descending, from, to) in windows {
                    let key = |key: u16| entry(key, 0).key;
                    let start = start.map_or_else(|last| Start::After(key(last)), Start::Skip);
                    let (from, to) = (from.map(key), to.map(key));
                    let (from, to) = (from.as_deref(), to.as_deref());
                    world.check(&overlay, &Window { start: &start, limit, descending, from, to });
                }
                world.model = before;
            }
        }
    }

    #[test]
    fn what_is_appended_rewrites_no_block_until_the_edge_is_full() {
        let mut world =
            World { sizes: SIZES, tree: Tree::default(), blocks: HashMap::new(), model: BTreeMap::new(), attempt: 0 };
        let all: Vec<_> = (256..320).map(|key| (key, Some(1))).collect();
        let overlay = world.overlay(&all);
        world.repack(&overlay);
        for key in 320..324 {
            let overlay = world.overlay(&[(key, Some(1))]);
            let changed = Changed::new(&world.tree, &overlay);
            let last = world.tree.parts.len() - 1;
            assert_eq!(changed.repacked_parts(&SIZES), BTreeSet::from([last]));
            world.repack(&overlay);
        }
    }
}
