//! The checkout, the payer's side: hosted pages, and the JSON they and other sites' scripts live on. The group's table of
//! contents.
//!
//! What must stay true: nothing here needs a credential, so nothing here shows or changes what is private to the merchant
//! or to another payer.

mod asset;
mod html;
mod link_page;
mod page_query;
mod short_link;

use anyspend_api::Group;
use anyspend_domain::CheckoutSessionId;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "checkout",
        description: "What the payer sees: the hosted pages and their JSON. No credential; limited per client IP.",
        operations: vec![link_page::operation(), short_link::operation(), asset::operation()],
    }
}

/// A link's page.
const LINK_PAGE: &str = "/pay/{id}";
/// The bucket all pages share.
const PAGES: &str = "checkout-pages";
/// Requests per minute and client IP, of each bucket.
const PER_MINUTE: u32 = 60;

/// A session's page, on whatever host this is.
fn session_path(id: &CheckoutSessionId) -> String {
    format!("/pay/s/{id}")
}
