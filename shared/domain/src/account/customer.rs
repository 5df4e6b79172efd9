//! A wallet that has paid a merchant, or that the merchant knows.

use crate::metadata::MetadataPatch;
use crate::money::Cents;
use crate::text::{CustomerName, Email};
use crate::values::is_default;
use crate::{Address, CustomerId, Metadata, Owner, Patch, Problem, Rejection, Sealed, Timestamp};
use serde::{Deserialize, Serialize};

/// Who stands behind a wallet, as far as the merchant or a buyer said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name.
    pub name: Option<CustomerName>,
    /// E-mail address.
    pub email: Option<Email>,
}

/// A merchant's customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// `cust_…`; ends with the locator of the wallet.
    pub id: CustomerId,
    /// Whose customer it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// Who pays. Unique per owner, and never changes.
    pub wallet_address: Address,
    /// Who stands behind the wallet.
    #[serde(default, skip_serializing_if = "is_default")]
    pub person: Sealed<Person>,
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

/// What a merchant says about a customer, field by field. The wallet is not among it: it is who the customer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the one of the same name in `Customer`")]
pub struct CustomerPatch {
    pub name: Patch<CustomerName>,
    pub email: Patch<Email>,
    pub metadata: Patch<MetadataPatch>,
}

impl Customer {
    /// A customer the merchant makes known.
    ///
    /// # Errors
    /// Every problem of the request at once.
    pub fn create(
        id: CustomerId,
        owner: Owner,
        wallet_address: Address,
        patch: CustomerPatch,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        let mut problems = Vec::new();
        if wallet_address.is_zero() {
            problems.push(Problem::invalid("wallet_address", "must not be the zero address, which nobody pays from"));
        }
        let mut customer = Self::new(id, owner, wallet_address, now);
        if let Err(refused) = customer.update(patch, now) {
            problems.extend(refused.into_problems());
        }
        Rejection::unless_empty(problems)?;
        Ok(customer)
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// Every problem at once; the customer is then left in an unspecified state and must not be kept.
    pub fn update(&mut self, patch: CustomerPatch, now: Timestamp) -> Result<(), Rejection> {
        patch.name.apply(&mut self.person.name);
        patch.email.apply(&mut self.person.email);
        Metadata::apply(&mut self.metadata, patch.metadata);
        self.updated_at = now;
        self.version += 1;
        Rejection::unless_empty(self.metadata.iter().filter_map(Metadata::problem).collect())
    }

    /// Whether an answer that shows this customer names a person.
    pub fn names_somebody(&self) -> bool {
        *self.person != Person::default()
    }

    /// A customer who has not paid yet.
    pub fn new(id: CustomerId, owner: Owner, wallet_address: Address, now: Timestamp) -> Self {
        Self {
            id,
            owner,
            wallet_address,
            person: Sealed::default(),
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
        self.person.name = self.person.name.take().or_else(|| buyer.0.cloned());
        self.person.email = self.person.email.take().or_else(|| buyer.1.cloned());
        self.updated_at = now;
        self.version += 1;
    }
}
