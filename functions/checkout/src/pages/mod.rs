//! The pages' operations: what each address shows, and what becomes of the forms that are sent. How a page is drawn is
//! [`crate::html`]'s.

pub(crate) mod asset;
pub(crate) mod form;
pub(crate) mod link_page;
mod query;
pub(crate) mod send_details;
pub(crate) mod session_page;
pub(crate) mod short_link;
pub(crate) mod start_payment;
mod visit;
