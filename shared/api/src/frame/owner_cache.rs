//! Whose objects an instance has seen, for objects whose owner never changes and whose name is never given to another:
//! what was seen once may be believed for as long as the instance lives.

use anyspend_domain::Owner;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

/// Objects remembered at most; then the one that was asked for the longest ago is forgotten.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// The memory of one instance.
#[derive(Debug)]
pub struct OwnerCache {
    by_name: Mutex<LruCache<String, (String, Owner)>>,
}

impl Default for OwnerCache {
    fn default() -> Self {
        Self { by_name: Mutex::new(LruCache::new(CAPACITY)) }
    }
}

impl OwnerCache {
    /// The id and the owner of the object with this name, if this instance has seen it.
    pub fn find(&self, name: &str) -> Option<(String, Owner)> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Remembers an object that was read.
    pub fn remember(&self, name: &str, id: &str, owner: &Owner) {
        let known = (id.to_owned(), owner.clone());
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).put(name.to_owned(), known);
    }
}
