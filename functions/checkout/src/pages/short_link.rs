//! `GET /l/{short_code}`

use crate::html::closed::failure;
use anyspend_api::operation::{Access, Audience, Content, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::{PaymentLinkId, ShortCode};
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::answering(
        "followShortLink",
        Method::GET,
        "/l/{short_code}",
        Access::Public,
        (StatusCode::FOUND, Content::Redirect),
        "Go to a payment link's page",
    )
    .described("The query is kept byte for byte. Whether there is such a link is the page's to say.")
    .read_by(Audience::People(failure))
    .handled_by(follow)
}

async fn follow(call: Arc<Call>, _: Caller) -> Result<Answer, ApiError> {
    let text = call.param("short_code");
    let code = ShortCode::parse(text).ok_or_else(|| ApiError::not_found(PaymentLinkId::OBJECT, text))?;
    let page = call.platform.config.page_url(&code);
    let separator = if call.query_string.is_empty() { "" } else { "?" };
    call.redirect(StatusCode::FOUND, &format!("{page}{separator}{}", call.query_string))
}
