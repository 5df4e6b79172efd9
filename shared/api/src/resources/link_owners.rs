//! Whose links an instance has seen. A link's owner never changes and its code is never given to another.

use crate::platform::Platform;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::{Owner, PaymentLinkId, PaymentLinkRef};

impl Platform {
    /// The link a caller names and its owner, if this instance has seen it.
    pub fn known_link(&self, wanted: &PaymentLinkRef) -> Option<(PaymentLinkId, Owner)> {
        let (id, owner) = self.owners.find(wanted.short_code().as_str())?;
        let id = PaymentLinkId::parse(&id).filter(|id| wanted.names(id))?;
        Some((id, owner))
    }

    /// Remembers a link that was read or made.
    pub fn remember_link(&self, link: &PaymentLink) {
        self.owners.remember(link.id.short_code().as_str(), link.id.as_str(), &link.owner);
    }
}
