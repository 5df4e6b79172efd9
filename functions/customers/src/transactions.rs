//! `GET /customers/{id}/transactions`

use crate::stored;
use crate::view::OwnedCustomer;
use anyspend_api::list::ListView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::transaction::{self, ExpectedRows, TransactionView};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_store::transactions::TransactionFilter;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<TransactionView>>(
        "listCustomerTransactions",
        Method::GET,
        crate::CUSTOMER_TRANSACTIONS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "List a customer's transactions",
    )
    .query(transaction::OF_CUSTOMER)
    .beside(find, list)
}

/// The customer, and the rows its transactions are among.
async fn find(call: Arc<Call>) -> Result<(Option<OwnedCustomer>, ExpectedRows), ApiError> {
    tokio::try_join!(stored::find(call.clone()), transaction::expected_rows(call))
}

async fn list(
    call: Arc<Call>,
    caller: Caller,
    (found, expected): (Option<OwnedCustomer>, ExpectedRows),
) -> Result<Answer, ApiError> {
    let OwnedCustomer(customer) = caller.own(found, call.param("id"))?;
    let filter = TransactionFilter { customer_id: Some(customer.id), ..transaction::read_filter(&call)? };
    transaction::list(&call, &caller, expected, &filter).await
}
