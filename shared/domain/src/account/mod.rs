//! Who uses the platform: organizations, their keys and customers, and how often they may ask.

pub mod api_key;
pub mod audit;
pub mod customer;
pub mod mode;
pub mod organization;
pub mod rate_limit;
pub mod token_bucket;
