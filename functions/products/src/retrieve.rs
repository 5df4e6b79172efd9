//! `GET /products/{id}`

use crate::stored;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::product::ProductView;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::product::Product;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ProductView>(
        "retrieveProduct",
        Method::GET,
        crate::PRODUCT,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Retrieve a product",
    )
    .described("An archived one too: it reads `active: false`.")
    .beside(stored::find, retrieve)
}

async fn retrieve(call: Arc<Call>, caller: Caller, found: Option<Product>) -> Result<Answer, ApiError> {
    let product = caller.own(found, call.param("id"))?;
    call.answer(StatusCode::OK, &ProductView::new(&product))
}
