//! `DELETE /discount-codes/{id}`

use crate::stored::{DiscountCodes, find};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, DeletedView};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::discount_code::DiscountCode;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<DeletedView>(
        "deleteDiscountCode",
        Method::DELETE,
        crate::DISCOUNT_CODE,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "Delete a discount code",
    )
    .described("For good. Sessions that have it applied keep their price.")
    .beside(find, delete)
}

async fn delete(call: Arc<Call>, caller: Caller, found: Option<DiscountCode>) -> Result<Answer, ApiError> {
    call.delete::<DiscountCodes>(&caller, found, AuditEventType::DiscountCodeDeleted).await
}
