//! What ends at once, however much it is: the open sessions of a link that is deleted.
//!
//! The change that ends them writes one row and none of the objects. Readers put it over the list like any other change,
//! and a job ends the objects one after the other, each by a change of its own, until the row is superfluous.
//!
//! What must stay true: the row is written in the transaction of the change, and stays until no request can be under way
//! that began before it, or that has read the list without the changes of the objects.

use crate::columns::Columns;
use crate::key_range::KeyRange;
use crate::{Damaged, GRACE_SECONDS};
use anyspend_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// How a list's objects end at once.
#[derive(Debug)]
pub struct Endings<T: Columns> {
    /// The facet that has all of them.
    pub facet: T::Facet,
    /// The order in which what ends together stands together.
    pub sort: T::Sort,
    /// Which part of that order may have ended.
    pub range: fn(&Ending) -> Option<KeyRange>,
    /// What is known of an object by its entry in that order; `None` when it has ended already.
    pub columns: fn(key: &[u8], hint: &[u8]) -> Option<T>,
    /// The object afterwards; `None` when the ending does not concern it.
    pub ended: fn(&T, Timestamp) -> Option<T>,
}

impl<T: Columns> Endings<T> {
    /// The part of the order that an ending may concern.
    pub fn part(&self, ending: &Ending) -> Result<KeyRange, Damaged> {
        (self.range)(ending).ok_or_else(|| Damaged(format!("'{}' cannot end", ending.what)))
    }
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
