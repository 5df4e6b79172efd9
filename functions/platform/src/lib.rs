//! The platform itself: its health, its description and the chains it follows. On AWS this function is also the catch-all route, so that a
//! path nobody serves is answered in our envelope and not the gateway's.

mod chains;
mod health;
mod openapi;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "platform",
        description: "The platform's health, its machine-readable description, and the chains it follows.",
        operations: vec![health::operation(), openapi::operation(), chains::operation()],
    }
}
