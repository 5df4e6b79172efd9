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
    .beside(expected, list)
}

/// The endpoints of the organization this key opened the last time, read beside the check of the key. An owner's are all
/// in one partition, so no index is asked: the list is exact.
async fn expected(call: Arc<Call>) -> Result<Option<(Owner, Vec<Webhook>)>, ApiError> {
    let Some(owner) = call.expected_owner() else { return Ok(None) };
    let webhooks = call.db.list_webhooks(&owner).await?;
    Ok(Some((owner, webhooks)))
}

async fn list(call: Arc<Call>, caller: Caller, expected: Option<(Owner, Vec<Webhook>)>) -> Result<Answer, ApiError> {
    let request = PageRequest::read_whole(&call, Order::Descending, "")?;
    let webhooks = match expected {
        Some((owner, webhooks)) if owner == caller.owner => webhooks,
        _ => call.db.list_webhooks(&caller.owner).await?,
    };
    let page = request.cut(webhooks, |webhook| webhook.id.to_string());
    let data = page.rows.iter().map(|webhook| WebhookView::new(webhook, call.now)).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}
