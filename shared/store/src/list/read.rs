//! Reading a list: one directory and the journal side by side, then the blocks of the page.

use super::codec::{Entry, each_entry, unpack_entries};
use super::tree::{Bodies, Changed, Overlay, Slice, Start, Tree, Window};
use super::{Columns, DUE_TREE, Ending, FORGETS, IS, ListId, TEXT_TREE, WAS};
use super::{damaged, packed_id, row_hash, sort_key, tree_name, unpack};
use crate::db::{Db, Item, StoreError, string};
use crate::schema::{self, Key};
use anyspend_domain::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::codec::{Reader, put_bytes, put_length, put_number};

/// Objects of a walk through a list that are read at once.
const WALKED_AT_ONCE: usize = 4_096;
/// How often a list is opened anew because a version was published in between.
const OPENINGS: u32 = 5;

/// A change of the tree that time will make: an entry comes in or goes at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DueChange {
    pub(crate) at: Timestamp,
    pub(crate) comes: bool,
    pub(crate) entry: Entry,
}

/// One tree of one version of a list, with all that is needed to bring it up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    /// Counts the publications of the list; 0 before the first.
    pub(crate) version: u64,
    /// The moment whose facets the version shows.
    pub(crate) at: Timestamp,
    /// The journal rows the version has absorbed and that may still be there, by the version that absorbed them.
    pub(crate) absorbed: BTreeMap<u64, Vec<u64>>,
    pub(crate) tree: Tree,
    /// What time will change in this tree, in order, as far as it is worth repeating here.
    pub(crate) due: Vec<DueChange>,
    /// The moment from which on more is due than stands in `due`; 0 when there is no more.
    pub(crate) due_until: Timestamp,
}

impl Directory {
    /// The directory of a list that has no base yet.
    fn none() -> Self {
        let epoch = Timestamp::from_millis(0).unwrap_or(Timestamp::MAX);
        let (absorbed, tree) = (BTreeMap::new(), Tree::default());
        Self { version: 0, at: epoch, absorbed, tree, due: Vec::new(), due_until: epoch }
    }

    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, self.version);
        put_number(&mut out, self.at.millis());
        put_length(&mut out, self.absorbed.len());
        for (version, hashes) in &self.absorbed {
            put_number(&mut out, *version);
            let hashes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_be_bytes()).collect();
            put_bytes(&mut out, &hashes);
        }
        self.tree.pack(&mut out);
        put_length(&mut out, self.due.len());
        for due in &self.due {
            put_number(&mut out, due.at.millis());
            put_number(&mut out, u64::from(due.comes));
            put_bytes(&mut out, &due.entry.key);
            put_bytes(&mut out, &due.entry.row);
        }
        put_number(&mut out, self.due_until.millis());
        out
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let version = reader.number()?;
        let at = Timestamp::from_millis(reader.number()?)?;
        let mut absorbed = BTreeMap::new();
        for _ in 0..reader.length()? {
            let version = reader.number()?;
            let hashes = reader.bytes()?.chunks_exact(8);
            let hashes = hashes.map(|hash| hash.iter().fold(0, |hash, byte| (hash << 8) | u64::from(*byte)));
            absorbed.insert(version, hashes.collect());
        }
        let tree = Tree::unpack(&mut reader)?;
        let mut due = Vec::new();
        for _ in 0..reader.length()? {
            let at = Timestamp::from_millis(reader.number()?)?;
            let comes = reader.number()? == 1;
            let entry = Entry { key: reader.bytes()?.to_vec(), row: reader.bytes()?.to_vec() };
            due.push(DueChange { at, comes, entry });
        }
        let due_until = Timestamp::from_millis(reader.number()?)?;
        Some(Self { version, at, absorbed, tree, due, due_until })
    }

    /// Reads a directory's row; no row is a list without a base.
    pub(crate) fn read(item: Option<Item>) -> Result<Self, StoreError> {
        let Some(item) = item else { return Ok(Self::none()) };
        let packed = item.get(DATA).and_then(|value| value.as_b().ok());
        packed.and_then(|packed| Self::unpack(packed.as_ref())).ok_or_else(damaged)
    }

    fn absorbs(&self) -> HashSet<u64> {
        self.absorbed.values().flatten().copied().collect()
    }
}

/// The attribute of directories and blocks with what is in them.
pub(crate) const DATA: &str = "data";

/// What happened to an object since the base: from the columns the base holds to those of now.
#[derive(Debug, Clone)]
pub(crate) struct Change<T> {
    pub(crate) base: Option<T>,
    pub(crate) now: Option<T>,
}

/// A journal row.
pub(crate) struct JournalRow<T> {
    pub(crate) sort_key: String,
    pub(crate) hash: u64,
    /// Whether it takes away what was known of a person.
    pub(crate) forgets: bool,
    id: String,
    was: Option<T>,
    is: Option<T>,
}

impl<T> JournalRow<T> {
    pub(crate) fn is_of_the_object_of(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<T: Columns> JournalRow<T> {
    fn read(item: &Item) -> Result<Self, StoreError> {
        let columns = |name: &str| {
            item.get(name)
                .map(|value| value.as_b().map_err(|_| damaged()).and_then(|packed| unpack(packed.as_ref())))
                .transpose()
        };
        let sort_key = string(item, schema::SK).to_owned();
        let id = sort_key.split_once('#').ok_or_else(damaged)?.0.to_owned();
        let forgets = item.contains_key(FORGETS);
        Ok(Self { hash: row_hash(&sort_key), sort_key, forgets, id, was: columns(WAS)?, is: columns(IS)? })
    }
}

/// Puts the rows of each object together. They come newest first, so the first of an object tells what it is now and
/// the last what the base holds.
pub(crate) fn changes<'a, T: Columns>(rows: impl Iterator<Item = &'a JournalRow<T>>) -> BTreeMap<String, Change<T>> {
    let mut changes: BTreeMap<String, Change<T>> = BTreeMap::new();
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

/// Which objects of a list are asked for, in which order, and which page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Which of the list's facets.
    pub facet: usize,
    /// Which of the list's sorts.
    pub sort: usize,
    /// Whether every object is looked at, by [`OpenList::sift`] or [`OpenList::each`]: then the list is opened for that.
    pub whole: bool,
    /// Only objects whose keys in this order lie here.
    pub range: KeyRange,
    /// Largest key first.
    pub descending: bool,
    /// Where the page starts.
    pub start: Start,
    /// Objects per page.
    pub limit: usize,
}

impl Selection {
    /// All objects of a facet, in one of its orders.
    pub fn all(facet: usize, sort: usize) -> Self {
        Self {
            facet,
            sort,
            whole: false,
            range: KeyRange::default(),
            descending: false,
            start: Start::Skip(0),
            limit: usize::MAX,
        }
    }

    fn window(&self) -> Window<'_> {
        Window {
            start: &self.start,
            limit: self.limit,
            descending: self.descending,
            from: self.range.from.as_deref(),
            to: self.range.to.as_deref(),
        }
    }
}

/// A part of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Keys at or after this.
    pub from: Option<Vec<u8>>,
    /// Keys before this.
    pub to: Option<Vec<u8>>,
}

impl KeyRange {
    /// What begins with `prefix` and then goes on in the order of ids, as far as it was made from `from` to `to`, both
    /// included.
    pub fn made<T: Columns>(prefix: &[u8], from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let at = |moment| [prefix.to_vec(), T::ID.first_at(moment)].concat();
        let all = !prefix.is_empty();
        Self {
            from: from.map(at).or_else(|| all.then(|| prefix.to_vec())),
            to: to.map(|to| at(to.plus_millis(1))).or_else(|| all.then(|| super::keys::after(prefix))),
        }
    }

    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.from.as_ref().is_none_or(|from| key >= from.as_slice())
            && self.to.as_ref().is_none_or(|to| key < to.as_slice())
    }
}

/// A list at one moment.
#[derive(Debug)]
pub struct OpenList<T> {
    list: ListId,
    directory: Directory,
    changes: BTreeMap<String, Change<T>>,
    recent: HashSet<String>,
    /// What ended at once and stands in no object yet.
    pub endings: Vec<Ending>,
    /// The objects that ended with them.
    pub ended: Vec<String>,
    /// The moment the list is shown at: the request's, or the base's where that is later.
    pub now: Timestamp,
}

/// One object of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// The object.
    pub id: String,
    /// What [`Columns::hint`] said.
    pub hint: Vec<u8>,
    /// Whether it may have changed a short while ago, so that only a consistent read is sure to see it.
    pub recent: bool,
    key: Vec<u8>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The objects.
    pub rows: Vec<ListRow>,
    /// How many there are in all.
    pub total: u64,
    /// How many come before the page.
    pub skipped: u64,
}

impl ListPage {
    /// What the next page starts after, when there is a next page.
    pub fn next(&self) -> Option<&[u8]> {
        let shown = self.skipped.saturating_add(u64::try_from(self.rows.len()).unwrap_or(u64::MAX));
        self.rows.last().filter(|_| shown < self.total).map(|row| row.key.as_slice())
    }
}

impl<T: Columns> OpenList<T> {
    fn tree(&self, selection: &Selection) -> (&'static super::Facet<T>, &'static super::Sort<T>) {
        (&T::FACETS[selection.facet], &T::SORTS[selection.sort])
    }

    /// What changed in the tree of a selection since it was packed.
    fn overlay(&self, selection: &Selection) -> Result<Overlay, StoreError> {
        let (facet, sort) = self.tree(selection);
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        let mut touched = HashSet::new();
        for (id, change) in &self.changes {
            let packed = packed_id::<T>(id)?;
            let entry = |columns: &T| Ok(Entry { key: sort_key(sort, &packed, columns)?, row: columns.hint() });
            let base = change.base.as_ref().filter(|base| (facet.holds)(base, self.directory.at));
            removed.extend(base.map(entry).transpose()?);
            let now = change.now.as_ref().filter(|now| (facet.holds)(now, self.now));
            added.extend(now.map(entry).transpose()?);
            touched.insert(packed);
        }
        let due = self.directory.due.iter().take_while(|due| due.at <= self.now);
        for due in due {
            let id = &due.entry.key[due.entry.key.len().saturating_sub(T::ID.packed_length())..];
            if !touched.contains(id) {
                if due.comes { &mut added } else { &mut removed }.push(due.entry.clone());
            }
        }
        Ok(Overlay::new(removed, added))
    }

    /// Reads a page.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn page(&self, db: &Db, selection: &Selection) -> Result<ListPage, StoreError> {
        let slice = self.slice(db, selection).await?;
        self.shown(slice)
    }

    fn shown(&self, slice: Slice) -> Result<ListPage, StoreError> {
        let rows = slice.entries.into_iter().map(|entry| {
            let id = T::ID.unpack(&entry.key).ok_or_else(damaged)?;
            let recent = !T::TELL_ALL || self.recent.contains(&id);
            Ok(ListRow { recent, id, hint: entry.row, key: entry.key })
        });
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let rows = rows.collect::<Result<_, StoreError>>()?;
        Ok(ListPage { rows, total: count(slice.total), skipped: count(slice.skipped) })
    }

    async fn slice(&self, db: &Db, selection: &Selection) -> Result<Slice, StoreError> {
        let overlay = self.overlay(selection)?;
        let changed = Changed::new(&self.directory.tree, &overlay);
        let window = selection.window();
        let needed = changed.needed(&window, &Bodies::new());
        let blocks = db.list_bodies(&self.list, &self.directory.tree, &needed).await?;
        Ok(changed.slice(&window, &blocks))
    }

    /// Reads a page of those objects that are `wanted`. Every object is looked at, so that the count is exact: the list must
    /// have been opened for that, with [`Selection::whole`].
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn sift(
        &self,
        db: &Db,
        selection: &Selection,
        wanted: impl Fn(&str, &T) -> bool,
    ) -> Result<ListPage, StoreError> {
        let (facet, sort) = self.tree(selection);
        let mut found = Vec::new();
        self.each(db, |id, packed, columns| {
            if (facet.holds)(columns, self.now) && wanted(id, columns) {
                found.push(Entry { key: sort_key(sort, packed, columns)?, row: columns.hint() });
            }
            Ok(())
        })
        .await?;
        found.sort_unstable();
        let everything = Tree { parts: vec![super::tree::Part::inline(found)] };
        let overlay = Overlay::default();
        self.shown(Changed::new(&everything, &overlay).slice(&selection.window(), &Bodies::new()))
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
            let looked = unpack::<T>(row).and_then(|columns| {
                let id = T::ID.unpack(packed).ok_or_else(damaged)?;
                visit(&id, packed, &columns)
            });
            failed = looked.err();
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
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn open_list<T: Columns>(
        &self,
        list: &ListId,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<OpenList<T>, StoreError> {
        let name = if selection.whole {
            TEXT_TREE.to_owned()
        } else {
            tree_name(T::FACETS[selection.facet].name, T::SORTS[selection.sort].name)
        };
        let key = Key::list_directory(list, &name);
        for _ in 0..OPENINGS {
            // Boxed, because few lists have any.
            let endings =
                async { if T::ENDINGS.is_some() { Box::pin(self.list_endings(list)).await } else { Ok(Vec::new()) } };
            let (directory, journal, endings) =
                tokio::try_join!(self.get(&key, true), self.list_journal::<T>(list), endings)?;
            let directory = Directory::read(directory)?;
            let absorbed = directory.absorbs();
            let mut changes = changes(journal.iter().filter(|row| !absorbed.contains(&row.hash)));
            let recent = journal.into_iter().map(|row| row.id).collect();
            let now = now.max(directory.at);
            let more_is_due = directory.due_until.millis() > 0 && directory.due_until <= now;
            if more_is_due && !selection.whole {
                let due = Directory::read(self.get(&Key::list_directory(list, DUE_TREE), true).await?)?;
                if due.version != directory.version {
                    continue;
                }
                for (id, columns) in self.list_due_objects::<T>(list, &due.tree, directory.due_until, now).await? {
                    changes.entry(id).or_insert_with(|| Change { base: Some(columns.clone()), now: Some(columns) });
                }
            }
            let mut ended = Vec::new();
            if !endings.is_empty() {
                // Boxed, because it is rare and large.
                let all = Box::pin(self.end_in_list(list, directory.version, &endings, &mut changes)).await?;
                match all {
                    Some(all) => ended = all,
                    None => continue,
                }
            }
            return Ok(OpenList { list: list.clone(), directory, changes, recent, endings, ended, now });
        }
        Err(StoreError::Unavailable("a list kept changing while it was opened".to_owned()))
    }

    /// Every id of a list with its hint, oldest first: for lists that are short by nature.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_ids<T: Columns>(&self, list: &ListId, now: Timestamp) -> Result<Vec<ListRow>, StoreError> {
        let selection = Selection::all(0, 0);
        Ok(self.open_list::<T>(list, &selection, now).await?.page(self, &selection).await?.rows)
    }

    /// The objects of a selection, in its order, at most as many as its limit: read a few thousand at a time, so that little
    /// more than ids stands in memory.
    ///
    /// # Errors
    /// When the table does not answer.
    pub(crate) async fn walk_list<T: Columns>(
        &self,
        list: &ListId,
        selection: Selection,
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
        let mut items: HashMap<String, Item> =
            items.into_iter().map(|item| (string(&item, "id").to_owned(), item)).collect();
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
    pub(crate) async fn list_journal<T: Columns>(&self, list: &ListId) -> Result<Vec<JournalRow<T>>, StoreError> {
        let query = self
            .client()
            .query()
            .consistent_read(true)
            // An object's later rows are read before its earlier ones: no change is seen without those it follows.
            .scan_index_forward(false)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", schema::PK)
            .expression_attribute_values(":pk", AttributeValue::S(schema::list_journal_partition(list)));
        self.query_all(query).await?.iter().map(JournalRow::read).collect()
    }

    /// The objects that time changes from `from` to `to`, both included.
    pub(crate) async fn list_due_objects<T: Columns>(
        &self,
        list: &ListId,
        tree: &Tree,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let (from, to) = (super::keys::moment(from), super::keys::moment(to.plus_millis(1)));
        let due = self.list_entries(list, tree, &KeyRange { from: Some(from), to: Some(to) }).await?.into_iter();
        due.map(|entry| Ok((T::ID.unpack(&entry.key).ok_or_else(damaged)?, unpack(&entry.row)?))).collect()
    }

    /// The entries of a tree that lie in a range, without what changed since it was packed.
    pub(crate) async fn list_entries(
        &self,
        list: &ListId,
        tree: &Tree,
        range: &KeyRange,
    ) -> Result<Vec<Entry>, StoreError> {
        let overlay = Overlay::default();
        let changed = Changed::new(tree, &overlay);
        let selection = Selection { range: range.clone(), ..Selection::all(0, 0) };
        let window = selection.window();
        let blocks = self.list_bodies(list, tree, &changed.needed(&window, &Bodies::new())).await?;
        Ok(changed.slice(&window, &blocks).entries)
    }

    /// The entries of some parts' blocks.
    pub(crate) async fn list_bodies(
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
    pub(crate) async fn list_blocks(
        &self,
        list: &ListId,
        ids: &[super::tree::BlockId],
    ) -> Result<Vec<(super::tree::BlockId, Vec<u8>)>, StoreError> {
        let keys: HashMap<String, (super::tree::BlockId, Key)> = ids
            .iter()
            .map(|id| {
                let key = Key::list_block(list, id.attempt, id.number);
                (key.pk.clone(), (*id, key))
            })
            .collect();
        let wanted: Vec<Key> = keys.values().map(|(_, key)| key.clone()).collect();
        let mut items = self.batch_get(&wanted).await?;
        if items.len() < wanted.len() {
            let seen: HashSet<&str> = items.iter().map(|item| string(item, schema::PK)).collect();
            let missing: Vec<Key> = wanted.iter().filter(|key| !seen.contains(key.pk.as_str())).cloned().collect();
            items.extend(self.batch_get_consistent(&missing).await?);
        }
        if items.len() < wanted.len() {
            return Err(StoreError::Unavailable("a list's block was superseded long ago".to_owned()));
        }
        items
            .into_iter()
            .map(|mut item| {
                let (id, _) = keys.get(string(&item, schema::PK)).ok_or_else(damaged)?;
                match item.remove(DATA) {
                    Some(AttributeValue::B(data)) => Ok((*id, data.into_inner())),
                    _ => Err(damaged()),
                }
            })
            .collect()
    }
}
