//! `GET /customers`

use crate::view::CustomerView;
use anyspend_api::list::{CURSOR, LIMIT, ListView, Listing, Matcher, ORDER, PAGE};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{ApiError, Call};
use anyspend_domain::CustomerId;
use anyspend_domain::Owner;
use anyspend_domain::api_key::Permission;
use anyspend_domain::pasted::is_blank;
use anyspend_domain::text::Email;
use anyspend_store::customers::{CustomerColumns, CustomerFacet, CustomerSearch};
use anyspend_store::list::{ListRow, OpenList};
use http::{Method, StatusCode};

/// Most characters of a search: the longest e-mail address.
const MAX_SEARCH: usize = Email::MAX;
const SORTS: &[&str] = &["created_at", "updated_at", "total_spent", "transaction_count"];

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "search",
        description: "Only the customers whose e-mail address, name or wallet this is, whatever the case, or whose \
                      wallet begins with it (at least 6 characters). Names and e-mail addresses are stored sealed, so \
                      a part of one finds nothing.",
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
    Operation::new::<ListView<CustomerView>>(
        "listCustomers",
        Method::GET,
        crate::CUSTOMERS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List customers",
    )
    .query(QUERY)
    .listing::<Customers>()
}

struct Customers;

impl Listing for Customers {
    type Columns = CustomerColumns;
    type View = CustomerView;
    const RESOURCE: &'static str = CustomerId::OBJECT;
    const SORTS: &'static [&'static str] = SORTS;

    fn facet(_: &Call) -> Result<CustomerFacet, ApiError> {
        Ok(CustomerFacet::All)
    }

    /// As it was sent: a wallet and a name are not folded alike.
    fn sought(call: &Call) -> Result<Option<String>, ApiError> {
        let query = call.query();
        Ok(query.text_within("search", MAX_SEARCH)?.filter(|text| !is_blank(text)).map(str::to_owned))
    }

    fn matcher(call: &Call, owner: &Owner, sought: String) -> Result<Matcher<CustomerColumns>, ApiError> {
        let search = CustomerSearch::new(owner, &sought, &*call.platform)?;
        Ok(Box::new(move |_, columns| search.finds(columns)))
    }

    async fn views(call: &Call, _: &OpenList<Self::Columns>, rows: &[ListRow]) -> Result<Vec<CustomerView>, ApiError> {
        Ok(call.db.get_customers(rows, &*call.platform).await?.iter().map(CustomerView::new).collect())
    }
}
