//! Packing a tree anew: only the parts that change, and those that must be joined with them.

use crate::codec::{Entry, pack_entries, packed_size, shared_length, squeeze};
use crate::overlay::{Bodies, Changed};
use crate::tree::{BlockId, Body, Part, Tree};
use std::collections::BTreeSet;

/// How large things in a tree are to be.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// A tree of no more entries and bytes is one inline part.
    pub small: (usize, usize),
    /// What an inline part at an end keeps when it is cut; nothing means that ends are blocks like all others.
    pub edge: (usize, usize),
    /// From where on an inline part at an end is cut.
    pub edge_most: (usize, usize),
    /// Below which an inline part at an end is filled up again: fewer entries *and* fewer bytes.
    pub edge_least: (usize, usize),
    /// Bytes of a block, before it is squeezed.
    pub block: usize,
    /// Whether blocks are squeezed: worth it where they are texts, which are never read alone.
    pub squeezed: bool,
    /// Most parts of a tree: blocks grow with it rather than the directory.
    pub parts: usize,
}

/// A tree packed anew.
#[derive(Debug, Default)]
pub struct Repacked {
    /// Its parts; a block that is new stands with the attempt and the number it was packed with.
    pub tree: Tree,
    /// The new blocks, packed, in the order of their numbers.
    pub blocks: Vec<Vec<u8>>,
    /// Blocks of the tree before that this one does without.
    pub superseded: Vec<BlockId>,
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
    pub fn repacked_parts(&self, sizes: &Sizes) -> BTreeSet<usize> {
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
    pub fn repack(&self, sizes: &Sizes, blocks: &Bodies, attempt: u64, number: u64) -> Repacked {
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
        let fits = |most: (usize, usize)| entries.len() <= most.0 && packed_bytes(&entries) <= most.1;
        let edges = sizes.edge.0 > 0;
        let is_inline = match ends {
            (true, true) => fits(sizes.small),
            (false, false) => false,
            _ => edges && fits(sizes.edge_most),
        };
        if is_inline {
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
        if !(edges && ends.1) {
            self.blocks_of(&entries, first);
            return;
        }
        let length = kept(&mut entries.iter().rev());
        let tail = entries.split_off(entries.len() - length);
        let first_of_tail = match entries.last().zip(tail.first()) {
            Some((before, next)) => separator(&before.key, &next.key),
            None => first.clone(),
        };
        self.blocks_of(&entries, first);
        self.inline(tail, first_of_tail);
    }

    /// Packs consecutive entries that begin at `first` into blocks of about the same size.
    fn blocks_of(&mut self, entries: &[Entry], mut first: Vec<u8>) {
        let bytes = packed_bytes(entries);
        let piece = bytes.div_ceil(bytes.div_ceil(self.block).max(1));
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

/// Bytes that consecutive entries take.
fn packed_bytes(entries: &[Entry]) -> usize {
    let sizes = entries.iter().scan(&[][..], |before, entry| {
        let size = packed_size(before, entry);
        *before = &entry.key;
        Some(size)
    });
    sizes.sum()
}

/// The shortest key that is after `before` and not after `next`.
fn separator(before: &[u8], next: &[u8]) -> Vec<u8> {
    next[..next.len().min(shared_length(before, next) + 1)].to_vec()
}
