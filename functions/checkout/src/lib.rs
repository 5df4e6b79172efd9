//! The checkout, the payer's side: hosted pages, and the JSON they and other sites' scripts live on. The group's table of
//! contents.
//!
//! Four rooms: [`api`] and [`pages`] hold the operations, [`decisions`] what both have in common, and [`html`] draws.
//!
//! What must stay true: nothing here needs a credential, so nothing here shows or changes what is private to the merchant
//! or to another payer.

mod api;
mod decisions;
mod html;
mod pages;

use anyspend_api::Group;
use anyspend_domain::CheckoutSessionId;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "checkout",
        description: "What the payer sees: the hosted pages and their JSON. No credential; limited per client IP.",
        operations: vec![
            pages::link_page::operation(),
            pages::open_from_page::operation(),
            pages::session_page::operation(),
            pages::add_details_from_page::operation(),
            pages::short_link::operation(),
            pages::asset::operation(),
            api::open_session::operation(),
            api::session_status::operation(),
            api::add_details::operation(),
            api::apply_discount::operation(),
            api::report_payment::operation(),
        ],
    }
}

/// A link's page.
const LINK_PAGE: &str = "/pay/{id}";
/// A session's page.
const SESSION_PAGE: &str = "/pay/s/{id}";

/// A session's page, on whatever host this is.
fn session_path(id: &CheckoutSessionId) -> String {
    format!("/pay/s/{id}")
}
