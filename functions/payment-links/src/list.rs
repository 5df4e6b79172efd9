//! `GET /payment-links`

use anyspend_api::list::{CURSOR, LIMIT, ListView, ORDER, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::PaymentLinkView;
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Owner;
use anyspend_domain::api_key::Permission;
use anyspend_store::payment_links::SlimLink;
use http::{Method, StatusCode};
use std::sync::Arc;

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "active",
        description: "Only links that take payments now (`true`), or only those that do not (`false`).",
        kind: QueryKind::Bool,
    },
    QueryParam { name: "is_active", description: "The same as `active`.", kind: QueryKind::Bool },
    QueryParam { name: "sort", description: "What the list is ordered by.", kind: QueryKind::OneOf(&["created_at"]) },
    ORDER,
    PAGE,
    LIMIT,
    CURSOR,
];

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<PaymentLinkView>>(
        "listPaymentLinks",
        Method::GET,
        crate::LINKS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List payment links",
    )
    .query(QUERY)
    .beside(expected_rows, list)
}

/// The slim rows of the organization this key opened the last time, read beside the check of the key.
async fn expected_rows(call: Arc<Call>) -> Result<Option<(Owner, Vec<SlimLink>)>, ApiError> {
    let Some(owner) = call.expected_owner() else { return Ok(None) };
    let rows = call.db.list_slim_payment_links(&owner).await?;
    Ok(Some((owner, rows)))
}

async fn list(call: Arc<Call>, caller: Caller, expected: Option<(Owner, Vec<SlimLink>)>) -> Result<Answer, ApiError> {
    let active = call.query().bool_with_alias("active", "is_active")?;
    call.query().one_of("sort", &["created_at"])?;
    let request = PageRequest::read(&call, Order::Descending, &format!("active={active:?}"))?;
    let mut rows = match expected {
        Some((owner, rows)) if owner == caller.owner => rows,
        _ => call.db.list_slim_payment_links(&caller.owner).await?,
    };
    rows.retain(|row| active.is_none_or(|wanted| row.is_active(call.now) == wanted));
    let page = request.cut(rows, |row| row.id.to_string());
    let links = call.db.get_payment_links(&page.rows).await?;
    let data = links.iter().map(|link| PaymentLinkView::new(link, &call.platform.config, call.now)).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}
