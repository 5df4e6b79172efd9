//! `POST /checkout/sessions/{id}/details`

use crate::api::view::PayerSessionView;
use crate::decisions::context::{self, Context, find};
use crate::decisions::details::{self, AddDetails};
use anyspend_api::operation::{Access, Audience, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::rate_limit;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<PayerSessionView>(
        "addSessionDetails",
        Method::POST,
        "/api/v1/checkout/sessions/{id}/details",
        Access::Open(rate_limit::CHECKOUT_OPENINGS),
        StatusCode::OK,
        "Add what a session still lacks, as its payer",
    )
    .described(
        "A session the merchant opened may lack what its link asks: an `amount` of the payer's choice, the form, shipping. \
         What is known already cannot be changed.",
    )
    .body::<AddDetails>()
    .read_by(Audience::AnySite)
    .beside(find, add)
}

async fn add(call: Arc<Call>, caller: Caller, found: Option<Context>) -> Result<Answer, ApiError> {
    let context = found.ok_or_else(|| context::unknown(&call))?;
    let (call, caller) = (&*call, &caller);
    call.decide(
        call.param("id"),
        context,
        || context::again(call),
        |context| async move {
            let session = details::decide(call, &context, call.read_body_in(context.session.owner.mode)?)?;
            let shown = |session: &CheckoutSession| {
                call.answer(StatusCode::OK, &PayerSessionView::new(session, call, context.link_deleted_at))
            };
            details::commit(call, caller, &context.session, &session, shown).await
        },
    )
    .await
}
