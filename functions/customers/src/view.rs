//! A customer in an answer.

use anyspend_api::versions::{Addr, Time};
use anyspend_domain::customer::Customer;
use anyspend_domain::{CustomerId, Metadata};
use serde::Serialize;
use utoipa::ToSchema;

/// A customer, under the names of the API and of the official client.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomerView {
    /// `cust_…`
    id: String,
    /// `customer`
    #[schema(examples("customer"))]
    object: &'static str,
    /// Whether it pays with real money.
    livemode: bool,
    /// Who pays. Unique, and never changes.
    wallet_address: Addr,
    /// Its name; sealed where it is stored.
    name: Option<String>,
    /// Its e-mail address; sealed where it is stored.
    email: Option<String>,
    /// The merchant's own notes.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    metadata: Option<Metadata>,
    /// What has arrived from it in tokens of known price, in US dollars with two places.
    total_spent: String,
    /// Payments that have arrived.
    transaction_count: u64,
    /// When the first of them arrived.
    first_seen_at: Option<Time>,
    /// When the last of them arrived.
    last_seen_at: Option<Time>,
    /// When the record was made.
    created_at: Time,
    /// When it last changed, by a payment or by the merchant.
    updated_at: Time,
}

impl CustomerView {
    pub(crate) fn new(customer: &Customer) -> Self {
        let (first, last) = (customer.first_seen_at.map(Time), customer.last_seen_at.map(Time));
        Self {
            id: customer.id.to_string(),
            object: CustomerId::OBJECT,
            livemode: customer.owner.mode.is_live(),
            wallet_address: Addr(customer.wallet_address.clone()),
            name: customer.person.name.as_ref().map(|name| name.as_str().to_owned()),
            email: customer.person.email.as_ref().map(|email| email.as_str().to_owned()),
            metadata: customer.metadata.clone(),
            total_spent: customer.total_spent.to_string(),
            transaction_count: customer.transaction_count,
            first_seen_at: first,
            last_seen_at: last,
            created_at: Time(customer.created_at),
            updated_at: Time(customer.updated_at),
        }
    }
}
