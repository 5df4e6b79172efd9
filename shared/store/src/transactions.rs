//! Transactions: one row each, and one that claims the transfer, so that it pays one session only, ever.

use crate::db::{Db, StoreError, open, row, sealed_row};
use crate::list::{
    self, Columns, Facet, IdShape, KeyRange, ListId, ListRow, Selection, Sort, Suffix, keys, packed_link, unpacked_link,
};
use crate::schema::Key;
use crate::vault::Vault;
use crate::{Refusal, Write};
use anyspend_domain::chain::usd_value;
use anyspend_domain::matching::Scope;
use anyspend_domain::transaction::{Transaction, TransactionStatus};
use anyspend_domain::{Cents, CheckoutSessionId, CustomerId, OrgId, Owner, PaymentLinkId, Timestamp, TransactionId};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// What lists and sums know of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionColumns {
    /// How far it has come.
    pub status: TransactionStatus,
    /// What its amount is worth in US dollars, where that is known.
    pub worth: Option<Cents>,
    /// Where it was paid.
    pub chain_id: u64,
    /// What was paid with, as the bytes of its address.
    pub token: [u8; 20],
    /// The packed id of the customer; empty without one.
    customer: Vec<u8>,
    /// The packed id of the link; empty without one.
    link: Vec<u8>,
}

impl TransactionColumns {
    /// The columns of a transaction.
    pub fn of(transaction: &Transaction) -> Self {
        Self {
            status: transaction.status,
            worth: usd_value(&transaction.token_address, transaction.chain_id, transaction.amount),
            chain_id: transaction.chain_id,
            token: *transaction.token_address.bytes(),
            customer: transaction.customer_id.as_ref().map(packed_customer).unwrap_or_default(),
            link: transaction.payment_link_id.as_ref().map(packed_link).unwrap_or_default(),
        }
    }

    /// The id of the link that was paid.
    pub fn payment_link_id(&self) -> Option<String> {
        unpacked_link(&self.link)
    }
}

fn packed_customer(id: &CustomerId) -> Vec<u8> {
    IdShape { prefix: CustomerId::PREFIX, suffix: Suffix::Locator }.pack(id.as_str()).unwrap_or_default()
}

/// The filters of lists of transactions: by status, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the status of its transactions")]
pub enum TransactionFacet {
    #[default]
    All,
    Pending,
    Confirming,
    Completed,
    Failed,
}

impl TransactionFacet {
    /// The facet of a status.
    pub const fn of(status: TransactionStatus) -> Self {
        match status {
            TransactionStatus::Pending => Self::Pending,
            TransactionStatus::Confirming => Self::Confirming,
            TransactionStatus::Completed => Self::Completed,
            TransactionStatus::Failed => Self::Failed,
        }
    }
}

impl Facet<TransactionColumns> for TransactionFacet {
    fn holds(self, transaction: &TransactionColumns, _: Timestamp) -> bool {
        self == Self::All || self == Self::of(transaction.status)
    }
}

/// The orders of lists of transactions: of creation, or of what stands together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "each is what it sorts by")]
pub enum TransactionSort {
    #[default]
    CreatedAt,
    Customer,
    Link,
    Chain,
}

impl Sort<TransactionColumns> for TransactionSort {
    fn key(self, transaction: &TransactionColumns, _: Timestamp) -> Vec<u8> {
        match self {
            Self::CreatedAt => keys::created(),
            Self::Customer => transaction.customer.clone(),
            Self::Link => transaction.link.clone(),
            Self::Chain => keys::number(transaction.chain_id),
        }
    }
}

impl Columns for TransactionColumns {
    const OBJECT: &'static str = TransactionId::OBJECT;
    const ID: IdShape = IdShape { prefix: TransactionId::PREFIX, suffix: Suffix::None };
    type Facet = TransactionFacet;
    type Sort = TransactionSort;
    const TELL_ALL: bool = false;
}

/// Which transactions are wanted; nothing set wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    /// Only those that have come this far.
    pub status: Option<TransactionStatus>,
    /// Only this customer's.
    pub customer_id: Option<CustomerId>,
    /// Only of this link.
    pub payment_link_id: Option<PaymentLinkId>,
    /// Only on this chain.
    pub chain_id: Option<u64>,
    /// Only those first seen at this moment or later.
    pub from: Option<Timestamp>,
    /// Only those first seen at this moment or earlier.
    pub to: Option<Timestamp>,
}

impl TransactionFilter {
    /// The facet of the status that is wanted, or of all.
    pub fn facet(&self) -> TransactionFacet {
        self.status.map_or(TransactionFacet::All, TransactionFacet::of)
    }

    /// The order in which what is wanted stands together, and where in it.
    pub fn part(&self) -> (TransactionSort, KeyRange) {
        let (sort, prefix) = match (&self.customer_id, &self.payment_link_id, self.chain_id) {
            (Some(customer), _, _) => (TransactionSort::Customer, packed_customer(customer)),
            (None, Some(link), _) => (TransactionSort::Link, packed_link(link)),
            (None, None, Some(chain)) => (TransactionSort::Chain, keys::number(chain)),
            (None, None, None) => (TransactionSort::CreatedAt, Vec::new()),
        };
        (sort, KeyRange::made::<TransactionColumns>(&prefix, self.from, self.to))
    }

    /// Whether what is wanted stands together in no order, so that each transaction is looked at.
    pub fn is_narrower_than_a_part(&self) -> bool {
        let narrowed = [self.customer_id.is_some(), self.payment_link_id.is_some(), self.chain_id.is_some()];
        narrowed.into_iter().filter(|narrowed| *narrowed).count() > 1
    }

    /// Whether a transaction is wanted, by what neither a facet nor a part asks for.
    pub fn finds(&self) -> impl Fn(&str, &TransactionColumns) -> bool + Send + Sync + 'static {
        let customer = self.customer_id.as_ref().map(packed_customer);
        let link = self.payment_link_id.as_ref().map(packed_link);
        let chain = self.chain_id;
        move |_, row| {
            customer.as_ref().is_none_or(|customer| row.customer == *customer)
                && link.as_ref().is_none_or(|link| row.link == *link)
                && chain.is_none_or(|chain| row.chain_id == chain)
        }
    }
}

#[derive(Serialize)]
struct StoredClaim<'a> {
    transaction_id: &'a TransactionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a CheckoutSessionId>,
}

/// The writes that record a transaction: a new one, or the next state of one that was read as it was `before`.
pub fn record(
    transaction: &Transaction,
    before: Option<&Transaction>,
    vault: &impl Vault,
) -> Result<Vec<Write>, StoreError> {
    let item = sealed_row(&Key::transaction(&transaction.id), transaction, vault)?;
    let mut writes = vec![match before {
        None => Write::put(item).if_new(),
        Some(before) => Write::put(item).at_version(before.version),
    }];
    // Nobody lists what is nobody's.
    if transaction.owner.org != OrgId::anonymous() {
        let (was, is) = (before.map(TransactionColumns::of), TransactionColumns::of(transaction));
        let list = ListId::all::<TransactionColumns>(&transaction.owner);
        let (id, version) = (transaction.id.as_str(), transaction.version);
        writes.extend(list::changed(&list, id, version, was.as_ref(), Some(&is), transaction.updated_at)?);
    }
    Ok(writes)
}

/// The write that claims a transfer for a session, among all live organizations or within its own scope.
/// [`crate::Refusal::Claimed`] means that it has paid one there already.
pub fn claim(transaction: &Transaction, scope: &Scope) -> Result<Write, StoreError> {
    let key = Key::claim(transaction.chain_id, &transaction.tx_hash, transaction.log_index, scope);
    let claim = StoredClaim { transaction_id: &transaction.id, session_id: transaction.session_id.as_ref() };
    Ok(Write::put(row(&key, &claim)?).if_new().refused_as(Refusal::Claimed))
}

impl Db {
    /// The transaction with this id, whoever owns it.
    pub async fn find_transaction(
        &self,
        id: &TransactionId,
        vault: &impl Vault,
    ) -> Result<Option<Transaction>, StoreError> {
        self.find_sealed(&Key::transaction(id), vault).await
    }

    /// The transactions of an owner that have a wanted status and were first seen in a wanted span of time, newest first, at
    /// most `most`.
    pub async fn find_transactions(
        &self,
        owner: &Owner,
        filter: &TransactionFilter,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<ListRow>, StoreError> {
        let (sort, range) = filter.part();
        let selection = Selection { sort, range, descending: true, limit: most, ..Selection::of(filter.facet()) };
        let list = ListId::all::<TransactionColumns>(owner);
        Box::pin(self.walk_list::<TransactionColumns>(&list, selection, now)).await
    }

    /// The whole transactions of a page of a list, in its order.
    pub async fn get_transactions(&self, page: &[ListRow], vault: &impl Vault) -> Result<Vec<Transaction>, StoreError> {
        let key = |id: &str| TransactionId::parse(id).as_ref().map(Key::transaction);
        self.get_page(page, key).await?.into_iter().map(|item| open(item, vault)).collect()
    }
}
