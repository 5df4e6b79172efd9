//! Free key-value pairs a caller hangs on a resource.

use crate::{Patch, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// At most [`Metadata::MAX_KEYS`] pairs of bounded texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

/// An update of metadata: as in Stripe's API, keys that are sent are merged, and a key sent as `null` is removed.
pub type MetadataPatch = BTreeMap<String, Option<String>>;

impl Metadata {
    /// Most pairs.
    pub const MAX_KEYS: usize = 50;
    /// Most characters of a key.
    pub const MAX_KEY_LENGTH: usize = 40;
    /// Most characters of a value.
    pub const MAX_VALUE_LENGTH: usize = 500;

    /// Applies an update, whose keys and values are within bounds; the number of pairs is checked afterwards.
    pub fn apply(metadata: &mut Option<Self>, patch: Patch<MetadataPatch>) {
        match patch {
            Patch::Keep => {}
            Patch::Clear => *metadata = None,
            Patch::Set(pairs) => {
                let merged = &mut metadata.get_or_insert_default().0;
                for (key, value) in pairs {
                    match value {
                        Some(value) => merged.insert(key, value),
                        None => merged.remove(&key),
                    };
                }
            }
        }
    }

    /// What is wrong with it as a whole.
    pub(crate) fn problem(&self) -> Option<Problem> {
        let must = || format!("must have at most {} keys", Self::MAX_KEYS);
        (self.0.len() > Self::MAX_KEYS).then(|| Problem::invalid("metadata", must()))
    }

    /// The pairs, by key.
    pub const fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}
