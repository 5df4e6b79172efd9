//! `DELETE /customers/{id}`

use crate::stored::{self, Customers};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, DeletedView};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::customer::Customer;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<DeletedView>(
        "deleteCustomer",
        Method::DELETE,
        crate::CUSTOMER,
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Erase a customer",
    )
    .described(
        "For good: name, e-mail address, notes and totals are gone, with every index of them. Its transactions stay, \
         with the `customer_id` they had, and with what the buyer gave with the purchase, which belongs to the books. \
         If the wallet pays again, it is a new customer.",
    )
    .beside(stored::find, erase)
}

async fn erase(call: Arc<Call>, caller: Caller, found: Option<Customer>) -> Result<Answer, ApiError> {
    call.delete::<Customers>(&caller, found, AuditEventType::CustomerDeleted).await
}
