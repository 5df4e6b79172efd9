//! What this instance remembers about rate-limit buckets, so that it begins with the right write and repeats refusals for
//! free.
//!
//! Nothing here ever lets a request through: an entry only chooses the conditional write to try first, or refuses
//! what the table would refuse until the reset. Within an interval a bucket's count only grows, so an empty bucket
//! stays empty until then.

use crate::versions::Version;
use anyspend_domain::api_key::KeyHash;
use anyspend_domain::token_bucket::Allowance;
use anyspend_domain::{Owner, Timestamp};
use anyspend_store::rate_limits::Interval;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Buckets remembered at most; then the one that was asked for the longest ago is forgotten.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// What a bucket is remembered by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BucketName(String);

impl BucketName {
    /// The bucket that an IP address's network or a session has of a group.
    pub fn of(group: &'static str, subject: &str) -> Self {
        Self(format!("{group}#{subject}"))
    }
}

impl From<&KeyHash> for BucketName {
    fn from(key: &KeyHash) -> Self {
        Self::of("key", &key.to_hex())
    }
}

/// What an API key is known to be: neither changes for a key.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// The organization and mode it opens, so that a read may start on it beside the check.
    pub owner: Owner,
    /// The version it is pinned to.
    pub pinned: Version,
}

#[derive(Debug, Clone)]
struct Entry {
    allowance: Allowance,
    key: Option<KnownKey>,
}

/// The rate-limit buckets of one instance.
#[derive(Debug)]
pub struct RateLimitCache {
    entries: Mutex<LruCache<BucketName, Entry>>,
}

impl Default for RateLimitCache {
    fn default() -> Self {
        Self { entries: Mutex::new(LruCache::new(CAPACITY)) }
    }
}

/// What is known of a bucket before the table is asked.
#[derive(Debug)]
pub enum CachedBucket {
    /// The table must say; the bucket's interval is probably this one.
    Unsettled(Interval),
    /// It is empty until its reset.
    Empty(Allowance, Option<KnownKey>),
}

impl RateLimitCache {
    fn entries(&self) -> MutexGuard<'_, LruCache<BucketName, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a bucket.
    pub fn bucket(&self, name: &BucketName, now: Timestamp) -> CachedBucket {
        match self.entries().get(name) {
            Some(entry) if now < entry.allowance.resets_at => {
                if entry.allowance.remaining == 0 {
                    CachedBucket::Empty(entry.allowance, entry.key.clone())
                } else {
                    CachedBucket::Unsettled(Interval::Running)
                }
            }
            _ => CachedBucket::Unsettled(Interval::New),
        }
    }

    /// Remembers what the table said. An older answer that arrives late does not undo a newer one.
    pub fn remember(&self, name: &BucketName, allowance: Allowance, key: Option<KnownKey>) {
        let mut entries = self.entries();
        let newer = entries.peek(name).is_none_or(|known| {
            (allowance.resets_at, u32::MAX - allowance.remaining)
                >= (known.allowance.resets_at, u32::MAX - known.allowance.remaining)
        });
        if newer {
            entries.put(name.clone(), Entry { allowance, key });
        }
    }

    /// Forgets a bucket, e.g. of a key that turned out to be revoked.
    pub fn forget(&self, name: &BucketName) {
        self.entries().pop(name);
    }

    /// What is known of an API key.
    pub fn key(&self, hash: &KeyHash) -> Option<KnownKey> {
        self.entries().get(&BucketName::from(hash)).and_then(|entry| entry.key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(name: &str) -> BucketName {
        BucketName::of("ip", name)
    }

    #[test]
    fn an_empty_bucket_is_remembered_until_its_reset_and_not_longer() {
        let cache = RateLimitCache::default();
        let began = Timestamp::from_millis(1_000).unwrap();
        cache.remember(&ip("a"), Allowance::after(5, 5, began), None);
        cache.remember(&ip("a"), Allowance::after(5, 2, began), None);
        assert!(matches!(cache.bucket(&ip("a"), began), CachedBucket::Empty(..)));
        let later = began.plus_millis(60_000);
        assert!(matches!(cache.bucket(&ip("a"), later), CachedBucket::Unsettled(Interval::New)));
        assert!(matches!(cache.bucket(&ip("b"), began), CachedBucket::Unsettled(Interval::New)));
    }

    #[test]
    fn a_full_memory_forgets_what_nobody_asked_for_and_keeps_the_rest() {
        let cache = RateLimitCache::default();
        let began = Timestamp::from_millis(1_000).unwrap();
        cache.remember(&ip("busy"), Allowance::after(5, 5, began), None);
        for other in 0..CAPACITY.get() * 2 {
            cache.remember(&ip(&other.to_string()), Allowance::after(5, 1, began), None);
            assert!(matches!(cache.bucket(&ip("busy"), began), CachedBucket::Empty(..)));
        }
        assert!(matches!(cache.bucket(&ip("0"), began), CachedBucket::Unsettled(Interval::New)));
        assert_eq!(cache.entries().len(), CAPACITY.get());
    }
}
