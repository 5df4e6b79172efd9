//! `DELETE /payment-links/{id}`

use crate::stored;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, DeletedView, NotCommitted};
use anyspend_domain::PaymentLinkId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_store::payment_links;
use http::{Method, StatusCode};
use std::sync::Arc;

/// How often a deletion is decided anew because a change came first.
const DECISIONS: u32 = 10;

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
    let mut found = found;
    for _ in 0..DECISIONS {
        let link = caller.own(found, call.param("id"))?;
        let view = DeletedView { object: PaymentLinkId::OBJECT, id: link.id.to_string(), deleted: true };
        let changes = Changes {
            writes: payment_links::delete(&link, call.now)?,
            event_type: AuditEventType::PaymentLinkDeleted,
            resource_id: link.id.to_string(),
            answer: call.answer(StatusCode::OK, &view)?,
        };
        match call.commit(&caller, changes).await {
            Err(NotCommitted::Changed) => found = stored::find(call.clone()).await?,
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("the link kept changing"))
}
