//! Discount codes: what they take off, whom they are for, and how often.
//!
//! What must stay true: a code is used by a completed payment and by nothing else, and never more often than it may be.
//! Applying it to a session reserves a use until the session ends, so that the price a buyer was shown is the price owed.

use crate::checkout_session::AppliedDiscount;
use crate::values::named::{named, named_in_fields};
use crate::{
    Amount, DiscountCodeId, Invalid, Locator, Owner, Patch, PaymentLinkId, Problem, Rejection, Timestamp, pasted,
};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Most codes of one batch.
pub const MAX_BATCH: usize = 500;

/// What buyers type: upper case, unique per owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeText(String);

impl CodeText {
    /// Most characters.
    pub const MAX: usize = 50;

    /// Reads a code of letters, digits, `-` and `_`, in any case, width and script of its digits.
    ///
    /// # Errors
    /// `invalid_field_value` for anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = pasted::machine_form(text);
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !plain || !(1..=Self::MAX).contains(&text.len()) {
            let must = format!("must have 1 to {} letters (a to z), digits, '-' or '_'", Self::MAX);
            return Err(Invalid::new(must));
        }
        Ok(Self(text.to_ascii_uppercase()))
    }

    /// The code in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where its record is.
    pub fn locator(&self, owner: &Owner) -> Locator {
        Locator::of(DiscountCodeId::OBJECT, owner, &self.0)
    }
}

/// How a code reckons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum ReductionType {
    /// In percent of the price.
    Percentage,
    /// A fixed amount.
    Fixed,
}

named!(ReductionType);
named_in_fields!(ReductionType);

/// What a code takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "type", content = "value")]
pub enum Reduction {
    /// Whole percent, 1 to 100.
    Percentage(u8),
    /// Units of whatever token is paid with.
    Fixed(Amount),
}

impl Reduction {
    /// How it reckons.
    pub const fn reduction_type(self) -> ReductionType {
        match self {
            Self::Percentage(_) => ReductionType::Percentage,
            Self::Fixed(_) => ReductionType::Fixed,
        }
    }

    /// The value as decimal digits.
    pub fn value(self) -> String {
        match self {
            Self::Percentage(percent) => percent.to_string(),
            Self::Fixed(amount) => amount.to_string(),
        }
    }

    /// Reads a type and a value that belong together.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub fn parse(reduction_type: ReductionType, value: &str) -> Result<Self, Problem> {
        if reduction_type == ReductionType::Fixed {
            return Amount::parse(value).map(Self::Fixed).map_err(|invalid| invalid.at("value"));
        }
        let digits = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
        let percent = value.parse::<u8>().ok().filter(|percent| digits && (1..=100).contains(percent));
        percent
            .map(Self::Percentage)
            .ok_or_else(|| Problem::invalid("value", "must be a whole percentage from 1 to 100"))
    }

    /// What it takes off a price, rounded down; `None` is nothing. At least one unit of the price is left.
    pub fn off(self, price: Amount) -> Option<Amount> {
        let wanted = match self {
            Self::Percentage(percent) => price.percent(percent)?,
            Self::Fixed(amount) => amount,
        };
        let most = price.checked_sub(Amount::ONE)?;
        Some(wanted.min(most))
    }
}

/// A discount code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountCode {
    /// `dc_…`; ends with the locator of the code.
    pub id: DiscountCodeId,
    /// Whose it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// What buyers type. It never changes.
    pub code: CodeText,
    /// What it takes off.
    pub reduction: Reduction,
    /// The one link it is for, if it is for one.
    pub payment_link_id: Option<PaymentLinkId>,
    /// The most payments that may use it.
    pub max_uses: Option<u64>,
    /// Payments that have used it.
    pub uses: u64,
    /// The least price it takes something off.
    pub min_order_amount: Option<Amount>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The merchant's own switch.
    #[serde(rename = "switched_on")]
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the merchant last changed it.
    pub updated_at: Timestamp,
    /// Counts the merchant's changes.
    pub version: u64,
}

/// A create or update, field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the one of the same name in `DiscountCode`")]
pub struct DiscountCodePatch {
    pub reduction_type: Patch<ReductionType>,
    pub value: Patch<String>,
    pub payment_link_id: Patch<PaymentLinkId>,
    pub max_uses: Patch<u64>,
    pub min_order_amount: Patch<Amount>,
    pub expires_at: Patch<Timestamp>,
    pub active: Patch<bool>,
}

/// Why a code does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inapplicable {
    /// There is no such code.
    Unknown,
    /// It was switched off.
    Inactive,
    /// Its expiry has passed.
    Expired,
    /// Every use is taken or reserved.
    UsedUp,
    /// It is for another link.
    OtherLink,
    /// The price is too low.
    BelowMinimum,
}

impl Inapplicable {
    /// The sentence the API promises.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unknown => "Invalid discount code",
            Self::Inactive => "Discount code is not active",
            Self::Expired => "Discount code has expired",
            Self::UsedUp => "Code has reached maximum number of uses",
            Self::OtherLink => "Code is not valid for this payment link",
            Self::BelowMinimum => "Order amount is below minimum required",
        }
    }
}

impl DiscountCode {
    /// Makes a code.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn create(
        id: DiscountCodeId,
        owner: Owner,
        code: CodeText,
        patch: DiscountCodePatch,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        let required = [("type", patch.reduction_type.value().is_none()), ("value", patch.value.value().is_none())];
        let mut problems = Problem::of_each(&required, Problem::missing);
        let mut made = Self {
            id,
            owner,
            code,
            reduction: Reduction::Percentage(1),
            payment_link_id: None,
            max_uses: None,
            uses: 0,
            min_order_amount: None,
            expires_at: None,
            active: true,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        if let Err(refused) = made.apply(patch, now) {
            problems.extend(refused.into_problems());
        }
        Rejection::unless_empty(problems)?;
        Ok(made)
    }

    /// Changes a code.
    ///
    /// # Errors
    /// Every problem at once; the code must not be kept then.
    pub fn update(&mut self, patch: DiscountCodePatch, now: Timestamp) -> Result<(), Rejection> {
        let uncleared = [("type", patch.reduction_type == Patch::Clear), ("value", patch.value == Patch::Clear)];
        let mut problems = Problem::of_each(&uncleared, Problem::uncleared);
        if let Err(refused) = self.apply(patch, now) {
            problems.extend(refused.into_problems());
        }
        Rejection::unless_empty(problems)
    }

    fn apply(&mut self, patch: DiscountCodePatch, now: Timestamp) -> Result<(), Rejection> {
        let mut problems = Vec::new();
        if patch.expires_at.value().is_some_and(|&expiry| expiry <= now) {
            problems.push(Problem::invalid("expires_at", "must be in the future"));
        }
        let reduction_type = patch.reduction_type.value().copied().unwrap_or(self.reduction.reduction_type());
        match (patch.reduction_type.value(), patch.value.value()) {
            (_, Some(value)) => match Reduction::parse(reduction_type, value) {
                Ok(reduction) => self.reduction = reduction,
                Err(problem) => problems.push(problem),
            },
            // Ten percent are not ten units: a new type needs its own value.
            (Some(&new), None) if new != self.reduction.reduction_type() && self.version > 0 => {
                problems.push(Problem::missing("value"));
            }
            _ => {}
        }
        patch.payment_link_id.apply(&mut self.payment_link_id);
        patch.max_uses.apply(&mut self.max_uses);
        patch.min_order_amount.apply(&mut self.min_order_amount);
        patch.expires_at.apply(&mut self.expires_at);
        patch.active.apply_or(&mut self.active, true);
        self.updated_at = now;
        self.version += 1;
        Rejection::unless_empty(problems)
    }

    /// Whether it can be used now on this price and link, when `reserved` of its uses are reserved by sessions under way.
    /// Without a price, what depends on it is not asked.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn check(
        &self,
        link: Option<&PaymentLinkId>,
        price: Option<Amount>,
        reserved: u64,
        now: Timestamp,
    ) -> Result<(), Inapplicable> {
        if !self.active {
            return Err(Inapplicable::Inactive);
        }
        if self.expires_at.is_some_and(|expiry| now >= expiry) {
            return Err(Inapplicable::Expired);
        }
        if self.max_uses.is_some_and(|max| self.uses.saturating_add(reserved) >= max) {
            return Err(Inapplicable::UsedUp);
        }
        if self.payment_link_id.is_some() && self.payment_link_id.as_ref() != link {
            return Err(Inapplicable::OtherLink);
        }
        match (self.min_order_amount, price) {
            (Some(min), Some(price)) if price < min => Err(Inapplicable::BelowMinimum),
            _ => Ok(()),
        }
    }

    /// What it is on a session of this price.
    pub fn on(&self, price: Amount) -> AppliedDiscount {
        AppliedDiscount { id: self.id.clone(), code: self.code.as_str().to_owned(), amount: self.reduction.off(price) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn a_code_is_upper_case_however_it_is_typed() {
        assert_eq!(CodeText::parse(" summer-25_x ").unwrap().as_str(), "SUMMER-25_X");
        for text in ["", " ", "a b", "é", &"x".repeat(51)] {
            assert!(CodeText::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_discount_rounds_down_and_leaves_at_least_one_unit() {
        let off = |reduction: Reduction, price: &str| reduction.off(amount(price)).map(|off| off.to_string());
        assert_eq!(off(Reduction::Percentage(15), "999").as_deref(), Some("149"));
        assert_eq!(off(Reduction::Percentage(100), "999").as_deref(), Some("998"));
        assert_eq!(off(Reduction::Percentage(1), "99"), None);
        assert_eq!(off(Reduction::Fixed(amount("500")), "400").as_deref(), Some("399"));
        assert_eq!(off(Reduction::Fixed(amount("500")), "1"), None);
    }

    #[test]
    fn a_value_fits_its_type() {
        for value in ["0", "101", "12.5", "+5", ""] {
            assert!(Reduction::parse(ReductionType::Percentage, value).is_err(), "{value}");
        }
        for value in ["0", "-1", "1.5"] {
            assert!(Reduction::parse(ReductionType::Fixed, value).is_err(), "{value}");
        }
        assert_eq!(Reduction::parse(ReductionType::Percentage, "100").unwrap(), Reduction::Percentage(100));
    }

    proptest! {
        #[test]
        fn what_is_left_of_a_price_is_never_nothing(percent in 1..=100_u8, price in 1..u128::MAX, fixed in 1..u128::MAX) {
            let price = amount(&price.to_string());
            for reduction in [Reduction::Percentage(percent), Reduction::Fixed(amount(&fixed.to_string()))] {
                let left = reduction.off(price).map_or(Some(price), |off| price.checked_sub(off));
                prop_assert!(left.is_some());
            }
        }
    }
}
