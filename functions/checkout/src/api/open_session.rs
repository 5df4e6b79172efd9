//! `POST /checkout/{short_code}/sessions`

use crate::api::view::PayerSessionView;
use crate::decisions::opening::{self, OpenSession};
use anyspend_api::operation::{Access, Audience, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::PaymentLinkId;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::rate_limit;
use anyspend_store::payment_links::LinkFate;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<PayerSessionView>(
        "openCheckoutSession",
        Method::POST,
        "/api/v1/checkout/{short_code}/sessions",
        Access::Open(rate_limit::CHECKOUT_OPENINGS),
        StatusCode::CREATED,
        "Open a session of a payment link, as its payer",
    )
    .described(
        "Everything the link asks of its payer is demanded: an `amount` where the payer chooses it, the required fields of \
         its form, `shipping_option_id` and `shipping_address` where goods are sent. `success_url` and `cancel_url` are \
         used only on the site of the link's `return_url` or of the organization's `website_url`; otherwise they are left out, and the session says so in \
         `warnings`. `visitor_id` ties the session to the visit of the page. The answer shows nothing private; the \
         merchant sees the whole session.",
    )
    .body::<OpenSession>()
    .read_by(Audience::AnySite)
    .beside(find_link, open)
}

async fn find_link(call: Arc<Call>) -> Result<LinkFate, ApiError> {
    opening::find_link(&call, call.param("short_code")).await
}

async fn open(call: Arc<Call>, caller: Caller, found: LinkFate) -> Result<Answer, ApiError> {
    let LinkFate::Stands(link) = found else {
        return Err(ApiError::not_found(PaymentLinkId::OBJECT, call.param("short_code")));
    };
    let opening = opening::decide(&call, &link, call.read_body_in(link.owner.mode)?).await?;
    let shown =
        |session: &CheckoutSession| call.answer(StatusCode::CREATED, &PayerSessionView::new(session, &call, None));
    opening::commit(&call, &caller, &opening, shown).await
}
