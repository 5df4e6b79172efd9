//! `POST /discount-codes`

use crate::stored::with_link;
use anyspend_api::discount_code::{CreateDiscountCode, DiscountCodeView};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::find_named_link;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes, NotCommitted};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::discount_code::{CodeText, DiscountCode};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::{Code, DiscountCodeId, Problem};
use anyspend_store::discount_codes;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<DiscountCodeView>(
        "createDiscountCode",
        Method::POST,
        crate::DISCOUNT_CODES,
        Access::Needs(Permission::Admin),
        StatusCode::CREATED,
        "Create a discount code",
    )
    .described(
        "`value` is whole percent (1 to 100) or, for `fixed`, an amount in the smallest unit of whatever token is paid \
         with. Codes are kept in upper case and are unique.",
    )
    .body::<CreateDiscountCode>()
    .beside(find_named_link, create)
}

async fn create(call: Arc<Call>, caller: Caller, link: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let (CreateDiscountCode { code, terms }, mut problems) = call.read_body::<CreateDiscountCode>(&caller)?.parts()?;
    let (patch, unknown) = with_link(terms, &caller, link);
    problems.extend(unknown);
    // A placeholder stands in for a code that cannot be read, so that the rest is checked in the same pass.
    let code = code.map_or_else(|| CodeText::parse("X").map_err(|invalid| invalid.at("code")), Ok);
    let code = code.map_err(ApiError::from)?;
    let id = DiscountCodeId::generate(call.now, &code.locator(&caller.owner));
    let made = DiscountCode::create(id, caller.owner.clone(), code, patch, call.now);
    let made = ApiError::settle(problems, made)?;
    let changes = Changes {
        writes: discount_codes::create(&made, None)?,
        event_type: AuditEventType::DiscountCodeCreated,
        resource_id: made.id.to_string(),
        answer: call.answer(StatusCode::CREATED, &DiscountCodeView::new(&made))?,
    };
    match call.commit(&caller, changes).await {
        Err(NotCommitted::Taken) => Err(duplicate(&made.code).into()),
        settled => Ok(settled?),
    }
}

/// The problem of a code that is there already.
pub(crate) fn duplicate(code: &CodeText) -> Problem {
    Problem {
        code: Code::DuplicateResource,
        message: format!("There is a discount code '{}' already.", code.as_str()),
        param: Some("code".to_owned()),
    }
}
