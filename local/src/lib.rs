//! The whole platform in one process: every route group on an embedded, persistent DynamoDB.

mod connections;
mod data_dir;
mod database;
mod first_key;
pub mod jobs;
pub mod options;
pub mod runner;
mod serving;

use anyspend_api::Group;

/// Every route group, in the order the documentation lists them.
pub fn groups() -> Vec<Group> {
    vec![
        payment_links::routes(),
        products::routes(),
        checkout_sessions::routes(),
        transactions::routes(),
        customers::routes(),
        checkout::routes(),
        discount_codes::routes(),
        quick_pay::routes(),
        webhooks::routes(),
        account::routes(),
        platform::routes(),
    ]
}

/// The OpenAPI document of all groups, as pretty JSON with a final line end.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    // Through a `Value`, whose maps are sorted: the file is the same on every run.
    let document = serde_json::to_value(anyspend_api::openapi::document(&groups()))?;
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}
