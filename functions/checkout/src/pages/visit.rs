//! A visit of a link's page, recorded as it is opened.
//!
//! What must stay true: recording never fails a page; only a person who opens the page counts, so neither HEAD nor a
//! browser's guess of what might be opened next does; and a request that is refused leaves no visit behind.

use anyspend_api::Call;
use anyspend_domain::checkout_session::Attribution;
use anyspend_domain::statistics::Visitor;
use anyspend_domain::{Owner, PaymentLinkId, VisitorId};
use http::Method;

/// What browsers say in when they fetch a page that nobody has asked for yet.
const PREFETCH_HEADERS: [&str; 3] = ["sec-purpose", "purpose", "x-moz"];

/// Records that the page was opened, and returns the visit's id; `None` when that is no visit, or could not be recorded.
pub(crate) async fn record(
    call: &Call,
    link: &PaymentLinkId,
    owner: &Owner,
    attribution: &Attribution,
) -> Option<VisitorId> {
    let visitor = visitor(call, link, owner, attribution)?;
    match call.db.record_view(&visitor).await {
        Ok(()) => Some(visitor.id),
        Err(error) => {
            tracing::warn!(%error, "a visit could not be recorded");
            None
        }
    }
}

/// Takes a visit back.
pub(crate) async fn take_back(call: &Call, visit: Option<VisitorId>) {
    if let Some(id) = visit
        && let Err(error) = call.db.forget_view(&id).await
    {
        tracing::warn!(%error, "a visit could not be taken back");
    }
}

fn visitor(call: &Call, link: &PaymentLinkId, owner: &Owner, attribution: &Attribution) -> Option<Visitor> {
    let text = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok());
    let prefetched = PREFETCH_HEADERS.iter().any(|name| text(name).is_some_and(|value| value.contains("prefetch")));
    if call.method != Method::GET || prefetched {
        return None;
    }
    call.visit(link, owner, attribution)
}
