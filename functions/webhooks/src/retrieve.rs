//! `GET /webhooks/{id}`

use crate::stored::{self, Expected, own};
use crate::view::WebhookView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
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
    .beside(stored::expected, retrieve)
}

async fn retrieve(call: Arc<Call>, caller: Caller, expected: Expected) -> Result<Answer, ApiError> {
    let webhook = own(&call, &caller, expected).await?;
    call.answer(StatusCode::OK, &WebhookView::new(&webhook, call.now))
}
