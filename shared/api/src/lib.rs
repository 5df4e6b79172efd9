//! What stands between HTTP and the rules, in four rooms: the frame every request walks through, the hosts that run it and
//! the jobs, how the resources that more than one function shows are read and rendered, and the dated versions.
//!
//! What must stay true: every request, on Lambda and in one process alike, walks [`road`]; an operation is one
//! [`operation::Operation`] and nothing about it is declared twice; versions differ in [`versions`] only; the frame knows
//! no resource.

mod frame;
mod hosts;
mod resources;
pub mod versions;

use frame::page_address;
pub use frame::{
    access_log, answer, auth, call, caller, clock, codes, commit, config, credential, door, error, expected, export,
    fields, idempotency, json, kms, list, openapi, operation, owner_cache, page, platform, query, rate_limit_cache,
    road, seal, session_token, settings, stored, vault, wrong_credentials,
};
use frame::{body, requirements, response, turns};
pub use hosts::{job, serve};
pub use resources::{
    checkout_session, discount_code, new_link, payment_link, product, settlement, transaction, visit, webhook,
};

pub use answer::Answer;
pub use call::Call;
pub use caller::Caller;
pub use commit::{Changes, NotCommitted};
pub use error::ApiError;
pub use operation::{Access, Group, Operation};
pub use platform::Platform;
pub use stored::{Deletable, DeletedView, Stored};
