//! `PATCH /customers/{id}`

use crate::stored::{self, Customers};
use crate::view::CustomerView;
use anyspend_api::fields::{Body, Fields};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Code;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::customer::{Customer, CustomerPatch};
use http::{Method, StatusCode};
use std::sync::Arc;

/// The body.
struct UpdateCustomer {
    patch: CustomerPatch,
    is_empty: bool,
}

impl Body for UpdateCustomer {
    const RESOURCE: &'static str = anyspend_domain::CustomerId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { is_empty: fields.is_empty(), patch: read_patch(fields) })
    }
}

/// What a create and an update have in common.
pub(crate) fn read_patch(fields: &mut Fields<'_>) -> CustomerPatch {
    CustomerPatch { name: fields.patch("name"), email: fields.patch("email"), metadata: fields.patch("metadata") }
}

pub(crate) fn operation() -> Operation {
    Operation::new::<CustomerView>(
        "updateCustomer",
        Method::PATCH,
        crate::CUSTOMER,
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Update a customer",
    )
    .described("Changes only what is sent; `null` clears. The wallet is who the customer is, and cannot change.")
    .body::<UpdateCustomer>()
    .beside(stored::find, update)
}

async fn update(call: Arc<Call>, caller: Caller, found: Option<Customer>) -> Result<Answer, ApiError> {
    let found = Some(caller.own(found, call.param("id"))?);
    let (UpdateCustomer { patch, is_empty }, problems) = call.read_body::<UpdateCustomer>(&caller)?.parts()?;
    if is_empty {
        return Err(ApiError::new(Code::NoUpdatesProvided, "The request body names no field to update."));
    }
    call.change::<Customers>(&caller, found, AuditEventType::CustomerUpdated, |customer| {
        ApiError::settle(problems.clone(), customer.update(patch.clone(), call.now))?;
        Ok(call.answer(StatusCode::OK, &CustomerView::new(customer))?.sealed_if(customer.names_somebody()))
    })
    .await
}
