//! What changed in a tree since it was packed, and the page that follows from both.
//!
//! What must stay true: a removed key is in the parts, an added one is not.

use crate::codec::Entry;
use crate::tree::{Body, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// What changed in a tree since it was packed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay {
    removed: Vec<Vec<u8>>,
    added: Vec<Entry>,
}

impl Overlay {
    /// Sorts the changes. What is removed and added alike was not changed.
    pub fn new(mut removed: Vec<Entry>, mut added: Vec<Entry>) -> Self {
        removed.sort_unstable();
        removed.dedup();
        added.sort_unstable();
        added.dedup();
        let changed: Vec<Entry> = added.iter().filter(|entry| removed.binary_search(entry).is_err()).cloned().collect();
        removed.retain(|entry| added.binary_search(entry).is_err());
        Self::all(removed, changed)
    }

    /// Sorts the changes, and takes all of them for changes.
    pub fn all(mut removed: Vec<Entry>, mut added: Vec<Entry>) -> Self {
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
pub type Bodies = BTreeMap<usize, Vec<Entry>>;

/// A tree with its changes.
#[derive(Debug)]
pub struct Changed<'a> {
    pub(crate) tree: &'a Tree,
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
pub struct Window<'a> {
    /// Where the page starts.
    pub start: &'a Start,
    /// Its most entries.
    pub limit: usize,
    /// Largest key first.
    pub descending: bool,
    /// Only keys at or after this.
    pub from: Option<&'a [u8]>,
    /// Only keys before this.
    pub to: Option<&'a [u8]>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// How many entries there are between `from` and `to`.
    pub total: usize,
    /// How many of them are before the page.
    pub skipped: usize,
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
    /// Puts changes over a tree.
    pub fn new(tree: &'a Tree, overlay: &'a Overlay) -> Self {
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

    /// How many entries there are, changes included.
    pub fn total(&self) -> usize {
        self.starts[self.tree.parts.len()]
    }

    /// How many entries a part has, changes included.
    pub(crate) fn count(&self, part: usize) -> usize {
        self.starts[part + 1].saturating_sub(self.starts[part])
    }

    /// The part a key falls into.
    fn part_of(&self, key: &[u8]) -> usize {
        self.tree.parts.partition_point(|part| part.first.as_slice() <= key).saturating_sub(1)
    }

    /// The changes within a part.
    pub(crate) fn changes(&self, part: usize) -> (&[Vec<u8>], &[Entry]) {
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
    pub(crate) fn entries(&self, part: usize, blocks: &Bodies) -> Option<Vec<Entry>> {
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
    pub fn needed(&self, window: &Window<'_>, blocks: &Bodies) -> BTreeSet<usize> {
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
    pub fn slice(&self, window: &Window<'_>, blocks: &Bodies) -> Slice {
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
