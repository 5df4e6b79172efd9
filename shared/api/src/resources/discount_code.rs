//! How a discount code is read from a body, shown, and put on a session.

use crate::error::ApiError;
use crate::fields::{AnyText, Body, Digits, Fields, List, MAX_SAFE_INTEGER, Whole};
use crate::versions::Time;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::discount_code::{CodeText, DiscountCode, DiscountCodePatch, Inapplicable, MAX_BATCH};
use anyspend_domain::text::Identifier;
use anyspend_domain::{Amount, Code, DiscountCodeId, Owner, Patch, Problem, Timestamp};
use anyspend_store::discount_codes::{self, FoundCode};
use anyspend_store::{Db, StoreError, Write};
use serde::Serialize;
use utoipa::ToSchema;

/// The fields a create, an update and a batch share. The link is as it was sent; what it names is looked up.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What changes, without the link.
    pub patch: DiscountCodePatch,
    /// `payment_link_id`
    pub payment_link_id: Patch<String>,
}

fn read_terms(fields: &mut Fields<'_>) -> Terms {
    Terms {
        patch: DiscountCodePatch {
            reduction_type: fields.patch("type"),
            value: fields.patch::<Digits>("value").map(|value| value.0),
            payment_link_id: Patch::Keep,
            max_uses: fields.patch::<Whole<1, MAX_SAFE_INTEGER>>("max_uses").map(|uses| uses.0),
            min_order_amount: fields.patch("min_order_amount"),
            expires_at: fields.patch("expires_at"),
            active: fields.patch("active"),
        },
        payment_link_id: fields.patch::<Identifier>("payment_link_id").map(|id| id.as_str().to_owned()),
    }
}

/// The body of a create.
pub struct CreateDiscountCode {
    /// What buyers type.
    pub code: Option<CodeText>,
    /// Everything else.
    pub terms: Terms,
}

impl Body for CreateDiscountCode {
    const RESOURCE: &'static str = DiscountCodeId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let code = fields.required("code");
        fields.requires(&["type", "value"]);
        Some(Self { code, terms: read_terms(fields) })
    }
}

/// The body of an update.
pub struct UpdateDiscountCode {
    /// The code, which can be sent along and cannot change.
    pub code: Patch<CodeText>,
    /// What changes.
    pub terms: Terms,
    /// Whether nothing was sent at all.
    pub is_empty: bool,
}

impl Body for UpdateDiscountCode {
    const RESOURCE: &'static str = DiscountCodeId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { is_empty: fields.is_empty(), code: fields.patch("code"), terms: read_terms(fields) })
    }
}

/// The body of a batch. Codes are texts as they were sent: each is made or refused by itself.
pub struct CreateDiscountCodes {
    /// The codes.
    pub codes: Vec<String>,
    /// What they share.
    pub terms: Terms,
}

impl Body for CreateDiscountCodes {
    const RESOURCE: &'static str = DiscountCodeId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let codes = fields.required::<List<AnyText, 1, MAX_BATCH>>("codes");
        fields.requires(&["type", "value"]);
        let terms = read_terms(fields);
        Some(Self { codes: codes?.0.into_iter().map(|code| code.0).collect(), terms })
    }
}

/// A discount code in an answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DiscountCodeView {
    /// `dc_…`
    id: String,
    /// `discount_code`
    #[schema(examples("discount_code"))]
    object: &'static str,
    /// Whether it is for real money.
    livemode: bool,
    /// What buyers type, in upper case.
    code: String,
    /// `percentage` or `fixed`
    #[serde(rename = "type")]
    #[schema(examples("percentage"))]
    type_name: &'static str,
    /// Whole percent, or units of the token that is paid with.
    value: String,
    /// The one link it is for.
    payment_link_id: Option<String>,
    /// The most payments that may use it.
    max_uses: Option<u64>,
    /// Payments that have used it.
    uses: u64,
    /// The least price it takes something off.
    min_order_amount: Option<String>,
    /// When it ends.
    expires_at: Option<Time>,
    /// The merchant's own switch.
    active: bool,
    /// When it was made.
    created_at: Time,
    /// When the merchant last changed it.
    updated_at: Time,
}

impl DiscountCodeView {
    /// Shows a code.
    pub fn new(code: &DiscountCode) -> Self {
        Self {
            id: code.id.to_string(),
            object: DiscountCodeId::OBJECT,
            livemode: code.owner.mode.is_live(),
            code: code.code.as_str().to_owned(),
            type_name: code.reduction.reduction_type().as_str(),
            value: code.reduction.value(),
            payment_link_id: code.payment_link_id.as_ref().map(ToString::to_string),
            max_uses: code.max_uses,
            uses: code.uses,
            min_order_amount: code.min_order_amount.map(|amount| amount.to_string()),
            expires_at: code.expires_at.map(Time),
            active: code.active,
            created_at: Time(code.created_at),
            updated_at: Time(code.updated_at),
        }
    }
}

/// The code a text names among an owner's; a text that can be no code names none.
pub async fn find_by_text(db: &Db, owner: &Owner, text: &str) -> Result<Option<FoundCode>, StoreError> {
    match CodeText::parse(text) {
        Ok(code) => db.find_discount_code(owner, &code).await,
        Err(_) => Ok(None),
    }
}

/// Puts a code on an open session, and says what has to be written besides the session: a use is reserved, and the one of
/// an earlier code is let go of.
///
/// # Errors
/// `amount` while the price is not chosen; the reason against the code; `invalid_status_transition` when the session is not
/// open any more.
pub fn apply(
    session: &mut CheckoutSession,
    found: Option<&FoundCode>,
    now: Timestamp,
    link_deleted_at: Option<Timestamp>,
) -> Result<Vec<Write>, ApiError> {
    let Some(price) = session.amount else { return Err(Problem::missing("amount").into()) };
    let usable = usable(found, session, price, now);
    let found = usable.map_err(|why| Problem {
        code: Code::InvalidFieldValue,
        message: format!("{}.", why.reason()),
        param: Some("discount_code".to_owned()),
    })?;
    let earlier = session.discount.clone();
    session.apply_discount(Some(found.code.on(price)), now, link_deleted_at)?;
    let mut writes: Vec<Write> = discount_codes::reserve(found).into_iter().collect();
    let released = earlier.filter(|earlier| earlier.id != found.code.id);
    writes.extend(released.map(|earlier| discount_codes::release(&earlier, &session.id)));
    Ok(writes)
}

fn usable<'f>(
    found: Option<&'f FoundCode>,
    session: &CheckoutSession,
    price: Amount,
    now: Timestamp,
) -> Result<&'f FoundCode, Inapplicable> {
    let found = found.ok_or(Inapplicable::Unknown)?;
    let reserved = found.reserved(now, Some(&session.id));
    found.code.check(session.payment_link_id.as_ref(), Some(price), reserved, now)?;
    Ok(found)
}
