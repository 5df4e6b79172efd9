//! `GET /payment-links/{id}/items`

use crate::stored;
use anyspend_api::list::{CURSOR, LIMIT, ListView, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::LineItemView;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<LineItemView>>(
        "listPaymentLinkItems",
        Method::GET,
        crate::ITEMS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List a payment link's line items",
    )
    .described("By position. A page holds 100 items unless `limit` says otherwise, which is all a link can have.")
    .query(&[PAGE, LIMIT, CURSOR])
    .beside(stored::find, list_items)
}

async fn list_items(call: Arc<Call>, caller: Caller, found: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let link = caller.own(found, call.param("id"))?;
    let request = PageRequest::read_whole(&call, Order::Ascending, "")?;
    let numbered = link.items.iter().enumerate().collect();
    let page = request.cut(numbered, |(index, item)| format!("{:020}{index:05}", item.sort_order));
    let data = page.rows.iter().map(|(_, item)| LineItemView::new(item, &link.id)).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}
