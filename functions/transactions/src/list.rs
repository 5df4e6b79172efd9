//! `GET /transactions`

use anyspend_api::list::ListView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::transaction::{QUERY, TransactionView, Transactions};
use anyspend_domain::api_key::Permission;
use http::{Method, StatusCode};

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<TransactionView>>(
        "listTransactions",
        Method::GET,
        crate::TRANSACTIONS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List transactions",
    )
    .query(QUERY)
    .listing::<Transactions>()
}
