//! `GET /customers`

use crate::view::CustomerView;
use anyspend_api::list::{CURSOR, LIMIT, ListView, ORDER, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::text::Email;
use anyspend_domain::{CustomerId, Owner};
use anyspend_store::customers::{CustomerSearch, SlimCustomer};
use http::{Method, StatusCode};
use std::sync::Arc;

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
        kind: QueryKind::OneOf(SORTS),
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
    .beside(expected_rows, list)
}

/// The slim rows of the organization this key opened the last time, read beside the check of the key.
async fn expected_rows(call: Arc<Call>) -> Result<Option<(Owner, Vec<SlimCustomer>)>, ApiError> {
    let Some(owner) = call.expected_owner() else { return Ok(None) };
    let rows = call.db.list_slim_customers(&owner).await?;
    Ok(Some((owner, rows)))
}

async fn list(
    call: Arc<Call>,
    caller: Caller,
    expected: Option<(Owner, Vec<SlimCustomer>)>,
) -> Result<Answer, ApiError> {
    let sort = call.query().one_of("sort", SORTS)?.unwrap_or("created_at");
    let search = call.query().text_within("search", MAX_SEARCH)?.unwrap_or_default();
    let request = PageRequest::read(&call, Order::Descending, &format!("sort={sort}&search={search}"))?;
    let mut rows = match expected {
        Some((owner, rows)) if owner == caller.owner => rows,
        _ => call.db.list_slim_customers(&caller.owner).await?,
    };
    if !search.is_empty() {
        let search = CustomerSearch::new(&caller.owner, search, &*call.platform)?;
        rows.retain(|row| search.finds(row));
    }
    let key = |row: &SlimCustomer| sort_key(row, sort);
    rows.sort_by_cached_key(key);
    let page = request.cut(rows, key);
    let ids: Vec<CustomerId> = page.rows.iter().map(|row| row.id.clone()).collect();
    let customers = call.db.get_customers(&ids, &*call.platform).await?;
    let data = customers.iter().map(CustomerView::new).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}

/// A total order: ties are broken by the id, which is the order of creation.
fn sort_key(row: &SlimCustomer, sort: &str) -> String {
    match sort {
        "total_spent" => format!("{}{}", row.total_spent.sortable(), row.id),
        "transaction_count" => format!("{:020}{}", row.transaction_count, row.id),
        "updated_at" => format!("{:015}{}", row.updated_at.millis(), row.id),
        _ => row.id.to_string(),
    }
}
