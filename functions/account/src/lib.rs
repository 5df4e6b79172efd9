//! The account: the organization, its API keys, and the trail of what was changed.

mod create_api_key;
mod list_api_keys;
mod list_events;
mod organization;
mod retrieve_organization;
mod revoke_api_key;
mod update_organization;
mod view;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "account",
        description: "The organization; its API keys, made, listed and revoked by administrators; the audit trail.",
        operations: vec![
            list_api_keys::operation(),
            create_api_key::operation(),
            revoke_api_key::operation(),
            retrieve_organization::operation(),
            update_organization::operation(),
            list_events::operation(),
        ],
    }
}

/// The collection's path.
const API_KEYS: &str = "/api/v1/api-keys";
/// The caller's organization's path.
const ORGANIZATION: &str = "/api/v1/organization";
/// One key's path.
const API_KEY: &str = "/api/v1/api-keys/{id}";
