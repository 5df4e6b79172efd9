//! `GET /discount-codes`

use anyspend_api::discount_code::DiscountCodeView;
use anyspend_api::list::{CURSOR, LIMIT, ListView, ORDER, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use http::{Method, StatusCode};
use std::sync::Arc;

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "active",
        description: "Only codes that are switched on (`true`), or off (`false`).",
        kind: QueryKind::Bool,
    },
    QueryParam { name: "is_active", description: "The same as `active`.", kind: QueryKind::Bool },
    ORDER,
    PAGE,
    LIMIT,
    CURSOR,
];

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<DiscountCodeView>>(
        "listDiscountCodes",
        Method::GET,
        crate::DISCOUNT_CODES,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List discount codes",
    )
    .query(QUERY)
    .handled_by(list)
}

async fn list(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let active = call.query().bool_with_alias("active", "is_active")?;
    let request = PageRequest::read(&call, Order::Descending, &format!("active={active:?}"))?;
    let mut rows = call.db.list_discount_code_ids(&caller.owner).await?;
    rows.retain(|(_, switched_on)| active.is_none_or(|wanted| *switched_on == wanted));
    let rows = rows.into_iter().map(|(id, _)| id).collect();
    let page = request.cut(rows, ToString::to_string);
    let codes = call.db.get_discount_codes(&page.rows).await?;
    let data = codes.iter().map(DiscountCodeView::new).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}
