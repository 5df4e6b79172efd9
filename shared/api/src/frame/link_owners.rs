//! Whose links an instance has seen. A link's owner never changes and its code is never given to another, so what was
//! seen once may be believed for as long as the instance lives.

use anyspend_domain::{Owner, PaymentLinkId, PaymentLinkRef, ShortCode};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Links remembered at most; then the instance starts afresh.
const MOST_LINKS: usize = 10_000;

/// The memory of one instance.
#[derive(Debug, Default)]
pub struct LinkOwners {
    by_code: Mutex<HashMap<ShortCode, (PaymentLinkId, Owner)>>,
}

impl LinkOwners {
    /// The link a caller names and its owner, if this instance has seen it.
    pub fn find(&self, wanted: &PaymentLinkRef) -> Option<(PaymentLinkId, Owner)> {
        let by_code = self.by_code.lock().unwrap_or_else(PoisonError::into_inner);
        by_code.get(&wanted.short_code()).filter(|(id, _)| wanted.names(id)).cloned()
    }

    /// Remembers a link that was read.
    pub fn remember(&self, id: &PaymentLinkId, owner: &Owner) {
        let mut by_code = self.by_code.lock().unwrap_or_else(PoisonError::into_inner);
        if by_code.len() >= MOST_LINKS {
            by_code.clear();
        }
        by_code.insert(id.short_code(), (id.clone(), owner.clone()));
    }
}
