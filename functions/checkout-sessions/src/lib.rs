//! Checkout sessions, the merchant's side: the group's table of contents.

mod chains;
mod create;
mod expire;
mod fail;
mod list;
mod pay;
mod retrieve;
mod simulate;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "checkout-sessions",
        description: "One buyer's attempt to pay, on terms that no longer change.",
        operations: vec![
            list::operation(),
            create::operation(),
            retrieve::operation(),
            expire::operation(),
            pay::operation(),
            fail::operation(),
            chains::operation(),
        ],
    }
}

/// The collection's path.
const CHECKOUT_SESSIONS: &str = "/api/v1/checkout-sessions";
/// One session's path.
const CHECKOUT_SESSION: &str = "/api/v1/checkout-sessions/{id}";
