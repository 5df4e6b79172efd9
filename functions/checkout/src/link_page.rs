//! `GET /pay/{id}`

use crate::html::closed::{self, Closed, failure};
use crate::html::{HTML, link};
use crate::page_query::PageQuery;
use anyspend_api::operation::{Access, Audience, Content, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::{PaymentLinkId, PaymentLinkRef};
use anyspend_store::payment_links::LinkFate;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::answering(
        "openPaymentPage",
        Method::GET,
        crate::LINK_PAGE,
        Access::Open { group: crate::PAGES, per_minute: crate::PER_MINUTE },
        (StatusCode::OK, Content::Text(HTML)),
        "Open a payment link's page",
    )
    .described(
        "By short code or id. Parameters: `client_reference_id`, `metadata[key]`, `session_id`, `success_url`, \
         `cancel_url`, `utm_source`, `utm_medium`, `utm_campaign`. Any others are ignored, and so are values that do not \
         fit: a page opens whatever its address was tagged with.",
    )
    .also(StatusCode::FOUND, Content::Redirect, "`session_id` names a session of this link: to its page")
    .also(StatusCode::GONE, Content::Text(HTML), "The link was deleted, has expired, is used up or is switched off")
    .read_by(Audience::People(failure))
    .beside(load, show)
}

/// The link the path names.
pub(crate) async fn find(call: &Call) -> Result<LinkFate, ApiError> {
    match PaymentLinkRef::parse(call.param("id")) {
        Some(wanted) => Ok(call.db.meet_payment_link(&wanted).await?),
        None => Ok(LinkFate::Unknown),
    }
}

async fn load(call: Arc<Call>) -> Result<LinkFate, ApiError> {
    find(&call).await
}

async fn show(call: Arc<Call>, _: Caller, found: LinkFate) -> Result<Answer, ApiError> {
    let link = match found {
        LinkFate::Stands(link) => link,
        LinkFate::Deleted => return Ok(closed::deleted(&call)),
        LinkFate::Unknown => return Err(ApiError::not_found(PaymentLinkId::OBJECT, call.param("id"))),
    };
    // A session made for this payer is paid whatever has become of the link since.
    let query = PageQuery::read(&call.query_string, link.owner.mode);
    if let Some(id) = query.session_id.filter(|id| id.short_code() == link.id.short_code()) {
        let session = call.db.find_checkout_session(&id, &*call.platform).await?;
        if session.is_some_and(|session| session.payment_link_id.as_ref() == Some(&link.id)) {
            return call.redirect(StatusCode::FOUND, &crate::session_path(&id));
        }
    }
    match Closed::of(&link, call.now) {
        Some(reason) => Ok(closed::link(&call, &link, reason)),
        None => Ok(link::answer(&call, StatusCode::OK, &link, &link::Filled::default(), None)),
    }
}
