//! Compaction: folds a list's journal, and what time has changed, into a new version of its base.
//!
//! What must stay true, wherever a compaction dies and however many run at once:
//! - blocks are written under the number of an attempt that nobody else has, before anything leads to them;
//! - a version is published by one transaction that finds the version it was made from, and its attempt, still there;
//! - what a version does without is deleted [`GRACE_SECONDS`] after it was published, and forgotten as long after that.

use super::{Columns, GRACE_SECONDS, ListId, Start, Tuning, damaged, directory, directory_key, directory_row, keys};
use super::{note, packed_row};
use crate::db::{BatchWrite, Db, StoreError, read, row, string};
use crate::schema::{self, Key};
use crate::{CommitError, Write};
use anyspend_domain::{Timestamp, entropy};
use anyspend_lists::{
    Bodies, Changed, Directory, Intake, JournalRow, Overlay, Packing, TreeKind, Window, absorb, still_absorbed, trees,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How long an attempt may take: as long as a Lambda function may run. One that is older died.
const ATTEMPT_SECONDS: u64 = 15 * 60;
/// Most notes that are followed at once.
const NOTES: i32 = 1_000;
/// The version of an attempt's row while the attempt may still be published, and after it was given up.
const ALIVE: u64 = 1;
const GIVEN_UP: u64 = 2;

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

impl Db {
    /// Follows every note that is due at `now`. A list that cannot be looked after keeps its note and does not hold up
    /// the others.
    ///
    /// # Errors
    /// When the table does not answer for the notes themselves.
    pub async fn look_after_lists(&self, now: Timestamp, tuning: &Tuning) -> Result<u32, StoreError> {
        let until = format!("{:015}", now.plus_millis(1).millis());
        let query = self.query_before(schema::LIST_DUE_PARTITION, &until).limit(NOTES);
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
    pub async fn load_list<T: Columns>(
        &self,
        list: &ListId,
        objects: Vec<(String, T)>,
        now: Timestamp,
        tuning: &Tuning,
    ) -> Result<Compacted, StoreError> {
        let found = Box::pin(self.find_list::<T>(list)).await?;
        let intake = Intake::load(objects, now);
        Box::pin(self.publish_list(list, found, intake, now, tuning)).await
    }

    /// Measures a list.
    pub async fn measure_list<T: Columns>(&self, list: &ListId) -> Result<ListMeasure, StoreError> {
        let found = Box::pin(self.find_list::<T>(list)).await?;
        let directories = self.list_directories::<T>(list, found.version).await?.unwrap_or_default();
        let blocks = directories.values().map(|directory| directory.tree.blocks().count()).sum();
        Ok(ListMeasure { version: found.version, blocks, journal_rows: found.journal.len() })
    }

    async fn find_list<T: Columns>(&self, list: &ListId) -> Result<Found<T>, StoreError> {
        let due = directory_key::<T>(list, TreeKind::Due);
        let state = schema::list_state_partition(list);
        let (rows, due, journal) =
            tokio::try_join!(self.partition(&state), self.get(&due, true), self.list_journal::<T>(list))?;
        let due = directory(due)?;
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
        let Some(absorbed) = absorb(&found.journal, &found.due, now, tuning) else { return Ok(None) };
        let at = self.absorbed_until(list, found, now, tuning).await?.max(found.due.at);
        let due = self.list_due_objects::<T>(list, &found.due.tree, None, at).await?;
        Ok(Some(Intake::new(absorbed, due, at, now)))
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
        Ok(changed.slice(&window, &blocks).entries.first().map_or(now, |entry| keys::moment_of(&entry.key)))
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
        let mut packing = self.pack_list(list, &directories, &intake, tuning).await?;
        let attempt = Attempt {
            attempt: packing.attempt,
            began_at: now,
            blocks: u64::try_from(packing.blocks.len()).unwrap_or(u64::MAX),
            version: ALIVE,
        };
        if attempt.blocks > 0 && !self.write_blocks(list, &attempt, std::mem::take(&mut packing.blocks)).await? {
            return Ok(Compacted::Overtaken);
        }
        let writes = publication(list, &found, &packing, &intake, &attempt, now, tuning)?;
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

    /// Packs every tree of a list anew.
    async fn pack_list<T: Columns>(
        &self,
        list: &ListId,
        directories: &BTreeMap<String, Directory>,
        intake: &Intake<T>,
        tuning: &Tuning,
    ) -> Result<Packing, StoreError> {
        let attempt = entropy::bytes::<6>().iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
        let mut packing = Packing::new(attempt);
        for kind in trees::<T>() {
            let Directory { at, tree, .. } = &directories[&kind.name()];
            let overlay = intake.overlay(kind, *at)?;
            let changed = Changed::new(tree, &overlay);
            let parts = changed.repacked_parts(kind.sizes(tuning));
            let bodies = self.list_bodies(list, tree, &parts).await?;
            packing.add(kind, &changed, &bodies, tuning);
        }
        Ok(packing)
    }

    /// Writes an attempt's blocks, after the attempt's own row; `false` when its number is somebody else's.
    async fn write_blocks(&self, list: &ListId, attempt: &Attempt, blocks: Vec<Vec<u8>>) -> Result<bool, StoreError> {
        let begun = Write::put(row(&Key::list_attempt(list, attempt.attempt), attempt)?).if_new();
        match self.commit(vec![begun]).await {
            Ok(()) => {}
            Err(CommitError::Refused { .. }) => return Ok(false),
            Err(CommitError::Store(error)) => return Err(error),
        }
        let blocks = blocks.into_iter().zip(0..);
        let blocks = blocks.map(|(packed, number)| packed_row(&Key::list_block(list, attempt.attempt, number), packed));
        self.batch_write(blocks.map(BatchWrite::Put).collect()).await?;
        Ok(true)
    }

    /// All directories of a version; `None` when another version is in force by now.
    async fn list_directories<T: Columns>(
        &self,
        list: &ListId,
        version: u64,
    ) -> Result<Option<BTreeMap<String, Directory>>, StoreError> {
        let names: Vec<String> = trees::<T>().map(TreeKind::name).collect();
        let keys: Vec<Key> = names.iter().map(|name| Key::list_directory(list, name)).collect();
        let rows = self.batch_get_consistent(&keys).await?.into_iter();
        let mut rows: HashMap<_, _> = rows.map(|item| (string(&item, schema::SK).to_owned(), item)).collect();
        let mut directories = BTreeMap::new();
        for name in names {
            let directory = directory(rows.remove(&name))?;
            if directory.version != version {
                return Ok(None);
            }
            directories.insert(name, directory);
        }
        Ok(Some(directories))
    }
}

/// The writes that publish a version, and note when the list is to be looked after again.
fn publication<T: Columns>(
    list: &ListId,
    found: &Found<T>,
    packing: &Packing,
    intake: &Intake<T>,
    attempt: &Attempt,
    now: Timestamp,
    tuning: &Tuning,
) -> Result<Vec<Write>, StoreError> {
    let version = found.version + 1;
    let cleared =
        |leftover: &&Leftover| leftover.cleared_at.is_some_and(|cleared| now >= cleared.plus_seconds(GRACE_SECONDS));
    let forgotten: HashSet<u64> = found.leftovers.iter().filter(cleared).map(|leftover| leftover.of_version).collect();
    let absorbed = still_absorbed(&found.due.absorbed, &forgotten, version, &intake.absorbed);
    let leftover = Leftover {
        of_version: version,
        published_at: now,
        cleared_at: None,
        blocks: packing.superseded.iter().flat_map(|block| [block.attempt, block.number]).collect(),
    };
    let state = Write::put(row(&Key::list_state(list), &State { version })?);
    let mut writes = vec![
        if found.version == 0 { state.if_new() } else { state.at_version(found.version) },
        Write::put(row(&Key::list_leftover(list, version), &leftover)?),
    ];
    if attempt.blocks > 0 {
        writes.push(Write::delete(Key::list_attempt(list, attempt.attempt)).at_version(ALIVE));
    }
    writes.extend(forgotten.iter().map(|version| Write::delete(Key::list_leftover(list, *version))));
    for (tree, directory) in packing.directories(version, intake, &absorbed, tuning)? {
        writes.push(Write::put(directory_row(list, &tree, &directory)));
    }
    writes.extend(packing.notes(intake, now, tuning).into_iter().map(|moment| note(list, moment)));
    Ok(writes)
}
