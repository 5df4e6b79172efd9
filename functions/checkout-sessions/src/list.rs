//! `GET /checkout-sessions`

use anyspend_api::checkout_session::{CheckoutSessionView, CheckoutSessions, STATUS};
use anyspend_api::list::{CURSOR, LIMIT, ListView, ORDER, PAGE};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_domain::api_key::Permission;
use http::{Method, StatusCode};

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
    .listing::<CheckoutSessions>()
}
