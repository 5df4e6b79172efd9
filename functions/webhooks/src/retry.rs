//! `POST /webhooks/{id}/deliveries/{delivery_id}/retry`

use crate::stored::Webhooks;
use crate::view::WebhookActionView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, Stored};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::Webhook;
use anyspend_domain::webhook_delivery::Delivery;
use anyspend_domain::{DeliveryId, Owner};
use anyspend_store::webhook_deliveries;
use http::{Method, StatusCode};
use std::sync::Arc;

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
    .of_owner(find, retry)
}

type Found = (Option<Webhook>, Option<Delivery>);

async fn find(call: Arc<Call>, owner: Owner) -> Result<Found, ApiError> {
    tokio::try_join!(Webhooks::find(call.clone(), owner), find_delivery(&call))
}

async fn find_delivery(call: &Call) -> Result<Option<Delivery>, ApiError> {
    match DeliveryId::parse(call.param("delivery_id")) {
        Some(id) => Ok(call.db.find_delivery(&id, call.now).await?),
        None => Ok(None),
    }
}

async fn retry(call: Arc<Call>, caller: Caller, (webhook, found): Found) -> Result<Answer, ApiError> {
    let webhook = caller.own(webhook, call.param("id"))?;
    let (call, caller, webhook, id) = (&call, &caller, &webhook, call.param("delivery_id"));
    call.decide(
        id,
        found,
        || find_delivery(call),
        |found| async move {
            let of_this_webhook = found.filter(|delivery: &Delivery| delivery.webhook_id == webhook.id);
            let mut delivery = caller.own(of_this_webhook, id)?;
            let version = delivery.version;
            let begun = delivery.retry(call.now);
            let answer = call.answer(StatusCode::OK, &WebhookActionView::new("webhook_delivery.retry", &delivery))?;
            if !begun {
                return Ok(answer);
            }
            let writes = vec![webhook_deliveries::replace(&delivery, version)?];
            call.commit(caller, Changes::of(&delivery, AuditEventType::WebhookDeliveryRetried, writes, answer)).await
        },
    )
    .await
}
