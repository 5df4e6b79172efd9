//! The rate limit's rule: a token bucket with interval refill.
//!
//! A bucket holds `limit` tokens. The first token taken starts an interval of [`INTERVAL_SECONDS`]; at its end the
//! bucket is full again. Within an interval the count only grows, which is why "limit reached" may be remembered
//! until the reset without asking the database again.

use crate::Timestamp;

/// Length of an interval.
pub const INTERVAL_SECONDS: u64 = 60;
/// The same in milliseconds.
pub const INTERVAL_MILLIS: u64 = INTERVAL_SECONDS * 1_000;

/// A limit and what is left of it, as the response headers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Tokens a full bucket holds.
    pub limit: u32,
    /// Tokens left after this request.
    pub remaining: u32,
    /// When the bucket is full again.
    pub resets_at: Timestamp,
}

impl Allowance {
    /// The state after `taken` tokens of an interval that began at `began`.
    pub const fn after(limit: u32, taken: u32, began: Timestamp) -> Self {
        Self { limit, remaining: limit.saturating_sub(taken), resets_at: began.plus_millis(INTERVAL_MILLIS) }
    }

    /// Unix seconds at which the bucket is full again, rounded up so that waiting until then is always enough.
    pub const fn reset_unix_seconds(&self) -> u64 {
        self.resets_at.millis().div_ceil(1_000)
    }

    /// Whole seconds to wait from `now`, at least 1.
    pub fn retry_after_seconds(&self, now: Timestamp) -> u64 {
        self.resets_at.millis_since(now).div_ceil(1_000).max(1)
    }
}

/// Whether an interval that began at `began` is still running.
pub const fn is_running(began: Timestamp, now: Timestamp) -> bool {
    now.millis() < began.plus_millis(INTERVAL_MILLIS).millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    #[test]
    fn the_interval_ends_exactly_sixty_seconds_after_its_first_token() {
        assert!(is_running(at(1_000), at(60_999)));
        assert!(!is_running(at(1_000), at(61_000)));
    }

    #[test]
    fn waiting_retry_after_always_reaches_the_reset() {
        let allowance = Allowance::after(120, 120, at(1_500));
        assert_eq!(allowance.remaining, 0);
        assert_eq!(allowance.reset_unix_seconds(), 62);
        assert_eq!(allowance.retry_after_seconds(at(61_499)), 1);
        assert_eq!(allowance.retry_after_seconds(at(61_500)), 1);
        assert_eq!(allowance.retry_after_seconds(at(2_000)), 60);
    }
}
