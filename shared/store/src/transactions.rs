//! Transactions: one row each, and one that claims the transfer, so that it pays one session only, ever.

use crate::Write;
use crate::checkout_sessions::{open_buyer, seal_buyer};
use crate::db::{Db, Item, StoreError, read, row, string};
use crate::list::Listed;
use crate::schema::{self, Key, list_partition};
use crate::vault::Vault;
use anyspend_domain::chain::usd_value;
use anyspend_domain::link_form::ShippingOption;
use anyspend_domain::transaction::{Block, PaymentException, Transaction, TransactionStatus, TxHash};
use anyspend_domain::{
    Address, Amount, Cents, CheckoutSessionId, CustomerId, Metadata, Mode, OrgId, Owner, PaymentLinkId, Timestamp,
    TransactionId,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Columns of the list have names no other row uses, so that they make no other list longer.
#[derive(Debug, Serialize, Deserialize)]
struct StoredTransaction {
    id: TransactionId,
    org: OrgId,
    mode: Mode,
    status: TransactionStatus,
    amount: Amount,
    /// What the amount is worth, for lists that add it up; absent when it is not known.
    worth: Option<Cents>,
    #[serde(rename = "paid_with")]
    token_address: Address,
    #[serde(rename = "paid_on")]
    chain_id: u64,
    recipient_address: Address,
    payer_address: Option<Address>,
    tx_hash: TxHash,
    log_index: Option<u64>,
    block: Option<Block>,
    confirmations: u64,
    #[serde(rename = "paid_by")]
    customer_id: Option<CustomerId>,
    payment_link_id: Option<PaymentLinkId>,
    session_id: CheckoutSessionId,
    exception: Option<PaymentException>,
    /// The buyer, sealed; absent when nothing is known.
    buyer: Option<String>,
    shipping_option: Option<ShippingOption>,
    metadata: Option<Metadata>,
    created_at: Timestamp,
    confirmed_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    updated_at: Timestamp,
    version: u64,
}

/// What lists and sums need to know of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SlimTransaction {
    /// The transaction.
    #[serde(rename = "lsk")]
    pub id: TransactionId,
    /// How far it has come.
    pub status: TransactionStatus,
    /// What its amount is worth in US dollars, where that is known.
    pub worth: Option<Cents>,
    /// What was paid with.
    #[serde(rename = "paid_with")]
    pub token_address: Address,
    /// Where it was paid.
    #[serde(rename = "paid_on")]
    pub chain_id: u64,
    /// Who paid.
    #[serde(rename = "paid_by")]
    pub customer_id: Option<CustomerId>,
    /// The link that was paid.
    pub payment_link_id: Option<PaymentLinkId>,
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
    /// Whether a transaction is wanted.
    pub fn wants(&self, row: &SlimTransaction) -> bool {
        let seen = row.id.made_at();
        self.status.is_none_or(|status| row.status == status)
            && self.customer_id.as_ref().is_none_or(|customer| row.customer_id.as_ref() == Some(customer))
            && self.payment_link_id.as_ref().is_none_or(|link| row.payment_link_id.as_ref() == Some(link))
            && self.chain_id.is_none_or(|chain| row.chain_id == chain)
            && self.from.is_none_or(|from| seen >= from)
            && self.to.is_none_or(|to| seen <= to)
    }
}

#[derive(Serialize)]
struct StoredClaim<'a> {
    transaction_id: &'a TransactionId,
    session_id: &'a CheckoutSessionId,
}

fn stored(transaction: &Transaction, vault: &impl Vault) -> Result<Item, StoreError> {
    let attributes = StoredTransaction {
        id: transaction.id.clone(),
        org: transaction.owner.org.clone(),
        mode: transaction.owner.mode,
        status: transaction.status,
        amount: transaction.amount,
        worth: usd_value(&transaction.token_address, transaction.chain_id, transaction.amount),
        token_address: transaction.token_address.clone(),
        chain_id: transaction.chain_id,
        recipient_address: transaction.recipient_address.clone(),
        payer_address: transaction.payer_address.clone(),
        tx_hash: transaction.tx_hash.clone(),
        log_index: transaction.log_index,
        block: transaction.block.clone(),
        confirmations: transaction.confirmations,
        customer_id: transaction.customer_id.clone(),
        payment_link_id: transaction.payment_link_id.clone(),
        session_id: transaction.session_id.clone(),
        exception: transaction.exception,
        buyer: seal_buyer(&transaction.buyer, transaction.id.as_str(), vault)?,
        shipping_option: transaction.shipping_option.clone(),
        metadata: transaction.metadata.clone(),
        created_at: transaction.created_at,
        confirmed_at: transaction.confirmed_at,
        completed_at: transaction.completed_at,
        updated_at: transaction.updated_at,
        version: transaction.version,
    };
    let mut item = row(&Key::transaction(&transaction.id), &attributes)?;
    if transaction.owner.org != OrgId::anonymous() {
        Listed { owner: &transaction.owner, object: TransactionId::OBJECT, id: transaction.id.as_str() }
            .enter(&mut item);
    }
    Ok(item)
}

fn transaction(item: Item, vault: &impl Vault) -> Result<Transaction, StoreError> {
    let stored: StoredTransaction = read(item)?;
    let buyer = open_buyer(stored.buyer.as_deref(), stored.id.as_str(), vault)?;
    Ok(Transaction {
        id: stored.id,
        owner: Owner { org: stored.org, mode: stored.mode },
        status: stored.status,
        amount: stored.amount,
        token_address: stored.token_address,
        chain_id: stored.chain_id,
        recipient_address: stored.recipient_address,
        payer_address: stored.payer_address,
        tx_hash: stored.tx_hash,
        log_index: stored.log_index,
        block: stored.block,
        confirmations: stored.confirmations,
        customer_id: stored.customer_id,
        payment_link_id: stored.payment_link_id,
        session_id: stored.session_id,
        exception: stored.exception,
        buyer,
        shipping_option: stored.shipping_option,
        metadata: stored.metadata,
        created_at: stored.created_at,
        confirmed_at: stored.confirmed_at,
        completed_at: stored.completed_at,
        updated_at: stored.updated_at,
        version: stored.version,
    })
}

/// The write that records a transaction: a new one, or the next state of one that was read at `before`.
///
/// # Errors
/// When it cannot be sealed or stored, which is a fault of ours.
pub fn record(transaction: &Transaction, before: Option<u64>, vault: &impl Vault) -> Result<Write, StoreError> {
    let item = stored(transaction, vault)?;
    Ok(match before {
        None => Write::create(item),
        Some(version) => Write::replace_at_version(item, version),
    })
}

/// The write that claims a transfer for a session. [`crate::Refusal::Claimed`] means that it has paid one already.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn claim(transaction: &Transaction) -> Result<Write, StoreError> {
    let key = Key::claim(transaction.chain_id, &transaction.tx_hash, transaction.log_index);
    let claim = StoredClaim { transaction_id: &transaction.id, session_id: &transaction.session_id };
    Ok(Write::claim(row(&key, &claim)?))
}

impl Db {
    /// The transaction with this id, whoever owns it.
    ///
    /// # Errors
    /// When the table does not answer, or the buyer cannot be opened.
    pub async fn find_transaction(
        &self,
        id: &TransactionId,
        vault: &impl Vault,
    ) -> Result<Option<Transaction>, StoreError> {
        self.get(&Key::transaction(id), true).await?.map(|item| transaction(item, vault)).transpose()
    }

    /// What lists and sums need to know of every transaction of an owner, oldest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_slim_transactions(&self, owner: &Owner) -> Result<Vec<SlimTransaction>, StoreError> {
        let rows = self.list_rows(&list_partition(owner, TransactionId::OBJECT)).await?;
        rows.into_iter().map(read).collect()
    }

    /// The whole transactions of a page, in its order.
    ///
    /// # Errors
    /// When the table does not answer, or a buyer cannot be opened.
    pub async fn get_transactions(
        &self,
        page: &[TransactionId],
        vault: &impl Vault,
    ) -> Result<Vec<Transaction>, StoreError> {
        let keys: Vec<Key> = page.iter().map(Key::transaction).collect();
        let items = self.batch_get(&keys).await?;
        let mut by_key: HashMap<String, Item> =
            items.into_iter().map(|item| (string(&item, schema::PK).to_owned(), item)).collect();
        keys.iter().filter_map(|key| by_key.remove(&key.pk)).map(|item| transaction(item, vault)).collect()
    }
}
