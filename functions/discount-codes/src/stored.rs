//! Reading and changing one stored discount code, and looking up the link a body names.

use anyspend_api::discount_code::Terms;
use anyspend_api::error::unknown_reference;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::discount_code::{DiscountCode, DiscountCodePatch};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::{DiscountCodeId, Patch, PaymentLinkId, Problem};
use anyspend_store::Write;
use std::sync::Arc;

/// How often a change is decided anew because another one came first.
const DECISIONS: u32 = 10;

/// The code the path names, whoever owns it.
pub(crate) async fn find(call: Arc<Call>) -> Result<Option<DiscountCode>, ApiError> {
    match DiscountCodeId::parse(call.param("id")) {
        Some(id) => Ok(call.db.find_discount_code_by_id(&id).await?),
        None => Ok(None),
    }
}

/// Changes or deletes a code: decides on the state it was read in, and anew when that state has changed meanwhile.
pub(crate) async fn change(
    call: &Arc<Call>,
    caller: &Caller,
    found: Option<DiscountCode>,
    event_type: AuditEventType,
    decide: impl Fn(DiscountCode) -> Result<(Vec<Write>, Answer), ApiError>,
) -> Result<Answer, ApiError> {
    let mut found = found;
    for _ in 0..DECISIONS {
        let code = caller.own(found, call.param("id"))?;
        let resource_id = code.id.to_string();
        let (writes, answer) = decide(code)?;
        let changes = Changes { writes, event_type, resource_id, answer };
        match call.commit(caller, changes).await {
            Err(NotCommitted::Changed) => found = find(call.clone()).await?,
            settled => return Ok(settled?),
        }
    }
    Err(ApiError::unavailable("the discount code kept changing"))
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
