//! What a resource declares to be listed: the columns its lists filter, sort and search by.

use crate::Damaged;
use crate::codec::Entry;
use crate::endings::Endings;
use crate::ids::IdShape;
use anyspend_domain::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// What packed columns begin with. Columns that change their meaning need another one, and a way to read this.
const COLUMNS_FORMAT: u8 = 1;

/// What lists know of an object: the columns they filter, sort and search by. All a resource declares to be listed.
pub trait Columns: Debug + Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The list's name: the resource's `object`.
    const OBJECT: &'static str;
    /// What the ids look like.
    const ID: IdShape;
    /// The filters that have a tree of their own. The default one is every object where nothing narrows a list.
    type Facet: Facet<Self>;
    /// The orders. All end with the id, so each is total.
    type Sort: Sort<Self>;

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

/// One of a few choices that a list offers, the default first; an enum derives it.
pub trait Choice:
    strum::VariantArray + Into<&'static str> + Default + Copy + Eq + Debug + Send + Sync + 'static
{
    /// Its name in keys; an order is also called so in queries.
    fn name(self) -> &'static str {
        self.into()
    }

    /// The choice of a name.
    fn named(name: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|one| one.name() == name)
    }

    /// Its place among all.
    fn place(self) -> usize {
        Self::VARIANTS.iter().position(|one| *one == self).unwrap_or_default()
    }
}

impl<C: strum::VariantArray + Into<&'static str> + Default + Copy + Eq + Debug + Send + Sync + 'static> Choice for C {}

/// A filter of a list. Its name is kept in keys.
pub trait Facet<T>: Choice {
    /// Whether an object is in it at a moment.
    fn holds(self, object: &T, at: Timestamp) -> bool;
}

/// An order of a list. Its name is kept in keys, and is what callers call it.
pub trait Sort<T>: Choice {
    /// What is compared before the ids are, as bytes, given when the object was made.
    fn key(self, object: &T, made_at: Timestamp) -> Vec<u8>;
}

/// Packs columns.
pub(crate) fn pack(columns: &impl Serialize) -> Result<Vec<u8>, Damaged> {
    postcard::to_extend(columns, vec![COLUMNS_FORMAT]).map_err(|error| Damaged(error.to_string()))
}

/// Unpacks what [`pack`] packed.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Damaged> {
    match bytes.split_first() {
        Some((&COLUMNS_FORMAT, columns)) => {
            postcard::from_bytes(columns).map_err(|error| Damaged(format!("damaged columns: {error}")))
        }
        _ => Err(Damaged("columns of another format".to_owned())),
    }
}

/// An object's id, packed.
pub fn packed_id<T: Columns>(id: &str) -> Result<Vec<u8>, Damaged> {
    T::ID.pack(id).ok_or_else(|| Damaged(format!("'{id}' cannot be the id of a {}", T::OBJECT)))
}

/// The id that a key ends with.
pub fn id_in<T: Columns>(key: &[u8]) -> Result<String, Damaged> {
    T::ID.unpack(key).ok_or_else(|| Damaged("a key without an id".to_owned()))
}

/// An object's place in an order, by its packed id.
pub fn sort_key<T: Columns>(sort: T::Sort, packed_id: &[u8], columns: &T) -> Result<Vec<u8>, Damaged> {
    let made_at = T::ID.made_at(packed_id).ok_or_else(|| Damaged("an id without a time".to_owned()))?;
    let mut key = sort.key(columns, made_at);
    key.extend_from_slice(packed_id);
    Ok(key)
}

/// An object's entry in an order.
pub fn entry_of<T: Columns>(sort: T::Sort, packed_id: &[u8], columns: &T) -> Result<Entry, Damaged> {
    Ok(Entry { key: sort_key(sort, packed_id, columns)?, row: columns.hint() })
}

/// Sort keys of common columns.
pub mod keys {
    use anyspend_domain::Timestamp;

    /// The order of creation, which is the order of the ids.
    pub const fn created() -> Vec<u8> {
        Vec::new()
    }

    /// A moment.
    pub fn moment(moment: Timestamp) -> Vec<u8> {
        moment.millis().to_be_bytes()[2..].to_vec()
    }

    /// The moment a key begins with. A separator may have lost its last bytes, which makes it earlier.
    pub fn moment_of(key: &[u8]) -> Timestamp {
        let millis = (0..6).fold(0, |millis, at| (millis << 8) | u64::from(key.get(at).copied().unwrap_or_default()));
        Timestamp::from_millis(millis).unwrap_or(Timestamp::MAX)
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
