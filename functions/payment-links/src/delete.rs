//! `DELETE /payment-links/{id}`

use crate::stored::{self, PaymentLinks};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, DeletedView};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::payment_link::PaymentLink;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<DeletedView>(
        "deletePaymentLink",
        Method::DELETE,
        crate::LINK,
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Delete a payment link",
    )
    .described("For good: its page answers 404 from that moment.")
    .beside(stored::find, delete)
}

async fn delete(call: Arc<Call>, caller: Caller, found: Option<PaymentLink>) -> Result<Answer, ApiError> {
    call.delete::<PaymentLinks>(&caller, found, AuditEventType::PaymentLinkDeleted).await
}
