//! `POST /checkout/sessions/{id}/discount`

use crate::api::view::PayerSessionView;
use crate::decisions::context::{self, Context, find};
use anyspend_api::discount_code::{apply, find_by_text};
use anyspend_api::fields::{Body, Fields};
use anyspend_api::operation::{Access, Audience, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::rate_limit;
use anyspend_domain::text::Identifier;
use anyspend_store::{Write, checkout_sessions, discount_codes};
use http::{Method, StatusCode};
use std::sync::Arc;

/// The body.
struct ApplyDiscount {
    /// Whatever was typed: what can be no code is one that does not exist.
    code: Option<Identifier>,
}

impl Body for ApplyDiscount {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { code: fields.optional("code") })
    }
}

pub(crate) fn operation() -> Operation {
    Operation::new::<PayerSessionView>(
        "applyDiscount",
        Method::POST,
        "/api/v1/checkout/sessions/{id}/discount",
        Access::Open(rate_limit::CHECKOUT_OPENINGS),
        StatusCode::OK,
        "Apply a discount code to a session, as its payer",
    )
    .described(
        "The code takes the place of any other; `null` takes it off. A use of it is reserved until the session ends, so the \
         price shown is the price owed.",
    )
    .body::<ApplyDiscount>()
    .read_by(Audience::AnySite)
    .beside(find, apply_discount)
}

async fn apply_discount(call: Arc<Call>, caller: Caller, found: Option<Context>) -> Result<Answer, ApiError> {
    let context = found.ok_or_else(|| context::unknown(&call))?;
    let body: ApplyDiscount = call.read_body_in(context.session.owner.mode)?.strict()?;
    let (call, caller, code) = (&*call, &caller, body.code.as_ref());
    // Those who want a use of one code meet there, whatever their sessions.
    let contended = code.map_or(call.param("id"), Identifier::as_str);
    call.decide(
        contended,
        context,
        || context::again(call),
        |context| async move {
            let (session, others) = decide(call, &context, code).await?;
            let changes = |session: &CheckoutSession| {
                let view = PayerSessionView::new(session, call, context.link_deleted_at);
                let mut writes = checkout_sessions::update(&context.session, session, &*call.platform)?;
                writes.extend(others.iter().cloned());
                let answer = call.answer(StatusCode::OK, &view)?;
                Ok(Changes::of(session, AuditEventType::CheckoutSessionUpdated, writes, answer))
            };
            call.commit_asking(caller, &session, changes).await
        },
    )
    .await
}

/// The session with the code on it, and what has to be written besides.
async fn decide(
    call: &Call,
    context: &Context,
    code: Option<&Identifier>,
) -> Result<(CheckoutSession, Vec<Write>), ApiError> {
    let mut session = context.session.clone();
    let Some(code) = code else {
        let earlier = session.discount.clone();
        session.apply_discount(None, call.now, context.link_deleted_at)?;
        let released = earlier.map(|earlier| discount_codes::release(&earlier, &session.id));
        return Ok((session, released.into_iter().collect()));
    };
    let found = find_by_text(&call.db, &session.owner, code.as_str()).await?;
    let writes = apply(&mut session, found.as_ref(), call.now, context.link_deleted_at)?;
    Ok((session, writes))
}
