//! Customers: one row each, found by its id and by its wallet alike. Name and e-mail are sealed, and found by keyed hashes.

use crate::Write;
use crate::db::{Db, StoreError, open, sealed_row};
use crate::list::{self, Columns, Facet, IdShape, KeyRange, ListId, ListRow, Selection, Sort, Suffix, keys};
use crate::schema::Key;
use crate::vault::{Blind, Vault};
use anyspend_domain::customer::Customer;
use anyspend_domain::pasted::{self, findable, fold_case, machine_form};
use anyspend_domain::text::{CustomerName, Email};
use anyspend_domain::{Address, Cents, CustomerId, Locator, Owner, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Fewest characters of a wallet that a search finds it by: fewer would find half of the list.
pub const MIN_WALLET_SEARCH: usize = 6;

/// What lists know of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerColumns {
    total_spent: Cents,
    transaction_count: u64,
    /// Milliseconds from when the record was made to when it last changed.
    updated_after: u64,
    /// Whom a search finds by it; absent from what is told of the state before a change.
    whom: Option<Whom>,
}

/// What a customer is found by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Whom {
    wallet: [u8; 20],
    name: Option<Blind>,
    email: Option<Blind>,
}

impl CustomerColumns {
    /// The columns of a customer.
    pub fn of(customer: &Customer, vault: &impl Vault) -> Result<Self, StoreError> {
        let hash =
            |column: &str, text: Option<&str>| text.map(|text| blind(vault, &customer.owner, column, text)).transpose();
        let whom = Whom {
            wallet: *customer.wallet_address.bytes(),
            name: hash(NAME, customer.person.name.as_ref().map(CustomerName::as_str))?,
            email: hash(EMAIL, customer.person.email.as_ref().map(Email::as_str))?,
        };
        Ok(Self {
            total_spent: customer.total_spent,
            transaction_count: customer.transaction_count,
            updated_after: customer.updated_at.millis_since(customer.id.made_at()),
            whom: Some(whom),
        })
    }
}

/// The one filter of lists of customers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum CustomerFacet {
    /// Everybody.
    #[default]
    All,
}

impl Facet<CustomerColumns> for CustomerFacet {
    fn holds(self, _: &CustomerColumns, _: Timestamp) -> bool {
        true
    }
}

/// The orders of lists of customers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "each is what it sorts by")]
pub enum CustomerSort {
    #[default]
    CreatedAt,
    UpdatedAt,
    TotalSpent,
    TransactionCount,
}

impl Sort<CustomerColumns> for CustomerSort {
    fn key(self, customer: &CustomerColumns, made_at: Timestamp) -> Vec<u8> {
        match self {
            Self::CreatedAt => keys::created(),
            Self::UpdatedAt => keys::moment(made_at.plus_millis(customer.updated_after)),
            Self::TotalSpent => customer.total_spent.sortable(),
            Self::TransactionCount => keys::number(customer.transaction_count),
        }
    }
}

impl Columns for CustomerColumns {
    const OBJECT: &'static str = CustomerId::OBJECT;
    const ID: IdShape = IdShape { prefix: CustomerId::PREFIX, suffix: Suffix::Locator };
    type Facet = CustomerFacet;
    type Sort = CustomerSort;

    fn forgets(&self, is: Option<&Self>) -> bool {
        let hashes = |columns: &Self| columns.whom.as_ref().map_or([None; 2], |whom| [whom.name, whom.email]);
        let now = is.map_or([None; 2], hashes);
        hashes(self).iter().zip(now).any(|(was, is)| was.is_some() && *was != is)
    }

    fn without_texts(self) -> Self {
        Self { whom: None, ..self }
    }
}

/// What a search for customers looks for: an exact e-mail address, name or wallet, whatever the case, or how a wallet
/// begins. Names and e-mail addresses are sealed, so nothing less than the whole of one can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerSearch {
    /// The hexadecimal digits a wallet begins with.
    wallet: Option<Vec<u8>>,
    /// The hashes a name may have: of what was sought, and as names were hashed before texts were folded.
    names: Vec<Blind>,
    /// The same of an e-mail address.
    emails: Vec<Blind>,
}

impl CustomerSearch {
    /// A search of an owner's customers.
    pub fn new(owner: &Owner, text: &str, vault: &impl Vault) -> Result<Self, StoreError> {
        let wallet = machine_form(text);
        let long_enough = wallet.chars().count() >= MIN_WALLET_SEARCH;
        let spelled =
            [findable(text), fold_case(text), fold_case(&pasted::decomposed(text)), fold_case(&pasted::composed(text))];
        let hashes = |column| {
            let mut hashes = Vec::new();
            for (index, text) in spelled.iter().enumerate() {
                if !spelled[..index].contains(text) {
                    hashes.push(hash(vault, owner, column, text)?);
                }
            }
            Ok::<_, StoreError>(hashes)
        };
        Ok(Self {
            wallet: wallet_digits(&wallet).filter(|_| long_enough),
            names: hashes(NAME)?,
            emails: hashes(EMAIL)?,
        })
    }

    /// Whether it finds a customer.
    pub fn finds(&self, columns: &CustomerColumns) -> bool {
        columns.whom.as_ref().is_some_and(|whom| {
            whom.name.is_some_and(|name| self.names.contains(&name))
                || whom.email.is_some_and(|email| self.emails.contains(&email))
                || self.wallet.as_ref().is_some_and(|digits| begins_with(&whom.wallet, digits))
        })
    }
}

/// The digits of a wallet, or of its beginning, whatever their case.
fn wallet_digits(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.to_ascii_lowercase().strip_prefix("0x")?.bytes().map(digit).collect()
}

fn begins_with(wallet: &[u8; 20], digits: &[u8]) -> bool {
    let mut known = wallet.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.iter().all(|digit| known.next() == Some(*digit))
}

/// The columns that are hashed: equal texts of two columns do not look equal.
const NAME: &str = "name";
const EMAIL: &str = "email";

/// Where a wallet's customer record is.
pub fn locator(owner: &Owner, wallet: &Address) -> Locator {
    Locator::of(CustomerId::OBJECT, owner, &wallet.lower_case())
}

/// The keyed hash a name or an e-mail is found by, however it is typed.
fn blind(vault: &impl Vault, owner: &Owner, column: &str, text: &str) -> Result<Blind, StoreError> {
    hash(vault, owner, column, &findable(text))
}

fn hash(vault: &impl Vault, owner: &Owner, column: &str, text: &str) -> Result<Blind, StoreError> {
    vault.blind(&format!("{column}\n{}\n{}", owner.org, owner.mode.as_str()), text)
}

/// The writes that record a customer: a new one, which claims its wallet, or the next state of the one that was `before`.
/// A customer who was erased meanwhile is not written again, not even where another one has the wallet now.
pub fn record(customer: &Customer, before: Option<&Customer>, vault: &impl Vault) -> Result<Vec<Write>, StoreError> {
    let item = sealed_row(&Key::customer(&customer.id.locator()), customer, vault)?;
    let mut writes = vec![match before {
        None => Write::put(item).if_new(),
        Some(before) => Write::put(item).of_id(before.id.as_str()).at_version(before.version),
    }];
    let was = before.map(|before| CustomerColumns::of(before, vault)).transpose()?;
    let is = CustomerColumns::of(customer, vault)?;
    let list = ListId::all::<CustomerColumns>(&customer.owner);
    let (id, version) = (customer.id.as_str(), customer.version);
    writes.extend(list::changed(&list, id, version, was.as_ref(), Some(&is), customer.updated_at)?);
    Ok(writes)
}

/// The writes that erase a customer who is as it was read: name and e-mail are gone with the row, and their hashes with
/// the next look after the list.
pub fn erase(customer: &Customer, vault: &impl Vault, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let (id, version) = (customer.id.as_str(), customer.version);
    let mut writes = vec![Write::delete(Key::customer(&customer.id.locator())).of_id(id).at_version(version)];
    let list = ListId::all::<CustomerColumns>(&customer.owner);
    let was = CustomerColumns::of(customer, vault)?;
    writes.extend(list::changed(&list, id, version + 1, Some(&was), None, now)?);
    Ok(writes)
}

impl Db {
    /// The customer with this id, whoever owns it.
    pub async fn find_customer(&self, id: &CustomerId, vault: &impl Vault) -> Result<Option<Customer>, StoreError> {
        Ok(self.find_customer_at(&id.locator(), vault).await?.filter(|customer| customer.id == *id))
    }

    /// The customer whose wallet this is.
    pub async fn find_customer_by_wallet(
        &self,
        owner: &Owner,
        wallet: &Address,
        vault: &impl Vault,
    ) -> Result<Option<Customer>, StoreError> {
        self.find_customer_at(&locator(owner, wallet), vault).await
    }

    async fn find_customer_at(&self, locator: &Locator, vault: &impl Vault) -> Result<Option<Customer>, StoreError> {
        self.find_sealed(&Key::customer(locator), vault).await
    }

    /// The customers of an owner that were made from `from` to `to`, newest first, at most `most`.
    pub async fn find_customers(
        &self,
        owner: &Owner,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<ListRow>, StoreError> {
        let range = KeyRange::made::<CustomerColumns>(&[], from, to);
        let selection = Selection { range, descending: true, limit: most, ..Selection::of(CustomerFacet::All) };
        let list = ListId::all::<CustomerColumns>(owner);
        Box::pin(self.walk_list::<CustomerColumns>(&list, selection, now)).await
    }

    /// The whole customers of a page, in its order; who was erased meanwhile is left out.
    pub async fn get_customers(&self, page: &[ListRow], vault: &impl Vault) -> Result<Vec<Customer>, StoreError> {
        let key = |id: &str| CustomerId::parse(id).map(|id| Key::customer(&id.locator()));
        self.get_page(page, key).await?.into_iter().map(|item| open(item, vault)).collect()
    }
}
