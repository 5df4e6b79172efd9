//! Reading one session, for whoever knows its id.

use anyspend_api::{ApiError, Call};
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::payer_answers::Asked;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::{CheckoutSessionId, PaymentLinkRef, ShortCode, Timestamp};
use anyspend_store::payment_links::LinkFate;
use std::sync::Arc;

/// A session, and what has become of its link.
pub(crate) struct Context {
    pub(crate) session: CheckoutSession,
    /// The link it was opened from, where it still is.
    pub(crate) link: Option<Box<PaymentLink>>,
    /// When that was deleted, if it was.
    pub(crate) link_deleted_at: Option<Timestamp>,
}

impl Context {
    /// What its link asks of the payer.
    pub(crate) fn asked(&self) -> Asked<'_> {
        const NOTHING: Asked<'static> = Asked { form: None, shipping_options: &[], shipping_address: false };
        self.link.as_deref().map_or(NOTHING, |link| Asked::by(&link.terms))
    }
}

/// The session the path names, and side by side its link: the id carries the code.
pub(crate) async fn find(call: Arc<Call>) -> Result<Option<Context>, ApiError> {
    read(&call).await
}

/// The session read anew, after another change came first.
pub(crate) async fn again(call: &Call) -> Result<Context, ApiError> {
    read(call).await?.ok_or_else(|| unknown(call))
}

async fn read(call: &Call) -> Result<Option<Context>, ApiError> {
    let Some(id) = CheckoutSessionId::parse(call.param("id")) else { return Ok(None) };
    let code = id.short_code();
    let link = async {
        if code == ShortCode::none() {
            return Ok(LinkFate::Unknown);
        }
        call.db.find_link_fate(&PaymentLinkRef::ShortCode(code)).await
    };
    let (session, fate) = tokio::try_join!(call.db.find_checkout_session(&id, &*call.platform), link)?;
    let (link, link_deleted_at) = match fate {
        LinkFate::Stands(link) => (Some(link), None),
        LinkFate::Deleted(at) => (None, Some(at)),
        LinkFate::Unknown => (None, None),
    };
    Ok(session.map(|session| Context { session, link, link_deleted_at }))
}

/// There is no such session.
pub(crate) fn unknown(call: &Call) -> ApiError {
    ApiError::not_found(CheckoutSessionId::OBJECT, call.param("id"))
}
