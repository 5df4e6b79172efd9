//! `GET /discount-codes`

use anyspend_api::discount_code::DiscountCodeView;
use anyspend_api::list::{CURSOR, LIMIT, ListView, Listing, ORDER, PAGE};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{ApiError, Call};
use anyspend_domain::DiscountCodeId;
use anyspend_domain::api_key::Permission;
use anyspend_store::discount_codes::{DiscountCodeColumns, DiscountCodeFacet};
use anyspend_store::list::{ListRow, OpenList};
use http::{Method, StatusCode};

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "active",
        description: "Only codes that are switched on (`true`), or off (`false`).",
        kind: QueryKind::Bool,
    },
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
    .listing::<DiscountCodes>()
}

struct DiscountCodes;

impl Listing for DiscountCodes {
    type Columns = DiscountCodeColumns;
    type View = DiscountCodeView;
    const RESOURCE: &'static str = DiscountCodeId::OBJECT;

    fn facet(call: &Call) -> Result<DiscountCodeFacet, ApiError> {
        let query = call.query();
        Ok(query.bool("active")?.map_or(DiscountCodeFacet::All, DiscountCodeFacet::of))
    }

    async fn views(
        call: &Call,
        _: &OpenList<Self::Columns>,
        rows: &[ListRow],
    ) -> Result<Vec<DiscountCodeView>, ApiError> {
        Ok(call.db.get_discount_codes(rows).await?.iter().map(DiscountCodeView::new).collect())
    }
}
