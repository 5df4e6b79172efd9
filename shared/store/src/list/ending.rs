//! The rows of what ends at once in a list.

use super::{Columns, Ending, ListId, damaged, directory, directory_key};
use crate::db::{Db, StoreError, read, row, string};
use crate::schema::{self, Key, list_endings_partition};
use crate::{CommitError, Write};
use anyspend_domain::Timestamp;
use anyspend_lists::{Changes, TreeKind};
use std::collections::BTreeMap;

/// The write that ends everything in a list that belongs to `what`.
pub fn ending(list: &ListId, what: &str, at: Timestamp) -> Result<Write, StoreError> {
    put(list, &Ending { what: what.to_owned(), at, done_at: None })
}

fn put(list: &ListId, ending: &Ending) -> Result<Write, StoreError> {
    Ok(Write::put(row(&Key::list_ending(list, &ending.what), ending)?))
}

impl Db {
    /// What ended at once in a list, and stands in no object yet.
    pub(super) async fn list_endings(&self, list: &ListId) -> Result<Vec<Ending>, StoreError> {
        let Key { pk, sk } = Key::list_ending(list, "");
        self.query_all(self.query_beginning(&pk, &sk)).await?.into_iter().map(read).collect()
    }

    /// All lists of a shard in which something ended at once.
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
    pub async fn finish_ending(&self, list: &ListId, ending: &Ending, now: Timestamp) -> Result<(), StoreError> {
        let done = Ending { done_at: Some(now), ..ending.clone() };
        self.commit(vec![put(list, &done)?]).await.map_err(CommitError::without_refusal)
    }

    /// Forgets what nobody needs any more.
    pub async fn forget_ending(&self, list: &ListId, ending: &Ending) -> Result<(), StoreError> {
        self.delete_row(&Key::list_ending(list, &ending.what)).await
    }

    /// Puts what ended at once over the changes of a list; says which objects ended. `None` when another version of the
    /// list is in force by now.
    pub(super) async fn end_in_list<T: Columns>(
        &self,
        list: &ListId,
        version: u64,
        endings: &[Ending],
        changes: &mut Changes<T>,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let Some(rule) = T::ENDINGS else { return Ok(Some(Vec::new())) };
        let key = directory_key::<T>(list, TreeKind::Sorted(rule.facet, rule.sort));
        let directory = directory(self.get(&key, true).await?)?;
        if directory.version != version {
            return Ok(None);
        }
        let mut ended = Vec::new();
        for ending in endings {
            let entries = self.list_entries(list, &directory.tree, &rule.part(ending)?).await?;
            ended.extend(rule.apply(ending, entries, changes)?);
        }
        Ok(Some(ended))
    }
}
