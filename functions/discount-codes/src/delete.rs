//! `DELETE /discount-codes/{id}`

use crate::stored::{change, find};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, DeletedView};
use anyspend_domain::DiscountCodeId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::discount_code::DiscountCode;
use anyspend_store::discount_codes;
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
    change(&call, &caller, found, AuditEventType::DiscountCodeDeleted, |code| {
        let view = DeletedView { object: DiscountCodeId::OBJECT, id: code.id.to_string(), deleted: true };
        Ok((discount_codes::delete(&code, call.now)?, call.answer(StatusCode::OK, &view)?))
    })
    .await
}
