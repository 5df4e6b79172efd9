//! How the product a path names is found and written.

use anyspend_api::{ApiError, Call, Stored};
use anyspend_domain::product::Product;
use anyspend_domain::{Owner, ProductId};
use anyspend_store::{StoreError, Write, products};
use std::sync::Arc;

/// The resource.
pub(crate) struct Products;

/// The one the path names, whoever owns it.
pub(crate) async fn find(call: Arc<Call>) -> Result<Option<Product>, ApiError> {
    match ProductId::parse(call.param("id")) {
        Some(id) => Ok(call.db.find_product(&id).await?),
        None => Ok(None),
    }
}

impl Stored for Products {
    type Object = Product;

    async fn find(call: Arc<Call>, _: Owner) -> Result<Option<Product>, ApiError> {
        find(call).await
    }

    fn update(_: &Call, was: &Product, is: &Product) -> Result<Vec<Write>, StoreError> {
        products::update(was, is)
    }
}
