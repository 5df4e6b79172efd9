//! `GET /checkout-sessions/{id}`

use anyspend_api::checkout_session::{CheckoutSessionView, Found, find};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<CheckoutSessionView>(
        "retrieveCheckoutSession",
        Method::GET,
        crate::CHECKOUT_SESSION,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Retrieve a checkout session",
    )
    .described(
        "Its status is true to the second: a session past `expires_at` reads `expired` whether or not any job has run.",
    )
    .beside(find, retrieve)
}

async fn retrieve(call: Arc<Call>, caller: Caller, (found, deleted_at): Found) -> Result<Answer, ApiError> {
    let session = caller.own(found, call.param("id"))?;
    call.answer(StatusCode::OK, &CheckoutSessionView::new(&session, &call, deleted_at))
}
