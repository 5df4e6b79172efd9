//! `GET /products`

use anyspend_api::list::{CURSOR, LIMIT, ListView, ORDER, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::product::ProductView;
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Owner;
use anyspend_domain::api_key::Permission;
use anyspend_domain::product::ProductType;
use anyspend_domain::text::fold_case;
use anyspend_store::products::SlimProduct;
use http::{Method, StatusCode};
use std::sync::Arc;

/// Most characters of a search.
const MAX_SEARCH: usize = 200;
const SORTS: &[&str] = &["created_at", "updated_at", "name"];
const TYPES: &[&str] =
    &[ProductType::OneTime.as_str(), ProductType::Subscription.as_str(), ProductType::Variable.as_str()];

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "active",
        description: "`true` by default; `false` lists the archived products instead.",
        kind: QueryKind::Bool,
    },
    QueryParam { name: "is_active", description: "The same as `active`.", kind: QueryKind::Bool },
    QueryParam {
        name: "product_type",
        description: "Only products that are priced this way.",
        kind: QueryKind::OneOf(TYPES),
    },
    QueryParam {
        name: "search",
        description: "Only products whose name or description contains this, whatever the case.",
        kind: QueryKind::Text(MAX_SEARCH),
    },
    QueryParam {
        name: "sort",
        description: "What the list is ordered by: `created_at` by default.",
        kind: QueryKind::OneOf(SORTS),
    },
    ORDER,
    PAGE,
    LIMIT,
    CURSOR,
];

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<ProductView>>(
        "listProducts",
        Method::GET,
        crate::PRODUCTS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List products",
    )
    .query(QUERY)
    .beside(expected_rows, list)
}

/// The slim rows of the organization this key opened the last time, read beside the check of the key.
async fn expected_rows(call: Arc<Call>) -> Result<Option<(Owner, Vec<SlimProduct>)>, ApiError> {
    let Some(owner) = call.expected_owner() else { return Ok(None) };
    let rows = call.db.list_slim_products(&owner).await?;
    Ok(Some((owner, rows)))
}

async fn list(
    call: Arc<Call>,
    caller: Caller,
    expected: Option<(Owner, Vec<SlimProduct>)>,
) -> Result<Answer, ApiError> {
    let active = call.query().bool_with_alias("active", "is_active")?.unwrap_or(true);
    let product_type = call.query().one_of("product_type", TYPES)?.unwrap_or_default();
    let sort = call.query().one_of("sort", SORTS)?.unwrap_or("created_at");
    let search = call.query().text_within("search", MAX_SEARCH)?.map(fold_case).unwrap_or_default();
    let filter = format!("active={active}&product_type={product_type}&sort={sort}&search={search}");
    let request = PageRequest::read(&call, Order::Descending, &filter)?;
    let mut rows = match expected {
        Some((owner, rows)) if owner == caller.owner => rows,
        _ => call.db.list_slim_products(&caller.owner).await?,
    };
    rows.retain(|row| {
        row.active == active
            && (product_type.is_empty() || row.product_type.as_str() == product_type)
            && row.contains(&search)
    });
    let key = |row: &SlimProduct| sort_key(row, sort);
    rows.sort_by_cached_key(key);
    let page = request.cut(rows, key);
    let products = call.db.get_products(&page.rows).await?;
    let data = products.iter().map(ProductView::new).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}

/// A total order: ties are broken by the id, which is the order of creation.
fn sort_key(row: &SlimProduct, sort: &str) -> String {
    match sort {
        "name" => format!("{}\0{}", row.folded_name, row.id),
        "updated_at" => format!("{:015}{}", row.updated_at.millis(), row.id),
        _ => row.id.to_string(),
    }
}
