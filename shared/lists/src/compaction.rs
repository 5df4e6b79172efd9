//! Compaction, as far as it decides: what a new version of a list's base takes in, and what becomes of its trees. Who
//! reads and writes blocks, and publishes, is the store.

use crate::codec::Entry;
use crate::columns::{Choice, Columns, Facet, entry_of, keys, pack, packed_id, unpack};
use crate::directory::{Directory, DueChange};
use crate::journal::{Change, Changes, JournalRow, changes};
use crate::overlay::{Bodies, Changed, Overlay};
use crate::repack::{Repacked, Sizes};
use crate::tree::{BlockId, Tree};
use crate::{Damaged, GRACE_SECONDS, epoch};
use anyspend_domain::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How a base is packed, and when it is packed anew.
#[derive(Debug, Clone)]
pub struct Tuning {
    sorted: Sizes,
    texts: Sizes,
    due: Sizes,
    /// Journal rows that are worth a new version.
    absorb: usize,
    /// Most objects of one new version.
    pub most: usize,
    /// What will change by itself and is repeated in each directory.
    due_repeated: usize,
    /// Objects changed by time that are worth a new version.
    due_absorb: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        let sorted = Sizes {
            small: (512, 20_000),
            edge: (128, 8_000),
            edge_most: (256, 16_000),
            edge_least: (110, 4_000),
            block: 16_000,
            squeezed: false,
            parts: 2_000,
        };
        // No page is cut out of texts, and searches read all of them: no edges, and large squeezed blocks.
        let texts = Sizes { edge: (0, 0), block: 80_000, squeezed: true, ..sorted };
        // Only the start is ever looked at.
        let due = Sizes { edge: (96, 16_000), edge_most: (192, 32_000), edge_least: (72, 8_000), ..sorted };
        Self { sorted, texts, due, absorb: 64, most: 4_096, due_repeated: 64, due_absorb: 24 }
    }
}

impl Tuning {
    /// Everything small, so that a test has blocks, edges and notes after a few objects.
    pub fn tiny() -> Self {
        let sorted = Sizes {
            small: (6, 400),
            edge: (4, 1_000),
            edge_most: (8, 1_000),
            edge_least: (3, 1_000),
            block: 120,
            squeezed: false,
            parts: 1_000,
        };
        let texts = Sizes { edge: (0, 0), block: 200, squeezed: true, ..sorted };
        let due = Sizes { edge: (4, 1_000), edge_most: (8, 2_000), edge_least: (3, 1_000), ..sorted };
        Self { sorted, texts, due, absorb: 1, most: 50, due_repeated: 3, due_absorb: 1 }
    }
}

/// The name of [`TreeKind::Due`].
const DUE: &str = "#due";

/// The trees of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeKind<F, S> {
    /// Of a facet, in an order.
    Sorted(F, S),
    /// Of all columns in the order of ids, which searches read.
    Texts,
    /// Of what will change by itself, in the order of time.
    Due,
}

/// The trees of a list of these columns.
pub type TreeOf<T> = TreeKind<<T as Columns>::Facet, <T as Columns>::Sort>;

impl<F: Choice, S: Choice> TreeKind<F, S> {
    /// Its name in keys.
    pub fn name(self) -> String {
        match self {
            Self::Sorted(facet, sort) => format!("{}#{}", facet.name(), sort.name()),
            Self::Texts => "#text".to_owned(),
            Self::Due => DUE.to_owned(),
        }
    }

    /// How large its parts are to be.
    pub const fn sizes(self, tuning: &Tuning) -> &Sizes {
        match self {
            Self::Sorted(..) => &tuning.sorted,
            Self::Texts => &tuning.texts,
            Self::Due => &tuning.due,
        }
    }
}

/// Every tree of a list.
pub fn trees<T: Columns>() -> impl Iterator<Item = TreeOf<T>> {
    let facets = <T::Facet as strum::VariantArray>::VARIANTS.iter();
    let sorts = <T::Sort as strum::VariantArray>::VARIANTS;
    let sorted = facets.flat_map(move |facet| sorts.iter().map(move |sort| TreeKind::Sorted(*facet, *sort)));
    sorted.chain(T::SEARCHED.then_some(TreeKind::Texts)).chain([TreeKind::Due])
}

/// An object's entry in a tree at a moment, if it is in it.
fn entry<T: Columns>(tree: TreeOf<T>, packed_id: &[u8], columns: &T, at: Timestamp) -> Result<Option<Entry>, Damaged> {
    Ok(match tree {
        TreeKind::Sorted(facet, _) if !facet.holds(columns, at) => None,
        TreeKind::Sorted(_, sort) => Some(entry_of(sort, packed_id, columns)?),
        TreeKind::Texts => Some(Entry { key: packed_id.to_vec(), row: pack(columns)? }),
        TreeKind::Due => match columns.changes_at().filter(|due| *due > at) {
            Some(due) => {
                let key = [keys::moment(due), packed_id.to_vec()].concat();
                Some(Entry { key, row: pack(&columns.clone().without_texts())? })
            }
            None => None,
        },
    })
}

/// The changes of a journal that a new version takes in.
#[derive(Debug)]
pub struct Absorbed<T> {
    changes: Changes<T>,
    rows: Vec<u64>,
    /// Whether there are more.
    more: bool,
}

/// What of a journal, newest rows first, a new version of the list takes in at `now`; `None` when that is not worth one.
/// `due` is the directory of what will change by itself.
pub fn absorb<T: Columns>(
    journal: &[JournalRow<T>],
    due: &Directory,
    now: Timestamp,
    tuning: &Tuning,
) -> Option<Absorbed<T>> {
    let absorbed = due.absorbs();
    let fresh: Vec<&JournalRow<T>> = journal.iter().filter(|row| !absorbed.contains(&row.hash)).collect();
    let until = keys::moment(now.plus_millis(1));
    let is_due = |entry: &&Entry| entry.key.as_slice() < until.as_slice();
    let changed_by_time = due.tree.inline_start().iter().take_while(is_due).count();
    let forgets = fresh.iter().any(|row| row.forgets);
    if fresh.len() < tuning.absorb && changed_by_time < tuning.due_absorb && !forgets {
        return None;
    }
    // All rows of an object or none: its first row tells what the base holds.
    let mut taken = fresh.len().min(tuning.most);
    while taken < fresh.len() && fresh[taken].id == fresh[taken - 1].id {
        taken += 1;
    }
    Some(Absorbed {
        changes: changes(fresh[..taken].iter().copied()),
        rows: fresh[..taken].iter().map(|row| row.hash).collect(),
        more: taken < fresh.len(),
    })
}

/// What a new version takes in.
#[derive(Debug)]
pub struct Intake<T> {
    /// What changed, by object.
    changes: Changes<T>,
    /// Objects that only time has changed.
    by_time: Changes<T>,
    /// The journal rows this absorbs.
    pub absorbed: Vec<u64>,
    /// The moment whose facets the version shows.
    at: Timestamp,
    /// Whether there is more to take in.
    more: bool,
}

impl<T: Columns> Intake<T> {
    /// Changes of a journal, and the objects that time has changed until `at`.
    pub fn new(absorbed: Absorbed<T>, due: Vec<(String, T)>, at: Timestamp, now: Timestamp) -> Self {
        let Absorbed { changes, rows, more } = absorbed;
        let due = due.into_iter().filter(|(id, _)| !changes.contains_key(id));
        let by_time = due.map(|(id, columns)| (id, Change::none(columns))).collect();
        Self { changes, by_time, absorbed: rows, at, more: more || at < now }
    }

    /// The objects of a list that has none.
    pub fn load(objects: Vec<(String, T)>, now: Timestamp) -> Self {
        let made = |(id, columns)| (id, Change { base: None, now: Some(columns) });
        let changes = objects.into_iter().map(made).collect();
        Self { changes, by_time: Changes::new(), absorbed: Vec::new(), at: now, more: false }
    }

    /// What it changes in a tree, which shows the facets of `was_at`.
    pub fn overlay(&self, tree: TreeOf<T>, was_at: Timestamp) -> Result<Overlay, Damaged> {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        let by_time = (tree != TreeKind::Texts).then_some(&self.by_time).into_iter().flatten();
        for (id, change) in self.changes.iter().chain(by_time) {
            let packed = packed_id::<T>(id)?;
            if let Some(base) = &change.base {
                removed.extend(entry(tree, &packed, base, was_at)?);
            }
            if let Some(now) = &change.now {
                added.extend(entry(tree, &packed, now, self.at)?);
            }
        }
        // Columns before a change come without their texts: that they look alike does not say that nothing changed.
        Ok(if tree == TreeKind::Texts { Overlay::all(removed, added) } else { Overlay::new(removed, added) })
    }
}

/// A version while it is packed.
#[derive(Debug)]
pub struct Packing {
    /// The number under which its blocks are written, which nobody else has.
    pub attempt: u64,
    /// Its new blocks, packed, in the order of their numbers.
    pub blocks: Vec<Vec<u8>>,
    /// Blocks that it does without.
    pub superseded: Vec<BlockId>,
    trees: BTreeMap<String, Tree>,
}

impl Packing {
    /// Nothing yet.
    pub const fn new(attempt: u64) -> Self {
        Self { attempt, blocks: Vec::new(), superseded: Vec::new(), trees: BTreeMap::new() }
    }

    /// Packs a tree with its changes. `bodies` holds the entries of the blocks among [`Changed::repacked_parts`].
    pub fn add<F: Choice, S: Choice>(
        &mut self,
        tree: TreeKind<F, S>,
        changed: &Changed<'_>,
        bodies: &Bodies,
        tuning: &Tuning,
    ) {
        let number = u64::try_from(self.blocks.len()).unwrap_or(u64::MAX);
        let packed = changed.repack(tree.sizes(tuning), bodies, self.attempt, number);
        let Repacked { tree: repacked, blocks, superseded } = packed;
        self.blocks.extend(blocks);
        self.superseded.extend(superseded);
        self.trees.insert(tree.name(), repacked);
    }

    fn due_tree(&self) -> Option<&Tree> {
        self.trees.get(DUE)
    }

    /// What will change by itself, in the order of time, as far as it is at hand.
    fn due(&self) -> &[Entry] {
        self.due_tree().map_or(&[], Tree::inline_start)
    }

    /// The directories of the version, by the names of their trees.
    pub fn directories<T: Columns>(
        &self,
        version: u64,
        intake: &Intake<T>,
        absorbed: &BTreeMap<u64, Vec<u64>>,
        tuning: &Tuning,
    ) -> Result<Vec<(String, Directory)>, Damaged> {
        let due = self.due();
        let repeated = due.len().min(tuning.due_repeated);
        let due_until = match (due.get(repeated), self.due_tree().and_then(|tree| tree.parts.get(1))) {
            (Some(next), _) => keys::moment_of(&next.key),
            // At the latest: a separator is not after what it separates.
            (None, Some(next)) => keys::moment_of(&next.first),
            (None, None) => epoch(),
        };
        let mut objects = Vec::with_capacity(repeated);
        for entry in &due[..repeated] {
            let id = entry.key[entry.key.len() - T::ID.packed_length()..].to_vec();
            objects.push((keys::moment_of(&entry.key), id, unpack::<T>(&entry.row)?));
        }
        trees::<T>()
            .map(|kind| {
                let name = kind.name();
                let tree = self.trees.get(&name).cloned().unwrap_or_default();
                let due = changes_by_time(kind, &objects, intake.at)?;
                let (at, absorbed) = (intake.at, absorbed.clone());
                Ok((name, Directory { version, at, absorbed, tree, due, due_until }))
            })
            .collect()
    }

    /// When the list is to be looked after again: to clear away what this version made superfluous; at once, if it could
    /// not take in everything; and when enough will have changed by itself.
    pub fn notes<T>(&self, intake: &Intake<T>, now: Timestamp, tuning: &Tuning) -> BTreeSet<Timestamp> {
        let mut moments = BTreeSet::from([now.plus_seconds(GRACE_SECONDS)]);
        if intake.more {
            moments.insert(now);
        }
        if self.due_tree().map_or(0, Tree::count) > tuning.due_repeated {
            moments.extend(self.due().get(tuning.due_absorb - 1).map(|entry| keys::moment_of(&entry.key)));
        }
        moments
    }
}

/// What time will do to a tree of a facet, given the objects it will change next.
fn changes_by_time<T: Columns>(
    tree: TreeOf<T>,
    objects: &[(Timestamp, Vec<u8>, T)],
    at: Timestamp,
) -> Result<Vec<DueChange>, Damaged> {
    let mut due = Vec::new();
    if !matches!(tree, TreeKind::Sorted(..)) {
        return Ok(due);
    }
    for (moment, id, columns) in objects {
        match (entry(tree, id, columns, at)?, entry(tree, id, columns, *moment)?) {
            (Some(entry), None) => due.push(DueChange { at: *moment, comes: false, entry }),
            (None, Some(entry)) => due.push(DueChange { at: *moment, comes: true, entry }),
            _ => {}
        }
    }
    Ok(due)
}

/// The versions whose absorbed rows are still named, when some are forgotten and one is added.
pub fn still_absorbed(
    before: &BTreeMap<u64, Vec<u64>>,
    forgotten: &HashSet<u64>,
    version: u64,
    rows: &[u64],
) -> BTreeMap<u64, Vec<u64>> {
    let mut absorbed = before.clone();
    absorbed.retain(|version, _| !forgotten.contains(version));
    if !rows.is_empty() {
        absorbed.insert(version, rows.to_vec());
    }
    absorbed
}
