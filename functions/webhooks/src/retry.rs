//! `POST /webhooks/{id}/deliveries/{delivery_id}/retry`

use crate::stored::{self, Expected, own};
use crate::view::{OwnedDelivery, WebhookActionView};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::DeliveryId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook_delivery::Delivery;
use anyspend_store::webhook_deliveries;
use http::{Method, StatusCode};
use std::sync::Arc;

/// How often the retry is decided anew because the delivery has moved on meanwhile.
const DECISIONS: u32 = 10;

pub(crate) fn operation() -> Operation {
    Operation::new::<WebhookActionView>(
        "retryWebhookDelivery",
        Method::POST,
        crate::RETRY,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "Try a delivery again",
    )
    .described(
        "At once, whatever became of the delivery and even while its webhook is switched off: the same event, sent to \
         where the webhook is now. While an attempt is under way already, nothing more is done.",
    )
    .beside(expected, retry)
}

async fn find(call: &Call) -> Result<Option<OwnedDelivery>, ApiError> {
    match DeliveryId::parse(call.param("delivery_id")) {
        Some(id) => Ok(call.db.find_delivery(&id, call.now).await?.map(OwnedDelivery)),
        None => Ok(None),
    }
}

async fn expected(call: Arc<Call>) -> Result<(Expected, Option<OwnedDelivery>), ApiError> {
    tokio::try_join!(stored::expected(call.clone()), find(&call))
}

async fn retry(
    call: Arc<Call>,
    caller: Caller,
    (expected, found): (Expected, Option<OwnedDelivery>),
) -> Result<Answer, ApiError> {
    let webhook = own(&call, &caller, expected).await?;
    let mut found = found;
    for _ in 0..DECISIONS {
        let of_this_webhook = found.filter(|OwnedDelivery(delivery)| delivery.webhook_id == webhook.id);
        let OwnedDelivery(mut delivery) = caller.own(of_this_webhook, call.param("delivery_id"))?;
        let version = delivery.version;
        let begun = delivery.retry(call.now);
        let answer = call.answer(StatusCode::OK, &WebhookActionView::new("webhook_delivery.retry", &delivery))?;
        if !begun {
            return Ok(answer);
        }
        match call.commit(&caller, changes(&delivery, version, answer)?).await {
            Err(NotCommitted::Changed) => found = find(&call).await?,
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("the delivery kept moving"))
}

fn changes(delivery: &Delivery, version: u64, answer: Answer) -> Result<Changes, ApiError> {
    Ok(Changes {
        writes: vec![webhook_deliveries::replace(delivery, version)?],
        event_type: AuditEventType::WebhookDeliveryRetried,
        resource_id: delivery.id.to_string(),
        answer,
    })
}
