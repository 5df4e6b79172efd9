//! What ends at once, however much it is: the open sessions of a link that is deleted.
//!
//! The change that ends them writes one row and none of the objects. Readers put it over the list like any other change,
//! and a job ends the objects one after the other, each by a change of its own, until the row is superfluous.
//!
//! What must stay true: the row is written in the transaction of the change, and stays until no request can be under way
//! that began before it, or that has read the list without the changes of the objects.

use super::codec::Entry;
use super::read::{Change, Directory, KeyRange};
use super::{Columns, GRACE_SECONDS, ListId, damaged, packed_id, sort_key, tree_name};
use crate::db::{Db, StoreError, read, row, string};
use crate::schema::{self, Key, list_endings_partition};
use crate::{CommitError, Write};
use anyspend_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a list's objects end at once.
#[derive(Debug)]
pub struct Endings<T> {
    /// The facet that has all of them.
    pub facet: usize,
    /// The order in which what ends together stands together.
    pub sort: usize,
    /// Which part of that order may have ended.
    pub range: fn(&Ending) -> Option<KeyRange>,
    /// What is known of an object by its entry in that order; `None` when it has ended already.
    pub columns: fn(key: &[u8], hint: &[u8]) -> Option<T>,
    /// The object afterwards; `None` when the ending does not concern it.
    pub ended: fn(&T, Timestamp) -> Option<T>,
}

/// Something that ended, and everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// What everything belongs to, e.g. a link's id.
    pub what: String,
    /// When it ended.
    pub at: Timestamp,
    /// From when on every object said so itself.
    pub done_at: Option<Timestamp>,
}

impl Ending {
    /// Whether nobody can be under way any more who does not know of it.
    pub fn is_known(&self, now: Timestamp) -> bool {
        now >= self.at.plus_seconds(GRACE_SECONDS)
    }

    /// Whether nobody needs it any more.
    pub fn is_superfluous(&self, now: Timestamp) -> bool {
        self.done_at.is_some_and(|done| now >= done.plus_seconds(GRACE_SECONDS))
    }
}

/// The write that ends everything in a list that belongs to `what`.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn ending(list: &ListId, what: &str, at: Timestamp) -> Result<Write, StoreError> {
    let ending = Ending { what: what.to_owned(), at, done_at: None };
    Ok(Write::put(row(&Key::list_ending(list, what), &ending)?))
}

impl Db {
    /// What ended at once in a list, and stands in no object yet.
    pub(crate) async fn list_endings(&self, list: &ListId) -> Result<Vec<Ending>, StoreError> {
        let Key { pk, sk } = Key::list_ending(list, "");
        self.query_all(self.query_beginning(&pk, &sk)).await?.into_iter().map(read).collect()
    }

    /// All lists of a shard in which something ended at once.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn lists_with_endings(&self, shard: u8) -> Result<Vec<(ListId, Vec<Ending>)>, StoreError> {
        let mut lists: BTreeMap<String, Vec<Ending>> = BTreeMap::new();
        for item in self.partition(&list_endings_partition(shard)).await? {
            let key = string(&item, schema::SK).to_owned();
            let ending: Ending = read(item)?;
            let list = key.strip_suffix(&format!("#{}", ending.what)).ok_or_else(damaged)?;
            lists.entry(list.to_owned()).or_default().push(ending);
        }
        lists.into_iter().map(|(list, endings)| Ok((ListId::parse(&list).ok_or_else(damaged)?, endings))).collect()
    }

    /// Remembers that every object says so itself.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn finish_ending(&self, list: &ListId, ending: &Ending, now: Timestamp) -> Result<(), StoreError> {
        let done = Ending { done_at: Some(now), ..ending.clone() };
        let done = Write::put(row(&Key::list_ending(list, &ending.what), &done)?);
        self.commit(vec![done]).await.map_err(CommitError::without_refusal)
    }

    /// Forgets what nobody needs any more.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn forget_ending(&self, list: &ListId, ending: &Ending) -> Result<(), StoreError> {
        self.delete_row(&Key::list_ending(list, &ending.what)).await
    }

    /// Puts what ended at once over the changes of a list; says which objects ended. `None` when another version of the
    /// list is in force by now.
    pub(crate) async fn end_in_list<T: Columns>(
        &self,
        list: &ListId,
        version: u64,
        endings: &[Ending],
        changes: &mut BTreeMap<String, Change<T>>,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let Some(rule) = T::ENDINGS else { return Ok(Some(Vec::new())) };
        let sort = &T::SORTS[rule.sort];
        let name = tree_name(T::FACETS[rule.facet].name, sort.name);
        let directory = Directory::read(self.get(&Key::list_directory(list, &name), true).await?)?;
        if directory.version != version {
            return Ok(None);
        }
        let mut ended = Vec::new();
        for ending in endings {
            let range = (rule.range)(ending).ok_or_else(damaged)?;
            for Entry { key, row } in self.list_entries(list, &directory.tree, &range).await? {
                if let Some(columns) = (rule.columns)(&key, &row) {
                    let id = T::ID.unpack(&key).ok_or_else(damaged)?;
                    changes.entry(id).or_insert_with(|| Change { base: Some(columns.clone()), now: Some(columns) });
                }
            }
            for (id, change) in changes.iter_mut() {
                let Some(now) = &change.now else { continue };
                if range.holds(&sort_key(sort, &packed_id::<T>(id)?, now)?)
                    && let Some(columns) = (rule.ended)(now, ending.at)
                {
                    change.now = Some(columns);
                    ended.push(id.clone());
                }
            }
        }
        Ok(Some(ended))
    }
}
