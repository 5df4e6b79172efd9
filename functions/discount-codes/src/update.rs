//! `PATCH /discount-codes/{id}`

use crate::stored::{DiscountCodes, find, with_link};
use anyspend_api::discount_code::{DiscountCodeView, UpdateDiscountCode};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::find_named_link;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::discount_code::DiscountCode;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::{Code, Patch, Problem};
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<DiscountCodeView>(
        "updateDiscountCode",
        Method::PATCH,
        crate::DISCOUNT_CODE,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "Update a discount code",
    )
    .described(
        "Changes only what is sent; `null` clears. The code itself cannot change. Sessions that have it applied keep their \
         price.",
    )
    .body::<UpdateDiscountCode>()
    .beside(load, update)
}

type Loaded = (Option<DiscountCode>, Option<PaymentLink>);

async fn load(call: Arc<Call>) -> Result<Loaded, ApiError> {
    tokio::try_join!(find(call.clone()), find_named_link(call))
}

async fn update(call: Arc<Call>, caller: Caller, (found, link): Loaded) -> Result<Answer, ApiError> {
    let found = caller.own(found, call.param("id"))?;
    let (UpdateDiscountCode { code, terms, is_empty }, mut problems) =
        call.read_body::<UpdateDiscountCode>(&caller)?.parts()?;
    if is_empty {
        return Err(ApiError::new(Code::NoUpdatesProvided, "The request body names no field to update."));
    }
    if matches!(&code, Patch::Clear) || code.value().is_some_and(|code| *code != found.code) {
        problems.push(Problem::invalid("code", "cannot be changed: make another code instead"));
    }
    let (patch, unknown) = with_link(terms, &caller, link);
    problems.extend(unknown);
    call.change::<DiscountCodes>(&caller, Some(found), AuditEventType::DiscountCodeUpdated, |code| {
        ApiError::settle(problems.clone(), code.update(patch.clone(), call.now))?;
        call.answer(StatusCode::OK, &DiscountCodeView::new(code))
    })
    .await
}
