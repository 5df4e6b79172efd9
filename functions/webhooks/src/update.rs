//! `PATCH /webhooks/{id}`

use crate::stored::Webhooks;
use crate::view::{UpdateWebhook, WebhookView};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Stored};
use anyspend_domain::Code;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::Webhook;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<WebhookView>(
        "updateWebhook",
        Method::PATCH,
        crate::WEBHOOK,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "Update a webhook",
    )
    .described(
        "Changes only what is sent. `active: true` switches on again what the platform has switched off, and forgives \
         the failures that led to it. What happened meanwhile is not told later.",
    )
    .body::<UpdateWebhook>()
    .of_owner(Webhooks::find, update)
}

async fn update(call: Arc<Call>, caller: Caller, found: Option<Webhook>) -> Result<Answer, ApiError> {
    let found = Some(caller.own(found, call.param("id"))?);
    let (UpdateWebhook { patch, is_empty }, problems) = call.read_body::<UpdateWebhook>(&caller)?.parts()?;
    if is_empty {
        return Err(ApiError::new(Code::NoUpdatesProvided, "The request body names no field to update."));
    }
    call.change::<Webhooks>(&caller, found, AuditEventType::WebhookUpdated, |webhook| {
        let updated = webhook.update(patch.clone(), call.now, call.platform.config.webhook_reach);
        ApiError::settle(problems.clone(), updated)?;
        call.answer(StatusCode::OK, &WebhookView::new(webhook, call.now))
    })
    .await
}
