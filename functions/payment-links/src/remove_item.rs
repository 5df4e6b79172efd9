//! `DELETE /payment-links/{id}/items/{item_id}`

use crate::UPDATED;
use crate::stored::{self, PaymentLinks};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, DeletedView};
use anyspend_domain::LineItemId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<DeletedView>(
        "removePaymentLinkItem",
        Method::DELETE,
        crate::ITEM,
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Remove a line item from a payment link",
    )
    .beside(stored::find, remove_item)
}

async fn remove_item(call: Arc<Call>, caller: Caller, found: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let text = call.param("item_id");
    let not_found = || ApiError::not_found(LineItemId::OBJECT, text);
    call.change::<PaymentLinks>(&caller, found, UPDATED, |link| {
        let item = LineItemId::parse(text).ok_or_else(not_found)?;
        if !link.remove_item(&item, call.now) {
            return Err(not_found());
        }
        call.answer(StatusCode::OK, &DeletedView { object: LineItemId::OBJECT, id: item.to_string(), deleted: true })
    })
    .await
}
