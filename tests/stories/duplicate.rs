//! `POST /payment-links/{id}/duplicate`

use crate::{LINKS, app, create_link, link_body, open_link_body, path_of};
use anyspend_domain::api_key::Permission;
use anyspend_domain::chain::{ChainAccess, Chains};
use anyspend_domain::{Mode, Owner};
use anyspend_testing::App;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn duplicate_of(link: &Value) -> String {
    format!("{}/duplicate", path_of(link))
}

#[tokio::test]
async fn a_duplicate_is_the_same_link_under_new_ids_with_nothing_paid() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(
        &client,
        json!({
            "description": "d",
            "max_uses": 3,
            "expires_at": "2027-01-01T00:00:00Z",
            "metadata": {"k": "v"},
            "active": false,
            "branding": {"business_name": "B"},
            "form_schema": {"fields": [{"id": "e", "type": "email", "label": "E-mail"}]},
            "shipping_options": [{"id": "s", "name": "Standard", "amount": "0"}],
            "items": [
                {"name": "b", "amount": "1", "quantity": 2, "sort_order": 7},
                {"name": "a", "amount": "3", "description": "first", "sort_order": 2},
            ],
        }),
    )
    .await;
    app.advance_seconds(60);
    let copy = client.post(&duplicate_of(&link), &json!({})).await.expect(201);
    let mut expected = link.clone();
    expected["name"] = json!("Copy of Premium");
    for name in ["active", "is_active"] {
        expected[name] = json!(true);
    }
    for name in ["id", "url", "short_code", "short_url"] {
        assert_ne!(copy[name], link[name], "{name}");
        expected[name] = copy[name].clone();
    }
    for index in 0..2 {
        assert_ne!(copy["items"][index]["id"], link["items"][index]["id"]);
        expected["items"][index]["id"] = copy["items"][index]["id"].clone();
        expected["items"][index]["payment_link_id"] = copy["id"].clone();
        expected["items"][index]["created_at"] = json!("2026-02-27T10:31:00Z");
        expected["items"][index]["updated_at"] = json!("2026-02-27T10:31:00Z");
    }
    expected["created_at"] = json!("2026-02-27T10:31:00Z");
    expected["updated_at"] = json!("2026-02-27T10:31:00Z");
    assert_eq!(copy, expected);
    assert_eq!(client.get(&path_of(&copy)).await.expect(200), expected);
    assert_eq!(client.get(&path_of(&link)).await.expect(200), link, "the first link is as it was");
}

#[tokio::test]
async fn uses_start_at_zero_and_a_used_up_link_has_a_copy_that_is_not() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"max_uses": 5})).await;
    let (table, name) = app.table();
    let string = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    table
        .update_item()
        .table_name(name)
        .key("pk", string(format!("LINK#{}", link["short_code"].as_str().unwrap())))
        .key("sk", string("HEAD".to_owned()))
        .update_expression("SET uses = :uses")
        .expression_attribute_values(":uses", aws_sdk_dynamodb::types::AttributeValue::N("5".to_owned()))
        .send()
        .await
        .unwrap();
    let used_up = client.get(&path_of(&link)).await.expect(200);
    assert_eq!((&used_up["uses"], &used_up["active"]), (&json!(5), &json!(false)));
    let copy = client.post(&duplicate_of(&link), &json!({})).await.expect(201);
    assert_eq!((&copy["uses"], &copy["max_uses"], &copy["active"]), (&json!(0), &json!(5), &json!(true)));
}

#[tokio::test]
async fn any_field_of_a_create_overrides_the_copied_one_and_null_clears_it() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(
        &client,
        json!({"description": "d", "metadata": {"a": "1", "b": "2"}, "items": [{"name": "a", "amount": "1"}]}),
    )
    .await;
    // The page's own example, and more.
    let copy = client
        .post(
            &duplicate_of(&link),
            &json!({
                "name": "Premium Plan - EU",
                "recipient_address": "0xabcdef1234567890abcdef1234567890abcdef12",
                "description": null,
                "metadata": {"b": null, "c": "3"},
                "items": [{"name": "x", "amount": "5"}, {"name": "y", "amount": "6"}],
                "is_active": false,
            }),
        )
        .await
        .expect(201);
    assert_eq!(copy["name"], "Premium Plan - EU");
    assert_eq!(copy["recipient_address"], "0xabcdef1234567890abcdef1234567890abcdef12");
    assert_eq!((&copy["description"], &copy["active"]), (&Value::Null, &json!(false)));
    assert_eq!(copy["metadata"], json!({"a": "1", "c": "3"}));
    let names: Vec<_> = copy["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["x", "y"]);
    let unnamed = client.post(&duplicate_of(&link), &json!({"name": null})).await.expect(201);
    assert_eq!(unnamed["name"], "Copy of Premium");
}

#[tokio::test]
async fn a_default_name_that_would_be_too_long_is_shortened() {
    let app = app().await;
    let client = app.admin().await;
    for (length, expected) in
        [(92, format!("Copy of {}", "é".repeat(92))), (100, format!("Copy of {}…", "é".repeat(91)))]
    {
        let link = create_link(&client, json!({"name": "é".repeat(length)})).await;
        let copy = client.post(&duplicate_of(&link), &json!({})).await.expect(201);
        assert_eq!(copy["name"], expected);
    }
}

#[tokio::test]
async fn an_expiry_that_has_passed_is_not_copied() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"expires_at": "2026-02-27T10:30:10Z"})).await;
    app.advance_seconds(9);
    let copy = client.post(&duplicate_of(&link), &json!({})).await.expect(201);
    assert_eq!(copy["expires_at"], "2026-02-27T10:30:10Z");
    app.advance_seconds(1);
    let copy = client.post(&duplicate_of(&link), &json!({})).await.expect(201);
    assert_eq!((&copy["expires_at"], &copy["active"]), (&Value::Null, &json!(true)));
    let error = client.post(&duplicate_of(&link), &json!({"expires_at": "2026-02-27T10:30:10Z"})).await;
    assert_eq!(error.expect_error(400, "invalid_field_value")["param"], "expires_at");
}

#[tokio::test]
async fn an_override_that_contradicts_a_copied_term_needs_that_term_cleared() {
    let app = app().await;
    let client = app.admin().await;
    let link = client.post(LINKS, &open_link_body(json!({"min_amount": "5"}))).await.expect(201);
    let path = duplicate_of(&link);
    let error = client.post(&path, &json!({"amount": "10"})).await.expect_error(400, "invalid_field_value");
    assert_eq!(error["param"], "min_amount");
    let fixed = client.post(&path, &json!({"amount": "10", "min_amount": null})).await.expect(201);
    assert_eq!((&fixed["amount"], &fixed["min_amount"]), (&json!("10"), &Value::Null));
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 2);
}

#[tokio::test]
async fn every_problem_of_the_overrides_is_reported_at_once() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let body = json!({"nme": "x", "max_uses": 0, "chain_id": 999, "token_address": null});
    let error = client.post(&duplicate_of(&link), &body).await.expect_error(400, "invalid_field_value");
    let mut params: Vec<_> = error["errors"].as_array().unwrap().iter().map(|e| e["param"].as_str().unwrap()).collect();
    params.sort_unstable();
    assert_eq!(params, ["chain_id", "max_uses", "nme", "token_address"]);
}

#[tokio::test]
async fn a_duplicate_needs_no_body_and_takes_a_short_code() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let path = format!("{LINKS}/{}/duplicate", link["short_code"].as_str().unwrap());
    let copy = client.raw(http::Method::POST, &path, Vec::new()).await.expect(201);
    assert_eq!(copy["name"], "Copy of Premium");
    client.raw(http::Method::POST, &path, b"[]".to_vec()).await.expect_error(400, "invalid_json");
}

#[tokio::test]
async fn a_retried_duplicate_is_one_link() {
    let app = app().await;
    let client = app.admin().await;
    let path = duplicate_of(&create_link(&client, json!({})).await);
    let once = client.clone().idempotent("d");
    let first = once.post(&path, &json!({})).await;
    let again = once.post(&path, &json!({})).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    once.post(&path, &json!({"name": "x"})).await.expect_error(409, "idempotency_conflict");
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 2);
}

#[tokio::test]
async fn a_link_that_is_not_mine_cannot_be_duplicated() {
    let app = app().await;
    let (owner, stranger) = (app.admin().await, app.admin().await);
    let link = create_link(&owner, json!({})).await;
    stranger.post(&duplicate_of(&link), &json!({})).await.expect_error(404, "resource_not_found");
    let live = app.key(&Owner { org: owner.owner.org.clone(), mode: Mode::Live }, Permission::Write).await;
    live.post(&duplicate_of(&link), &json!({})).await.expect_error(404, "resource_not_found");
    stranger.post(&format!("{LINKS}/nonsense/duplicate"), &json!({})).await.expect_error(404, "resource_not_found");
    assert_eq!(stranger.get(LINKS).await.expect(200)["total_count"], 0);
}

#[tokio::test]
async fn a_live_duplicate_needs_a_chain_on_which_payments_can_be_verified() {
    let app = App::start_with(anyspend_local::groups, |config| {
        let access = ChainAccess { rpc_urls: vec!["http://127.0.0.1:1".into()], confirmations: None };
        config.chains = Chains::new(BTreeMap::from([(8453, access)]));
    })
    .await;
    let live = app.merchant(Mode::Live, Permission::Write).await;
    let link = live.post(LINKS, &link_body(json!({}))).await.expect(201);
    assert_eq!(live.post(&duplicate_of(&link), &json!({})).await.expect(201)["livemode"], true);
    let error = live.post(&duplicate_of(&link), &json!({"chain_id": 1})).await;
    assert_eq!(error.expect_error(400, "invalid_field_value")["param"], "chain_id");
}
