//! `GET /transactions/{id}`

use anyspend_api::operation::{Access, Operation};
use anyspend_api::transaction::TransactionView;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::TransactionId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::transaction::Transaction;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<TransactionView>(
        "retrieveTransaction",
        Method::GET,
        crate::TRANSACTION,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Retrieve a transaction",
    )
    .beside(find, retrieve)
}

async fn find(call: Arc<Call>) -> Result<Option<Transaction>, ApiError> {
    match TransactionId::parse(call.param("id")) {
        Some(id) => Ok(call.db.find_transaction(&id, &*call.platform).await?),
        None => Ok(None),
    }
}

async fn retrieve(call: Arc<Call>, caller: Caller, found: Option<Transaction>) -> Result<Answer, ApiError> {
    let transaction = caller.own(found, call.param("id"))?;
    call.answer(StatusCode::OK, &TransactionView::new(&transaction))
}
