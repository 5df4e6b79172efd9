//! `POST /webhooks/{id}/rotate-secret`

use crate::stored::Webhooks;
use crate::view::WebhookWithSecretView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::webhook::SigningSecret;
use anyspend_api::{Answer, ApiError, Call, Caller, Stored};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::Webhook;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<WebhookWithSecretView>(
        "rotateWebhookSecret",
        Method::POST,
        crate::ROTATE_SECRET,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "Rotate a webhook's secret",
    )
    .described(
        "Gives the webhook a new secret, shown this once. For 24 hours deliveries are signed with the old one too, so \
         that receivers can change over without missing any.",
    )
    .of_owner(Webhooks::find, rotate)
}

async fn rotate(call: Arc<Call>, caller: Caller, found: Option<Webhook>) -> Result<Answer, ApiError> {
    let secret = SigningSecret::generate();
    call.change::<Webhooks>(&caller, found, AuditEventType::WebhookSecretRotated, |webhook| {
        webhook.rotate_secret(call.platform.seal_webhook_secret(&webhook.owner, &webhook.id, &secret)?, call.now);
        Ok(call.answer(StatusCode::OK, &WebhookWithSecretView::new(webhook, &secret, call.now))?.sealed_if(true))
    })
    .await
}
