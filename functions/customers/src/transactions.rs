//! `GET /customers/{id}/transactions`

use crate::stored;
use crate::view::OwnedCustomer;
use anyspend_api::list::ListView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::transaction::{self, TransactionView};
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
    .beside(stored::find, list)
}

async fn list(call: Arc<Call>, caller: Caller, found: Option<OwnedCustomer>) -> Result<Answer, ApiError> {
    let OwnedCustomer(customer) = caller.own(found, call.param("id"))?;
    let filter = TransactionFilter { customer_id: Some(customer.id), ..transaction::read_filter(&call)? };
    transaction::list(&call, &caller, None, &filter).await
}
