//! Compaction: folds a list's journal, and what time has changed, into a new version of its base.
//!
//! What must stay true, wherever a compaction dies and however many run at once:
//! - blocks are written under the number of an attempt that nobody else has, before anything leads to them;
//! - a version is published by one transaction that finds the version it was made from, and its attempt, still there;
//! - what a version does without is deleted [`GRACE_SECONDS`] after it was published, and forgotten as long after that.

use super::codec::Entry;
use super::read::{Change, DATA, Directory, DueChange, JournalRow, changes};
use super::tree::{BlockId, Bodies, Changed, Overlay, Repacked, Sizes, Start, Tree, Window};
use super::{Columns, DUE_TREE, GRACE_SECONDS, ListId, TEXT_TREE};
use super::{damaged, keys, note, pack, packed_id, sort_key, tree_name, unpack};
use crate::db::{BatchWrite, Db, Item, StoreError, key_item, read, row, string};
use crate::schema::{self, Key};
use crate::{CommitError, Write};
use anyspend_domain::{Timestamp, entropy};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How long an attempt may take: as long as a Lambda function may run. One that is older died.
const ATTEMPT_SECONDS: u64 = 15 * 60;
/// Most notes that are followed at once.
const NOTES: i32 = 1_000;
/// The version of an attempt's row while the attempt may still be published, and after it was given up.
const ALIVE: u64 = 1;
const GIVEN_UP: u64 = 2;

/// How a base is packed, and when it is packed anew.
#[derive(Debug, Clone)]
pub struct Tuning {
    sorted: Sizes,
    texts: Sizes,
    due: Sizes,
    /// Journal rows that are worth a new version.
    absorb: usize,
    /// Most objects of one new version.
    most: usize,
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

/// What became of a list that was looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compacted {
    /// There was not enough to do for a new version.
    Left,
    /// A new version was published.
    Published,
    /// Somebody else published one first.
    Overtaken,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    version: u64,
}

/// An attempt: the blocks it writes are numbered below `blocks`.
#[derive(Debug, Serialize, Deserialize)]
struct Attempt {
    attempt: u64,
    began_at: Timestamp,
    blocks: u64,
    version: u64,
}

/// What a version made superfluous.
#[derive(Debug, Serialize, Deserialize)]
struct Leftover {
    of_version: u64,
    published_at: Timestamp,
    /// When it was deleted, apart from this row.
    cleared_at: Option<Timestamp>,
    /// Attempt and number of each block, in pairs.
    blocks: Vec<u64>,
}

/// How large a list's base is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListMeasure {
    /// How often the list was compacted.
    pub version: u64,
    /// Blocks in use.
    pub blocks: usize,
    /// Rows of the journal, absorbed or not.
    pub journal_rows: usize,
}

/// A list as a compaction finds it.
struct Found<T> {
    version: u64,
    attempts: Vec<Attempt>,
    leftovers: Vec<Leftover>,
    due: Directory,
    journal: Vec<JournalRow<T>>,
}

/// What a new version takes in.
struct Intake<T> {
    /// What changed, by object.
    changes: BTreeMap<String, Change<T>>,
    /// Objects that only time has changed.
    by_time: BTreeMap<String, Change<T>>,
    /// The journal rows this absorbs.
    absorbed: Vec<u64>,
    /// The moment whose facets the version shows.
    at: Timestamp,
    /// Whether there is more to take in.
    more: bool,
}

impl Db {
    /// Follows every note that is due at `now`. A list that cannot be looked after keeps its note and does not hold up
    /// the others.
    ///
    /// # Errors
    /// When the table does not answer for the notes themselves.
    pub async fn look_after_lists(&self, now: Timestamp, tuning: &Tuning) -> Result<u32, StoreError> {
        let query = self
            .client()
            .query()
            .consistent_read(true)
            .limit(NOTES)
            .key_condition_expression("#pk = :pk AND #sk < :sk")
            .expression_attribute_names("#pk", schema::PK)
            .expression_attribute_names("#sk", schema::SK)
            .expression_attribute_values(":pk", AttributeValue::S(schema::LIST_DUE_PARTITION.to_owned()))
            .expression_attribute_values(":sk", AttributeValue::S(format!("{:015}", now.plus_millis(1).millis())));
        let notes = self.query_page(query).await?;
        let mut by_list: BTreeMap<String, Vec<Key>> = BTreeMap::new();
        for item in &notes {
            let key = Key { pk: string(item, schema::PK).to_owned(), sk: string(item, schema::SK).to_owned() };
            if let Some((_, list)) = key.sk.split_once('#') {
                by_list.entry(list.to_owned()).or_default().push(key.clone());
            }
        }
        let mut published = 0;
        for (list, notes) in by_list {
            let compacted = match ListId::parse(&list) {
                Some(list) => Box::pin(self.look_after_list(&list, now, tuning)).await,
                None => Err(damaged()),
            };
            match compacted {
                Ok(compacted) => {
                    published += u32::from(compacted == Compacted::Published);
                    self.batch_write(notes.into_iter().map(BatchWrite::Delete).collect()).await?;
                }
                Err(error) => tracing::error!(%error, list, "a list could not be looked after"),
            }
        }
        Ok(published)
    }

    /// Looks after one list, whatever its objects are. Each kind of list is named here once.
    async fn look_after_list(&self, list: &ListId, now: Timestamp, tuning: &Tuning) -> Result<Compacted, StoreError> {
        use crate::checkout_sessions::SessionColumns;
        use crate::customers::CustomerColumns;
        use crate::discount_codes::DiscountCodeColumns;
        use crate::payment_links::LinkColumns;
        use crate::products::ProductColumns;
        use crate::transactions::TransactionColumns;
        match list.object.as_str() {
            LinkColumns::OBJECT => Box::pin(self.compact_list::<LinkColumns>(list, now, tuning)).await,
            ProductColumns::OBJECT => Box::pin(self.compact_list::<ProductColumns>(list, now, tuning)).await,
            SessionColumns::OBJECT => Box::pin(self.compact_list::<SessionColumns>(list, now, tuning)).await,
            TransactionColumns::OBJECT => Box::pin(self.compact_list::<TransactionColumns>(list, now, tuning)).await,
            CustomerColumns::OBJECT => Box::pin(self.compact_list::<CustomerColumns>(list, now, tuning)).await,
            DiscountCodeColumns::OBJECT => Box::pin(self.compact_list::<DiscountCodeColumns>(list, now, tuning)).await,
            unknown => Err(StoreError::Fault(format!("nobody knows how to compact a list of '{unknown}'"))),
        }
    }

    /// Clears away what is superfluous and publishes a new version where that is worth it.
    ///
    /// # Errors
    /// When the table does not answer; the list is as exact as before.
    pub async fn compact_list<T: Columns>(
        &self,
        list: &ListId,
        now: Timestamp,
        tuning: &Tuning,
    ) -> Result<Compacted, StoreError> {
        let mut found = Box::pin(self.find_list::<T>(list)).await?;
        if found.due.version != found.version {
            return Ok(Compacted::Overtaken);
        }
        for attempt in std::mem::take(&mut found.attempts) {
            if attempt.version == GIVEN_UP || now >= attempt.began_at.plus_seconds(ATTEMPT_SECONDS) {
                self.bury_attempt(list, &attempt).await?;
            }
        }
        self.clear_leftovers(list, &mut found, now).await?;
        match Box::pin(self.intake(list, &found, now, tuning)).await? {
            Some(intake) => Box::pin(self.publish_list(list, found, intake, now, tuning)).await,
            None => Ok(Compacted::Left),
        }
    }

    /// Fills a list that is empty with objects, straight into the base: for tools, which have no journal.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn load_list<T: Columns>(
        &self,
        list: &ListId,
        objects: Vec<(String, T)>,
        now: Timestamp,
        tuning: &Tuning,
    ) -> Result<Compacted, StoreError> {
        let found = Box::pin(self.find_list::<T>(list)).await?;
        let made = |(id, columns)| (id, Change { base: None, now: Some(columns) });
        let changes = objects.into_iter().map(made).collect();
        let by_time = BTreeMap::new();
        let intake = Intake { changes, by_time, absorbed: Vec::new(), at: now, more: false };
        Box::pin(self.publish_list(list, found, intake, now, tuning)).await
    }

    /// Measures a list.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn measure_list<T: Columns>(&self, list: &ListId) -> Result<ListMeasure, StoreError> {
        let found = Box::pin(self.find_list::<T>(list)).await?;
        let directories = self.list_directories::<T>(list, found.version).await?.unwrap_or_default();
        let blocks = directories.values().map(|directory| directory.tree.blocks().count()).sum();
        Ok(ListMeasure { version: found.version, blocks, journal_rows: found.journal.len() })
    }

    async fn find_list<T: Columns>(&self, list: &ListId) -> Result<Found<T>, StoreError> {
        let due = Key::list_directory(list, DUE_TREE);
        let state = schema::list_state_partition(list);
        let (rows, due, journal) =
            tokio::try_join!(self.partition(&state), self.get(&due, true), self.list_journal::<T>(list))?;
        let due = Directory::read(due)?;
        let mut found = Found { version: 0, attempts: Vec::new(), leftovers: Vec::new(), due, journal };
        for item in rows {
            let sort_key = string(&item, schema::SK);
            if sort_key.starts_with(schema::LIST_ATTEMPT_PREFIX) {
                found.attempts.push(read(item)?);
            } else if sort_key.starts_with(schema::LIST_LEFTOVER_PREFIX) {
                found.leftovers.push(read(item)?);
            } else {
                found.version = read::<State>(item)?.version;
            }
        }
        Ok(found)
    }

    /// Deletes what an attempt wrote that was never published. First the attempt is given up, so that it cannot be
    /// published any more; if it was published meanwhile, nothing is deleted.
    async fn bury_attempt(&self, list: &ListId, attempt: &Attempt) -> Result<(), StoreError> {
        let key = Key::list_attempt(list, attempt.attempt);
        if attempt.version == ALIVE {
            let given_up = Attempt { version: GIVEN_UP, ..*attempt };
            match self.commit(vec![Write::put(row(&key, &given_up)?).at_version(ALIVE)]).await {
                Ok(()) => {}
                Err(CommitError::Refused { .. }) => return Ok(()),
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        let blocks = (0..attempt.blocks).map(|number| Key::list_block(list, attempt.attempt, number));
        self.batch_write(blocks.map(BatchWrite::Delete).collect()).await?;
        self.batch_write(vec![BatchWrite::Delete(key)]).await
    }

    /// Deletes the blocks and journal rows that no reader can need any more.
    async fn clear_leftovers<T: Columns>(
        &self,
        list: &ListId,
        found: &mut Found<T>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rows: HashMap<u64, &str> = found.journal.iter().map(|row| (row.hash, row.sort_key.as_str())).collect();
        for leftover in &mut found.leftovers {
            if leftover.cleared_at.is_some() || now < leftover.published_at.plus_seconds(GRACE_SECONDS) {
                continue;
            }
            let blocks = leftover.blocks.chunks_exact(2).map(|block| Key::list_block(list, block[0], block[1]));
            let journal = schema::list_journal_partition(list);
            let absorbed = found.due.absorbed.get(&leftover.of_version).into_iter().flatten();
            let absorbed = absorbed.filter_map(|hash| rows.get(hash));
            let absorbed = absorbed.map(|sort_key| Key { pk: journal.clone(), sk: (*sort_key).to_owned() });
            self.batch_write(blocks.chain(absorbed).map(BatchWrite::Delete).collect()).await?;
            leftover.cleared_at = Some(now);
            leftover.blocks.clear();
            let key = Key::list_leftover(list, leftover.of_version);
            self.batch_write(vec![BatchWrite::Put(row(&key, leftover)?)]).await?;
        }
        Ok(())
    }

    /// What a new version would take in; `None` when that is not worth one.
    async fn intake<T: Columns>(
        &self,
        list: &ListId,
        found: &Found<T>,
        now: Timestamp,
        tuning: &Tuning,
    ) -> Result<Option<Intake<T>>, StoreError> {
        let absorbed: HashSet<u64> = found.due.absorbed.values().flatten().copied().collect();
        let fresh: Vec<&JournalRow<T>> = found.journal.iter().filter(|row| !absorbed.contains(&row.hash)).collect();
        let is_due = |entry: &&Entry| entry.key.as_slice() < keys::moment(now.plus_millis(1)).as_slice();
        let due = found.due.tree.inline_start().iter().take_while(is_due).count();
        let forgets = fresh.iter().any(|row| row.forgets);
        if fresh.len() < tuning.absorb && due < tuning.due_absorb && !forgets {
            return Ok(None);
        }
        // All rows of an object or none: its first row tells what the base holds.
        let mut taken = fresh.len().min(tuning.most);
        while taken < fresh.len() && fresh[taken].is_of_the_object_of(fresh[taken - 1]) {
            taken += 1;
        }
        let changes = changes(fresh[..taken].iter().copied());
        let at = self.absorbed_until(list, found, now, tuning).await?.max(found.due.at);
        let epoch = Timestamp::from_millis(0).unwrap_or(Timestamp::MAX);
        let mut by_time = BTreeMap::new();
        for (id, columns) in self.list_due_objects::<T>(list, &found.due.tree, epoch, at).await? {
            if !changes.contains_key(&id) {
                by_time.insert(id, Change { base: Some(columns.clone()), now: Some(columns) });
            }
        }
        let absorbed = fresh[..taken].iter().map(|row| row.hash).collect();
        Ok(Some(Intake { changes, by_time, absorbed, at, more: taken < fresh.len() || at < now }))
    }

    /// The moment up to which what time has changed is taken in: now, or earlier when that would be too much at once.
    async fn absorbed_until<T>(
        &self,
        list: &ListId,
        found: &Found<T>,
        now: Timestamp,
        tuning: &Tuning,
    ) -> Result<Timestamp, StoreError> {
        let overlay = Overlay::default();
        let changed = Changed::new(&found.due.tree, &overlay);
        let start = Start::Skip(u64::try_from(tuning.most).unwrap_or(u64::MAX));
        let to = keys::moment(now.plus_millis(1));
        let window = Window { start: &start, limit: 1, descending: false, from: None, to: Some(&to) };
        let blocks = self.list_bodies(list, &found.due.tree, &changed.needed(&window, &Bodies::new())).await?;
        Ok(changed.slice(&window, &blocks).entries.first().map_or(now, |entry| moment_of(&entry.key)))
    }

    /// Packs a new version and publishes it.
    async fn publish_list<T: Columns>(
        &self,
        list: &ListId,
        found: Found<T>,
        intake: Intake<T>,
        now: Timestamp,
        tuning: &Tuning,
    ) -> Result<Compacted, StoreError> {
        let Some(directories) = self.list_directories::<T>(list, found.version).await? else {
            return Ok(Compacted::Overtaken);
        };
        let forgotten: BTreeSet<u64> = found
            .leftovers
            .iter()
            .filter(|leftover| leftover.cleared_at.is_some_and(|cleared| now >= cleared.plus_seconds(GRACE_SECONDS)))
            .map(|leftover| leftover.of_version)
            .collect();
        let version = found.version + 1;
        let mut absorbed = found.due.absorbed.clone();
        absorbed.retain(|version, _| !forgotten.contains(version));
        if !intake.absorbed.is_empty() {
            absorbed.insert(version, intake.absorbed.clone());
        }
        let mut packing = Packing {
            attempt: entropy::bytes::<6>().iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)),
            blocks: Vec::new(),
            superseded: Vec::new(),
            trees: BTreeMap::new(),
        };
        for tree in TreeKind::all::<T>() {
            let directory = &directories[&tree.name::<T>()];
            let overlay = tree.overlay(&intake, directory.at)?;
            let sizes = tree.sizes(tuning);
            let changed = Changed::new(&directory.tree, &overlay);
            let parts = changed.repacked_parts(sizes);
            let bodies = self.list_bodies(list, &directory.tree, &parts).await?;
            let number = u64::try_from(packing.blocks.len()).unwrap_or(u64::MAX);
            packing.take(tree.name::<T>(), changed.repack(sizes, &bodies, packing.attempt, number));
        }
        let attempt = Attempt {
            attempt: packing.attempt,
            began_at: now,
            blocks: u64::try_from(packing.blocks.len()).unwrap_or(u64::MAX),
            version: ALIVE,
        };
        if attempt.blocks > 0 {
            let begun = Write::put(row(&Key::list_attempt(list, attempt.attempt), &attempt)?).if_new();
            match self.commit(vec![begun]).await {
                Ok(()) => {}
                Err(CommitError::Refused { .. }) => return Ok(Compacted::Overtaken),
                Err(CommitError::Store(error)) => return Err(error),
            }
            let blocks = packing.blocks.drain(..).zip(0..).map(|(packed, number)| {
                let mut item = key_item(&Key::list_block(list, attempt.attempt, number));
                item.insert(DATA.to_owned(), AttributeValue::B(Blob::new(packed)));
                BatchWrite::Put(item)
            });
            self.batch_write(blocks.collect()).await?;
        }
        let leftover = Leftover {
            of_version: version,
            published_at: now,
            cleared_at: None,
            blocks: packing.superseded.iter().flat_map(|block| [block.attempt, block.number]).collect(),
        };
        let state = row(&Key::list_state(list), &State { version })?;
        let mut writes = vec![
            if found.version == 0 { Write::put(state).if_new() } else { Write::put(state).at_version(found.version) },
            Write::put(row(&Key::list_leftover(list, version), &leftover)?),
        ];
        if attempt.blocks > 0 {
            writes.push(Write::delete(Key::list_attempt(list, attempt.attempt)).at_version(ALIVE));
        }
        writes.extend(forgotten.iter().map(|version| Write::delete(Key::list_leftover(list, *version))));
        writes.extend(packing.directories::<T>(list, version, intake.at, &absorbed, tuning)?);
        writes.extend(packing.notes(list, now, intake.more, tuning));
        match self.commit(writes).await {
            Ok(()) => Ok(Compacted::Published),
            Err(CommitError::Refused { .. }) => {
                if attempt.blocks > 0 {
                    self.bury_attempt(list, &attempt).await?;
                }
                Ok(Compacted::Overtaken)
            }
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// All directories of a version; `None` when another version is in force by now.
    async fn list_directories<T: Columns>(
        &self,
        list: &ListId,
        version: u64,
    ) -> Result<Option<BTreeMap<String, Directory>>, StoreError> {
        let names: Vec<String> = TreeKind::all::<T>().map(TreeKind::name::<T>).collect();
        let keys: Vec<Key> = names.iter().map(|name| Key::list_directory(list, name)).collect();
        let mut rows: HashMap<String, Item> = HashMap::new();
        for item in self.batch_get_consistent(&keys).await? {
            rows.insert(string(&item, schema::SK).to_owned(), item);
        }
        let mut directories = BTreeMap::new();
        for name in names {
            let directory = Directory::read(rows.remove(&name))?;
            if directory.version != version {
                return Ok(None);
            }
            directories.insert(name, directory);
        }
        Ok(Some(directories))
    }
}

/// The trees of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TreeKind {
    Sorted { facet: usize, sort: usize },
    Texts,
    Due,
}

impl TreeKind {
    fn all<T: Columns>() -> impl Iterator<Item = Self> {
        let sorted =
            (0..T::FACETS.len()).flat_map(|facet| (0..T::SORTS.len()).map(move |sort| Self::Sorted { facet, sort }));
        sorted.chain(T::SEARCHED.then_some(Self::Texts)).chain([Self::Due])
    }

    fn name<T: Columns>(self) -> String {
        match self {
            Self::Sorted { facet, sort } => tree_name(T::FACETS[facet].name, T::SORTS[sort].name),
            Self::Texts => TEXT_TREE.to_owned(),
            Self::Due => DUE_TREE.to_owned(),
        }
    }

    const fn sizes(self, tuning: &Tuning) -> &Sizes {
        match self {
            Self::Sorted { .. } => &tuning.sorted,
            Self::Texts => &tuning.texts,
            Self::Due => &tuning.due,
        }
    }

    /// An object's entry in the tree at a moment, if it is in it.
    fn entry<T: Columns>(self, packed_id: &[u8], columns: &T, at: Timestamp) -> Result<Option<Entry>, StoreError> {
        Ok(match self {
            Self::Sorted { facet, sort } if (T::FACETS[facet].holds)(columns, at) => {
                Some(Entry { key: sort_key(&T::SORTS[sort], packed_id, columns)?, row: columns.hint() })
            }
            Self::Sorted { .. } => None,
            Self::Texts => Some(Entry { key: packed_id.to_vec(), row: pack(columns)? }),
            Self::Due => match columns.changes_at().filter(|due| *due > at) {
                Some(due) => {
                    let key = [keys::moment(due), packed_id.to_vec()].concat();
                    Some(Entry { key, row: pack(&columns.clone().without_texts())? })
                }
                None => None,
            },
        })
    }

    /// What the intake changes in the tree, which shows the facets of `was_at`.
    fn overlay<T: Columns>(self, intake: &Intake<T>, was_at: Timestamp) -> Result<Overlay, StoreError> {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        let by_time = (self != Self::Texts).then_some(&intake.by_time).into_iter().flatten();
        for (id, change) in intake.changes.iter().chain(by_time) {
            let packed = packed_id::<T>(id)?;
            if let Some(base) = &change.base {
                removed.extend(self.entry(&packed, base, was_at)?);
            }
            if let Some(now) = &change.now {
                added.extend(self.entry(&packed, now, intake.at)?);
            }
        }
        // Columns before a change come without their texts: that they look alike does not say that nothing changed.
        Ok(if self == Self::Texts { Overlay::all(removed, added) } else { Overlay::new(removed, added) })
    }
}

/// A version while it is packed.
struct Packing {
    attempt: u64,
    blocks: Vec<Vec<u8>>,
    superseded: Vec<BlockId>,
    trees: BTreeMap<String, Tree>,
}

impl Packing {
    fn take(&mut self, name: String, repacked: Repacked) {
        self.blocks.extend(repacked.blocks);
        self.superseded.extend(repacked.superseded);
        self.trees.insert(name, repacked.tree);
    }

    /// What will change by itself, in the order of time, as far as it is at hand.
    fn due(&self) -> &[Entry] {
        self.trees.get(DUE_TREE).map_or(&[], Tree::inline_start)
    }

    fn directories<T: Columns>(
        &self,
        list: &ListId,
        version: u64,
        at: Timestamp,
        absorbed: &BTreeMap<u64, Vec<u64>>,
        tuning: &Tuning,
    ) -> Result<Vec<Write>, StoreError> {
        let due = self.due();
        let repeated = due.len().min(tuning.due_repeated);
        let epoch = Timestamp::from_millis(0).unwrap_or(Timestamp::MAX);
        let due_until = match (due.get(repeated), self.trees.get(DUE_TREE).and_then(|tree| tree.parts.get(1))) {
            (Some(next), _) => moment_of(&next.key),
            // At the latest: a separator is not after what it separates.
            (None, Some(next)) => moment_of(&next.first),
            (None, None) => epoch,
        };
        let mut objects = Vec::with_capacity(repeated);
        for entry in &due[..repeated] {
            let id = entry.key[entry.key.len() - T::ID.packed_length()..].to_vec();
            objects.push((moment_of(&entry.key), id, unpack::<T>(&entry.row)?));
        }
        TreeKind::all::<T>()
            .map(|kind| {
                let name = kind.name::<T>();
                let mut due = Vec::new();
                for (moment, id, columns) in &objects {
                    if !matches!(kind, TreeKind::Sorted { .. }) {
                        break;
                    }
                    let (before, after) = (kind.entry(id, columns, at)?, kind.entry(id, columns, *moment)?);
                    match (before, after) {
                        (Some(entry), None) => due.push(DueChange { at: *moment, comes: false, entry }),
                        (None, Some(entry)) => due.push(DueChange { at: *moment, comes: true, entry }),
                        _ => {}
                    }
                }
                let tree = self.trees.get(&name).cloned().unwrap_or_default();
                let directory = Directory { version, at, absorbed: absorbed.clone(), tree, due, due_until };
                let mut item = key_item(&Key::list_directory(list, &name));
                item.insert(DATA.to_owned(), AttributeValue::B(Blob::new(directory.pack())));
                Ok(Write::put(item))
            })
            .collect()
    }

    /// When the list is to be looked after again: to clear away what this version made superfluous; at once, if it could
    /// not take in everything; and when enough will have changed by itself.
    fn notes(&self, list: &ListId, now: Timestamp, more: bool, tuning: &Tuning) -> Vec<Write> {
        let mut moments = BTreeSet::from([now.plus_seconds(GRACE_SECONDS)]);
        if more {
            moments.insert(now);
        }
        let whole = self.trees.get(DUE_TREE).map_or(0, Tree::count);
        if whole > tuning.due_repeated {
            moments.extend(self.due().get(tuning.due_absorb - 1).map(|entry| moment_of(&entry.key)));
        }
        moments.into_iter().map(|moment| note(list, moment)).collect()
    }
}

/// The moment a key of the tree of what is due begins with. A separator may have lost its last bytes, which makes it
/// earlier.
fn moment_of(key: &[u8]) -> Timestamp {
    let millis = (0..6).fold(0, |millis, at| (millis << 8) | u64::from(key.get(at).copied().unwrap_or_default()));
    Timestamp::from_millis(millis).unwrap_or(Timestamp::MAX)
}
