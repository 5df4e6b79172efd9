//! Free key-value pairs a caller hangs on a resource.

use crate::{Invalid, Patch, Problem, pasted};
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

    /// Checks a key, which stays as it was sent.
    ///
    /// # Errors
    /// `invalid_field_value` for none, one that is too long, and one with control characters.
    pub fn check_key(key: &str) -> Result<String, Invalid> {
        if !(1..=Self::MAX_KEY_LENGTH).contains(&key.chars().count()) {
            return Err(Invalid::new(format!("must have a key of 1 to {} characters", Self::MAX_KEY_LENGTH)));
        }
        pasted::verbatim(key)
    }

    /// Checks a value, which stays as it was sent.
    ///
    /// # Errors
    /// `invalid_field_value` for one that is too long, or has control characters.
    pub fn check_value(value: &str) -> Result<String, Invalid> {
        if value.chars().count() > Self::MAX_VALUE_LENGTH {
            return Err(Invalid::new(format!("must be at most {} characters long", Self::MAX_VALUE_LENGTH)));
        }
        pasted::verbatim(value)
    }

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

    /// A session's own pairs over those of its link, which it starts with. Where both are too many, the link's last keys
    /// stay out: whoever opens the session cannot change the link.
    pub fn over(own: Option<Self>, links: Option<&Self>) -> Option<Self> {
        let Some(links) = links else { return own };
        let mut merged = own.unwrap_or_default().0;
        for (key, value) in &links.0 {
            if merged.len() < Self::MAX_KEYS {
                merged.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        (!merged.is_empty()).then_some(Self(merged))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_own_pairs_stand_over_its_links_and_are_never_too_many() {
        let pairs = |prefix: &str, count: usize, value: &str| {
            Metadata((0..count).map(|n| (format!("{prefix}{n:02}"), value.to_owned())).collect())
        };
        let (link, own) = (pairs("k", 2, "link"), pairs("k", 1, "own"));
        let merged = Metadata::over(Some(own.clone()), Some(&link)).unwrap();
        assert_eq!((merged.0["k00"].as_str(), merged.0["k01"].as_str()), ("own", "link"));
        assert_eq!(Metadata::over(None, Some(&link)), Some(link));
        assert_eq!(Metadata::over(Some(own.clone()), None), Some(own));
        assert_eq!(Metadata::over(None, Some(&Metadata::default())), None);
        let full = Metadata::over(Some(pairs("own", 10, "x")), Some(&pairs("k", 50, "y"))).unwrap();
        assert_eq!((full.0.len(), full.0.contains_key("own09"), full.problem()), (Metadata::MAX_KEYS, true, None));
    }
}
