//! What happened to objects since their list was packed.

use crate::Damaged;
use crate::codec::Entry;
use crate::columns::{Columns, id_in, pack, packed_id, sort_key, unpack};
use crate::endings::{Ending, Endings};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What a change of an object tells its list, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The columns before the change; `None` when it made the object.
    pub was: Option<Vec<u8>>,
    /// The columns after the change; `None` when it deleted the object.
    pub is: Option<Vec<u8>>,
    /// Whether the list is to forget what was before.
    pub forgets: bool,
}

impl JournalEntry {
    /// What a change tells; `None` when it changes nothing that the list knows.
    pub fn of<T: Columns>(was: Option<&T>, is: Option<&T>) -> Result<Option<Self>, Damaged> {
        if was == is {
            return Ok(None);
        }
        let forgets = was.is_some_and(|was| was.forgets(is));
        let was = was.map(|was| pack(&was.clone().without_texts())).transpose()?;
        Ok(Some(Self { was, is: is.map(pack).transpose()?, forgets }))
    }
}

/// A row of the journal.
#[derive(Debug, Clone)]
pub struct JournalRow<T> {
    /// Its sort key: the object's id, and the version the change led to.
    pub sort_key: String,
    /// A name for it, short enough to keep thousands.
    pub hash: u64,
    /// Whether it takes away what was known of a person.
    pub forgets: bool,
    /// The object.
    pub id: String,
    was: Option<T>,
    is: Option<T>,
}

impl<T: Columns> JournalRow<T> {
    /// Reads what a change told.
    pub fn read(sort_key: &str, entry: &JournalEntry) -> Result<Self, Damaged> {
        let (id, _) = sort_key.split_once('#').ok_or_else(|| Damaged("a change of nothing".to_owned()))?;
        let columns = |packed: &Option<Vec<u8>>| packed.as_deref().map(unpack).transpose();
        Ok(Self {
            sort_key: sort_key.to_owned(),
            hash: row_hash(sort_key),
            forgets: entry.forgets,
            id: id.to_owned(),
            was: columns(&entry.was)?,
            is: columns(&entry.is)?,
        })
    }
}

fn row_hash(sort_key: &str) -> u64 {
    let digest = Sha256::digest(sort_key.as_bytes());
    digest[..8].iter().fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

/// What happened to an object since the base: from the columns the base holds to those of now.
#[derive(Debug, Clone)]
pub struct Change<T> {
    /// What the base holds.
    pub base: Option<T>,
    /// What the object is now.
    pub now: Option<T>,
}

impl<T: Clone> Change<T> {
    /// An object that is as the base holds it, apart from what time does to it.
    pub fn none(columns: T) -> Self {
        Self { base: Some(columns.clone()), now: Some(columns) }
    }
}

/// What happened to objects, by their ids.
pub type Changes<T> = BTreeMap<String, Change<T>>;

/// Puts the rows of each object together. They come newest first, so the first of an object tells what it is now and
/// the last what the base holds.
pub fn changes<'a, T: Columns>(rows: impl Iterator<Item = &'a JournalRow<T>>) -> Changes<T> {
    let mut changes = Changes::new();
    for row in rows {
        match changes.get_mut(&row.id) {
            Some(change) => change.base.clone_from(&row.was),
            None => {
                changes.insert(row.id.clone(), Change { base: row.was.clone(), now: row.is.clone() });
            }
        }
    }
    changes
}

impl<T: Columns> Endings<T> {
    /// Puts an ending over the changes of a list; says which objects ended. `entries` are those of the base in the part.
    pub fn apply(
        &self,
        ending: &Ending,
        entries: Vec<Entry>,
        changes: &mut Changes<T>,
    ) -> Result<Vec<String>, Damaged> {
        let range = self.part(ending)?;
        for Entry { key, row } in entries {
            if let Some(columns) = (self.columns)(&key, &row) {
                changes.entry(id_in::<T>(&key)?).or_insert_with(|| Change::none(columns));
            }
        }
        let mut ended = Vec::new();
        for (id, change) in changes.iter_mut() {
            let Some(now) = &change.now else { continue };
            if range.holds(&sort_key(self.sort, &packed_id::<T>(id)?, now)?)
                && let Some(columns) = (self.ended)(now, ending.at)
            {
                change.now = Some(columns);
                ended.push(id.clone());
            }
        }
        Ok(ended)
    }
}
