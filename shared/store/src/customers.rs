//! Customers: one row each, found by its id and by its wallet alike. Name and e-mail are sealed, and found by keyed hashes.

use crate::Write;
use crate::db::{Db, Item, StoreError, read, row, string};
use crate::list::Listed;
use crate::schema::{self, Key, list_partition};
use crate::vault::Vault;
use anyspend_domain::customer::Customer;
use anyspend_domain::text::{CustomerName, Email, fold_case};
use anyspend_domain::{Address, Cents, CustomerId, Locator, Metadata, Mode, OrgId, Owner, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Fewest characters of a wallet that a search finds it by: fewer would find half of the list.
pub const MIN_WALLET_SEARCH: usize = 6;

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

/// What a list needs to know of a customer before it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SlimCustomer {
    /// The customer.
    #[serde(rename = "lsk")]
    pub id: CustomerId,
    /// What has arrived from it.
    pub total_spent: Cents,
    /// Payments that have arrived.
    pub transaction_count: u64,
    /// When the record last changed.
    pub updated_at: Timestamp,
    wallet_address: Address,
    name_hash: Option<String>,
    email_hash: Option<String>,
}

/// What a search for customers looks for: an exact e-mail address, name or wallet, whatever the case, or how a wallet
/// begins. Names and e-mail addresses are sealed, so nothing less than the whole of one can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerSearch {
    wallet: Option<String>,
    name_hash: String,
    email_hash: String,
}

impl CustomerSearch {
    /// A search of an owner's customers.
    ///
    /// # Errors
    /// When the deployment has no secret, which is a fault of ours.
    pub fn new(owner: &Owner, text: &str, vault: &impl Vault) -> Result<Self, StoreError> {
        let long_enough = text.chars().count() >= MIN_WALLET_SEARCH;
        Ok(Self {
            wallet: long_enough.then(|| text.to_ascii_lowercase()),
            name_hash: blind(vault, owner, NAME, text)?,
            email_hash: blind(vault, owner, EMAIL, text)?,
        })
    }

    /// Whether it finds a customer.
    pub fn finds(&self, row: &SlimCustomer) -> bool {
        row.name_hash.as_ref() == Some(&self.name_hash)
            || row.email_hash.as_ref() == Some(&self.email_hash)
            || self.wallet.as_ref().is_some_and(|wallet| row.wallet_address.lower_case().starts_with(wallet))
    }
}

/// The columns that are hashed: equal texts of two columns do not look equal.
const NAME: &str = "name";
const EMAIL: &str = "email";

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
        name_hash: hash(NAME, customer.name.as_ref().map(CustomerName::as_str))?,
        email_hash: hash(EMAIL, customer.email.as_ref().map(Email::as_str))?,
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
/// `before`. A customer who was erased meanwhile is not written again, not even where another one has the wallet now.
///
/// # Errors
/// When it cannot be sealed or stored, which is a fault of ours.
pub fn record(customer: &Customer, before: Option<u64>, vault: &impl Vault) -> Result<Write, StoreError> {
    let item = stored(customer, vault)?;
    Ok(match before {
        None => Write::create(item),
        Some(version) => Write::replace_same(item, customer.id.as_str(), version),
    })
}

/// The write that erases a customer: name, e-mail and their hashes are gone with the row.
pub fn erase(id: &CustomerId) -> Write {
    Write::delete_same(Key::customer(&id.locator()), id.as_str())
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

    /// What lists need to know of every customer of an owner, oldest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_slim_customers(&self, owner: &Owner) -> Result<Vec<SlimCustomer>, StoreError> {
        let rows = self.list_rows(&list_partition(owner, CustomerId::OBJECT)).await?;
        rows.into_iter().map(read).collect()
    }

    /// The whole customers of a page, in its order; who was erased meanwhile is left out.
    ///
    /// # Errors
    /// When the table does not answer, or a name cannot be opened.
    pub async fn get_customers(&self, page: &[CustomerId], vault: &impl Vault) -> Result<Vec<Customer>, StoreError> {
        let keys: Vec<Key> = page.iter().map(|id| Key::customer(&id.locator())).collect();
        let items = self.batch_get(&keys).await?;
        let mut by_key: HashMap<String, Item> =
            items.into_iter().map(|item| (string(&item, schema::PK).to_owned(), item)).collect();
        let found = keys.iter().filter_map(|key| by_key.remove(&key.pk)).map(|item| customer(item, vault));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        // Another customer may have the wallet of one that was erased.
        Ok(found.into_iter().filter(|customer| page.contains(&customer.id)).collect())
    }
}
