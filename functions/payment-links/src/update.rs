//! `PATCH /payment-links/{id}`

use crate::UPDATED;
use crate::stored::{self, PaymentLinks};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::{PaymentLinkView, UpdatePaymentLink};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Code;
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<PaymentLinkView>(
        "updatePaymentLink",
        Method::PATCH,
        crate::LINK,
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Update a payment link",
    )
    .described(
        "Changes only what is sent; `null` clears. `items` replaces all line items. `metadata` is merged key by \
         key, and a key sent as `null` is removed.",
    )
    .body::<UpdatePaymentLink>()
    .beside(stored::find, update)
}

async fn update(call: Arc<Call>, caller: Caller, found: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let found = Some(caller.own(found, call.param("id"))?);
    let (UpdatePaymentLink { patch, is_empty }, mut problems) =
        call.read_body::<UpdatePaymentLink>(&caller)?.parts()?;
    if is_empty {
        return Err(ApiError::new(Code::NoUpdatesProvided, "The request body names no field to update."));
    }
    problems.extend(call.unknown_products(&caller, patch.products()).await?);
    call.change::<PaymentLinks>(&caller, found, UPDATED, |link| {
        ApiError::settle(problems.clone(), link.update(patch.clone(), call.surroundings()))?;
        call.answer(StatusCode::OK, &PaymentLinkView::new(link, &call.platform.config, call.now))
    })
    .await
}
