//! `POST /products` and `GET /products/{id}`

use crate::{
    PRODUCTS, RECIPIENT, USDC_ON_BASE, app, create_product, product_body, product_path, variable_product_body,
};
use anyspend_domain::api_key::Permission;
use anyspend_domain::chain::{ChainAccess, Chains};
use anyspend_domain::{Mode, Owner};
use anyspend_testing::App;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test]
async fn a_product_is_kept_as_it_was_sent_under_the_names_of_both_versions() {
    let app = app().await;
    let client = app.admin().await;
    let sent = json!({
        "description": "Cotton",
        "product_type": "subscription",
        "image_url": "https://example.com/shirt.png",
        "metadata": {"sku": "1"},
        "form_schema": {"fields": [{"id": "size", "type": "select", "label": "Size", "required": true, "options": ["S", "L"]}]},
        "shipping_options": [{"id": "std", "name": "Standard", "amount": "0", "estimated_days": "3-5"}],
    });
    let product = create_product(&client, sent.clone()).await;
    for (name, value) in product_body(sent).as_object().unwrap() {
        assert_eq!(product[name], *value, "{name}");
    }
    let id = product["id"].as_str().unwrap();
    assert!(id.strip_prefix("prod_").unwrap().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!((&product["object"], &product["livemode"]), (&json!("product"), &json!(false)));
    assert_eq!((&product["active"], &product["is_active"]), (&json!(true), &json!(true)));
    assert_eq!(
        (&product["created_at"], &product["updated_at"]),
        (&json!(anyspend_testing::START), &json!(anyspend_testing::START))
    );
    assert_eq!(client.get(&product_path(&product)).await.expect(200), product);
    let old = client.clone().with("anyspend-version", "2024-02-28").get(&product_path(&product)).await.expect(200);
    assert_eq!(
        (&old["created_at"], &old["token_address"]),
        (&json!(1_772_188_200_000_u64), &json!(USDC_ON_BASE.to_lowercase()))
    );
}

#[tokio::test]
async fn what_is_not_sent_is_null_and_a_product_is_sold_once() {
    let app = app().await;
    let product = create_product(&app.admin().await, json!({"recipient_address": null})).await;
    assert_eq!(product["product_type"], "one_time");
    for name in ["description", "recipient_address", "image_url", "metadata", "form_schema", "shipping_options"] {
        assert_eq!(product[name], Value::Null, "{name}");
    }
}

#[tokio::test]
async fn only_a_variable_product_goes_without_an_amount() {
    let app = app().await;
    let client = app.admin().await;
    let free = client.post(PRODUCTS, &variable_product_body(json!({}))).await.expect(201);
    assert_eq!((&free["product_type"], &free["amount"]), (&json!("variable"), &Value::Null));
    for product_type in ["one_time", "subscription"] {
        let mut body = variable_product_body(json!({}));
        body["product_type"] = json!(product_type);
        let error = client.post(PRODUCTS, &body).await.expect_error(400, "missing_required_field");
        assert_eq!(error["param"], "amount");
    }
}

#[tokio::test]
async fn everything_that_is_wrong_is_refused_at_once_with_its_field_named() {
    let app = app().await;
    let client = app.admin().await;
    let params = async |body: &Value| {
        let reply = client.post(PRODUCTS, body).await;
        assert!(reply.status.is_client_error(), "accepted: {body}");
        let errors = reply.json()["error"]["errors"].as_array().unwrap().clone();
        let mut params: Vec<_> = errors.iter().map(|error| error["param"].as_str().unwrap().to_owned()).collect();
        params.sort_unstable();
        params
    };
    assert_eq!(params(&json!({})).await, ["amount", "chain_id", "name", "token_address"]);
    let body = product_body(json!({
        "name": "a".repeat(101),
        "description": "a".repeat(501),
        "amount": "0",
        "chain_id": 999,
        "token_address": "0x1",
        "recipient_address": "0x0000000000000000000000000000000000000000",
        "product_type": "rental",
        "image_url": "http://example.com/x.png",
        "metadata": {"k": 5},
        "form_schema": {"fields": [{"id": "a", "type": "select", "label": "x"}]},
        "shipping_options": [{"id": "a", "name": "x", "amount": "0"}, {"id": "a", "name": "y", "amount": "0"}],
        "active": true,
        "is_active": false,
        "max_uses": 3,
    }));
    assert_eq!(
        params(&body).await,
        [
            "amount",
            "chain_id",
            "description",
            "form_schema.fields[0].options",
            "image_url",
            "is_active",
            "max_uses",
            "metadata.k",
            "name",
            "product_type",
            "recipient_address",
            "shipping_options[1].id",
            "token_address",
        ]
    );
    assert_eq!(client.get(PRODUCTS).await.expect(200)["total_count"], 0);
}

#[tokio::test]
async fn an_organizations_defaults_fill_what_is_not_sent() {
    let app = app().await;
    let org = anyspend_domain::OrgId::generate(app.now());
    app.organization(&org, |organization| {
        organization.default_chain_id = Some(8453);
        organization.default_token_address = anyspend_domain::Address::parse(USDC_ON_BASE).ok();
        organization.default_recipient_address = anyspend_domain::Address::parse(RECIPIENT).ok();
    })
    .await;
    let client = app.key(&Owner { org, mode: Mode::Test }, Permission::Write).await;
    let product = client.post(PRODUCTS, &json!({"name": "x", "amount": "5"})).await.expect(201);
    assert_eq!((&product["chain_id"], &product["token_address"]), (&json!(8453), &json!(USDC_ON_BASE)));
    assert_eq!(product["recipient_address"], RECIPIENT);
}

#[tokio::test]
async fn a_live_product_needs_a_chain_on_which_payments_can_be_verified() {
    let app = App::start_with(anyspend_local::groups, |config| {
        let access = ChainAccess { rpc_urls: vec!["http://127.0.0.1:1".into()], confirmations: None };
        config.chains = Chains::new(BTreeMap::from([(8453, access)]));
    })
    .await;
    let live = app.merchant(Mode::Live, Permission::Write).await;
    assert_eq!(create_product(&live, json!({})).await["livemode"], true);
    let error = live.post(PRODUCTS, &product_body(json!({"chain_id": 1}))).await;
    assert_eq!(error.expect_error(400, "invalid_field_value")["param"], "chain_id");
}

#[tokio::test]
async fn a_token_on_a_chain_where_it_does_not_live_is_warned_of() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({"chain_id": 1})).await;
    assert_eq!(product["warnings"][0]["code"], "token_chain_mismatch");
    assert_eq!(create_product(&client, json!({})).await["warnings"], Value::Null);
}

#[tokio::test]
async fn a_retried_create_is_one_product() {
    let app = app().await;
    let client = app.admin().await.idempotent("p");
    let first = client.post(PRODUCTS, &product_body(json!({}))).await;
    let again = client.post(PRODUCTS, &product_body(json!({}))).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    assert_eq!(client.get(PRODUCTS).await.expect(200)["total_count"], 1);
}

#[tokio::test]
async fn a_product_that_is_not_mine_is_answered_exactly_like_none() {
    let app = app().await;
    let (owner, stranger) = (app.admin().await, app.admin().await);
    let product = create_product(&owner, json!({})).await;
    let live = app.key(&Owner { org: owner.owner.org.clone(), mode: Mode::Live }, Permission::Admin).await;
    let path = product_path(&product);
    for other in [&stranger, &live] {
        let error = other.get(&path).await.expect_error(404, "resource_not_found");
        assert_eq!(error["message"], format!("No product found with id '{}'.", product["id"].as_str().unwrap()));
        other.patch(&path, &json!({"name": "x"})).await.expect_error(404, "resource_not_found");
        other.delete(&path).await.expect_error(404, "resource_not_found");
        other.post(&format!("{path}/generate-link"), &json!({})).await.expect_error(404, "resource_not_found");
        assert_eq!(other.get(PRODUCTS).await.expect(200)["total_count"], 0);
    }
    for id in ["x", "prod_", "prod_x", "%00", "prod_01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
        owner.get(&format!("{PRODUCTS}/{id}")).await.expect_error(404, "resource_not_found");
    }
    assert_eq!(owner.get(&path).await.expect(200), product);
}
