//! What this instance remembers about rate-limit buckets, so that it guesses right and repeats refusals for free.
//!
//! Nothing here ever lets a request through: a hint only chooses the conditional write to try first, or refuses
//! what the table would refuse until the reset. Within an interval a bucket's count only grows, so an empty bucket
//! stays empty until then.

use crate::versions::Version;
use anyspend_domain::token_bucket::Allowance;
use anyspend_domain::{Owner, Timestamp};
use anyspend_store::rate_limits::Guess;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Buckets remembered at most; then the instance starts afresh.
const MOST_HINTS: usize = 10_000;

/// Whose bucket it is, where that is known.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The organization and mode a key opens: immutable for a key, so a read may start on it beside the check.
    pub owner: Owner,
    /// The version the key is pinned to.
    pub pinned: Version,
}

#[derive(Debug, Clone)]
struct Hint {
    allowance: Allowance,
    holder: Option<Holder>,
}

/// The memory of one instance.
#[derive(Debug, Default)]
pub struct Hints {
    by_subject: Mutex<HashMap<String, Hint>>,
}

/// What the memory says before the table is asked.
#[derive(Debug)]
pub enum Outlook {
    /// Ask the table, with this guess first.
    Ask(Guess),
    /// The bucket is known to be empty.
    Empty(Allowance, Option<Holder>),
}

impl Hints {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<String, Hint>> {
        self.by_subject.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to expect of a bucket.
    pub fn outlook(&self, subject: &str, now: Timestamp) -> Outlook {
        match self.map().get(subject) {
            Some(hint) if now < hint.allowance.resets_at => {
                if hint.allowance.remaining == 0 {
                    Outlook::Empty(hint.allowance, hint.holder.clone())
                } else {
                    Outlook::Ask(Guess::Running)
                }
            }
            _ => Outlook::Ask(Guess::Fresh),
        }
    }

    /// Remembers what the table said. An older answer that arrives late does not undo a newer one.
    pub fn remember(&self, subject: &str, allowance: Allowance, holder: Option<Holder>) {
        let mut map = self.map();
        if map.len() >= MOST_HINTS && !map.contains_key(subject) {
            map.clear();
        }
        let newer = map.get(subject).is_none_or(|known| {
            (allowance.resets_at, u32::MAX - allowance.remaining)
                >= (known.allowance.resets_at, u32::MAX - known.allowance.remaining)
        });
        if newer {
            map.insert(subject.to_owned(), Hint { allowance, holder });
        }
    }

    /// Forgets a bucket, e.g. of a key that turned out to be revoked.
    pub fn forget(&self, subject: &str) {
        self.map().remove(subject);
    }

    /// Whose key this was the last time.
    pub fn holder(&self, subject: &str) -> Option<Holder> {
        self.map().get(subject).and_then(|hint| hint.holder.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_is_remembered_until_its_reset_and_not_longer() {
        let hints = Hints::default();
        let began = Timestamp::from_millis(1_000).unwrap();
        hints.remember("k", Allowance::after(5, 5, began), None);
        hints.remember("k", Allowance::after(5, 2, began), None);
        assert!(matches!(hints.outlook("k", began), Outlook::Empty(..)));
        assert!(matches!(hints.outlook("k", began.plus_millis(60_000)), Outlook::Ask(Guess::Fresh)));
        assert!(matches!(hints.outlook("other", began), Outlook::Ask(Guess::Fresh)));
    }
}
