//! `DELETE /webhooks/{id}`

use crate::stored::{self, Expected, own};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, DeletedView, NotCommitted};
use anyspend_domain::WebhookId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_store::webhooks;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<DeletedView>(
        "deleteWebhook",
        Method::DELETE,
        crate::WEBHOOK,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "Delete a webhook",
    )
    .described("For good, with its secret. Deliveries that were still to be made are not made any more.")
    .beside(stored::expected, delete)
}

async fn delete(call: Arc<Call>, caller: Caller, expected: Expected) -> Result<Answer, ApiError> {
    let webhook = own(&call, &caller, expected).await?;
    let view = DeletedView { object: WebhookId::OBJECT, id: webhook.id.to_string(), deleted: true };
    let changes = Changes {
        writes: webhooks::delete(&webhook),
        event_type: AuditEventType::WebhookDeleted,
        resource_id: webhook.id.to_string(),
        answer: call.answer(StatusCode::OK, &view)?,
    };
    match call.commit(&caller, changes).await {
        // Somebody else deleted it first.
        Err(NotCommitted::Changed) => Err(ApiError::not_found(WebhookId::OBJECT, call.param("id"))),
        settled => Ok(settled?),
    }
}
