//! What is asked of a list, and what it answers.

use crate::Damaged;
use crate::columns::{Columns, id_in, keys};
use crate::key_range::KeyRange;
use crate::overlay::{Slice, Start, Window};
use anyspend_domain::Timestamp;
use std::collections::HashSet;

/// Which objects of a list are asked for, in which order, and which page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<T: Columns> {
    /// Which of the list's filters.
    pub facet: T::Facet,
    /// Which of the list's orders.
    pub sort: T::Sort,
    /// Whether every object is looked at: then the list is opened for that.
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

impl<T: Columns> Selection<T> {
    /// All objects of a facet, in the default order.
    pub fn of(facet: T::Facet) -> Self {
        let (range, sort) = (KeyRange::default(), T::Sort::default());
        Self { facet, sort, whole: false, range, descending: false, start: Start::Skip(0), limit: usize::MAX }
    }

    /// The same question to a tree.
    pub fn window(&self) -> Window<'_> {
        Window { start: &self.start, limit: self.limit, descending: self.descending, ..self.range.window() }
    }
}

const BEGINNING: &Start = &Start::Skip(0);

impl KeyRange {
    /// What begins with `prefix` and then goes on in the order of ids, as far as it was made from `from` to `to`, both
    /// included.
    pub fn made<T: Columns>(prefix: &[u8], from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let at = |moment| [prefix.to_vec(), T::ID.first_at(moment)].concat();
        let all = !prefix.is_empty();
        Self {
            from: from.map(at).or_else(|| all.then(|| prefix.to_vec())),
            to: to.map(|to| at(to.plus_millis(1))).or_else(|| all.then(|| keys::after(prefix))),
        }
    }

    /// All of it, in ascending order.
    pub fn window(&self) -> Window<'_> {
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        Window { start: BEGINNING, limit: usize::MAX, descending: false, from, to }
    }
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
    /// Its place in the order.
    pub key: Vec<u8>,
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
    /// The page a tree has cut out; `recent` are the objects that changed a short while ago.
    pub fn of<T: Columns>(slice: Slice, recent: &HashSet<String>) -> Result<Self, Damaged> {
        let rows = slice.entries.into_iter().map(|entry| {
            let id = id_in::<T>(&entry.key)?;
            Ok(ListRow { recent: !T::TELL_ALL || recent.contains(&id), id, hint: entry.row, key: entry.key })
        });
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Ok(Self {
            rows: rows.collect::<Result<_, Damaged>>()?,
            total: count(slice.total),
            skipped: count(slice.skipped),
        })
    }

    /// What the next page starts after, when there is a next page.
    pub fn next(&self) -> Option<&[u8]> {
        let shown = self.skipped.saturating_add(u64::try_from(self.rows.len()).unwrap_or(u64::MAX));
        self.rows.last().filter(|_| shown < self.total).map(|row| row.key.as_slice())
    }
}
