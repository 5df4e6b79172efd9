//! `POST /payment-links`

use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::{CreatePaymentLink, PaymentLinkView};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<PaymentLinkView>(
        "createPaymentLink",
        Method::POST,
        crate::LINKS,
        Access::Needs(Permission::Write),
        StatusCode::CREATED,
        "Create a payment link",
    )
    .described(
        "With `amount`, the price is fixed. Without it, it is the total of the `items`; without those too, the \
         payer chooses between `min_amount` and `max_amount`. The organization's defaults fill `token_address`, \
         `chain_id` and `recipient_address` where they are set.",
    )
    .body::<CreatePaymentLink>()
    .handled_by(create)
}

async fn create(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let (CreatePaymentLink(terms), problems) = call.read_body::<CreatePaymentLink>(&caller)?.parts()?;
    let references = terms.products();
    call.create_link_of(&caller, terms, references, problems).await
}
