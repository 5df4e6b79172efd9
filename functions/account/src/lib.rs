//! The account: API keys.

mod create_api_key;
mod list_api_keys;
mod revoke_api_key;
mod view;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "account",
        description: "API keys: made, listed and revoked by administrators.",
        operations: vec![list_api_keys::operation(), create_api_key::operation(), revoke_api_key::operation()],
    }
}

/// The collection's path.
const API_KEYS: &str = "/api/v1/api-keys";
/// One key's path.
const API_KEY: &str = "/api/v1/api-keys/{id}";
