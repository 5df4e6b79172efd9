//! How the customer a path names is found and written.

use anyspend_api::{ApiError, Call, Deletable, Stored};
use anyspend_domain::customer::Customer;
use anyspend_domain::{CustomerId, Owner};
use anyspend_store::{StoreError, Write, customers};
use std::sync::Arc;

/// The resource.
pub(crate) struct Customers;

/// The one the path names, whoever owns it.
pub(crate) async fn find(call: Arc<Call>) -> Result<Option<Customer>, ApiError> {
    match CustomerId::parse(call.param("id")) {
        Some(id) => Ok(call.db.find_customer(&id, &*call.platform).await?),
        None => Ok(None),
    }
}

impl Stored for Customers {
    type Object = Customer;

    async fn find(call: Arc<Call>, _: Owner) -> Result<Option<Customer>, ApiError> {
        find(call).await
    }

    fn update(call: &Call, was: &Customer, is: &Customer) -> Result<Vec<Write>, StoreError> {
        customers::record(is, Some(was), &*call.platform)
    }
}

impl Deletable for Customers {
    fn delete(call: &Call, was: &Customer) -> Result<Vec<Write>, StoreError> {
        customers::erase(was, &*call.platform, call.now)
    }
}
