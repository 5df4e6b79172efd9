//! `GET /customers/{id}/transactions`

use crate::stored;
use anyspend_api::list::{ExpectedList, ListView, open_expected, show};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::transaction::{OF_CUSTOMER, TransactionView, Transactions};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::customer::Customer;
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
    .query(OF_CUSTOMER)
    .beside(find, list)
}

/// The customer, and what the query wants of its transactions.
async fn find(call: Arc<Call>) -> Result<(Option<Customer>, ExpectedList<Transactions>), ApiError> {
    tokio::try_join!(stored::find(call.clone()), open_expected::<Transactions>(call))
}

async fn list(
    call: Arc<Call>,
    caller: Caller,
    (found, expected): (Option<Customer>, ExpectedList<Transactions>),
) -> Result<Answer, ApiError> {
    caller.own(found, call.param("id"))?;
    show::<Transactions>(call, caller, expected).await
}
