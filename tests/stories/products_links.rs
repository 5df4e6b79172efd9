//! `POST /products/{id}/generate-link`

use crate::{LINKS, PRODUCTS, RECIPIENT, app, create_product, path_of, product_path, variable_product_body};
use anyspend_domain::api_key::Permission;
use anyspend_domain::{Mode, Owner};
use serde_json::{Value, json};

const OTHER: &str = "0xabcdef1234567890abcdef1234567890abcdef12";

fn generate(product: &Value) -> String {
    format!("{}/generate-link", product_path(product))
}

#[tokio::test]
async fn a_link_takes_what_it_sells_from_the_product() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(
        &client,
        json!({
            "description": "Cotton",
            "image_url": "https://example.com/shirt.png",
            "metadata": {"sku": "1"},
            "form_schema": {"fields": [{"id": "e", "type": "email", "label": "E-mail"}]},
            "shipping_options": [{"id": "std", "name": "Standard", "amount": "5"}],
        }),
    )
    .await;
    // The official client sends `{}`; a body of nothing is the same.
    for body in ["{}", ""] {
        let link = client.raw(http::Method::POST, &generate(&product), body.into()).await.expect(201);
        for name in [
            "name",
            "amount",
            "token_address",
            "chain_id",
            "recipient_address",
            "description",
            "image_url",
            "form_schema",
            "shipping_options",
        ] {
            assert_eq!(link[name], product[name], "{name}");
        }
        assert_eq!((&link["object"], &link["product_id"]), (&json!("payment_link"), &product["id"]));
        assert_eq!((&link["metadata"], &link["active"]), (&Value::Null, &json!(true)));
        assert_eq!(client.get(&path_of(&link)).await.expect(200), link);
    }
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 2);
}

#[tokio::test]
async fn any_field_of_a_link_overrides_the_products() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({"description": "Cotton"})).await;
    let overrides = json!({
        "name": "Summer sale", "amount": "7", "description": null, "recipient_address": OTHER, "max_uses": 3,
        "theme_color": "#6366f1", "metadata": {"a": "b"}, "items": [{"name": "a", "amount": "1"}],
    });
    let link = client.post(&generate(&product), &overrides).await.expect(201);
    for name in ["name", "amount", "description", "recipient_address", "max_uses", "theme_color", "metadata"] {
        assert_eq!(link[name], overrides[name], "{name}");
    }
    assert_eq!((&link["product_id"], link["items"].as_array().unwrap().len()), (&product["id"], 1));
    let body = json!({"nme": "x", "max_uses": 0, "name": null, "min_amount": "1", "product_id": "prod_01ARZ3NDEKTSV4RRFFQ69G5FAV"});
    let error = client.post(&generate(&product), &body).await.json()["error"].clone();
    let mut params: Vec<_> = error["errors"].as_array().unwrap().iter().map(|e| e["param"].as_str().unwrap()).collect();
    params.sort_unstable();
    assert_eq!(params, ["max_uses", "min_amount", "name", "nme", "product_id"]);
}

#[tokio::test]
async fn a_variable_product_makes_a_link_whose_payer_chooses() {
    let app = app().await;
    let client = app.admin().await;
    let product = client.post(PRODUCTS, &variable_product_body(json!({}))).await.expect(201);
    let link = client.post(&generate(&product), &json!({"min_amount": "1", "max_amount": "9"})).await.expect(201);
    assert_eq!((&link["amount"], &link["min_amount"], &link["max_amount"]), (&Value::Null, &json!("1"), &json!("9")));
    client.patch(&product_path(&product), &json!({"amount": "5"})).await.expect(200);
    let link = client.post(&generate(&product), &json!({})).await.expect(201);
    assert_eq!((&link["amount"], &link["suggested_amount"]), (&Value::Null, &json!("5")));
    let link = client.post(&generate(&product), &json!({"amount": "8"})).await.expect(201);
    assert_eq!((&link["amount"], &link["suggested_amount"]), (&json!("8"), &Value::Null));
}

#[tokio::test]
async fn an_archived_product_makes_no_link_and_its_links_go_on_working() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({})).await;
    let link = client.post(&generate(&product), &json!({})).await.expect(201);
    client.delete(&product_path(&product)).await.expect(200);
    let error = client.post(&generate(&product), &json!({})).await.expect_error(400, "product_inactive");
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(client.get(&path_of(&link)).await.expect(200), link);
    client.patch(&path_of(&link), &json!({"name": "Still here"})).await.expect(200);
    client.patch(&product_path(&product), &json!({"active": true})).await.expect(200);
    client.post(&generate(&product), &json!({})).await.expect(201);
}

#[tokio::test]
async fn a_change_of_the_product_never_changes_its_links() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({})).await;
    let link = client.post(&generate(&product), &json!({})).await.expect(201);
    let body = json!({"name": "Dearer", "amount": "99", "recipient_address": OTHER});
    client.patch(&product_path(&product), &body).await.expect(200);
    assert_eq!(client.get(&path_of(&link)).await.expect(200), link);
}

#[tokio::test]
async fn a_product_without_a_recipient_needs_one_in_the_request_or_the_organizations_default() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({"recipient_address": null})).await;
    let error = client.post(&generate(&product), &json!({})).await.expect_error(400, "missing_required_field");
    assert_eq!(error["param"], "recipient_address");
    let link = client.post(&generate(&product), &json!({"recipient_address": OTHER})).await.expect(201);
    assert_eq!(link["recipient_address"], OTHER);

    let org = anyspend_domain::OrgId::generate(app.now());
    app.organization(&org, |organization| {
        organization.default_chain_id = Some(1);
        organization.default_recipient_address = anyspend_domain::Address::parse(RECIPIENT).ok();
    })
    .await;
    let client = app.key(&Owner { org, mode: Mode::Test }, Permission::Write).await;
    let product = create_product(&client, json!({"recipient_address": OTHER})).await;
    client.patch(&product_path(&product), &json!({"recipient_address": null})).await.expect(200);
    let link = client.post(&generate(&product), &json!({})).await.expect(201);
    assert_eq!(link["recipient_address"], RECIPIENT);
    assert_eq!(link["chain_id"], 8453, "a default never outranks the product");
}

#[tokio::test]
async fn a_retried_link_is_one_link() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({})).await;
    let once = client.clone().idempotent("g");
    let first = once.post(&generate(&product), &json!({})).await;
    client.delete(&product_path(&product)).await.expect(200);
    let again = once.post(&generate(&product), &json!({})).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body), "the product is archived, the answer is not");
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 1);
}
