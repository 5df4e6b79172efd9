//! `DELETE /webhooks/{id}`

use crate::stored::Webhooks;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, DeletedView, Stored};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::Webhook;
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
    .of_owner(Webhooks::find, delete)
}

async fn delete(call: Arc<Call>, caller: Caller, found: Option<Webhook>) -> Result<Answer, ApiError> {
    call.delete::<Webhooks>(&caller, found, AuditEventType::WebhookDeleted).await
}
