//! What becomes of a session when its payer does something: one decision each, for the pages and the JSON alike.
//!
//! What must stay true: nothing here knows whether it answers with a page or with JSON.

pub(crate) mod context;
pub(crate) mod details;
pub(crate) mod instructions;
pub(crate) mod opening;
