//! Lists that stay cheap: what a list is, and what a change of a listed object writes.
//!
//! Every change of a listed object adds one small row to the list's *journal*, in the transaction of the change: what
//! lists know of the object before and after it. From time to time a compaction (`compact`) folds the journal into the
//! list's *base*: for every filter and order a tree of counted blocks (`tree`). A reader (`read`) takes the directory of
//! one tree and the journal side by side and puts one over the other: the answer is exact at any moment, and costs the
//! same on the first page as on the last.
//!
//! What must stay true:
//! - a change is journalled under the object's id and the version it leads to, by a write that is guarded on the version
//!   before: so the changes of an object form a chain, and the first `was` not yet absorbed is what the base holds;
//! - a version of the base names the journal rows it has absorbed, and those are deleted no sooner than [`GRACE_SECONDS`]
//!   after it was published: so directory and journal may be read side by side, in any order;
//! - blocks never change, and a version is published by one transaction: so a compaction that dies harms nothing.

mod codec;
mod compact;
mod ending;
mod read;
mod tree;

pub use codec::{IdShape, Suffix};
pub use compact::{Compacted, ListMeasure, Tuning};
pub use ending::{Ending, Endings, ending};
pub use read::{KeyRange, ListPage, ListRow, OpenList, Selection};
pub use tree::Start;

use crate::Write;
use crate::db::StoreError;
use crate::schema::Key;
use anyspend_domain::{Mode, OrgId, Owner, PaymentLinkId, Timestamp, entropy};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::fmt;

/// How long what a version has made superfluous stays: longer than any request lives, and than clocks disagree.
pub const GRACE_SECONDS: u64 = 60;
/// One change in so many leaves a note that its list is to be looked after. By chance, because counting would cost a
/// write to the same row by every change.
const NOTE_ONE_IN: u8 = 32;
/// What packed columns begin with. Columns that change their meaning need another one, and a way to read this.
const COLUMNS_FORMAT: u8 = 1;
/// The attribute of a journal row with the columns before the change; absent when it made the object.
const WAS: &str = "was";
/// The attribute of a journal row with the columns after the change; absent when it deleted the object.
const IS: &str = "is";
/// The attribute of a journal row that has the list forget what was before.
const FORGETS: &str = "forgets";

/// What lists know of an object: the columns they filter, sort and search by. All a resource declares to be listed.
pub trait Columns: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The list's name: the resource's `object`.
    const OBJECT: &'static str;
    /// What the ids look like.
    const ID: IdShape;
    /// The orders, the default first. All end with the id, so each is total.
    const SORTS: &'static [Sort<Self>];
    /// The filters that have a tree of their own. The first one is what [`Db::list_ids`] walks.
    const FACETS: &'static [Facet<Self>];

    /// Whether anything looks at every object: what it reads is packed only where something does.
    const SEARCHED: bool = true;
    /// Whether every change of an object is one of its columns. If not, no journal tells which rows changed a short while
    /// ago, and pages read all of theirs consistently.
    const TELL_ALL: bool = true;
    /// How many objects end at once.
    const ENDINGS: Option<Endings<Self>> = None;

    /// When the object enters or leaves facets without being changed; at most once.
    fn changes_at(&self) -> Option<Timestamp> {
        None
    }

    /// Whether a search finds the object: `_sought` is in the form of `anyspend_domain::pasted::findable`, the columns in
    /// that of `fold_case`, which is what lists are ordered by.
    fn contains(&self, _id: &str, _sought: &str) -> bool {
        false
    }

    /// What must be known to read the object's rows, besides its id.
    fn hint(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Whether a change takes away what was known of a person: then the list is looked after at once, so that nothing
    /// of it stays in the journal or the base.
    fn forgets(&self, _is: Option<&Self>) -> bool {
        false
    }

    /// The columns without those that only searches look at: what a later change need not repeat.
    #[must_use]
    fn without_texts(self) -> Self {
        self
    }
}

/// An order of a list.
#[derive(Debug)]
pub struct Sort<T> {
    /// What callers call it.
    pub name: &'static str,
    /// What is compared before the ids are, as bytes, given when the object was made.
    pub key: fn(&T, Timestamp) -> Vec<u8>,
}

/// A filter of a list.
#[derive(Debug)]
pub struct Facet<T> {
    /// Its name in keys.
    pub name: &'static str,
    /// Which objects are in it at a moment.
    pub holds: fn(&T, Timestamp) -> bool,
}

/// Sort keys of common columns.
pub mod keys {
    use anyspend_domain::Timestamp;

    /// The order of creation, which is the order of the ids.
    pub fn created<T>(_: &T, _: Timestamp) -> Vec<u8> {
        Vec::new()
    }

    /// A moment.
    pub fn moment(moment: Timestamp) -> Vec<u8> {
        moment.millis().to_be_bytes()[2..].to_vec()
    }

    /// A text, which must be case-folded.
    pub fn text(folded: &str) -> Vec<u8> {
        [folded.as_bytes(), &[0]].concat()
    }

    /// The end of a range of everything that begins like this.
    pub fn after(prefix: &[u8]) -> Vec<u8> {
        // The next key is at most an id, and those begin with a time: no byte of it is the last one for 8,000 years.
        [prefix, &[u8::MAX]].concat()
    }

    /// A number.
    pub fn number(number: u64) -> Vec<u8> {
        number.to_be_bytes().to_vec()
    }
}

/// Which list: whose objects of which kind, and of those perhaps only the ones that belong to another object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListId {
    /// Whose objects.
    pub owner: Owner,
    /// Which kind.
    pub object: String,
    /// What they belong to, e.g. a link's short code.
    pub of: Option<String>,
}

impl ListId {
    /// All objects of a kind.
    pub fn all<T: Columns>(owner: &Owner) -> Self {
        Self { owner: owner.clone(), object: T::OBJECT.to_owned(), of: None }
    }

    /// Reads what [`fmt::Display`] writes.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '#');
        let org = OrgId::parse(parts.next()?)?;
        let mode = match parts.next()? {
            "live" => Mode::Live,
            "test" => Mode::Test,
            _ => return None,
        };
        let object = parts.next()?.to_owned();
        Some(Self { owner: Owner { org, mode }, object, of: parts.next().map(str::to_owned) })
    }
}

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}", self.owner.org, self.owner.mode.as_str(), self.object)?;
        self.of.as_ref().map_or(Ok(()), |of| write!(f, "#{of}"))
    }
}

/// The writes that tell a list of a change, for the transaction of that change: `was` and `is` are the columns before
/// and after it, `version` counts the object's changes and is what the change leads to. The change itself must be
/// guarded on the version before.
///
/// # Errors
/// When the columns cannot be packed, which is a fault of ours.
pub fn changed<T: Columns>(
    list: &ListId,
    id: &str,
    version: u64,
    was: Option<&T>,
    is: Option<&T>,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    if was == is {
        return Ok(Vec::new());
    }
    let mut row = crate::db::key_item(&Key::list_journal(list, id, version));
    if let Some(was) = was {
        row.insert(WAS.to_owned(), AttributeValue::B(Blob::new(pack(&was.clone().without_texts())?)));
    }
    if let Some(is) = is {
        row.insert(IS.to_owned(), AttributeValue::B(Blob::new(pack(is)?)));
    }
    let forgets = was.is_some_and(|was| was.forgets(is));
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
    Write::put(crate::db::key_item(&Key::list_due(list, from)))
}

fn pack(columns: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(columns, vec![COLUMNS_FORMAT]).map_err(|error| StoreError::Fault(error.to_string()))
}

fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&COLUMNS_FORMAT, columns)) => {
            postcard::from_bytes(columns).map_err(|error| StoreError::Fault(format!("damaged columns: {error}")))
        }
        _ => Err(StoreError::Fault("columns of another format".to_owned())),
    }
}

fn damaged() -> StoreError {
    StoreError::Fault("a list's rows are damaged".to_owned())
}

/// A name for a journal row, short enough to keep thousands.
fn row_hash(sort_key: &str) -> u64 {
    let digest = Sha256::digest(sort_key.as_bytes());
    digest[..8].iter().fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

/// The packed id and, from it, an object's place in a sort.
fn sort_key<T: Columns>(sort: &Sort<T>, packed_id: &[u8], columns: &T) -> Result<Vec<u8>, StoreError> {
    let made_at = T::ID.made_at(packed_id).ok_or_else(damaged)?;
    let mut key = (sort.key)(columns, made_at);
    key.extend_from_slice(packed_id);
    Ok(key)
}

fn packed_id<T: Columns>(id: &str) -> Result<Vec<u8>, StoreError> {
    T::ID.pack(id).ok_or_else(|| StoreError::Fault(format!("'{id}' cannot be the id of a {}", T::OBJECT)))
}

const LINK_ID: IdShape = IdShape { prefix: PaymentLinkId::PREFIX, suffix: Suffix::ShortCode };

/// The packed id of a payment link, by which what belongs to it stands together in an order.
pub(crate) fn packed_link(id: &PaymentLinkId) -> Vec<u8> {
    LINK_ID.pack(id.as_str()).unwrap_or_default()
}

/// The id of a payment link that [`packed_link`] packed; `None` of nothing.
pub(crate) fn unpacked_link(packed: &[u8]) -> Option<String> {
    LINK_ID.unpack(packed)
}

/// The name of a tree in keys.
fn tree_name(facet: &str, sort: &str) -> String {
    format!("{facet}#{sort}")
}

/// The tree of all columns in the order of ids, which searches read.
const TEXT_TREE: &str = "#text";
/// The tree of what will change by itself, in the order of time.
const DUE_TREE: &str = "#due";
