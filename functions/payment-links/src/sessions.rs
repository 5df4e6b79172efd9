//! `GET /payment-links/{id}/sessions`

use crate::stored;
use anyspend_api::checkout_session::{self, CheckoutSessionView, OF_LINK};
use anyspend_api::list::ListView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<CheckoutSessionView>>(
        "listPaymentLinkSessions",
        Method::GET,
        crate::SESSIONS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List a payment link's checkout sessions",
    )
    .query(OF_LINK)
    .beside(stored::find, sessions)
}

async fn sessions(call: Arc<Call>, caller: Caller, found: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let link = caller.own(found, call.param("id"))?;
    checkout_session::list(&call, &caller, Some(&link.id), (None, None)).await
}
