//! How the discount code a path names is found and written, and how the link a body names is looked up.

use anyspend_api::discount_code::Terms;
use anyspend_api::error::unknown_reference;
use anyspend_api::{ApiError, Call, Caller, Deletable, Stored};
use anyspend_domain::discount_code::{DiscountCode, DiscountCodePatch};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::{DiscountCodeId, Owner, Patch, PaymentLinkId, Problem};
use anyspend_store::{StoreError, Write, discount_codes};
use std::sync::Arc;

/// The resource.
pub(crate) struct DiscountCodes;

/// The one the path names, whoever owns it.
pub(crate) async fn find(call: Arc<Call>) -> Result<Option<DiscountCode>, ApiError> {
    match DiscountCodeId::parse(call.param("id")) {
        Some(id) => Ok(call.db.find_discount_code_by_id(&id).await?),
        None => Ok(None),
    }
}

impl Stored for DiscountCodes {
    type Object = DiscountCode;

    async fn find(call: Arc<Call>, _: Owner) -> Result<Option<DiscountCode>, ApiError> {
        find(call).await
    }

    fn update(_: &Call, was: &DiscountCode, is: &DiscountCode) -> Result<Vec<Write>, StoreError> {
        discount_codes::update(was, is)
    }
}

impl Deletable for DiscountCodes {
    fn delete(call: &Call, was: &DiscountCode) -> Result<Vec<Write>, StoreError> {
        discount_codes::delete(was, call.now)
    }
}

/// The patch with the link looked up, and the problem of one that is not the caller's.
pub(crate) fn with_link(
    terms: Terms,
    caller: &Caller,
    link: Option<PaymentLink>,
) -> (DiscountCodePatch, Option<Problem>) {
    let Terms { mut patch, payment_link_id } = terms;
    let mut problem = None;
    patch.payment_link_id = match payment_link_id {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(id) => match caller.own(link, &id) {
            Ok(link) => Patch::Set(link.id),
            Err(_) => {
                problem = Some(unknown_reference(PaymentLinkId::OBJECT, &id, "payment_link_id"));
                Patch::Keep
            }
        },
    };
    (patch, problem)
}
