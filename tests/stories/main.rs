//! The platform in one process: every promise of the API, told as stories.
#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value)]

mod analytics;
mod api_keys;
mod arrows;
mod authentication;
mod bounds;
mod budgets;
mod cases_from_public_reports;
mod catalogue;
mod checkout_api;
mod checkout_pages;
mod contention;
mod customer_lists;
mod customers;
mod discount_code_lists;
mod discount_codes;
mod documents;
mod doors;
mod duplicate;
mod earlier_data;
mod events;
mod exports;
mod idempotency;
mod items;
mod kills;
mod links_create;
mod links_delete;
mod links_list;
mod links_retrieve;
mod links_update;
mod lists;
mod local_runner;
mod openapi;
mod organization;
mod pasted_text;
mod payments;
mod products_change;
mod products_create;
mod products_links;
mod products_list;
mod products_references;
mod quick_pay;
mod rate_limits;
mod report_payment;
mod road;
mod seeds;
mod session_lists;
mod sessions;
mod statistics;
mod traffic;
mod transaction_lists;
mod transactions;
mod versions;
mod visitors;
mod webhook_delivery;
mod webhook_receivers;
mod webhooks;

use anyspend_testing::{App, Client};
use serde_json::{Value, json};

/// A platform with every route group.
async fn app() -> App {
    App::start(anyspend_local::groups).await
}

const LINKS: &str = "/api/v1/payment-links";
const PRODUCTS: &str = "/api/v1/products";
const KEYS: &str = "/api/v1/api-keys";
const RECIPIENT: &str = "0x1234567890abcdef1234567890abcdef12345678";
const USDC_ON_BASE: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

/// A body that makes a link, with some fields changed or added.
fn link_body(changes: Value) -> Value {
    let mut body = json!({
        "name": "Premium",
        "amount": "10000000",
        "token_address": USDC_ON_BASE,
        "chain_id": 8453,
        "recipient_address": RECIPIENT,
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A body for a link whose payer chooses, with some fields changed or added.
fn open_link_body(changes: Value) -> Value {
    let mut body = link_body(changes);
    body.as_object_mut().unwrap().remove("amount");
    body
}

/// Makes a link and returns it.
async fn create_link(client: &Client<'_>, changes: Value) -> Value {
    client.post(LINKS, &link_body(changes)).await.expect(201)
}

/// The path of a link.
fn path_of(link: &Value) -> String {
    format!("{LINKS}/{}", link["id"].as_str().unwrap())
}

/// A body that makes a product, with some fields changed or added.
fn product_body(changes: Value) -> Value {
    let mut body = link_body(json!({"name": "T-shirt"}));
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A body for a product whose payer chooses, with some fields changed or added.
fn variable_product_body(changes: Value) -> Value {
    let mut body = product_body(changes);
    body["product_type"] = json!("variable");
    body.as_object_mut().unwrap().remove("amount");
    body
}

/// Makes a product and returns it.
async fn create_product(client: &Client<'_>, changes: Value) -> Value {
    client.post(PRODUCTS, &product_body(changes)).await.expect(201)
}

/// The path of a product.
fn product_path(product: &Value) -> String {
    format!("{PRODUCTS}/{}", product["id"].as_str().unwrap())
}
