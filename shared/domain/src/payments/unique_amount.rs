//! What ties a transfer to a session by its amount: the little that is added to its price, so that no other session in its
//! scope asks for the same. Every session has last digits of its own, the first one too: a bare price says nothing about
//! who sent it.

use crate::Amount;
use std::num::NonZeroU64;

/// The most that is added to a price, in the token's smallest unit, to make the amount unique: with the 6 decimals of USDC
/// and USDT less than a cent.
pub const MOST_EXTRA: u64 = 9_999;
/// Fewest decimals of a known token to whose prices [`MOST_EXTRA`] may be added.
const DECIMALS_FOR_EXTRA: u8 = 6;
/// Of an unknown token, at most this part of the price is added: a hundredth of a percent.
const EXTRA_PART_OF_PRICE: NonZeroU64 = NonZeroU64::new(10_000).unwrap();
/// How often an amount is looked for before a session goes without one of its own.
pub const EXTRA_ATTEMPTS: u32 = 8;
/// How many last digits a session has at the first attempt: few are easier to type, and enough for most recipients.
const FIRST_DIGITS: u32 = 2;
/// How long after a session's expiry its amount stays its own, in seconds: who scanned the code in time may pay too late.
pub const AMOUNT_HELD_SECONDS: u64 = 86_400;

/// The most that may be added to a price to make the amount unique, in the token's smallest unit. `decimals` are those of
/// a known token. A token with few of them, or a small price in an unknown one, gets nothing added: a unit may be dear.
pub fn most_extra(price: Amount, decimals: Option<u8>) -> u64 {
    match decimals {
        Some(decimals) if decimals >= DECIMALS_FOR_EXTRA => MOST_EXTRA,
        Some(_) => 0,
        None => price.units_of(EXTRA_PART_OF_PRICE).min(MOST_EXTRA),
    }
}

/// What to add at the n-th attempt, counted from 0: a random number below ever larger powers of ten, never nothing.
/// `None` when there is nothing left to try.
pub fn extra(attempt: u32, most: u64, random: u64) -> Option<u64> {
    if attempt >= EXTRA_ATTEMPTS || most == 0 {
        return None;
    }
    let ceiling = 10_u64.saturating_pow(attempt.saturating_add(FIRST_DIGITS)).saturating_sub(1).min(most);
    Some(1 + random % ceiling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn a_price_grows_by_less_than_a_cent_and_not_at_all_where_a_unit_may_be_dear() {
        assert_eq!(most_extra(amount("1"), Some(6)), 9_999);
        assert_eq!((most_extra(amount("5"), Some(2)), most_extra(amount("9999"), None)), (0, 0));
        assert_eq!((most_extra(amount("20000"), None), most_extra(Amount::MAX, None)), (2, 9_999));
        assert_eq!((extra(0, 9_999, 99), extra(0, 0, 5), extra(EXTRA_ATTEMPTS, 9_999, 5)), (Some(1), None, None));
    }

    proptest! {
        #[test]
        fn an_extra_is_never_nothing_and_never_passes_its_bound(attempt in 0..EXTRA_ATTEMPTS, most in 1_u64..=MOST_EXTRA, random: u64) {
            let extra = extra(attempt, most, random).unwrap();
            prop_assert!((1..=most).contains(&extra));
        }
    }
}
