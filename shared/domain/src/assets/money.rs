//! Money: whole units of a token's smallest denomination, up to 2^256 − 1. Never a float.

use crate::Invalid;
use crate::decimal::{self, Typed};
use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Digits of 2^256 − 1.
const MAX_DIGITS: usize = 78;
/// What an amount must be, as the end of a sentence.
const MUST: &str = "must be a string of decimal digits without sign, exponent or leading zeros, from 1 to 2^256-1, in the token's smallest unit";

/// Digits are checked before the number is: `U256`'s own parser also takes "", "1_000", "007" and hex.
fn parse_digits(text: &str) -> Option<U256> {
    let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    if !digits_only || !canonical || text.len() > MAX_DIGITS {
        return None;
    }
    U256::from_str_radix(text, 10).ok()
}

/// A positive amount of a token, in its smallest unit: 1 to 2^256 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(U256);

impl Amount {
    /// The largest amount a token contract can hold.
    pub const MAX: Self = Self(U256::MAX);

    /// The smallest unit there is.
    pub const ONE: Self = Self(U256::ONE);

    /// Reads a decimal string.
    ///
    /// # Errors
    /// When the text is not the canonical decimal form of 1 to 2^256 − 1.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse_digits(text).filter(|value| !value.is_zero()).map(Self).ok_or_else(|| Invalid::new(MUST))
    }

    /// What the amount is worth in cents, rounded down, of a token with this many decimals whose unit is one dollar.
    pub fn cents(self, decimals: u8) -> Cents {
        if decimals < 2 {
            return Cents(self.0.saturating_mul(U256::from(10).pow(U256::from(2 - decimals))));
        }
        Cents(self.0 / U256::from(10).pow(U256::from(decimals - 2)))
    }

    /// What is left after taking `other` away; `None` when that is nothing or less.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).filter(|rest| !rest.is_zero()).map(Self)
    }

    /// This many percent of it, rounded down; `None` when that is nothing.
    pub fn percent(self, percent: u8) -> Option<Self> {
        // Divided first, so that no amount is too large: 100 q + r of it is p q + p r / 100.
        let (hundreds, rest) = self.0.div_rem(U256::from(100));
        let (percent, hundred) = (U256::from(percent), U256::from(100));
        Some(Self(hundreds.checked_mul(percent)?.checked_add(rest * percent / hundred)?))
            .filter(|part| !part.0.is_zero())
    }

    /// What is left after the price of shipping; `None` when that is nothing or less.
    pub fn checked_sub_cost(self, cost: ShippingCost) -> Option<Self> {
        self.0.checked_sub(cost.0).filter(|rest| !rest.is_zero()).map(Self)
    }

    /// With the price of shipping added; `None` past 2^256 − 1.
    pub fn checked_add_cost(self, cost: ShippingCost) -> Option<Self> {
        self.0.checked_add(cost.0).map(Self)
    }

    /// The number as a chain has it: 32 bytes, the most significant first; `None` of zero.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Option<Self> {
        Some(Self(U256::from_be_bytes(bytes))).filter(|amount| !amount.0.is_zero())
    }

    /// The amount as contracts take it: 32 bytes.
    pub const fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }

    /// This many smallest units more, or `None` past 2^256 − 1.
    pub fn checked_add_units(self, units: u64) -> Option<Self> {
        self.0.checked_add(U256::from(units)).map(Self)
    }

    /// How often `units` fit into it, as far as that can be counted.
    pub fn units_of(self, units: std::num::NonZeroU64) -> u64 {
        u64::try_from(self.0 / U256::from(units.get())).unwrap_or(u64::MAX)
    }

    /// The number itself.
    pub(crate) const fn units(self) -> U256 {
        self.0
    }

    /// The sum, or `None` past 2^256 − 1.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// This amount `quantity` times, or `None` past 2^256 − 1 or for a quantity of zero.
    pub fn checked_mul(self, quantity: u64) -> Option<Self> {
        self.0.checked_mul(U256::from(quantity)).filter(|product| !product.is_zero()).map(Self)
    }
}

/// Amounts as people write them: with a point, in whole tokens.
impl Amount {
    /// The amount in whole tokens of this many decimals, exactly: at least `places` decimal places are shown, and as many
    /// more as it takes.
    pub fn in_tokens(self, decimals: u8, places: usize) -> String {
        in_tokens(self.0, decimals, places)
    }

    /// Reads an amount in whole tokens, such as "10.5", exactly, as [`decimal::typed`] does.
    ///
    /// # Errors
    /// `invalid_field_value` for what is no such number or could be two, has more places than the token, or is nothing.
    pub fn parse_in_tokens(text: &str, decimals: u8) -> Result<Self, Invalid> {
        let Typed { sign, whole, fraction } = decimal::typed(text)?;
        if sign.is_some() {
            return Err(Invalid::new("must be a number such as 10 or 10.50, without a sign"));
        }
        let fraction = fraction.trim_end_matches('0');
        let Some(missing) = usize::from(decimals).checked_sub(fraction.len()) else {
            return Err(Invalid::new(format!("must have at most {decimals} decimal places")));
        };
        let units = format!("{whole}{fraction}{}", "0".repeat(missing));
        let units = units.trim_start_matches('0');
        if units.is_empty() {
            return Err(Invalid::new("must be more than nothing"));
        }
        Self::parse(units).map_err(|_| Invalid::new("must be less: no token has that much"))
    }
}

fn in_tokens(value: U256, decimals: u8, places: usize) -> String {
    let digits = format!("{:0>width$}", value.to_string(), width = usize::from(decimals) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
    let mut fraction = fraction.trim_end_matches('0').to_owned();
    while fraction.len() < places.min(usize::from(decimals)) {
        fraction.push('0');
    }
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

impl ShippingCost {
    /// As [`Amount::in_tokens`].
    pub fn in_tokens(self, decimals: u8, places: usize) -> String {
        in_tokens(self.0, decimals, places)
    }

    /// Whether it costs nothing.
    pub fn is_free(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Amount {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not an amount")
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

/// The price of a shipping option: like [`Amount`], but free shipping is a price too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShippingCost(U256);

impl ShippingCost {
    /// Reads a decimal string, "0" included.
    ///
    /// # Errors
    /// When the text is not the canonical decimal form of 0 to 2^256 − 1.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse_digits(text).map(Self).ok_or_else(|| Invalid::new(MUST.replace("from 1", "from 0")))
    }
}

impl fmt::Display for ShippingCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for ShippingCost {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not a shipping cost")
    }
}

impl From<ShippingCost> for String {
    fn from(cost: ShippingCost) -> Self {
        cost.to_string()
    }
}

/// US dollars, in cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cents(U256);

impl Cents {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// The sum; test tokens without worth can be sent in amounts that end at the largest number there is.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Bytes that sort as the number does: how many there are, and then they, the highest first.
    pub fn sortable(self) -> Vec<u8> {
        let bytes = self.0.to_be_bytes_trimmed_vec();
        [&[u8::try_from(bytes.len()).unwrap_or(u8::MAX)], bytes.as_slice()].concat()
    }
}

/// Dollars with two places.
impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, cents) = self.0.div_rem(U256::from(100));
        write!(f, "{dollars}.{:0>2}", cents.to_string())
    }
}

impl TryFrom<String> for Cents {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse_digits(&text).map(Self).ok_or("not a number of cents")
    }
}

impl From<Cents> for String {
    fn from(cents: Cents) -> Self {
        cents.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

    #[test]
    fn the_whole_range_of_a_token_contract_fits() {
        assert_eq!(Amount::parse(MAX).unwrap(), Amount::MAX);
        assert_eq!(Amount::MAX.to_string(), MAX);
        assert_eq!(Amount::MAX.checked_add(Amount::parse("1").unwrap()), None);
        assert_eq!(Amount::MAX.checked_mul(2), None);
    }

    #[test]
    fn dollars_round_down_and_never_lose_a_zero() {
        let text = |amount: &str, decimals| Amount::parse(amount).unwrap().cents(decimals).to_string();
        assert_eq!((text("10000000", 6), text("1999999", 6)), ("10.00".to_owned(), "1.99".to_owned()));
        assert_eq!(
            (text("10000", 6), text("9999", 6), text("5", 0)),
            ("0.01".to_owned(), "0.00".to_owned(), "5.00".to_owned())
        );
    }

    #[test]
    fn sums_sort_by_their_bytes_as_they_do_by_number() {
        let sums = ["0", "1", "9", "10", "255", "256", "65535", "65536", "999999999999999999999", &MAX[..77], MAX];
        let bytes = sums.map(|cents| Cents::try_from(cents.to_owned()).unwrap().sortable());
        assert!(bytes.is_sorted() && bytes.iter().all(|bytes| bytes.len() <= 33), "{bytes:?}");
        // No sum's bytes begin another's, so that what stands behind them does not count.
        assert!(bytes.iter().all(|one| bytes.iter().all(|other| one == other || !other.starts_with(one))));
    }

    #[test]
    fn only_the_canonical_decimal_form_is_an_amount() {
        let over = format!("{}6", &MAX[..77]);
        for text in [
            "",
            "0",
            "00",
            "007",
            "-1",
            "+1",
            "1.0",
            "1e3",
            "1_000",
            "0x10",
            " 1",
            "1 ",
            "١",
            &over,
            &format!("{MAX}0"),
        ] {
            assert!(Amount::parse(text).is_err(), "{text}");
        }
        assert_eq!(ShippingCost::parse("0").unwrap().to_string(), "0");
        assert!(ShippingCost::parse("00").is_err());
    }

    #[test]
    fn amounts_in_tokens_are_exact_and_never_guessed() {
        let shown = |amount: &str, decimals, places| Amount::parse(amount).unwrap().in_tokens(decimals, places);
        assert_eq!(shown("10000000", 6, 2), "10.00");
        assert_eq!(shown("10500001", 6, 2), "10.500001");
        assert_eq!(shown("1", 18, 0), "0.000000000000000001");
        assert_eq!((shown("7", 0, 2), shown("1000000000000000000", 18, 0)), ("7".to_owned(), "1".to_owned()));
        let read = |text: &str| Amount::parse_in_tokens(text, 6).map(|amount| amount.to_string()).ok();
        assert_eq!(read("10"), Some("10000000".to_owned()));
        assert_eq!(read(" 10,5 "), Some("10500000".to_owned()));
        assert_eq!((read("١٠٫٥"), read("１０，５")), (Some("10500000".to_owned()), Some("10500000".to_owned())));
        assert_eq!((read(".5"), read("5.")), (Some("500000".to_owned()), Some("5000000".to_owned())));
        assert_eq!((read("0.0000010"), read("0,125")), (Some("1".to_owned()), Some("125000".to_owned())));
        for text in [
            "",
            ".",
            ",",
            "0",
            "0.0",
            "1,000",
            "1,000.00",
            "1.000,00",
            "1.1.1",
            "-1",
            "+1",
            "1e3",
            "0x1",
            "0.0000001",
            "1 000",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"9".repeat(78)), None);
    }

    #[test]
    fn a_percentage_rounds_down_and_never_overflows() {
        let percent =
            |amount: &str, percent| Amount::parse(amount).unwrap().percent(percent).map(|part| part.to_string());
        assert_eq!(percent("999", 10).as_deref(), Some("99"));
        assert_eq!(percent("9", 10), None);
        assert_eq!(Amount::MAX.percent(100), Some(Amount::MAX));
    }

    proptest! {
        #[test]
        fn an_amount_in_tokens_reads_back_as_it_was(limbs in any::<[u64; 4]>(), decimals in 0u8..40, places in 0usize..4) {
            let amount = Amount(U256::from_limbs(limbs).max(U256::from(1)));
            prop_assert_eq!(Amount::parse_in_tokens(&amount.in_tokens(decimals, places), decimals), Ok(amount));
        }

        #[test]
        fn an_amount_reads_back_as_it_was_written(limbs in any::<[u64; 4]>()) {
            let value = U256::from_limbs(limbs).max(U256::from(1));
            prop_assert_eq!(Amount::parse(&value.to_string()).unwrap(), Amount(value));
        }

        #[test]
        fn no_text_that_is_not_canonical_gets_in(text in "\\PC{0,90}") {
            if let Ok(amount) = Amount::parse(&text) {
                prop_assert_eq!(amount.to_string(), text);
            }
        }
    }
}
