//! The blocks of a list's base.

use super::{DATA, bytes, damaged};
use crate::db::{Db, Item, StoreError, string};
use crate::schema::{self, Key};
use anyspend_lists::{BlockId, Bodies, Changed, Entry, KeyRange, ListId, Overlay, Tree, unpack_entries};
use std::collections::{BTreeSet, HashMap, HashSet};

impl Db {
    /// The entries of a tree that lie in a range, without what changed since it was packed.
    pub(super) async fn list_entries(
        &self,
        list: &ListId,
        tree: &Tree,
        range: &KeyRange,
    ) -> Result<Vec<Entry>, StoreError> {
        let overlay = Overlay::default();
        let changed = Changed::new(tree, &overlay);
        let window = range.window();
        let blocks = self.list_bodies(list, tree, &changed.needed(&window, &Bodies::new())).await?;
        Ok(changed.slice(&window, &blocks).entries)
    }

    /// The entries of some parts' blocks.
    pub(super) async fn list_bodies(
        &self,
        list: &ListId,
        tree: &Tree,
        parts: &BTreeSet<usize>,
    ) -> Result<Bodies, StoreError> {
        let ids: Vec<_> = parts.iter().filter_map(|part| tree.block_of(*part)).collect();
        let mut blocks: HashMap<_, _> = self.list_blocks(list, &ids).await?.into_iter().collect();
        let mut bodies = Bodies::new();
        for part in parts {
            if let Some(id) = tree.block_of(*part) {
                let packed = blocks.remove(&id).ok_or_else(damaged)?;
                bodies.insert(*part, unpack_entries(&packed).ok_or_else(damaged)?);
            }
        }
        Ok(bodies)
    }

    /// Blocks as they are packed, in no particular order. Blocks never change, so the cheap read does; one that it
    /// does not see yet is asked for again.
    pub(super) async fn list_blocks(
        &self,
        list: &ListId,
        ids: &[BlockId],
    ) -> Result<Vec<(BlockId, Vec<u8>)>, StoreError> {
        let key = |id: &BlockId| Key::list_block(list, id.attempt, id.number);
        let by_partition: HashMap<String, BlockId> = ids.iter().map(|id| (key(id).pk, *id)).collect();
        let wanted: Vec<Key> = by_partition.values().map(key).collect();
        let mut items = self.batch_get(&wanted).await?;
        if items.len() < wanted.len() {
            let seen: HashSet<&str> = items.iter().map(|item| string(item, schema::PK)).collect();
            let missing: Vec<Key> = wanted.iter().filter(|key| !seen.contains(key.pk.as_str())).cloned().collect();
            items.extend(self.batch_get_consistent(&missing).await?);
        }
        if items.len() < wanted.len() {
            return Err(StoreError::Unavailable("a list's block was superseded long ago".to_owned()));
        }
        let block = |item: Item| {
            let id = by_partition.get(string(&item, schema::PK)).ok_or_else(damaged)?;
            Ok((*id, bytes(&item, DATA).ok_or_else(damaged)?.to_vec()))
        };
        items.into_iter().map(block).collect()
    }
}
