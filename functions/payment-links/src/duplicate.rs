//! `POST /payment-links/{id}/duplicate`

use crate::stored;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::{LinkOverrides, PaymentLinkView};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::LineItemId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<PaymentLinkView>(
        "duplicatePaymentLink",
        Method::POST,
        crate::DUPLICATE,
        Access::Needs(Permission::Write),
        StatusCode::CREATED,
        "Duplicate a payment link",
    )
    .described(
        "A new link with the same terms and items, under new ids, active and with nothing paid. Any field of a create \
         overrides the copied one, and `null` clears it; `metadata` is merged. `name` is \"Copy of …\" by default, and \
         an expiry that has passed is not copied.",
    )
    .body::<LinkOverrides>()
    .beside(stored::find, duplicate)
}

async fn duplicate(call: Arc<Call>, caller: Caller, found: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let link = caller.own(found, call.param("id"))?;
    let (LinkOverrides(patch), mut problems) = call.read_body::<LinkOverrides>(&caller)?.parts()?;
    problems.extend(call.unknown_products(&caller, patch.products()).await?);
    call.create_link(&caller, |id| {
        let copy = link.duplicate(id, || LineItemId::generate(call.now), patch.clone(), call.surroundings());
        ApiError::settle(problems.clone(), copy)
    })
    .await
}
