//! Customers: one row each, found by its id and by its wallet alike. Name and e-mail are sealed, and found by keyed hashes.

use crate::Write;
use crate::db::{Db, Item, StoreError, read, row};
use crate::list::Listed;
use crate::schema::Key;
use crate::vault::Vault;
use anyspend_domain::customer::Customer;
use anyspend_domain::text::{CustomerName, Email, fold_case};
use anyspend_domain::{Address, Cents, CustomerId, Locator, Metadata, Mode, OrgId, Owner, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct StoredCustomer {
    id: CustomerId,
    org: OrgId,
    mode: Mode,
    wallet_address: Address,
    /// Name and e-mail, sealed; absent when neither is known.
    person: Option<String>,
    name_hash: Option<String>,
    email_hash: Option<String>,
    metadata: Option<Metadata>,
    total_spent: Cents,
    transaction_count: u64,
    first_seen_at: Option<Timestamp>,
    last_seen_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
}

/// What is sealed of a customer.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Person {
    name: Option<CustomerName>,
    email: Option<Email>,
}

/// Where a wallet's customer record is.
pub fn locator(owner: &Owner, wallet: &Address) -> Locator {
    Locator::of(CustomerId::OBJECT, owner, &wallet.lower_case())
}

/// The keyed hash a name or an e-mail is found by, whatever its case.
fn blind(vault: &impl Vault, owner: &Owner, column: &str, text: &str) -> Result<String, StoreError> {
    vault.blind(&format!("{column}\n{}\n{}", owner.org, owner.mode.as_str()), &fold_case(text))
}

fn stored(customer: &Customer, vault: &impl Vault) -> Result<Item, StoreError> {
    let person = Person { name: customer.name.clone(), email: customer.email.clone() };
    let hash =
        |column: &str, text: Option<&str>| text.map(|text| blind(vault, &customer.owner, column, text)).transpose();
    let attributes = StoredCustomer {
        id: customer.id.clone(),
        org: customer.owner.org.clone(),
        mode: customer.owner.mode,
        wallet_address: customer.wallet_address.clone(),
        name_hash: hash("name", customer.name.as_ref().map(CustomerName::as_str))?,
        email_hash: hash("email", customer.email.as_ref().map(Email::as_str))?,
        person: (person != Person::default()).then(|| vault.seal(&person, customer.id.as_str())).transpose()?,
        metadata: customer.metadata.clone(),
        total_spent: customer.total_spent,
        transaction_count: customer.transaction_count,
        first_seen_at: customer.first_seen_at,
        last_seen_at: customer.last_seen_at,
        created_at: customer.created_at,
        updated_at: customer.updated_at,
        version: customer.version,
    };
    let mut item = row(&Key::customer(&customer.id.locator()), &attributes)?;
    Listed { owner: &customer.owner, object: CustomerId::OBJECT, id: customer.id.as_str() }.enter(&mut item);
    Ok(item)
}

fn customer(item: Item, vault: &impl Vault) -> Result<Customer, StoreError> {
    let stored: StoredCustomer = read(item)?;
    let person: Person =
        stored.person.map(|sealed| vault.open(&sealed, stored.id.as_str())).transpose()?.unwrap_or_default();
    Ok(Customer {
        id: stored.id,
        owner: Owner { org: stored.org, mode: stored.mode },
        wallet_address: stored.wallet_address,
        name: person.name,
        email: person.email,
        metadata: stored.metadata,
        total_spent: stored.total_spent,
        transaction_count: stored.transaction_count,
        first_seen_at: stored.first_seen_at,
        last_seen_at: stored.last_seen_at,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
        version: stored.version,
    })
}

/// The write that records a customer: a new one, which claims its wallet, or the next state of one that was read at
/// `before`.
///
/// # Errors
/// When it cannot be sealed or stored, which is a fault of ours.
pub fn record(customer: &Customer, before: Option<u64>, vault: &impl Vault) -> Result<Write, StoreError> {
    let item = stored(customer, vault)?;
    Ok(match before {
        None => Write::create(item),
        Some(version) => Write::replace_at_version(item, version),
    })
}

impl Db {
    /// The customer with this id, whoever owns it.
    ///
    /// # Errors
    /// When the table does not answer, or the name cannot be opened.
    pub async fn find_customer(&self, id: &CustomerId, vault: &impl Vault) -> Result<Option<Customer>, StoreError> {
        Ok(self.find_customer_at(&id.locator(), vault).await?.filter(|customer| customer.id == *id))
    }

    /// The customer whose wallet this is.
    ///
    /// # Errors
    /// When the table does not answer, or the name cannot be opened.
    pub async fn find_customer_by_wallet(
        &self,
        owner: &Owner,
        wallet: &Address,
        vault: &impl Vault,
    ) -> Result<Option<Customer>, StoreError> {
        self.find_customer_at(&locator(owner, wallet), vault).await
    }

    async fn find_customer_at(&self, locator: &Locator, vault: &impl Vault) -> Result<Option<Customer>, StoreError> {
        self.get(&Key::customer(locator), true).await?.map(|item| customer(item, vault)).transpose()
    }
}
