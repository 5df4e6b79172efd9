//! `POST /webhooks/{id}/test`

use crate::stored::Webhooks;
use crate::view::WebhookActionView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, Stored};
use anyspend_domain::EventId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::{Webhook, WebhookEvent};
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
    .of_owner(Webhooks::find, test)
}

async fn test(call: Arc<Call>, caller: Caller, found: Option<Webhook>) -> Result<Answer, ApiError> {
    let webhook = caller.own(found, call.param("id"))?;
    let occurrence = Occurrence {
        id: EventId::generate(call.now),
        event: WebhookEvent::TestPing,
        transaction_id: None,
        session_id: None,
        at: call.now,
    };
    let delivery = Delivery::new(&webhook, occurrence, Cause::Request, call.now);
    let answer = call.answer(StatusCode::OK, &WebhookActionView::new("webhook.test", &delivery))?;
    let changes =
        Changes::of(&webhook, AuditEventType::WebhookTested, vec![webhook_deliveries::create(&delivery)?], answer);
    Ok(call.commit(&caller, changes).await?)
}
