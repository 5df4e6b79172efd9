//! Payment links and their line items: the group's table of contents.

mod add_item;
mod counted;
mod create;
mod delete;
mod duplicate;
mod list;
mod list_items;
mod remove_item;
mod retrieve;
mod sessions;
mod stats;
mod stored;
mod update;
mod visitors;

use anyspend_api::Group;
use anyspend_domain::audit::AuditEventType;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "payment-links",
        description: "Shareable links that take payments, and the line items on them.",
        operations: vec![
            list::operation(),
            create::operation(),
            retrieve::operation(),
            update::operation(),
            delete::operation(),
            duplicate::operation(),
            list_items::operation(),
            add_item::operation(),
            remove_item::operation(),
            sessions::operation(),
            stats::operation(),
            visitors::operation(),
        ],
    }
}

/// The event of every change of a link.
const UPDATED: AuditEventType = AuditEventType::PaymentLinkUpdated;
/// The collection's path.
const LINKS: &str = "/api/v1/payment-links";
/// One link's path.
const LINK: &str = "/api/v1/payment-links/{id}";
/// The path that duplicates a link.
const DUPLICATE: &str = "/api/v1/payment-links/{id}/duplicate";
/// The path of a link's sessions.
const SESSIONS: &str = "/api/v1/payment-links/{id}/sessions";
/// The path of a link's statistics.
const STATS: &str = "/api/v1/payment-links/{id}/stats";
/// The path of a link's visitors.
const VISITORS: &str = "/api/v1/payment-links/{id}/visitors";
/// The path of a link's items.
const ITEMS: &str = "/api/v1/payment-links/{id}/items";
/// The path of one item.
const ITEM: &str = "/api/v1/payment-links/{id}/items/{item_id}";
