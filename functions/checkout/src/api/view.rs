//! A session as its payer sees it: what it takes to pay it, and nothing that is the merchant's own.

use crate::decisions::instructions::{cancel_url, payment_uri, success_url};
use anyspend_api::Call;
use anyspend_api::checkout_session::ignored_url;
use anyspend_api::error::ErrorItem;
use anyspend_api::versions::{Addr, Time};
use anyspend_domain::chain::{known_asset, usd_value};
use anyspend_domain::checkout_session::{CheckoutSession, FailureReason, Status};
use anyspend_domain::{Amount, CheckoutSessionId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A checkout session as its payer sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayerSessionView {
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
    /// What is paid with.
    token_address: Addr,
    /// Its ticker, where it is known.
    token_symbol: Option<&'static str>,
    /// Decimal places of its smallest unit, where they are known.
    token_decimals: Option<u8>,
    /// Where it is paid.
    chain_id: u64,
    /// Who is paid; null once nothing may be paid any more.
    recipient_address: Option<Addr>,
    /// The price in the token's smallest unit; null until it was chosen.
    amount: Option<String>,
    /// What is asked for: the price after discount and with shipping, and less than 10,000 units more that tell this
    /// payment from others. To be sent by hand only where there is a `payment_uri`.
    amount_due: Option<String>,
    /// What has arrived.
    amount_received: String,
    /// The price in US dollars, where it is known.
    amount_usd: Option<String>,
    /// The discount code applied.
    discount_code: Option<String>,
    /// What it takes off.
    discount_amount: Option<String>,
    /// What a wallet needs to pay what is still owed (EIP-681); null while there is nothing to pay, and where no amount
    /// of the session's own was free: then only a transaction with `payment_reference` is known to be for it.
    payment_uri: Option<String>,
    /// What a wallet appends to the calldata, so that the transfer is known to be for this session whatever its amount;
    /// null while there is nothing to pay.
    payment_reference: Option<String>,
    /// The paying transaction.
    tx_hash: Option<String>,
    /// Where the payer goes now that it is paid; null before.
    redirect_url: Option<String>,
    /// Where the payer goes instead of paying.
    cancel_url: Option<String>,
    /// When it can no longer be paid.
    expires_at: Time,
    /// When it was made.
    created_at: Time,
    /// When it was paid.
    completed_at: Option<Time>,
    /// What was left out.
    warnings: Vec<ErrorItem>,
}

impl PayerSessionView {
    /// Shows a session as it is at the moment of the call.
    pub(crate) fn new(session: &CheckoutSession, call: &Call, link_deleted_at: Option<Timestamp>) -> Self {
        let status = session.status(call.now, link_deleted_at);
        let amount = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
        let asset = known_asset(&session.token_address, session.chain_id);
        let ended = matches!(status, Status::Expired | Status::Failed);
        let usd = |amount| usd_value(&session.token_address, session.chain_id, amount);
        Self {
            id: session.id.to_string(),
            object: CheckoutSessionId::OBJECT,
            livemode: session.owner.mode.is_live(),
            url: call.platform.config.session_url(&session.id),
            status: status.as_str(),
            failure_reason: session.failure_reason(status).map(FailureReason::as_str),
            payment_link_id: session.payment_link_id.as_ref().map(ToString::to_string),
            token_address: Addr(session.token_address.clone()),
            token_symbol: asset.map(|asset| asset.symbol),
            token_decimals: asset.map(|asset| asset.decimals),
            chain_id: session.chain_id,
            recipient_address: (!ended).then(|| Addr(session.recipient_address.clone())),
            amount: amount(session.amount),
            amount_due: amount(session.amount_asked()),
            amount_received: amount(session.amount_received).unwrap_or_else(|| "0".to_owned()),
            amount_usd: session.amount.and_then(usd).map(|cents| cents.to_string()),
            discount_code: session.discount.as_ref().map(|discount| discount.code.clone()),
            discount_amount: session
                .discount
                .as_ref()
                .map(|discount| discount.amount.map_or_else(|| "0".to_owned(), |amount| amount.to_string())),
            payment_uri: session
                .amount_owed()
                .filter(|_| status == Status::Open && !session.by_reference_only)
                .map(|owed| payment_uri(session, owed)),
            payment_reference: call
                .platform
                .payment_reference(&session.id)
                .filter(|_| matches!(status, Status::Open | Status::Processing))
                .map(|reference| reference.to_string()),
            tx_hash: session.tx_hash.as_ref().map(ToString::to_string),
            redirect_url: success_url(session).filter(|_| status == Status::Completed),
            cancel_url: cancel_url(session),
            expires_at: Time(session.expires_at),
            created_at: Time(session.created_at),
            completed_at: session.completed_at.map(Time),
            warnings: session.purchase.ignored_urls.iter().map(|param| ignored_url(param)).collect(),
        }
    }
}
