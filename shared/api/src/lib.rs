//! What stands between HTTP and the rules: callers, limits, idempotency, envelopes, versions and errors.
//!
//! What must stay true: every request, on Lambda and in one process alike, walks [`road`]; an operation is one
//! [`operation::Operation`] and nothing about it is declared twice; versions differ in [`version`] only.

pub mod access_log;
pub mod auth;
pub mod call;
pub mod checkout_session;
pub mod clock;
pub mod config;
pub mod discount_code;
pub mod error;
pub mod fields;
pub mod json;
pub mod kms;
pub mod limiter;
pub mod link_owners;
pub mod list;
pub mod new_link;
pub mod openapi;
pub mod operation;
pub mod payment_link;
pub mod platform;
pub mod product;
pub mod query;
pub mod road;
pub mod seal;
pub mod serve;
pub mod session_token;
pub mod settlement;
pub mod transaction;
pub mod vault;
pub mod version;
pub mod visit;
pub mod webhook;

pub use auth::Caller;
pub use call::{Answer, Call, Changes, NotCommitted};
pub use error::ApiError;
pub use operation::{Access, Group, Operation};
pub use platform::Platform;

/// What every versioned view shows as a deletion.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct DeletedView {
    /// The resource's type.
    pub object: &'static str,
    /// What was deleted.
    pub id: String,
    /// `true`
    pub deleted: bool,
}
