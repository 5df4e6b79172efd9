//! A wallet that has paid a merchant, or that the merchant knows.

use crate::money::Cents;
use crate::text::{CustomerName, Email};
use crate::{Address, CustomerId, Metadata, Owner, Timestamp};

/// A merchant's customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// `cust_…`; ends with the locator of the wallet.
    pub id: CustomerId,
    /// Whose customer it is.
    pub owner: Owner,
    /// Who pays. Unique per owner, and never changes.
    pub wallet_address: Address,
    /// Sealed at rest.
    pub name: Option<CustomerName>,
    /// Sealed at rest.
    pub email: Option<Email>,
    /// The merchant's own notes.
    pub metadata: Option<Metadata>,
    /// What has arrived from this wallet in tokens of known price.
    pub total_spent: Cents,
    /// Payments that have arrived.
    pub transaction_count: u64,
    /// The first of them.
    pub first_seen_at: Option<Timestamp>,
    /// The last of them.
    pub last_seen_at: Option<Timestamp>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub version: u64,
}

impl Customer {
    /// A customer who has not paid yet.
    pub const fn new(id: CustomerId, owner: Owner, wallet_address: Address, now: Timestamp) -> Self {
        Self {
            id,
            owner,
            wallet_address,
            name: None,
            email: None,
            metadata: None,
            total_spent: Cents::ZERO,
            transaction_count: 0,
            first_seen_at: None,
            last_seen_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        }
    }

    /// Counts a payment. What its session said about the buyer fills what is not known yet, and overwrites nothing.
    pub fn count_payment(
        &mut self,
        worth: Option<Cents>,
        buyer: (Option<&CustomerName>, Option<&Email>),
        now: Timestamp,
    ) {
        self.total_spent = self.total_spent.plus(worth.unwrap_or(Cents::ZERO));
        self.transaction_count = self.transaction_count.saturating_add(1);
        self.first_seen_at = self.first_seen_at.or(Some(now));
        self.last_seen_at = Some(now);
        self.name = self.name.take().or_else(|| buyer.0.cloned());
        self.email = self.email.take().or_else(|| buyer.1.cloned());
        self.updated_at = now;
        self.version += 1;
    }
}
