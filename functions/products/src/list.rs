//! `GET /products`

use anyspend_api::list::{CURSOR, LIMIT, ListView, Listing, MAX_SEARCH, ORDER, PAGE};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::product::ProductView;
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{ApiError, Call};
use anyspend_domain::ProductId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::product::ProductType;
use anyspend_store::list::{ListRow, OpenList};
use anyspend_store::products::{ProductColumns, ProductFacet};
use http::{Method, StatusCode};

const SORTS: &[&str] = &["created_at", "updated_at", "name"];

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "active",
        description: "`true` by default; `false` lists the archived products instead.",
        kind: QueryKind::Bool,
    },
    QueryParam {
        name: "product_type",
        description: "Only products that are priced this way.",
        kind: QueryKind::OneOf(ProductType::NAMES),
    },
    QueryParam {
        name: "search",
        description: "Only products whose name or description contains this, whatever the case.",
        kind: QueryKind::Text(MAX_SEARCH),
    },
    QueryParam {
        name: "sort",
        description: "What the list is ordered by: `created_at` by default.",
        kind: QueryKind::FieldOf(SORTS),
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
    .listing::<Products>()
}

struct Products;

impl Listing for Products {
    type Columns = ProductColumns;
    type View = ProductView;
    const RESOURCE: &'static str = ProductId::OBJECT;
    const SORTS: &'static [&'static str] = SORTS;

    fn facet(call: &Call) -> Result<ProductFacet, ApiError> {
        let query = call.query();
        let active = query.bool("active")?.unwrap_or(true);
        let product_type = query.one_of("product_type", ProductType::NAMES)?.and_then(ProductType::named);
        Ok(ProductFacet::of(active, product_type))
    }

    async fn views(call: &Call, _: &OpenList<Self::Columns>, rows: &[ListRow]) -> Result<Vec<ProductView>, ApiError> {
        Ok(call.db.get_products(rows).await?.iter().map(ProductView::new).collect())
    }
}
