//! The checkout, the payer's side: hosted pages, and the JSON they and other sites' scripts live on. The group's table of
//! contents.
//!
//! What must stay true: nothing here needs a credential, so nothing here shows or changes what is private to the merchant
//! or to another payer.

mod add_details;
mod add_details_from_page;
mod apply_discount;
mod asset;
mod details;
mod html;
mod link_page;
mod open;
mod open_from_page;
mod open_session;
mod page_form;
mod page_query;
mod report_payment;
mod session;
mod session_page;
mod session_status;
mod short_link;
mod view;
mod visit;
mod wallet;

use anyspend_api::Group;
use anyspend_domain::CheckoutSessionId;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "checkout",
        description: "What the payer sees: the hosted pages and their JSON. No credential; limited per client IP.",
        operations: vec![
            link_page::operation(),
            open_from_page::operation(),
            session_page::operation(),
            add_details_from_page::operation(),
            short_link::operation(),
            asset::operation(),
            open_session::operation(),
            session_status::operation(),
            add_details::operation(),
            apply_discount::operation(),
            report_payment::operation(),
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
