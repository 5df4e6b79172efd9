//! `POST /discount-codes/validate`

use anyspend_api::discount_code::{DiscountCodeView, find_by_text};
use anyspend_api::error::unknown_reference;
use anyspend_api::fields::{Body, Fields};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::find_named_link;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::discount_code::{DiscountCode, Inapplicable};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::text::Identifier;
use anyspend_domain::{Amount, PaymentLinkId};
use http::{Method, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The body.
struct Validate {
    code: Option<Identifier>,
    payment_link_id: Option<Identifier>,
    amount: Option<Amount>,
}

impl Body for Validate {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            code: fields.required("code"),
            payment_link_id: fields.optional("payment_link_id"),
            amount: fields.optional("amount"),
        })
    }
}

/// Whether a code can be used now, and what it takes off.
#[derive(Debug, Serialize, ToSchema)]
struct DiscountValidationView {
    /// `discount_validation`
    #[schema(examples("discount_validation"))]
    object: &'static str,
    /// Whether the code can be used.
    valid: bool,
    /// What buyers type, in upper case.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// `percentage` or `fixed`
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_name: Option<&'static str>,
    /// Whole percent, or units of the token that is paid with.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// What it takes off; null where no price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    discount_amount: Option<Option<String>>,
    /// What is left to pay; null where no price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    final_amount: Option<Option<String>>,
    /// The code.
    #[serde(skip_serializing_if = "Option::is_none")]
    discount_code: Option<DiscountCodeView>,
    /// Why the code cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

impl DiscountValidationView {
    fn of(checked: Result<&DiscountCode, Inapplicable>, price: Option<Amount>) -> Self {
        let blank = Self {
            object: "discount_validation",
            valid: false,
            code: None,
            type_name: None,
            value: None,
            discount_amount: None,
            final_amount: None,
            discount_code: None,
            error: None,
        };
        match checked {
            Err(why) => Self { error: Some(why.reason()), ..blank },
            Ok(code) => {
                let off = price.map(|price| (price, code.reduction.off(price)));
                let left = off.map(|(price, off)| off.and_then(|off| price.checked_sub(off)).unwrap_or(price));
                let off = off.map(|(_, off)| off.map_or_else(|| "0".to_owned(), |off| off.to_string()));
                Self {
                    valid: true,
                    code: Some(code.code.as_str().to_owned()),
                    type_name: Some(code.reduction.reduction_type().as_str()),
                    value: Some(code.reduction.value()),
                    discount_amount: Some(off),
                    final_amount: Some(left.map(|left| left.to_string())),
                    discount_code: Some(DiscountCodeView::new(code)),
                    ..blank
                }
            }
        }
    }
}

pub(crate) fn operation() -> Operation {
    Operation::new::<DiscountValidationView>(
        "validateDiscountCode",
        Method::POST,
        "/api/v1/discount-codes/validate",
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Validate a discount code",
    )
    .described(
        "Says whether a code can be used now and what it takes off `amount`, or off the fixed price of the payment link. \
         Validating uses nothing.",
    )
    .body::<Validate>()
    .beside(find_named_link, validate)
}

async fn validate(call: Arc<Call>, caller: Caller, link: Option<PaymentLink>) -> Result<Answer, ApiError> {
    let Validate { code, payment_link_id, amount } = call.body(&caller)?;
    let link = match &payment_link_id {
        Some(id) => Some(
            caller
                .own(link, id.as_str())
                .map_err(|_| unknown_reference(PaymentLinkId::OBJECT, id.as_str(), "payment_link_id"))?,
        ),
        None => None,
    };
    let price = amount.or_else(|| link.as_ref().and_then(PaymentLink::amount));
    let text = code.as_ref().map_or("", Identifier::as_str);
    let found = find_by_text(&call.db, &caller.owner, text).await?;
    let checked = found.as_ref().ok_or(Inapplicable::Unknown).and_then(|found| {
        let link = link.as_ref().map(|link| &link.id);
        found.code.check(link, price, found.reserved(call.now, None), call.now).map(|()| &found.code)
    });
    call.answer(StatusCode::OK, &DiscountValidationView::of(checked, price))
}
