//! `GET /pay/{id}`

use crate::html::closed::{self, Closed, failure};
use crate::html::form::FormState;
use crate::html::{HTML, link};
use crate::pages::query::PageQuery;
use crate::pages::visit;
use anyspend_api::operation::{Access, Audience, Content, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::checkout_session::Attribution;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::rate_limit;
use anyspend_domain::{CheckoutSessionId, Mode, PaymentLinkId, PaymentLinkRef, VisitorId};
use anyspend_store::payment_links::LinkFate;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::answering(
        "openPaymentPage",
        Method::GET,
        crate::LINK_PAGE,
        Access::Open(rate_limit::CHECKOUT_PAGES),
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
    .beside_or_undo(load, take_back, show)
}

/// What a page is made of: the link, and the visit where it could be recorded beside.
struct Loaded {
    found: Result<LinkFate, ApiError>,
    visit: Visit,
}

/// How far a visit is.
enum Visit {
    /// Nobody has tried to record it: the link's owner was not known yet.
    Untried,
    /// It was recorded, or turned out to be none, or could not be: it is not tried twice, lest it count twice.
    Tried(Option<VisitorId>),
}

impl Visit {
    async fn take_back(self, call: &Call) {
        if let Self::Tried(visit) = self {
            visit::take_back(call, visit).await;
        }
    }
}

/// Reads the link. Of a link this instance has seen before, the owner is known, so the visit is recorded beside.
async fn load(call: Arc<Call>) -> Loaded {
    let Some(wanted) = PaymentLinkRef::parse(call.param("id")) else {
        return Loaded { found: Ok(LinkFate::Unknown), visit: Visit::Untried };
    };
    let known = call.platform.known_link(&wanted);
    let visit = async {
        match &known {
            Some((id, owner)) => Visit::Tried(visit::record(&call, id, owner, &attribution(&call)).await),
            None => Visit::Untried,
        }
    };
    let (found, visit) = tokio::join!(call.db.meet_payment_link(&wanted), visit);
    Loaded { found: found.map_err(ApiError::from), visit }
}

async fn take_back(call: Arc<Call>, loaded: Loaded) {
    loaded.visit.take_back(&call).await;
}

/// Where the visitor came from; the tags are the same in either mode.
fn attribution(call: &Call) -> Attribution {
    PageQuery::read(&call.query_string, Mode::Live).attribution
}

async fn show(call: Arc<Call>, _: Caller, loaded: Loaded) -> Result<Answer, ApiError> {
    let Loaded { found, visit } = loaded;
    let link = match found {
        Ok(LinkFate::Stands(link)) => link,
        Ok(LinkFate::Deleted(_)) => {
            visit.take_back(&call).await;
            return Ok(closed::deleted(&call));
        }
        Ok(LinkFate::Unknown) => return Err(ApiError::not_found(PaymentLinkId::OBJECT, call.param("id"))),
        Err(error) => {
            visit.take_back(&call).await;
            return Err(error);
        }
    };
    call.platform.remember_link(&link);
    let query = PageQuery::read(&call.query_string, link.owner.mode);
    let (visit, named) = tokio::join!(visited(&call, &link, visit, &query), named_session(&call, &link, &query));
    // A session made for this payer is paid whatever has become of the link since.
    if let Some(id) = named? {
        return call.redirect(StatusCode::FOUND, &crate::session_path(&id));
    }
    match Closed::of(&link, call.now) {
        Some(reason) => Ok(closed::link(&call, &link, reason)),
        None => Ok(link::answer(&call, &link, &FormState::default(), visit.as_ref())),
    }
}

/// The visit, recorded now unless it was before.
async fn visited(call: &Call, link: &PaymentLink, visit: Visit, query: &PageQuery) -> Option<VisitorId> {
    match visit {
        Visit::Tried(visit) => visit,
        Visit::Untried => visit::record(call, &link.id, &link.owner, &query.attribution).await,
    }
}

/// The session the address names, if it is one of this link; any other is ignored.
async fn named_session(
    call: &Call,
    link: &PaymentLink,
    query: &PageQuery,
) -> Result<Option<CheckoutSessionId>, ApiError> {
    let Some(id) = query.session_id.as_ref().filter(|id| id.short_code() == link.id.short_code()) else {
        return Ok(None);
    };
    let session = call.db.find_checkout_session(id, &*call.platform).await?;
    Ok(session.filter(|session| session.payment_link_id.as_ref() == Some(&link.id)).map(|session| session.id))
}
