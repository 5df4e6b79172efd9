//! Transactions: one row each, and one that claims the transfer, so that it pays one session only, ever.

use crate::Write;
use crate::checkout_sessions::{open_buyer, seal_buyer};
use crate::db::{Db, Item, StoreError, read, row};
use crate::list::Listed;
use crate::schema::Key;
use crate::vault::Vault;
use anyspend_domain::link_form::ShippingOption;
use anyspend_domain::transaction::{Block, PaymentException, Transaction, TransactionStatus, TxHash};
use anyspend_domain::{
    Address, Amount, CheckoutSessionId, CustomerId, Metadata, Mode, OrgId, Owner, PaymentLinkId, Timestamp,
    TransactionId,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct StoredTransaction {
    id: TransactionId,
    org: OrgId,
    mode: Mode,
    status: TransactionStatus,
    amount: Amount,
    token_address: Address,
    chain_id: u64,
    recipient_address: Address,
    payer_address: Option<Address>,
    tx_hash: TxHash,
    log_index: Option<u64>,
    block: Option<Block>,
    confirmations: u64,
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
}
