//! The platform itself: its health and its description. On AWS this function is also the catch-all route, so that a
//! path nobody serves is answered in our envelope and not the gateway's.

mod health;
mod openapi;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "platform",
        description: "The platform's health and its machine-readable description.",
        operations: vec![health::operation(), openapi::operation()],
    }
}
