//! `GET /webhooks/{id}/deliveries`

use crate::stored::{Expected, own};
use crate::view::DeliveryView;
use anyspend_api::list::{CURSOR, LIMIT, ORDER, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::WebhookId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::webhook_delivery::DeliveryStatus;
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
    .beside(expected, list)
}

type Rows = Vec<SlimDelivery>;

/// The endpoint and its deliveries, among those of the organization this key opened the last time.
async fn expected(call: Arc<Call>) -> Result<Option<(Expected, Rows)>, ApiError> {
    let (Some(owner), Some(id)) = (call.expected_owner(), WebhookId::parse(call.param("id"))) else { return Ok(None) };
    let (found, rows) =
        tokio::try_join!(call.db.find_webhook(&owner, &id), call.db.list_slim_deliveries(&owner, &id, call.now))?;
    Ok(Some((Some((owner, found)), rows)))
}

async fn list(call: Arc<Call>, caller: Caller, expected: Option<(Expected, Rows)>) -> Result<Answer, ApiError> {
    let status = call.query().one_of("status", DeliveryStatus::NAMES)?;
    let request = PageRequest::read(&call, Order::Descending, &format!("status={}", status.unwrap_or_default()))?;
    let (found, rows) = match expected {
        Some((Some((owner, found)), rows)) if owner == caller.owner => (Some((owner, found)), Some(rows)),
        _ => (None, None),
    };
    let webhook = own(&call, &caller, found).await?;
    let mut rows = match rows {
        Some(rows) => rows,
        None => call.db.list_slim_deliveries(&caller.owner, &webhook.id, call.now).await?,
    };
    rows.retain(|row| status.is_none_or(|status| row.status == status));
    let page = request.cut(rows, |row| row.id.to_string());
    let deliveries = call.db.get_deliveries(&page.rows).await?;
    let data = deliveries.iter().map(DeliveryView::new).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}
