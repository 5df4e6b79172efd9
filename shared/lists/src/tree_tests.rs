//! A tree, whatever is packed into it and put over it, says what a sorted map says.

use crate::codec::{Entry, Reader, unpack_entries};
use crate::overlay::{Bodies, Changed, Overlay, Slice, Start, Window};
use crate::repack::Sizes;
use crate::tree::{BlockId, Body, Tree};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
            Start::After(last) => {
                all.iter().take_while(|(key, _)| if window.descending { *key >= last } else { *key <= last }).count()
            }
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
