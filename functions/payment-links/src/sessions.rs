//! `GET /payment-links/{id}/sessions`

use crate::stored;
use anyspend_api::checkout_session::{self, CheckoutSessionView, CheckoutSessions, OF_LINK};
use anyspend_api::list::{ExpectedList, ListView, Part, open_part_expected, show_part};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::PaymentLinkId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_store::checkout_sessions::SessionColumns;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<CheckoutSessionView>>(
        "listPaymentLinkSessions",
        Method::GET,
        crate::SESSIONS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List a payment link's checkout sessions",
    )
    .query(OF_LINK)
    .beside(find, sessions)
}

fn part_of(link: &PaymentLinkId) -> Part<SessionColumns> {
    checkout_session::part(Some(link), None, None)
}

/// The link, and its sessions where the path names it by its id.
async fn find(call: Arc<Call>) -> Result<(Option<PaymentLink>, ExpectedList<CheckoutSessions>), ApiError> {
    let sessions = async {
        match PaymentLinkId::parse(call.param("id")) {
            Some(id) => open_part_expected::<CheckoutSessions>(&call, Some(part_of(&id))).await,
            None => Ok(None),
        }
    };
    tokio::try_join!(stored::find(call.clone()), sessions)
}

async fn sessions(
    call: Arc<Call>,
    caller: Caller,
    (found, expected): (Option<PaymentLink>, ExpectedList<CheckoutSessions>),
) -> Result<Answer, ApiError> {
    let link = caller.own(found, call.param("id"))?;
    show_part::<CheckoutSessions>(&call, &caller, Some(part_of(&link.id)), expected).await
}
