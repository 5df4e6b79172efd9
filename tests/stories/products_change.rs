//! `PATCH /products/{id}` and `DELETE /products/{id}`

use crate::{PRODUCTS, app, create_product, product_path, variable_product_body};
use serde_json::{Value, json};

#[tokio::test]
async fn only_what_is_sent_changes() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({"description": "old", "metadata": {"a": "1"}})).await;
    app.advance_seconds(5);
    let path = product_path(&product);
    let updated = client.patch(&path, &json!({"name": "New", "metadata": {"b": "2"}})).await.expect(200);
    let mut expected = product.clone();
    expected["name"] = json!("New");
    expected["metadata"] = json!({"a": "1", "b": "2"});
    expected["updated_at"] = json!("2026-02-27T10:30:05Z");
    assert_eq!(updated, expected);
    assert_eq!(client.get(&path).await.expect(200), expected);
}

#[tokio::test]
async fn null_clears_what_can_be_cleared_and_nothing_else() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({"description": "d", "product_type": "subscription"})).await;
    let path = product_path(&product);
    let body = json!({"description": null, "recipient_address": null, "product_type": null});
    let cleared = client.patch(&path, &body).await.expect(200);
    assert_eq!((&cleared["description"], &cleared["recipient_address"]), (&Value::Null, &Value::Null));
    assert_eq!(cleared["product_type"], "one_time");
    for name in ["name", "token_address", "chain_id"] {
        let error = client.patch(&path, &json!({name: null})).await.expect_error(400, "invalid_field_value");
        assert_eq!(error["param"], name);
    }
    client.patch(&path, &json!({})).await.expect_error(400, "no_updates_provided");
    client.patch(&path, &json!({"pric": "5"})).await.expect_error(400, "unknown_parameter");
    assert_eq!(client.get(&path).await.expect(200), cleared);
}

#[tokio::test]
async fn a_fixed_price_and_a_choice_change_places_in_one_update() {
    let app = app().await;
    let client = app.admin().await;
    let path = product_path(&create_product(&client, json!({})).await);
    let error = client.patch(&path, &json!({"amount": null})).await.expect_error(400, "missing_required_field");
    assert_eq!(error["param"], "amount");
    client.patch(&path, &json!({"amount": null, "product_type": "variable"})).await.expect(200);
    client.patch(&path, &json!({"product_type": "one_time"})).await.expect_error(400, "missing_required_field");
    let fixed = client.patch(&path, &json!({"amount": "5", "product_type": "one_time"})).await.expect(200);
    assert_eq!(fixed["amount"], "5");
    let variable = client.post(PRODUCTS, &variable_product_body(json!({}))).await.expect(201);
    client.patch(&product_path(&variable), &json!({"amount": "7"})).await.expect(200);
}

#[tokio::test]
async fn a_deleted_product_is_archived_and_can_be_taken_back() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({})).await;
    let path = product_path(&product);
    app.advance_seconds(5);
    let deleted = json!({"object": "product", "id": product["id"], "deleted": true});
    assert_eq!(client.delete(&path).await.expect(200), deleted);
    let archived = client.get(&path).await.expect(200);
    assert_eq!((&archived["active"], &archived["is_active"]), (&json!(false), &json!(false)));
    assert_eq!(archived["updated_at"], "2026-02-27T10:30:05Z");
    app.advance_seconds(5);
    assert_eq!(client.delete(&path).await.expect(200), deleted, "archiving twice is archiving once");
    assert_eq!(client.get(&path).await.expect(200), archived);
    let back = client.patch(&path, &json!({"is_active": true})).await.expect(200);
    assert_eq!(back["active"], true);
    assert_eq!(client.get(PRODUCTS).await.expect(200)["total_count"], 1);
}

#[tokio::test]
async fn simultaneous_changes_of_different_fields_all_hold() {
    let app = app().await;
    let client = app.admin().await;
    let path = product_path(&create_product(&client, json!({})).await);
    let updates: Vec<_> = (0..6).map(|n| json!({"metadata": {format!("k{n}"): "v"}})).collect();
    let requests = updates.iter().map(|body| client.patch(&path, body));
    let (replies, deleted) = futures_util::join!(futures_util::future::join_all(requests), client.delete(&path));
    replies.iter().for_each(|reply| drop(reply.expect(200)));
    deleted.expect(200);
    let read = client.get(&path).await.expect(200);
    assert_eq!((read["metadata"].as_object().unwrap().len(), &read["active"]), (6, &json!(false)));
}

#[tokio::test]
async fn a_product_cannot_grow_past_what_one_item_of_the_table_holds() {
    let app = app().await;
    let client = app.admin().await;
    let select = |id: usize| json!({"id": format!("f{id}"), "type": "select", "label": "x", "options": vec!["é".repeat(100); 22]});
    let form = json!({"fields": (0..50).map(select).collect::<Vec<_>>()});
    let product = create_product(&client, json!({"form_schema": form})).await;
    let path = product_path(&product);
    let metadata: serde_json::Map<_, _> = (0..50).map(|n| (format!("k{n}"), json!("é".repeat(500)))).collect();
    client.patch(&path, &json!({"metadata": metadata})).await.expect_error(413, "payload_too_large");
    assert_eq!(client.get(&path).await.expect(200), product);
}
