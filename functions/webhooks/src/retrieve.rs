//! `GET /webhooks/{id}`

use crate::stored::Webhooks;
use crate::view::WebhookView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Stored};
use anyspend_domain::api_key::Permission;
use anyspend_domain::webhook::Webhook;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<WebhookView>(
        "retrieveWebhook",
        Method::GET,
        crate::WEBHOOK,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Retrieve a webhook",
    )
    .of_owner(Webhooks::find, retrieve)
}

async fn retrieve(call: Arc<Call>, caller: Caller, found: Option<Webhook>) -> Result<Answer, ApiError> {
    let webhook = caller.own(found, call.param("id"))?;
    call.answer(StatusCode::OK, &WebhookView::new(&webhook, call.now))
}
