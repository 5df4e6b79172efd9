//! `GET /webhooks/{id}/deliveries`

use crate::view::DeliveryView;
use anyspend_api::list::{CURSOR, LIMIT, ORDER, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::webhook::Webhook;
use anyspend_domain::webhook_delivery::DeliveryStatus;
use anyspend_domain::{Owner, WebhookId};
use anyspend_store::webhook_deliveries::SlimDelivery;
use http::StatusCode;
use std::sync::Arc;

const STATUS: QueryParam = QueryParam {
    name: "status",
    description: "Only deliveries that have this status now.",
    kind: QueryKind::OneOf(DeliveryStatus::NAMES),
};

pub(crate) fn operation() -> Operation {
    Operation::list_of::<DeliveryView>(
        "listWebhookDeliveries",
        crate::DELIVERIES,
        Access::Needs(Permission::Read),
        "List a webhook's deliveries",
    )
    .described("Newest first. A delivery is kept for 30 days.")
    .query(&[STATUS, ORDER, PAGE, LIMIT, CURSOR])
    .of_owner(find, list)
}

type Found = (Option<Webhook>, Vec<SlimDelivery>);

/// The endpoint and its deliveries.
async fn find(call: Arc<Call>, owner: Owner) -> Result<Found, ApiError> {
    let Some(id) = WebhookId::parse(call.param("id")) else { return Ok((None, Vec::new())) };
    Ok(tokio::try_join!(call.db.find_webhook(&owner, &id), call.db.list_slim_deliveries(&owner, &id, call.now))?)
}

async fn list(call: Arc<Call>, caller: Caller, (found, mut rows): Found) -> Result<Answer, ApiError> {
    let status = call.query().one_of("status", DeliveryStatus::NAMES)?;
    let request = PageRequest::read(&call, Order::Descending, &format!("status={}", status.unwrap_or_default()))?;
    caller.own(found, call.param("id"))?;
    rows.retain(|row| status.is_none_or(|status| row.status == status));
    let page = request.cut(rows, |row| row.id.to_string());
    let deliveries = call.db.get_deliveries(&page.rows).await?;
    let data = deliveries.iter().map(DeliveryView::new).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}
