//! `GET /customers/export`

use crate::view::CustomerView;
use anyspend_api::export::{Export, FORMAT, content};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::{ApiError, Call, Caller};
use anyspend_domain::CustomerId;
use anyspend_domain::api_key::Permission;
use anyspend_store::list::ListRow;
use http::{Method, StatusCode};

const FROM: QueryParam = QueryParam {
    name: "from",
    description: "Only customers whose record was made at or after this date, ISO 8601 time, or milliseconds.",
    kind: QueryKind::Moment,
};
const TO: QueryParam = QueryParam {
    name: "to",
    description: "Only customers whose record was made at or before this; a date means the end of that day, UTC.",
    kind: QueryKind::Moment,
};

pub(crate) fn operation() -> Operation {
    Operation::answering(
        "exportCustomers",
        Method::GET,
        "/api/v1/customers/export",
        Access::Needs(Permission::Read),
        (StatusCode::OK, content::<Customers>()),
        "Export customers",
    )
    .described(
        "Newest first, at most 10,000; more is refused, naming `from`, and so is an answer of more than 6 MB where the \
         platform runs on Lambda. An answer that breaks off is not complete.",
    )
    .query(&[FORMAT, FROM, TO])
    .exporting::<Customers>()
}

struct Customers;

impl Export for Customers {
    type Id = ListRow;
    type View = CustomerView;
    const RESOURCE: &'static str = CustomerId::OBJECT;
    const NAME: &'static str = "customers";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "wallet_address",
        "name",
        "email",
        "total_spent",
        "transaction_count",
        "first_seen_at",
        "last_seen_at",
        "created_at",
    ];
    const MOST: usize = 10_000;

    async fn find(call: &Call, caller: &Caller, most: usize) -> Result<Vec<ListRow>, ApiError> {
        let span = (call.query().moment("from", false)?, call.query().moment("to", true)?);
        Ok(call.db.find_customers(&caller.owner, span, most, call.now).await?)
    }

    async fn views(call: &Call, page: &[ListRow]) -> Result<Vec<CustomerView>, ApiError> {
        let customers = call.db.get_customers(page, &*call.platform).await?;
        Ok(customers.iter().map(CustomerView::new).collect())
    }
}
