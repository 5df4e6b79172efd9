//! `GET /checkout/sessions/{id}`

use crate::api::view::PayerSessionView;
use crate::decisions::context;
use anyspend_api::checkout_session::{Found, find};
use anyspend_api::operation::{Access, Audience, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::rate_limit;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<PayerSessionView>(
        "getPayerSession",
        Method::GET,
        "/api/v1/checkout/sessions/{id}",
        Access::Open(rate_limit::CHECKOUT_STATUS),
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

async fn show(call: Arc<Call>, _: Caller, (found, link_deleted_at): Found) -> Result<Answer, ApiError> {
    let session = found.ok_or_else(|| context::unknown(&call))?;
    call.answer(StatusCode::OK, &PayerSessionView::new(&session, &call, link_deleted_at))
}
