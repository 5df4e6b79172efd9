//! How often each kind of caller may ask, in one table. Every number is requests per interval of
//! [`INTERVAL_SECONDS`](crate::token_bucket::INTERVAL_SECONDS).

/// What an API key may ask whose organization has no limit of its own.
pub const PER_API_KEY: u32 = 120;

/// Callers without an API key: whatever shares a group shares a bucket per subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The group's name, as it stands in the bucket's key.
    pub group: &'static str,
    /// What one subject of the group may ask: one dashboard session, or one client IP.
    pub per_minute: u32,
}

/// A dashboard session.
pub const SESSION: RateLimit = RateLimit { group: "session", per_minute: 600 };
/// Links without an account.
pub const QUICK_PAY: RateLimit = RateLimit { group: "quick-pay", per_minute: 5 };
/// Looking at the hosted pages.
pub const CHECKOUT_PAGES: RateLimit = RateLimit { group: "checkout-pages", per_minute: 60 };
/// Opening a session as its payer, or adding to one.
pub const CHECKOUT_OPENINGS: RateLimit = RateLimit { group: "checkout-openings", per_minute: 60 };
/// Asking how a session is.
pub const CHECKOUT_STATUS: RateLimit = RateLimit { group: "checkout-status", per_minute: 60 };
