//! `GET /payment-links/{id}`

use crate::stored;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::PaymentLinkView;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<PaymentLinkView>(
        "retrievePaymentLink",
        Method::GET,
        crate::LINK,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Retrieve a payment link",
    )
    .described("With its line items. The link's short code is accepted in place of its id.")
    .beside(stored::find, retrieve)
}

async fn retrieve(call: Arc<Call>, caller: Caller, found: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let link = caller.own(found, call.param("id"))?;
    call.answer(StatusCode::OK, &PaymentLinkView::new(&link, &call.platform.config, call.now))
}
