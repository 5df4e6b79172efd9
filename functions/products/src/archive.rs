//! `DELETE /products/{id}`

use crate::stored::{self, Products};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, DeletedView};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::product::Product;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<DeletedView>(
        "deleteProduct",
        Method::DELETE,
        crate::PRODUCT,
        Access::Needs(Permission::Write),
        StatusCode::OK,
        "Archive a product",
    )
    .described(
        "No link can be made from it any more, and lists leave it out unless asked for `active=false`. Links made \
         from it go on working.",
    )
    .beside(stored::find, archive)
}

async fn archive(call: Arc<Call>, caller: Caller, found: Option<Product>) -> Result<Answer, ApiError> {
    call.change::<Products>(&caller, found, AuditEventType::ProductArchived, |product| {
        product.archive(call.now);
        call.answer(StatusCode::OK, &DeletedView::of(product))
    })
    .await
}
