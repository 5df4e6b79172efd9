//! `POST /checkout-sessions/{id}/expire`

use anyspend_api::checkout_session::{CheckoutSessionView, Found, find};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::webhook::WebhookEvent;
use anyspend_store::checkout_sessions;
use anyspend_store::outbox::{self, OutboxEvent};
use http::{Method, StatusCode};
use std::sync::Arc;

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
    let (caller, id) = (&caller, call.param("id"));
    let call = &call;
    call.decide(
        id,
        found,
        || find(call.clone()),
        |(found, deleted_at)| async move {
            let was = caller.own(found, id)?;
            let mut session = was.clone();
            session.expire(call.now, deleted_at)?;
            let answer = call.answer(StatusCode::OK, &CheckoutSessionView::new(&session, call, deleted_at))?;
            let told = OutboxEvent::of(&session, None, WebhookEvent::CheckoutExpired, call.now);
            let mut writes = checkout_sessions::update(&was, &session, &*call.platform)?;
            writes.push(outbox::emit(&told)?);
            let answer = answer.sealed_if(session.names_somebody());
            call.commit(caller, Changes::of(&session, AuditEventType::CheckoutSessionExpired, writes, answer)).await
        },
    )
    .await
}
