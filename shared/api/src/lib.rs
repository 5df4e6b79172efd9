//! What stands between HTTP and the rules, in three rooms: the frame every request walks through, the hosts that run it
//! and the jobs, and how the resources that more than one function shows are read and rendered.
//!
//! What must stay true: every request, on Lambda and in one process alike, walks [`road`]; an operation is one
//! [`operation::Operation`] and nothing about it is declared twice; versions differ in [`version`] only; the frame knows
//! no resource.

mod frame;
mod hosts;
mod resources;

pub use frame::{
    access_log, auth, call, clock, config, door, error, export, fields, json, kms, limiter, link_owners, list, openapi,
    operation, platform, query, road, seal, session_token, settings, vault, version,
};
pub use hosts::{job, serve};
pub use resources::{
    checkout_session, discount_code, new_link, payment_link, product, settlement, transaction, visit, webhook,
};

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
