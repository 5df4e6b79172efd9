//! The pages' operations: what each address shows, and what becomes of the forms that are sent. How a page is drawn is
//! [`crate::html`]'s.

pub(crate) mod add_details_from_page;
pub(crate) mod asset;
pub(crate) mod form;
pub(crate) mod link_page;
pub(crate) mod open_from_page;
mod query;
pub(crate) mod session_page;
pub(crate) mod short_link;
mod visit;
