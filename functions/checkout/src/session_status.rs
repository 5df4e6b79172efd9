//! `GET /checkout/sessions/{id}`

use crate::session;
use crate::view::PayerSessionView;
use anyspend_api::operation::{Access, Audience, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::{CheckoutSessionId, ShortCode, Timestamp};
use http::{Method, StatusCode};
use std::sync::Arc;

/// A session, and when its link was deleted, if it was.
type Found = (Option<CheckoutSession>, Option<Timestamp>);

pub(crate) fn operation() -> Operation {
    Operation::new::<PayerSessionView>(
        "getPayerSession",
        Method::GET,
        "/api/v1/checkout/sessions/{id}",
        Access::Open { group: crate::STATUS, per_minute: crate::PER_MINUTE },
        StatusCode::OK,
        "See a session as its payer",
    )
    .described(
        "What it takes to pay it and what has become of it, and nothing private: no e-mail, no form, no metadata, no \
         reference. The page asks every few seconds.",
    )
    .read_by(Audience::AnySite)
    .beside(find, show)
}

/// The session, and of its link only whether it still exists: this is asked often.
async fn find(call: Arc<Call>) -> Result<Found, ApiError> {
    let Some(id) = CheckoutSessionId::parse(call.param("id")) else { return Ok((None, None)) };
    let code = id.short_code();
    let link = async { if code == ShortCode::none() { Ok(None) } else { call.db.link_deleted_at(&code).await } };
    Ok(tokio::try_join!(call.db.find_checkout_session(&id, &*call.platform), link)?)
}

async fn show(call: Arc<Call>, _: Caller, (found, link_deleted_at): Found) -> Result<Answer, ApiError> {
    let session = found.ok_or_else(|| session::unknown(&call))?;
    call.answer(StatusCode::OK, &PayerSessionView::new(&session, &call, link_deleted_at))
}
