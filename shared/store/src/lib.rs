//! The one DynamoDB table: its schema and access patterns, reads that are counted, and [`commit`], the only write
//! besides the rate limiter's.
//!
//! What must stay true: key attributes, prefixes and indexes are named in [`schema`] and nowhere else; every call
//! goes through [`Db`], so that its cost is seen; no rule of the domain is decided here.

pub mod api_keys;
pub mod audit;
mod audit_days;
pub mod backoff;
pub mod checkout_sessions;
pub mod commit;
pub mod customers;
pub mod data_key;
pub mod db;
pub mod decide;
pub mod discount_codes;
pub mod facts;
pub mod idempotency;
pub mod list;
pub mod meter;
pub mod organizations;
pub mod outbox;
pub mod payment_links;
pub mod payments;
pub mod products;
pub mod rate_limits;
pub mod schema;
pub mod settlement;
pub mod statistics;
pub mod transactions;
pub mod vault;
pub mod webhook_deliveries;
pub mod webhooks;

pub use commit::{CommitError, Refusal, Write};
pub use db::{Db, StoreError};
pub use decide::{Patience, Step};
pub use meter::Cost;
