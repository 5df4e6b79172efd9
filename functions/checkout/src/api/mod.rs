//! The checkout's JSON: what the pages and other sites' scripts live on.

pub(crate) mod add_details;
pub(crate) mod apply_discount;
pub(crate) mod open_session;
pub(crate) mod report_payment;
pub(crate) mod session_status;
mod view;
