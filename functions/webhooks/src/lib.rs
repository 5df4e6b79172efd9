//! Webhook endpoints and the log of deliveries to them: the group's table of contents. Deliveries are made elsewhere, by
//! `deliver-webhooks`: nothing here connects to anybody.

mod create;
mod delete;
mod deliveries;
mod list;
mod retrieve;
mod retry;
mod rotate_secret;
mod stored;
mod test;
mod update;
mod view;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "webhooks",
        description: "Endpoints that are told what happens, signed and at least once, and the log of what they were told.",
        operations: vec![
            list::operation(),
            create::operation(),
            retrieve::operation(),
            update::operation(),
            delete::operation(),
            test::operation(),
            rotate_secret::operation(),
            deliveries::operation(),
            retry::operation(),
        ],
    }
}

/// The collection's path.
const WEBHOOKS: &str = "/api/v1/webhooks";
/// One endpoint's path.
const WEBHOOK: &str = "/api/v1/webhooks/{id}";
/// The path that sends a test event.
const TEST: &str = "/api/v1/webhooks/{id}/test";
/// The path that changes the secret.
const ROTATE_SECRET: &str = "/api/v1/webhooks/{id}/rotate-secret";
/// The path of an endpoint's deliveries.
const DELIVERIES: &str = "/api/v1/webhooks/{id}/deliveries";
/// The path that tries one of them again.
const RETRY: &str = "/api/v1/webhooks/{id}/deliveries/{delivery_id}/retry";
