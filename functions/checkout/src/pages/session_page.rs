//! `GET /pay/s/{id}`

use crate::decisions::context::{self, Context, find};
use crate::html::closed::failure;
use crate::html::form::FormState;
use crate::html::{self, HTML};
use anyspend_api::operation::{Access, Audience, Content, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::rate_limit;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::answering(
        "openSessionPage",
        Method::GET,
        crate::SESSION_PAGE,
        Access::Open(rate_limit::CHECKOUT_PAGES),
        (StatusCode::OK, Content::Text(HTML)),
        "Open a session's page",
    )
    .described(
        "What is still missing, the amount and the address to pay to with a QR code, or what has become of it. It looks \
         anew by itself until the payment is final, and then leads to `success_url`, or to the link's `return_url`.",
    )
    .read_by(Audience::People(failure))
    .beside(find, show)
}

async fn show(call: Arc<Call>, _: Caller, found: Option<Context>) -> Result<Answer, ApiError> {
    let context = found.ok_or_else(|| context::unknown(&call))?;
    Ok(html::session::answer(&call, &context, &FormState::default()))
}
