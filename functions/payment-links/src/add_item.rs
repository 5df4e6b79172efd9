//! `POST /payment-links/{id}/items`

use crate::UPDATED;
use crate::stored::{self, PaymentLinks};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::{LineItemBody, LineItemView};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<LineItemView>(
        "addPaymentLinkItem",
        Method::POST,
        crate::ITEMS,
        Access::Needs(Permission::Write),
        StatusCode::CREATED,
        "Add a line item to a payment link",
    )
    .described(
        "A link whose price is the total of its items changes its price with them; a link with an `amount` keeps it.",
    )
    .body::<LineItemBody>()
    .beside(stored::find, add_item)
}

async fn add_item(call: Arc<Call>, caller: Caller, found: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let found = Some(caller.own(found, call.param("id"))?);
    let item = call.body::<LineItemBody>(&caller)?.into_item(call.now);
    let reference = item.product_id.clone().map(|product| ("product_id".to_owned(), product));
    let unknown = call.unknown_products(&caller, reference.into_iter().collect()).await?;
    ApiError::settle(unknown, Ok(()))?;
    call.change::<PaymentLinks>(&caller, found, UPDATED, |link| {
        let added = link.add_item(item.clone(), call.now)?;
        call.answer(StatusCode::CREATED, &LineItemView::new(&added, &link.id))
    })
    .await
}
