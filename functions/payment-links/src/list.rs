//! `GET /payment-links`

use anyspend_api::list::{CURSOR, LIMIT, ListView, Listing, MAX_SEARCH, ORDER, PAGE};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::PaymentLinkView;
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{ApiError, Call};
use anyspend_domain::PaymentLinkId;
use anyspend_domain::api_key::Permission;
use anyspend_store::list::{ListRow, OpenList};
use anyspend_store::payment_links::{LinkColumns, LinkFacet};
use http::{Method, StatusCode};

const SORTS: &[&str] = &["created_at", "updated_at", "name", "uses"];

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "active",
        description: "Only links that take payments now (`true`), or only those that do not (`false`).",
        kind: QueryKind::Bool,
    },
    QueryParam {
        name: "search",
        description: "Only links whose name, description or short code contains this, whatever the case.",
        kind: QueryKind::Text(MAX_SEARCH),
    },
    QueryParam {
        name: "sort",
        description: "What the list is ordered by: `created_at` by default. `current_uses` is `uses`.",
        kind: QueryKind::FieldOf(SORTS),
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
    .listing::<PaymentLinks>()
}

struct PaymentLinks;

impl Listing for PaymentLinks {
    type Columns = LinkColumns;
    type View = PaymentLinkView;
    const RESOURCE: &'static str = PaymentLinkId::OBJECT;
    const SORTS: &'static [&'static str] = SORTS;

    fn facet(call: &Call) -> Result<LinkFacet, ApiError> {
        let query = call.query();
        Ok(match query.bool("active")? {
            None => LinkFacet::All,
            Some(true) => LinkFacet::Active,
            Some(false) => LinkFacet::Inactive,
        })
    }

    async fn views(
        call: &Call,
        list: &OpenList<Self::Columns>,
        rows: &[ListRow],
    ) -> Result<Vec<PaymentLinkView>, ApiError> {
        let links = call.db.get_payment_links(rows).await?;
        Ok(links.iter().map(|link| PaymentLinkView::new(link, &call.platform.config, list.now)).collect())
    }
}
