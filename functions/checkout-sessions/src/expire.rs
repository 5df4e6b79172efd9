//! `POST /checkout-sessions/{id}/expire`

use anyspend_api::checkout_session::{CheckoutSessionView, Found, find};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::WebhookEvent;
use anyspend_store::checkout_sessions;
use anyspend_store::outbox::{self, OutboxEvent};
use http::{Method, StatusCode};
use std::sync::Arc;

/// How often an expiry is decided anew because another change came first.
const DECISIONS: u32 = 10;

pub(crate) fn operation() -> Operation {
    Operation::new::<CheckoutSessionView>(
        "expireCheckoutSession",
        Method::POST,
        "/api/v1/checkout-sessions/{id}/expire",
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Expire an open checkout session",
    )
    .beside(find, expire)
}

async fn expire(call: Arc<Call>, caller: Caller, found: Found) -> Result<Answer, ApiError> {
    let (mut found, mut deleted_at) = found;
    for _ in 0..DECISIONS {
        let was = caller.own(found, call.param("id"))?;
        let mut session = was.clone();
        session.expire(call.now, deleted_at)?;
        let mut answer = call.answer(StatusCode::OK, &CheckoutSessionView::new(&session, &call, deleted_at))?;
        answer.bears_secret = session.names_somebody();
        let told = OutboxEvent::of(&session, None, WebhookEvent::CheckoutExpired, call.now);
        let mut writes = checkout_sessions::update(&was, &session, &*call.platform)?;
        writes.push(outbox::emit(&told)?);
        let changes = Changes {
            writes,
            event_type: AuditEventType::CheckoutSessionExpired,
            resource_id: session.id.to_string(),
            answer,
        };
        match call.commit(&caller, changes).await {
            Err(NotCommitted::Changed) => (found, deleted_at) = find(call.clone()).await?,
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("the session kept changing"))
}
