//! `GET /transactions`

use anyspend_api::list::ListView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::transaction::{self, ExpectedRows, TransactionView};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<TransactionView>>(
        "listTransactions",
        Method::GET,
        crate::TRANSACTIONS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List transactions",
    )
    .query(transaction::QUERY)
    .beside(transaction::expected_rows, list)
}

async fn list(call: Arc<Call>, caller: Caller, expected: ExpectedRows) -> Result<Answer, ApiError> {
    let filter = transaction::read_filter(&call)?;
    transaction::list(&call, &caller, expected, &filter).await
}
