//! `PATCH /products/{id}`

use crate::stored::{self, Products};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::product::{ProductView, UpdateProduct};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Code;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::product::Product;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ProductView>(
        "updateProduct",
        Method::PATCH,
        crate::PRODUCT,
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Update a product",
    )
    .described(
        "Changes only what is sent; `null` clears. Links made from the product before stay as they are. `active: true` \
         takes an archived product back into use.",
    )
    .body::<UpdateProduct>()
    .beside(stored::find, update)
}

async fn update(call: Arc<Call>, caller: Caller, found: Option<Product>) -> Result<Answer, ApiError> {
    let found = Some(caller.own(found, call.param("id"))?);
    let (UpdateProduct { patch, is_empty }, problems) = call.read_body::<UpdateProduct>(&caller)?.parts()?;
    if is_empty {
        return Err(ApiError::new(Code::NoUpdatesProvided, "The request body names no field to update."));
    }
    call.change::<Products>(&caller, found, AuditEventType::ProductUpdated, |product| {
        ApiError::settle(problems.clone(), product.update(patch.clone(), call.surroundings()))?;
        call.answer(StatusCode::OK, &ProductView::new(product))
    })
    .await
}
