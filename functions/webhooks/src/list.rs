//! `GET /webhooks`

use crate::view::WebhookView;
use anyspend_api::list::{CURSOR, LIMIT, ListView, ORDER, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Owner;
use anyspend_domain::api_key::Permission;
use anyspend_domain::webhook::Webhook;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<WebhookView>>(
        "listWebhooks",
        Method::GET,
        crate::WEBHOOKS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List webhooks",
    )
    .described("Newest first. Without `limit`, up to 100 are shown at once.")
    .query(&[ORDER, PAGE, LIMIT, CURSOR])
    .of_owner(find, list)
}

/// An owner's endpoints are all in one partition, so no index is asked: the list is exact.
async fn find(call: Arc<Call>, owner: Owner) -> Result<Vec<Webhook>, ApiError> {
    Ok(call.db.list_webhooks(&owner).await?)
}

async fn list(call: Arc<Call>, _: Caller, webhooks: Vec<Webhook>) -> Result<Answer, ApiError> {
    let request = PageRequest::read_whole(&call, Order::Descending, "")?;
    let page = request.cut(webhooks, |webhook| webhook.id.to_string());
    let data = page.rows.iter().map(|webhook| WebhookView::new(webhook, call.now)).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}
