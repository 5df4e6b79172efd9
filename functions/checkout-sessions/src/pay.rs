//! `POST /test-helpers/checkout-sessions/{id}/pay`

use crate::simulate::{self, simulate};
use anyspend_api::checkout_session::CheckoutSessionView;
use anyspend_api::fields::{Body, Fields};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment::{Payment, PaymentRecord, settle};
use anyspend_domain::{Address, Amount, Problem, TransactionId};
use http::{Method, StatusCode};
use std::sync::Arc;

/// The body.
struct Pay {
    amount: Option<Amount>,
    payer_address: Option<Address>,
}

impl Body for Pay {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { amount: fields.optional("amount"), payer_address: fields.optional("payer_address") })
    }
}

pub(crate) fn operation() -> Operation {
    Operation::new::<CheckoutSessionView>(
        "payTestCheckoutSession",
        Method::POST,
        "/api/v1/test-helpers/checkout-sessions/{id}/pay",
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Pay a test session without a chain",
    )
    .described(
        "Brings a test session a payment, of what is still owed unless `amount` says otherwise, through the very code that \
         completes a payment on chain: too little, too much, too late and a used-up link end as they would there.",
    )
    .body::<Pay>()
    .handled_by(pay)
}

async fn pay(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let body = call.body::<Pay>(&caller)?;
    let wallet = simulate::payer(body.payer_address)?;
    let (hash, id) = (simulate::hash(), TransactionId::generate(call.now));
    simulate(&call, &caller, &wallet, |context| {
        let session = context.session.clone();
        let owed = session.amount_due().map(|due| {
            // Nothing is owed any more: whoever pays again pays the price again.
            session.amount_received.map_or(Some(due), |received| due.checked_sub(received)).unwrap_or(due)
        });
        let amount = body.amount.or(owed).ok_or_else(|| Problem::missing("amount"))?;
        let payment = Payment {
            amount,
            payer_address: wallet.clone(),
            tx_hash: hash.clone(),
            log_index: Some(0),
            block: None,
            confirmations: 0,
        };
        let customer = context.customer_id(&wallet, call.now);
        Ok(settle(session, PaymentRecord::New(id.clone()), &payment, context.link, customer, call.now))
    })
    .await
}
