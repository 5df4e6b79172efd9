//! Lists as they are kept: the rows of `anyspend_lists`, whose head says how lists work.
//!
//! What must stay true:
//! - a change is journalled under the object's id and the version it leads to, by a write that is guarded on the version
//!   before: so the changes of an object form a chain, and the first `was` not yet absorbed is what the base holds;
//! - a version of the base names the journal rows it has absorbed, and those are deleted no sooner than [`GRACE_SECONDS`]
//!   after it was published: so directory and journal may be read side by side, in any order;
//! - blocks never change, and a version is published by one transaction: so a compaction that dies harms nothing.

mod blocks;
mod compact;
mod ending;
mod read;

pub use anyspend_lists::{
    Choice, Columns, Ending, Endings, Facet, GRACE_SECONDS, IdShape, KeyRange, ListId, ListPage, ListRow, Selection,
    Sort, Start, Suffix, Tuning, keys, packed_link, unpacked_link,
};
pub use compact::{Compacted, ListMeasure};
pub use ending::ending;
pub use read::OpenList;

use crate::Write;
use crate::db::{Item, StoreError, key_item, string};
use crate::schema::{self, Key};
use anyspend_domain::{Timestamp, entropy};
use anyspend_lists::{Directory, JournalEntry, JournalRow, TreeOf};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

/// One change in so many leaves a note that its list is to be looked after. By chance, because counting would cost a
/// write to the same row by every change.
const NOTE_ONE_IN: u8 = 32;
/// The attribute of a journal row with the columns before the change; absent when it made the object.
const WAS: &str = "was";
/// The attribute of a journal row with the columns after the change; absent when it deleted the object.
const IS: &str = "is";
/// The attribute of a journal row that has the list forget what was before.
const FORGETS: &str = "forgets";
/// The attribute of directories and blocks with what is in them.
const DATA: &str = "data";

/// The writes that tell a list of a change, for the transaction of that change: `was` and `is` are the columns before
/// and after it, `version` counts the object's changes and is what the change leads to. The change itself must be
/// guarded on the version before.
pub fn changed<T: Columns>(
    list: &ListId,
    id: &str,
    version: u64,
    was: Option<&T>,
    is: Option<&T>,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    let Some(JournalEntry { was, is, forgets }) = JournalEntry::of(was, is)? else { return Ok(Vec::new()) };
    let mut row = key_item(&Key::list_journal(list, id, version));
    row.extend(was.map(|was| (WAS.to_owned(), binary(was))));
    row.extend(is.map(|is| (IS.to_owned(), binary(is))));
    if forgets {
        row.insert(FORGETS.to_owned(), AttributeValue::Bool(true));
    }
    let mut writes = vec![Write::put(row)];
    let [chance] = entropy::bytes::<1>();
    if forgets || chance % NOTE_ONE_IN == 0 {
        writes.push(note(list, now));
    }
    Ok(writes)
}

/// The write that has a list looked after from a moment on.
fn note(list: &ListId, from: Timestamp) -> Write {
    Write::put(key_item(&Key::list_due(list, from)))
}

fn binary(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// The bytes of an attribute; `None` when it is absent or something else.
fn bytes<'a>(item: &'a Item, name: &str) -> Option<&'a [u8]> {
    item.get(name).and_then(|value| value.as_b().ok()).map(AsRef::as_ref)
}

/// Reads a row of a journal.
pub(crate) fn journal_row<T: Columns>(item: &Item) -> Result<JournalRow<T>, StoreError> {
    let columns = |name: &str| bytes(item, name).map(<[u8]>::to_vec);
    let told = JournalEntry { was: columns(WAS), is: columns(IS), forgets: item.contains_key(FORGETS) };
    Ok(JournalRow::read(string(item, schema::SK), &told)?)
}

/// A row with what is packed.
fn packed_row(key: &Key, packed: Vec<u8>) -> Item {
    let mut item = key_item(key);
    item.insert(DATA.to_owned(), binary(packed));
    item
}

/// The row of a directory.
pub(crate) fn directory_row(list: &ListId, tree: &str, directory: &Directory) -> Item {
    packed_row(&Key::list_directory(list, tree), directory.pack())
}

/// Reads a directory's row; no row is a list without a base.
pub(crate) fn directory(item: Option<Item>) -> Result<Directory, StoreError> {
    let Some(item) = item else { return Ok(Directory::default()) };
    bytes(&item, DATA).and_then(Directory::unpack).ok_or_else(damaged)
}

fn directory_key<T: Columns>(list: &ListId, tree: TreeOf<T>) -> Key {
    Key::list_directory(list, &tree.name())
}

fn damaged() -> StoreError {
    StoreError::Fault("a list's rows are damaged".to_owned())
}
