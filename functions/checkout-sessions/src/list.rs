//! `GET /checkout-sessions`

use anyspend_api::checkout_session::{self, CheckoutSessionView, STATUS};
use anyspend_api::list::{CURSOR, LIMIT, ListView, ORDER, PAGE};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::{PaymentLinkId, Problem};
use http::{Method, StatusCode};
use std::sync::Arc;

const QUERY: &[QueryParam] = &[
    STATUS,
    QueryParam {
        name: "payment_link_id",
        description: "Only sessions that were opened from this link.",
        kind: QueryKind::Text(64),
    },
    QueryParam {
        name: "from",
        description: "Only sessions made at or after this date, ISO 8601 time, or milliseconds.",
        kind: QueryKind::Moment,
    },
    QueryParam {
        name: "to",
        description: "Only sessions made at or before this; a date means the end of that day, UTC.",
        kind: QueryKind::Moment,
    },
    ORDER,
    PAGE,
    LIMIT,
    CURSOR,
];

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<CheckoutSessionView>>(
        "listCheckoutSessions",
        Method::GET,
        crate::CHECKOUT_SESSIONS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List checkout sessions",
    )
    .query(QUERY)
    .handled_by(list)
}

async fn list(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let query = call.query();
    let span = (query.moment("from", false)?, query.moment("to", true)?);
    let link = query
        .text("payment_link_id")
        .map(|text| {
            PaymentLinkId::parse(text).ok_or_else(|| Problem::invalid("payment_link_id", "must be a payment link's id"))
        })
        .transpose()?;
    checkout_session::list(&call, &caller, link.as_ref(), span).await
}
