//! `GET /customers/{id}`

use crate::stored;
use crate::view::CustomerView;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::customer::Customer;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<CustomerView>(
        "retrieveCustomer",
        Method::GET,
        crate::CUSTOMER,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Retrieve a customer",
    )
    .beside(stored::find, retrieve)
}

async fn retrieve(call: Arc<Call>, caller: Caller, found: Option<Customer>) -> Result<Answer, ApiError> {
    let customer = caller.own(found, call.param("id"))?;
    call.answer(StatusCode::OK, &CustomerView::new(&customer))
}
