//! `POST /webhooks/{id}/rotate-secret`

use crate::stored::{self, Expected, change};
use crate::view::WebhookWithSecretView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::webhook::SigningSecret;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
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
    .beside(stored::expected, rotate)
}

async fn rotate(call: Arc<Call>, caller: Caller, expected: Expected) -> Result<Answer, ApiError> {
    let secret = SigningSecret::generate();
    change(&call, &caller, expected, AuditEventType::WebhookSecretRotated, |webhook| {
        webhook.rotate_secret(call.platform.seal_webhook_secret(&webhook.owner, &webhook.id, &secret)?, call.now);
        let mut answer = call.answer(StatusCode::OK, &WebhookWithSecretView::new(webhook, &secret, call.now))?;
        answer.bears_secret = true;
        Ok(answer)
    })
    .await
}
