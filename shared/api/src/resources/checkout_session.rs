//! How a checkout session is read, shown and listed: shared by the merchant's side and the payer's.

use crate::call::Call;
use crate::config::Config;
use crate::error::{ApiError, ErrorItem};
use crate::fields::Fields;
use crate::list::{CURSOR, LIMIT, Listing, ORDER, PAGE, Part};
use crate::payment_link::recipient_warning;
use crate::query::{QueryKind, QueryParam};
use crate::versions::{Addr, Time};
use anyspend_domain::buyer::{Buyer, FormData, ShippingAddress};
use anyspend_domain::chain::usd_value;
use anyspend_domain::checkout_session::{
    Attribution, CheckoutSession, FailureReason, NewCheckoutSession, Purchase, Status,
};
use anyspend_domain::link_form::ShippingOption;
use anyspend_domain::text::UtmTag;
use anyspend_domain::{Amount, CheckoutSessionId, Code, Metadata, PaymentLinkId, Problem, Timestamp};
use anyspend_store::checkout_sessions::{SessionColumns, SessionFacet, SessionSort};
use anyspend_store::list::{Choice, ListRow, OpenList};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

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
    /// What is owed, and on a chain that is followed less than 10,000 units more that tell this payment from others of the
    /// same organization and mode.
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
    payer_address: Option<Addr>,
    /// The paying transaction.
    tx_hash: Option<String>,
    /// The customer record.
    customer_id: Option<String>,
    /// What the buyer filled in.
    #[schema(value_type = Option<Object>, additional_properties)]
    form_data: Option<FormData>,
    /// Where goods are sent.
    #[schema(value_type = Option<ShippingAddressSchema>)]
    shipping_address: Option<ShippingAddress>,
    /// How goods are sent.
    #[schema(value_type = Option<ShippingOptionSchema>)]
    shipping_option: Option<ShippingOption>,
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
    /// What was left out or is almost surely a mistake.
    warnings: Vec<ErrorItem>,
}

/// How goods are sent.
#[derive(ToSchema)]
#[schema(as = ShippingOption)]
#[expect(dead_code, reason = "describes `anyspend_domain::link_form::ShippingOption`")]
pub(crate) struct ShippingOptionSchema {
    /// Its id within the link.
    id: String,
    /// What the buyer reads.
    name: String,
    /// Price in the token's smallest unit.
    amount: String,
    /// How long it takes.
    #[schema(required = false)]
    estimated_days: String,
}

/// Where goods are sent.
#[derive(ToSchema)]
#[schema(as = ShippingAddress)]
#[expect(dead_code, reason = "describes `anyspend_domain::buyer::ShippingAddress`")]
pub(crate) struct ShippingAddressSchema {
    /// Who receives them, where it is not the buyer.
    #[schema(required = false)]
    name: String,
    /// Street and number.
    line1: String,
    /// Floor, flat, company.
    #[schema(required = false)]
    line2: String,
    /// Town.
    city: String,
    /// State, province or region.
    #[schema(required = false)]
    state: String,
    /// Postal code, where the country has them.
    #[schema(required = false)]
    postal_code: String,
    /// ISO 3166-1 alpha-2.
    country: String,
}

impl CheckoutSessionView {
    /// Shows a session as it is at the moment of the call.
    pub fn new(session: &CheckoutSession, call: &Call, link_deleted_at: Option<Timestamp>) -> Self {
        Self::at(call.now, session, &call.platform.config, link_deleted_at)
    }

    /// Shows a session as it is at a moment, for those whom nobody calls.
    pub fn at(now: Timestamp, session: &CheckoutSession, config: &Config, link_deleted_at: Option<Timestamp>) -> Self {
        let status = session.status(now, link_deleted_at);
        let tag = |tag: &Option<UtmTag>| tag.as_ref().map(|tag| tag.as_str().to_owned());
        let amount = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
        Self {
            id: session.id.to_string(),
            object: CheckoutSessionId::OBJECT,
            livemode: session.owner.mode.is_live(),
            url: config.session_url(&session.id),
            status: status.as_str(),
            failure_reason: session.failure_reason(status).map(FailureReason::as_str),
            payment_link_id: session.payment_link_id.as_ref().map(ToString::to_string),
            product_id: session.product_id.as_ref().map(ToString::to_string),
            token_address: Addr(session.token_address.clone()),
            chain_id: session.chain_id,
            recipient_address: Addr(session.recipient_address.clone()),
            amount: amount(session.amount),
            amount_due: amount(session.amount_asked()),
            amount_received: amount(session.amount_received).unwrap_or_else(|| "0".to_owned()),
            amount_usd: session
                .amount
                .and_then(|amount| usd_value(&session.token_address, session.chain_id, amount))
                .map(|cents| cents.to_string()),
            discount_code: session.discount.as_ref().map(|discount| discount.code.clone()),
            discount_amount: session
                .discount
                .as_ref()
                .map(|discount| amount(discount.amount).unwrap_or_else(|| "0".to_owned())),
            success_url: session.purchase.success_url.as_ref().map(|url| url.as_str().to_owned()),
            cancel_url: session.purchase.cancel_url.as_ref().map(|url| url.as_str().to_owned()),
            client_reference_id: session.purchase.client_reference_id.as_ref().map(|text| text.as_str().to_owned()),
            metadata: session.metadata.clone(),
            customer_email: session.buyer.email.as_ref().map(|email| email.as_str().to_owned()),
            customer_name: session.buyer.name.as_ref().map(|name| name.as_str().to_owned()),
            payer_address: session.payer_address.clone().map(Addr),
            tx_hash: session.tx_hash.as_ref().map(ToString::to_string),
            customer_id: session.customer_id.as_ref().map(ToString::to_string),
            form_data: session.buyer.form_data.clone(),
            shipping_address: session.buyer.shipping_address.clone(),
            shipping_option: session.shipping_option.clone(),
            utm_source: tag(&session.purchase.attribution.source),
            utm_medium: tag(&session.purchase.attribution.medium),
            utm_campaign: tag(&session.purchase.attribution.campaign),
            expires_at: Time(session.expires_at),
            created_at: Time(session.created_at),
            updated_at: Time(session.updated_at),
            completed_at: session.completed_at.map(Time),
            warnings: session
                .purchase
                .ignored_urls
                .iter()
                .map(|param| ignored_url(param))
                .chain(recipient_warning(&session.recipient_address))
                .collect(),
        }
    }
}

/// What is said of a redirect that was left out.
pub fn ignored_url(param: &str) -> ErrorItem {
    ErrorItem::from(Problem {
        code: Code::RedirectIgnored,
        message: format!(
            "The page's address named a '{param}' that is not on the merchant's own site: it was left out. Only the \
             origin of the link's 'return_url' or of the organization's 'website_url' may be sent in an address."
        ),
        param: Some(param.to_owned()),
    })
}

/// What a purchase is to the merchant and who makes it: the part of a new session that merchant and payer send alike.
pub fn read_purchase(fields: &mut Fields<'_>) -> NewCheckoutSession {
    let mut purchase = Purchase {
        success_url: fields.optional("success_url"),
        cancel_url: fields.optional("cancel_url"),
        client_reference_id: fields.optional("client_reference_id"),
        ..Purchase::default()
    };
    let metadata = fields.optional("metadata");
    let (email, name) = (fields.optional("customer_email"), fields.optional("customer_name"));
    purchase.attribution = Attribution {
        source: fields.optional("utm_source"),
        medium: fields.optional("utm_medium"),
        campaign: fields.optional("utm_campaign"),
    };
    let buyer = Buyer { email, name, ..Buyer::default() };
    NewCheckoutSession { purchase, metadata, buyer, ..NewCheckoutSession::default() }
}

/// A session, and when its link was deleted, if it was.
pub type Found = (Option<CheckoutSession>, Option<Timestamp>);

/// The session the path names, whoever owns it, and side by side the fate of its link: the id carries its code. Of the
/// link only that is read, because sessions are asked for often.
pub async fn find(call: Arc<Call>) -> Result<Found, ApiError> {
    let Some(id) = CheckoutSessionId::parse(call.param("id")) else { return Ok((None, None)) };
    Ok(call.db.find_session_and_links_end(&id, &*call.platform).await?)
}

/// `status`
pub const STATUS: QueryParam = QueryParam {
    name: "status",
    description: "Only sessions that have this status now.",
    kind: QueryKind::OneOf(Status::NAMES),
};
/// The query of a link's list of sessions.
pub const OF_LINK: &[QueryParam] = &[STATUS, ORDER, PAGE, LIMIT, CURSOR];

/// Checkout sessions in lists.
#[derive(Debug)]
pub struct CheckoutSessions;

/// The sessions of a link, or all, as far as they were made in a span of time.
pub fn part(link: Option<&PaymentLinkId>, from: Option<Timestamp>, to: Option<Timestamp>) -> Part<SessionColumns> {
    let sort = if link.is_some() { SessionSort::Link } else { SessionSort::CreatedAt };
    Part { sort, range: SessionColumns::range(link, from, to) }
}

impl Listing for CheckoutSessions {
    type Columns = SessionColumns;
    type View = CheckoutSessionView;
    const RESOURCE: &'static str = CheckoutSessionId::OBJECT;

    fn facet(call: &Call) -> Result<SessionFacet, ApiError> {
        let status = call.query().one_of("status", Status::NAMES)?;
        Ok(status.and_then(SessionFacet::named).unwrap_or_default())
    }

    fn part(call: &Call) -> Result<Option<Part<SessionColumns>>, ApiError> {
        let query = call.query();
        let span = (query.moment("from", false)?, query.moment("to", true)?);
        let link = query.identifier("payment_link_id").map(|text| {
            PaymentLinkId::parse(&text)
                .ok_or_else(|| Problem::invalid("payment_link_id", "must be a payment link's id"))
        });
        Ok(Some(part(link.transpose()?.as_ref(), span.0, span.1)))
    }

    async fn views(
        call: &Call,
        list: &OpenList<SessionColumns>,
        rows: &[ListRow],
    ) -> Result<Vec<CheckoutSessionView>, ApiError> {
        let sessions = call.db.get_checkout_sessions(rows, &*call.platform).await?;
        let deleted_at = |session: &CheckoutSession| {
            let link = session.payment_link_id.as_ref()?;
            list.endings.iter().find(|ending| ending.what == link.as_str()).map(|ending| ending.at)
        };
        let config = &call.platform.config;
        Ok(sessions
            .iter()
            .map(|session| CheckoutSessionView::at(list.now, session, config, deleted_at(session)))
            .collect())
    }
}
