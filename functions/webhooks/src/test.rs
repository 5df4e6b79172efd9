//! `POST /webhooks/{id}/test`

use crate::stored::{self, Expected, own};
use crate::view::WebhookActionView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::EventId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::WebhookEvent;
use anyspend_domain::webhook_delivery::{Cause, Delivery, Occurrence};
use anyspend_store::webhook_deliveries;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<WebhookActionView>(
        "testWebhook",
        Method::POST,
        crate::TEST,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "Send a test event",
    )
    .described(
        "Sends `test.ping` to this webhook, whatever it subscribes to and even while it is switched off. The answer \
         names the delivery, which is made a moment later.",
    )
    .beside(stored::expected, test)
}

async fn test(call: Arc<Call>, caller: Caller, expected: Expected) -> Result<Answer, ApiError> {
    let webhook = own(&call, &caller, expected).await?;
    let occurrence = Occurrence {
        id: EventId::generate(call.now),
        event: WebhookEvent::TestPing,
        transaction_id: None,
        session_id: None,
        at: call.now,
    };
    let delivery = Delivery::new(&webhook, occurrence, Cause::Request, call.now);
    let changes = Changes {
        writes: vec![webhook_deliveries::create(&delivery)?],
        event_type: AuditEventType::WebhookTested,
        resource_id: webhook.id.to_string(),
        answer: call.answer(StatusCode::OK, &WebhookActionView::new("webhook.test", &delivery))?,
    };
    Ok(call.commit(&caller, changes).await?)
}
