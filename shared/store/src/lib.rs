//! The one DynamoDB table: its schema and access patterns, reads that are counted, and [`commit`], the write of
//! everything that changes together.
//!
//! What must stay true: key attributes, prefixes and indexes are named in [`schema`] and nowhere else; every call
//! goes through [`Db`], so that its cost is seen; no rule of the domain is decided here.
//!
//! A read fails when the table does not answer, or when a row or a sealed part cannot be read; what makes a [`Write`]
//! fails when something cannot be stored or sealed, which is a fault of ours.

pub mod api_keys;
pub mod audit;
mod audit_days;
pub mod backoff;
mod batch;
pub mod checkout_sessions;
pub mod commit;
mod connection;
pub mod customers;
pub mod data_key;
pub mod db;
pub mod decide;
pub mod discount_codes;
mod error;
pub mod facts;
pub mod idempotency;
pub mod limits;
pub mod list;
pub mod meter;
pub mod organizations;
pub mod outbox;
pub mod payment_links;
pub mod payments;
pub mod products;
pub mod rate_limits;
mod rows;
#[cfg(test)]
mod rows_tests;
pub mod schema;
pub mod settlement;
mod single;
pub mod statistics;
pub mod transactions;
pub mod vault;
pub mod webhook_deliveries;
pub mod webhooks;
mod write;

pub use commit::CommitError;
pub use db::{Db, StoreError};
pub use decide::{Patience, Step};
pub use meter::Cost;
pub use write::{Refusal, Write};
