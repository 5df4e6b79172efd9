//! How the link a path names, by id or short code, is found and written.

use anyspend_api::{ApiError, Call, Deletable, Stored};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::{Owner, PaymentLinkRef};
use anyspend_store::{StoreError, Write, payment_links};
use std::sync::Arc;

/// The resource.
pub(crate) struct PaymentLinks;

/// The one the path names, whoever owns it.
pub(crate) async fn find(call: Arc<Call>) -> Result<Option<PaymentLink>, ApiError> {
    match PaymentLinkRef::parse(call.param("id")) {
        Some(wanted) => Ok(call.db.find_payment_link(&wanted).await?),
        None => Ok(None),
    }
}

impl Stored for PaymentLinks {
    type Object = PaymentLink;

    async fn find(call: Arc<Call>, _: Owner) -> Result<Option<PaymentLink>, ApiError> {
        find(call).await
    }

    fn update(_: &Call, was: &PaymentLink, is: &PaymentLink) -> Result<Vec<Write>, StoreError> {
        payment_links::update(was, is)
    }
}

impl Deletable for PaymentLinks {
    fn delete(call: &Call, was: &PaymentLink) -> Result<Vec<Write>, StoreError> {
        payment_links::delete(was, call.now)
    }
}
