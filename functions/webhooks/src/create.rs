//! `POST /webhooks`

use crate::stored::url_taken;
use crate::view::{CreateWebhook, WebhookWithSecretView};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::webhook::SigningSecret;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::{MAX_WEBHOOKS, NewWebhook, Webhook};
use anyspend_domain::{Code, WebhookId};
use anyspend_store::webhooks;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<WebhookWithSecretView>(
        "createWebhook",
        Method::POST,
        crate::WEBHOOKS,
        Access::Needs(Permission::Admin),
        StatusCode::CREATED,
        "Create a webhook",
    )
    .described(
        "`url` begins with `https://`, leads to the public internet, and is no other webhook's of the organization and mode. \
         `events` names what it is told, `*` everything. \
         The `secret` is shown this once; deliveries are signed with it, in the API version that is in force now.",
    )
    .body::<CreateWebhook>()
    .handled_by(create)
}

async fn create(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let (CreateWebhook(patch), problems) = call.read_body::<CreateWebhook>(&caller)?.parts()?;
    let (id, secret) = (WebhookId::generate(call.now), SigningSecret::generate());
    let new = NewWebhook {
        secret: call.platform.seal_webhook_secret(&caller.owner, &id, &secret)?,
        id,
        owner: caller.owner.clone(),
        api_version: call.version().name().to_owned(),
    };
    let webhook = Webhook::create(new, patch, call.now, call.platform.config.webhook_reach);
    let webhook = ApiError::settle(problems, webhook)?;
    let mut answer = call.answer(StatusCode::CREATED, &WebhookWithSecretView::new(&webhook, &secret, call.now))?;
    answer.bears_secret = true;
    let changes = Changes {
        writes: webhooks::create(&webhook)?,
        event_type: AuditEventType::WebhookCreated,
        resource_id: webhook.id.to_string(),
        answer,
    };
    match call.commit(&caller, changes).await {
        Err(NotCommitted::Taken) => Err(url_taken()),
        Err(NotCommitted::Unsupported) => Err(ApiError::new(
            Code::InvalidFieldValue,
            format!("An organization can have at most {MAX_WEBHOOKS} webhooks. Delete one before creating another."),
        )),
        settled => Ok(settled?),
    }
}
