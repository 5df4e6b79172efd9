//! `GET /payment-links`

use anyspend_api::list::{CURSOR, LIMIT, ListView, ORDER, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::PaymentLinkView;
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Owner;
use anyspend_domain::api_key::Permission;
use anyspend_domain::text::fold_case;
use anyspend_store::payment_links::SlimLink;
use http::{Method, StatusCode};
use std::sync::Arc;

/// Most characters of a search.
const MAX_SEARCH: usize = 200;
const SORTS: &[&str] = &["created_at", "updated_at", "name", "uses", "current_uses"];

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "active",
        description: "Only links that take payments now (`true`), or only those that do not (`false`).",
        kind: QueryKind::Bool,
    },
    QueryParam { name: "is_active", description: "The same as `active`.", kind: QueryKind::Bool },
    QueryParam {
        name: "search",
        description: "Only links whose name, description or short code contains this, whatever the case.",
        kind: QueryKind::Text(MAX_SEARCH),
    },
    QueryParam {
        name: "sort",
        description: "What the list is ordered by: `created_at` by default. `current_uses` is `uses`.",
        kind: QueryKind::OneOf(SORTS),
    },
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
    let sort = call.query().one_of("sort", SORTS)?.unwrap_or("created_at");
    let search = call.query().text_within("search", MAX_SEARCH)?.map(fold_case);
    let filter = format!("active={active:?}&sort={sort}&search={}", search.as_deref().unwrap_or_default());
    let request = PageRequest::read(&call, Order::Descending, &filter)?;
    let mut rows = match expected {
        Some((owner, rows)) if owner == caller.owner => rows,
        _ => call.db.list_slim_payment_links(&caller.owner).await?,
    };
    rows.retain(|row| active.is_none_or(|wanted| row.is_active(call.now) == wanted));
    rows.retain(|row| search.as_ref().is_none_or(|folded| row.contains(folded)));
    let key = |row: &SlimLink| sort_key(row, sort);
    if sort != "created_at" {
        rows.sort_by_cached_key(key);
    }
    let page = request.cut(rows, key);
    let links = call.db.get_payment_links(&page.rows).await?;
    let data = links.iter().map(|link| PaymentLinkView::new(link, &call.platform.config, call.now)).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}

/// A total order: ties are broken by the id, which is the order of creation.
fn sort_key(row: &SlimLink, sort: &str) -> String {
    match sort {
        "name" => format!("{}\0{}", row.folded_name, row.id),
        "updated_at" => format!("{:015}{}", row.updated_at.millis(), row.id),
        "uses" | "current_uses" => format!("{:020}{}", row.uses, row.id),
        _ => row.id.to_string(),
    }
}
