//! Reading a list: one directory and the journal side by side, then the blocks of the page.

use super::{Columns, Ending, Facet, ListId, ListPage, ListRow, Selection, Start};
use super::{damaged, directory, directory_key, journal_row};
use crate::db::{Db, Item, StoreError, by_id};
use crate::schema::{self, Key};
use anyspend_domain::Timestamp;
use anyspend_lists::{
    Bodies, Change, Changed, Changes, Directory, JournalRow, KeyRange, Overlay, Slice, Tree, TreeKind, changes,
    each_entry, entry_of, id_in, keys, packed_id, unpack,
};
use std::collections::HashSet;

/// Objects of a walk through a list that are read at once.
const WALKED_AT_ONCE: usize = 4_096;
/// How often a list is opened anew because a version was published in between.
const OPENINGS: u32 = 5;

/// A list at one moment.
#[derive(Debug)]
pub struct OpenList<T> {
    list: ListId,
    directory: Directory,
    changes: Changes<T>,
    recent: HashSet<String>,
    /// What ended at once and stands in no object yet.
    pub endings: Vec<Ending>,
    /// The objects that ended with them.
    pub ended: Vec<String>,
    /// The moment the list is shown at: the request's, or the base's where that is later.
    pub now: Timestamp,
}

impl<T: Columns> OpenList<T> {
    /// Reads a page.
    pub async fn page(&self, db: &Db, selection: &Selection<T>) -> Result<ListPage, StoreError> {
        let slice = self.slice(db, selection).await?;
        Ok(ListPage::of::<T>(slice, &self.recent)?)
    }

    async fn slice(&self, db: &Db, selection: &Selection<T>) -> Result<Slice, StoreError> {
        let overlay = self.directory.overlay(selection.facet, selection.sort, &self.changes, self.now)?;
        let changed = Changed::new(&self.directory.tree, &overlay);
        let window = selection.window();
        let needed = changed.needed(&window, &Bodies::new());
        let blocks = db.list_bodies(&self.list, &self.directory.tree, &needed).await?;
        Ok(changed.slice(&window, &blocks))
    }

    /// Reads a page of those objects that are `wanted`. Every object is looked at, so that the count is exact: the list must
    /// have been opened for that, with [`Selection::whole`].
    pub async fn sift(
        &self,
        db: &Db,
        selection: &Selection<T>,
        wanted: impl Fn(&str, &T) -> bool,
    ) -> Result<ListPage, StoreError> {
        let mut found = Vec::new();
        self.each(db, |id, packed, columns| {
            if selection.facet.holds(columns, self.now) && wanted(id, columns) {
                found.push(entry_of(selection.sort, packed, columns)?);
            }
            Ok(())
        })
        .await?;
        found.sort_unstable();
        let (everything, overlay) = (Tree::of(found), Overlay::default());
        let slice = Changed::new(&everything, &overlay).slice(&selection.window(), &Bodies::new());
        Ok(ListPage::of::<T>(slice, &self.recent)?)
    }

    /// Shows every object, with its id, packed too, as it is now, in no particular order.
    ///
    /// # Errors
    /// What `visit` says; or when the table does not answer.
    pub async fn each(
        &self,
        db: &Db,
        mut visit: impl FnMut(&str, &[u8], &T) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut touched: HashSet<Vec<u8>> = HashSet::new();
        for (id, change) in &self.changes {
            let packed = packed_id::<T>(id)?;
            if let Some(now) = &change.now {
                visit(id, &packed, now)?;
            }
            touched.insert(packed);
        }
        let mut failed = None;
        let mut look = |packed: &[u8], row: &[u8]| {
            if failed.is_some() || touched.contains(packed) {
                return;
            }
            let looked = unpack::<T>(row).and_then(|columns| Ok((columns, id_in::<T>(packed)?)));
            failed = looked.map_err(StoreError::from).and_then(|(columns, id)| visit(&id, packed, &columns)).err();
        };
        for entry in self.directory.tree.inline() {
            look(&entry.key, &entry.row);
        }
        for packed in db.list_blocks(&self.list, &self.directory.tree.blocks().collect::<Vec<_>>()).await? {
            each_entry(&packed.1, &mut look).ok_or_else(damaged)?;
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Db {
    /// Opens a list: one directory and the journal, side by side. A list in which more is due than its directory
    /// repeats costs two reads more, until it is compacted.
    pub async fn open_list<T: Columns>(
        &self,
        list: &ListId,
        selection: &Selection<T>,
        now: Timestamp,
    ) -> Result<OpenList<T>, StoreError> {
        for _ in 0..OPENINGS {
            if let Some(open) = self.try_open_list(list, selection, now).await? {
                return Ok(open);
            }
        }
        Err(StoreError::Unavailable("a list kept changing while it was opened".to_owned()))
    }

    /// `None` when a version was published in between.
    async fn try_open_list<T: Columns>(
        &self,
        list: &ListId,
        selection: &Selection<T>,
        now: Timestamp,
    ) -> Result<Option<OpenList<T>>, StoreError> {
        let tree = if selection.whole { TreeKind::Texts } else { TreeKind::Sorted(selection.facet, selection.sort) };
        let key = directory_key::<T>(list, tree);
        // Boxed, because few lists have any.
        let endings =
            async { if T::ENDINGS.is_some() { Box::pin(self.list_endings(list)).await } else { Ok(Vec::new()) } };
        let (found, journal, endings) = tokio::try_join!(self.get(&key, true), self.list_journal::<T>(list), endings)?;
        let directory = directory(found)?;
        let absorbed = directory.absorbs();
        let mut changes = changes(journal.iter().filter(|row| !absorbed.contains(&row.hash)));
        let recent = journal.into_iter().map(|row| row.id).collect();
        let now = now.max(directory.at);
        if directory.lacks_what_is_due(now) && !selection.whole {
            let Some(due) = self.list_due_since(list, &directory, now).await? else { return Ok(None) };
            for (id, columns) in due {
                changes.entry(id).or_insert_with(|| Change::none(columns));
            }
        }
        let mut ended = Vec::new();
        if !endings.is_empty() {
            // Boxed, because it is rare and large.
            match Box::pin(self.end_in_list(list, directory.version, &endings, &mut changes)).await? {
                Some(all) => ended = all,
                None => return Ok(None),
            }
        }
        Ok(Some(OpenList { list: list.clone(), directory, changes, recent, endings, ended, now }))
    }

    /// What is due at `now` and not repeated in a directory; `None` when another version is in force by now.
    async fn list_due_since<T: Columns>(
        &self,
        list: &ListId,
        of: &Directory,
        now: Timestamp,
    ) -> Result<Option<Vec<(String, T)>>, StoreError> {
        let due = directory(self.get(&directory_key::<T>(list, TreeKind::Due), true).await?)?;
        if due.version != of.version {
            return Ok(None);
        }
        Ok(Some(self.list_due_objects(list, &due.tree, Some(of.due_until), now).await?))
    }

    /// The objects of a selection, in its order, at most as many as its limit: read a few thousand at a time, so that little
    /// more than ids stands in memory.
    pub(crate) async fn walk_list<T: Columns>(
        &self,
        list: &ListId,
        selection: Selection<T>,
        now: Timestamp,
    ) -> Result<Vec<ListRow>, StoreError> {
        let most = selection.limit;
        let mut part = Selection { limit: most.min(WALKED_AT_ONCE), ..selection };
        let open = self.open_list::<T>(list, &part, now).await?;
        let mut rows = Vec::new();
        loop {
            let page = open.page(self, &part).await?;
            let next = page.next().map(<[u8]>::to_vec);
            rows.extend(page.rows.into_iter().map(|row| ListRow { key: Vec::new(), ..row }));
            match next {
                Some(next) if rows.len() < most => part.start = Start::After(next),
                _ => {
                    rows.truncate(most);
                    return Ok(rows);
                }
            }
        }
    }

    /// The rows of a page's objects that are one row each, in the order of the page. Who went meanwhile is left out, and so
    /// is another object that is found by the same thing now.
    pub(crate) async fn get_page(
        &self,
        page: &[ListRow],
        key: impl Fn(&str) -> Option<Key>,
    ) -> Result<Vec<Item>, StoreError> {
        let items = self.get_listed(page, |listed| key(&listed.id).into_iter().collect()).await?;
        let mut items = by_id(items);
        Ok(page.iter().filter_map(|listed| items.remove(&listed.id)).collect())
    }

    /// The rows of a page's objects, in no particular order: consistent where an object changed a short while ago, and
    /// side by side with the others, which the cheap read is sure to see.
    pub(crate) async fn get_listed(
        &self,
        page: &[ListRow],
        keys: impl Fn(&ListRow) -> Vec<Key>,
    ) -> Result<Vec<Item>, StoreError> {
        let of = |recent: bool| page.iter().filter(move |row| row.recent == recent).flat_map(&keys).collect::<Vec<_>>();
        let (settled, recent) = (of(false), of(true));
        let (mut items, recent) = tokio::try_join!(self.batch_get(&settled), self.batch_get_consistent(&recent))?;
        items.extend(recent);
        Ok(items)
    }

    /// The journal, newest change of each object first. Consistent: it has every change that was answered before.
    pub(super) async fn list_journal<T: Columns>(&self, list: &ListId) -> Result<Vec<JournalRow<T>>, StoreError> {
        // An object's later rows are read before its earlier ones: no change is seen without those it follows.
        let query = self.query_of(&schema::list_journal_partition(list)).scan_index_forward(false);
        self.query_all(query).await?.iter().map(journal_row).collect()
    }

    /// The objects that time changes from `from`, or the beginning, to `to`, both included.
    pub(super) async fn list_due_objects<T: Columns>(
        &self,
        list: &ListId,
        tree: &Tree,
        from: Option<Timestamp>,
        to: Timestamp,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let range = KeyRange { from: from.map(keys::moment), to: Some(keys::moment(to.plus_millis(1))) };
        let due = self.list_entries(list, tree, &range).await?.into_iter();
        due.map(|entry| Ok((id_in::<T>(&entry.key)?, unpack(&entry.row)?))).collect()
    }
}
