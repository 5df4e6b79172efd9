//! Checkout sessions: one row each, with the buyer's e-mail and name sealed.

use crate::db::{Db, Item, StoreError, read, row, string};
use crate::list::Listed;
use crate::schema::{self, Key, list_partition};
use crate::vault::Vault;
use crate::{Write, discount_codes};
use anyspend_domain::buyer::Buyer;
use anyspend_domain::checkout_session::{
    AppliedDiscount, Attribution, Bounds, CheckoutSession, FailureReason, Status, status_at,
};
use anyspend_domain::link_form::ShippingOption;
use anyspend_domain::text::ClientReference;
use anyspend_domain::transaction::TxHash;
use anyspend_domain::web_url::WebUrl;
use anyspend_domain::{
    Address, Amount, CheckoutSessionId, CustomerId, Metadata, Mode, OrgId, Owner, PaymentLinkId, ProductId, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

#[derive(Debug, Serialize, Deserialize)]
struct StoredSession {
    id: CheckoutSessionId,
    org: OrgId,
    mode: Mode,
    status: Status,
    payment_link_id: Option<PaymentLinkId>,
    product_id: Option<ProductId>,
    token_address: Address,
    chain_id: u64,
    recipient_address: Address,
    amount: Option<Amount>,
    bounds: Option<Bounds>,
    discount: Option<AppliedDiscount>,
    shipping_option: Option<ShippingOption>,
    extra: Option<u64>,
    reports: Option<u64>,
    amount_received: Option<Amount>,
    success_url: Option<WebUrl>,
    cancel_url: Option<WebUrl>,
    ignored_urls: Option<Vec<String>>,
    client_reference_id: Option<ClientReference>,
    metadata: Option<Metadata>,
    /// The buyer, sealed; absent when nothing is known.
    buyer: Option<String>,
    attribution: Option<Attribution>,
    payer_address: Option<Address>,
    tx_hash: Option<TxHash>,
    customer_id: Option<CustomerId>,
    failure: Option<FailureReason>,
    completed_at: Option<Timestamp>,
    expires_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
}

/// What a list needs to know of a session before it reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlimSession {
    /// The session.
    pub id: CheckoutSessionId,
    /// The link it was opened from.
    pub payment_link_id: Option<PaymentLinkId>,
    stored_status: Status,
    expires_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct StoredSlim {
    #[serde(rename = "lsk")]
    id: CheckoutSessionId,
    payment_link_id: Option<PaymentLinkId>,
    status: Status,
    expires_at: Timestamp,
}

impl SlimSession {
    /// What the session is at `now`: the same rule as for the whole session.
    pub fn status(&self, now: Timestamp, deleted: &HashMap<PaymentLinkId, Timestamp>) -> Status {
        let link_deleted_at = self.payment_link_id.as_ref().and_then(|link| deleted.get(link)).copied();
        status_at(self.stored_status, self.expires_at, now, link_deleted_at)
    }

    /// The link whose deletion would have changed the status.
    pub fn depends_on(&self) -> Option<&PaymentLinkId> {
        self.payment_link_id.as_ref().filter(|_| self.stored_status == Status::Open)
    }
}

/// A buyer, sealed; `None` when nothing is known.
pub(crate) fn seal_buyer(buyer: &Buyer, context: &str, vault: &impl Vault) -> Result<Option<String>, StoreError> {
    (*buyer != Buyer::default()).then(|| vault.seal(buyer, context)).transpose()
}

/// A buyer as [`seal_buyer`] left it.
pub(crate) fn open_buyer(sealed: Option<&str>, context: &str, vault: &impl Vault) -> Result<Buyer, StoreError> {
    sealed.map_or_else(|| Ok(Buyer::default()), |sealed| vault.open(sealed, context))
}

fn stored(session: &CheckoutSession, vault: &impl Vault) -> Result<Item, StoreError> {
    let buyer = seal_buyer(&session.buyer, session.id.as_str(), vault)?;
    let attribution = (session.attribution != Attribution::default()).then(|| session.attribution.clone());
    let attributes = StoredSession {
        id: session.id.clone(),
        org: session.owner.org.clone(),
        mode: session.owner.mode,
        status: session.stored_status,
        payment_link_id: session.payment_link_id.clone(),
        product_id: session.product_id.clone(),
        token_address: session.token_address.clone(),
        chain_id: session.chain_id,
        recipient_address: session.recipient_address.clone(),
        amount: session.amount,
        bounds: (session.bounds != Bounds::default()).then_some(session.bounds),
        discount: session.discount.clone(),
        shipping_option: session.shipping_option.clone(),
        extra: (session.extra > 0).then_some(session.extra),
        reports: (session.reports > 0).then_some(session.reports),
        amount_received: session.amount_received,
        success_url: session.success_url.clone(),
        cancel_url: session.cancel_url.clone(),
        ignored_urls: (!session.ignored_urls.is_empty()).then(|| session.ignored_urls.clone()),
        client_reference_id: session.client_reference_id.clone(),
        metadata: session.metadata.clone(),
        buyer,
        attribution,
        payer_address: session.payer_address.clone(),
        tx_hash: session.tx_hash.clone(),
        customer_id: session.customer_id.clone(),
        failure: session.failure,
        completed_at: session.completed_at,
        expires_at: session.expires_at,
        created_at: session.created_at,
        updated_at: session.updated_at,
        version: session.version,
    };
    let mut item = row(&Key::checkout_session(&session.id), &attributes)?;
    // Nobody lists what is nobody's, and all of it would share one partition of the index.
    if session.owner.org != OrgId::anonymous() {
        Listed { owner: &session.owner, object: CheckoutSessionId::OBJECT, id: session.id.as_str() }.enter(&mut item);
    }
    Ok(item)
}

fn session(item: Item, vault: &impl Vault) -> Result<CheckoutSession, StoreError> {
    let stored: StoredSession = read(item)?;
    let buyer = open_buyer(stored.buyer.as_deref(), stored.id.as_str(), vault)?;
    Ok(CheckoutSession {
        id: stored.id,
        owner: Owner { org: stored.org, mode: stored.mode },
        stored_status: stored.status,
        payment_link_id: stored.payment_link_id,
        product_id: stored.product_id,
        token_address: stored.token_address,
        chain_id: stored.chain_id,
        recipient_address: stored.recipient_address,
        amount: stored.amount,
        bounds: stored.bounds.unwrap_or_default(),
        discount: stored.discount,
        shipping_option: stored.shipping_option,
        extra: stored.extra.unwrap_or(0),
        reports: stored.reports.unwrap_or(0),
        amount_received: stored.amount_received,
        success_url: stored.success_url,
        cancel_url: stored.cancel_url,
        ignored_urls: stored.ignored_urls.unwrap_or_default(),
        client_reference_id: stored.client_reference_id,
        metadata: stored.metadata,
        buyer,
        attribution: stored.attribution.unwrap_or_default(),
        payer_address: stored.payer_address,
        tx_hash: stored.tx_hash,
        customer_id: stored.customer_id,
        failure: stored.failure,
        completed_at: stored.completed_at,
        expires_at: stored.expires_at,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
        version: stored.version,
    })
}

/// The writes that open a session, and hold what it takes of a discount code.
///
/// # Errors
/// When it cannot be sealed or stored, which is a fault of ours.
pub fn create(session: &CheckoutSession, vault: &impl Vault) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::create(stored(session, vault)?)];
    writes.extend(discount_codes::follow(session)?);
    Ok(writes)
}

/// The writes that replace a session which was read at `version`, and keep what it holds of a discount code in step.
///
/// # Errors
/// When it cannot be sealed or stored, which is a fault of ours.
pub fn replace(session: &CheckoutSession, version: u64, vault: &impl Vault) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::replace_at_version(stored(session, vault)?, version)];
    writes.extend(discount_codes::follow(session)?);
    Ok(writes)
}

impl Db {
    /// The session with this id, whoever owns it.
    ///
    /// # Errors
    /// When the table does not answer, or the buyer cannot be opened.
    pub async fn find_checkout_session(
        &self,
        id: &CheckoutSessionId,
        vault: &impl Vault,
    ) -> Result<Option<CheckoutSession>, StoreError> {
        self.get(&Key::checkout_session(id), true).await?.map(|item| session(item, vault)).transpose()
    }

    /// What lists need to know of every session of an owner, oldest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_slim_checkout_sessions(&self, owner: &Owner) -> Result<Vec<SlimSession>, StoreError> {
        let rows = self.list_rows(&list_partition(owner, CheckoutSessionId::OBJECT)).await?;
        rows.into_iter()
            .map(|item| {
                let StoredSlim { id, payment_link_id, status, expires_at } = read(item)?;
                Ok(SlimSession { id, payment_link_id, stored_status: status, expires_at })
            })
            .collect()
    }

    /// The whole sessions of a page, in its order.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn get_checkout_sessions(
        &self,
        page: &[SlimSession],
        vault: &impl Vault,
    ) -> Result<Vec<CheckoutSession>, StoreError> {
        let keys: Vec<Key> = page.iter().map(|slim| Key::checkout_session(&slim.id)).collect();
        let items = self.batch_get(&keys).await?;
        let mut by_key: HashMap<String, Item> =
            items.into_iter().map(|item| (string(&item, schema::PK).to_owned(), item)).collect();
        keys.iter().filter_map(|key| by_key.remove(&key.pk)).map(|item| session(item, vault)).collect()
    }
}
