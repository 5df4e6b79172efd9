//! `POST /test-helpers/checkout-sessions/{id}/fail`

use crate::simulate::{self, simulate};
use anyspend_api::checkout_session::CheckoutSessionView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::TransactionId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment::{Failing, PaymentRecord, fail};
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<CheckoutSessionView>(
        "failTestCheckoutSession",
        Method::POST,
        "/api/v1/test-helpers/checkout-sessions/{id}/fail",
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Fail a test session's payment",
    )
    .described("Ends a test session that is open or processing as `failed`, with a failed transaction.")
    .handled_by(fail_payment)
}

async fn fail_payment(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let wallet = simulate::payer(None)?;
    let (hash, id) = (simulate::hash(), TransactionId::generate(call.now));
    simulate(&call, &caller, &wallet, |context| {
        let (session, record) = (context.session.clone(), PaymentRecord::New(id.clone()));
        Ok(fail(session, record, &hash, Failing::Session, context.link, call.now)?)
    })
    .await
}
