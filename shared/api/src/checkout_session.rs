//! How a checkout session is shown, sealed and listed: shared by the sessions' own group and a link's list of them.

use crate::call::{Answer, Call};
use crate::error::ApiError;
use crate::list::{CURSOR, LIMIT, ORDER, Order, PAGE, PageRequest};
use crate::query::{QueryKind, QueryParam};
use crate::version::{Addr, Time};
use crate::{Caller, Platform};
use anyspend_domain::chain::usd_value;
use anyspend_domain::checkout_session::{Buyer, CheckoutSession, Status};
use anyspend_domain::{CheckoutSessionId, Metadata, PaymentLinkId, Timestamp};
use anyspend_store::StoreError;
use anyspend_store::checkout_sessions::{BuyerVault, SlimSession};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::StatusCode;
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

const BUYER_PURPOSE: &str = "session-buyer";

impl BuyerVault for Platform {
    fn seal(&self, buyer: &Buyer, context: &CheckoutSessionId) -> Result<String, StoreError> {
        let secret = self.config.secret.as_ref();
        let secret = secret
            .ok_or_else(|| StoreError::Fault("PLATFORM_SECRET is not set, so a buyer cannot be sealed".to_owned()))?;
        let plain = serde_json::to_vec(buyer).map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok(STANDARD_NO_PAD.encode(secret.seal(BUYER_PURPOSE, context.as_str(), &plain)))
    }

    fn open(&self, sealed: &str, context: &CheckoutSessionId) -> Result<Buyer, StoreError> {
        let cannot = || StoreError::Fault(format!("the buyer of {context} cannot be decrypted"));
        let secret = self.config.secret.as_ref().ok_or_else(cannot)?;
        let sealed = STANDARD_NO_PAD.decode(sealed).map_err(|_| cannot())?;
        let plain = secret.open(BUYER_PURPOSE, context.as_str(), &sealed).ok_or_else(cannot)?;
        serde_json::from_slice(&plain).map_err(|_| cannot())
    }
}

/// A checkout session in an answer to its merchant.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckoutSessionView {
    /// `cs_…`
    id: String,
    /// `checkout_session`
    #[schema(examples("checkout_session"))]
    object: &'static str,
    /// Whether it takes real money.
    livemode: bool,
    /// The page on which it is paid.
    url: String,
    /// `open`, `processing`, `completed`, `expired` or `failed`
    status: &'static str,
    /// Why it failed.
    failure_reason: Option<&'static str>,
    /// The link it was opened from.
    payment_link_id: Option<String>,
    /// The product sold.
    product_id: Option<String>,
    /// What is paid with.
    token_address: Addr,
    /// Where it is paid.
    chain_id: u64,
    /// Who is paid.
    recipient_address: Addr,
    /// The price in the token's smallest unit; null until the buyer has chosen.
    amount: Option<String>,
    /// What is owed.
    amount_due: Option<String>,
    /// What has arrived.
    amount_received: String,
    /// The price in US dollars, where it is known.
    amount_usd: Option<String>,
    /// The discount code applied.
    discount_code: Option<String>,
    /// What it takes off.
    discount_amount: Option<String>,
    /// Where the buyer goes after paying.
    success_url: Option<String>,
    /// Where the buyer goes instead of paying.
    cancel_url: Option<String>,
    /// The merchant's own name for this purchase.
    client_reference_id: Option<String>,
    /// The merchant's own notes.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    metadata: Option<Metadata>,
    /// The buyer's e-mail address.
    customer_email: Option<String>,
    /// The buyer's name.
    customer_name: Option<String>,
    /// Who paid.
    payer_address: Option<String>,
    /// The paying transaction.
    tx_hash: Option<String>,
    /// The customer record.
    customer_id: Option<String>,
    /// What the buyer filled in.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    form_data: Option<()>,
    /// Where goods are sent.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    shipping_address: Option<()>,
    /// How goods are sent.
    shipping_option: Option<String>,
    /// Where the buyer came from.
    utm_source: Option<String>,
    /// By which medium.
    utm_medium: Option<String>,
    /// By which campaign.
    utm_campaign: Option<String>,
    /// When it can no longer be paid.
    expires_at: Time,
    /// When it was made.
    created_at: Time,
    /// When it last changed.
    updated_at: Time,
    /// When it was paid.
    completed_at: Option<Time>,
}

impl CheckoutSessionView {
    /// Shows a session as it is at the moment of the call.
    pub fn new(session: &CheckoutSession, call: &Call, link_deleted_at: Option<Timestamp>) -> Self {
        let status = session.status(call.now, link_deleted_at);
        let amount = session.amount.map(|amount| amount.to_string());
        let tag = |tag: &Option<anyspend_domain::text::UtmTag>| tag.as_ref().map(|tag| tag.as_str().to_owned());
        Self {
            id: session.id.to_string(),
            object: CheckoutSessionId::OBJECT,
            livemode: session.owner.mode.is_live(),
            url: call.platform.config.session_url(&session.id),
            status: status.as_str(),
            failure_reason: CheckoutSession::failure_reason(status, link_deleted_at),
            payment_link_id: session.payment_link_id.as_ref().map(ToString::to_string),
            product_id: session.product_id.as_ref().map(ToString::to_string),
            token_address: Addr(session.token_address.clone()),
            chain_id: session.chain_id,
            recipient_address: Addr(session.recipient_address.clone()),
            amount_due: amount.clone(),
            amount,
            amount_received: "0".to_owned(),
            amount_usd: session.amount.and_then(|amount| usd_value(&session.token_address, session.chain_id, amount)),
            discount_code: None,
            discount_amount: None,
            success_url: session.success_url.as_ref().map(|url| url.as_str().to_owned()),
            cancel_url: session.cancel_url.as_ref().map(|url| url.as_str().to_owned()),
            client_reference_id: session.client_reference_id.as_ref().map(|text| text.as_str().to_owned()),
            metadata: session.metadata.clone(),
            customer_email: session.buyer.email.as_ref().map(|email| email.as_str().to_owned()),
            customer_name: session.buyer.name.as_ref().map(|name| name.as_str().to_owned()),
            payer_address: None,
            tx_hash: None,
            customer_id: None,
            form_data: None,
            shipping_address: None,
            shipping_option: None,
            utm_source: tag(&session.attribution.source),
            utm_medium: tag(&session.attribution.medium),
            utm_campaign: tag(&session.attribution.campaign),
            expires_at: Time(session.expires_at),
            created_at: Time(session.created_at),
            updated_at: Time(session.updated_at),
            completed_at: None,
        }
    }
}

/// `status`
pub const STATUS: QueryParam = QueryParam {
    name: "status",
    description: "Only sessions that have this status now.",
    kind: QueryKind::OneOf(&Status::NAMES),
};
/// The query of a link's list of sessions.
pub const OF_LINK: &[QueryParam] = &[STATUS, ORDER, PAGE, LIMIT, CURSOR];

/// Lists an owner's sessions, narrowed to one link and to a span of time.
///
/// # Errors
/// What the query gets wrong; 503 when the table does not answer.
pub async fn list(
    call: &Call,
    caller: &Caller,
    link: Option<&PaymentLinkId>,
    span: (Option<Timestamp>, Option<Timestamp>),
) -> Result<Answer, ApiError> {
    let status = call.query().one_of("status", &Status::NAMES)?;
    let filter = format!("{status:?}&{:?}&{span:?}", link.map(PaymentLinkId::as_str));
    let request = PageRequest::read(call, Order::Descending, &filter)?;
    let mut rows = call.db.list_slim_checkout_sessions(&caller.owner).await?;
    rows.retain(|row| {
        let made = row.id.made_at();
        link.is_none_or(|link| row.payment_link_id.as_ref() == Some(link))
            && span.0.is_none_or(|from| made >= from)
            && span.1.is_none_or(|to| made <= to)
    });
    let mut deleted = HashMap::new();
    if let Some(wanted) = status {
        deleted = deleted_links(call, &rows).await?;
        rows.retain(|row| row.status(call.now, &deleted).as_str() == wanted);
    }
    let page = request.cut(rows, |row| row.id.to_string());
    let (sessions, gone) = tokio::try_join!(
        async { Ok::<_, ApiError>(call.db.get_checkout_sessions(&page.rows, &*call.platform).await?) },
        async { if status.is_some() { Ok(HashMap::new()) } else { deleted_links(call, &page.rows).await } },
    )?;
    deleted.extend(gone);
    let data = sessions
        .iter()
        .map(|session| {
            let gone = session.payment_link_id.as_ref().and_then(|link| deleted.get(link)).copied();
            CheckoutSessionView::new(session, call, gone)
        })
        .collect();
    call.answer(StatusCode::OK, &page.view(call, data))
}

/// Which links that open sessions hang on were deleted.
async fn deleted_links(call: &Call, rows: &[SlimSession]) -> Result<HashMap<PaymentLinkId, Timestamp>, ApiError> {
    let links: Vec<PaymentLinkId> = rows.iter().filter_map(SlimSession::depends_on).cloned().collect();
    if links.is_empty() { Ok(HashMap::new()) } else { Ok(call.db.deleted_links(&links).await?) }
}
