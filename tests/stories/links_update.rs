//! `PATCH /payment-links/{id}`

use crate::{app, create_link, link_body, open_link_body, path_of};
use serde_json::{Value, json};

#[tokio::test]
async fn only_what_is_sent_changes() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"description": "old", "metadata": {"a": "1"}, "max_uses": 5})).await;
    app.advance_seconds(5);
    let updated = client.patch(&path_of(&link), &json!({"name": "New"})).await.expect(200);
    let mut expected = link.clone();
    expected["name"] = json!("New");
    expected["updated_at"] = json!("2026-02-27T10:30:05Z");
    assert_eq!(updated, expected);
    assert_eq!(client.get(&path_of(&link)).await.expect(200), expected);
}

#[tokio::test]
async fn null_clears_what_can_be_cleared_and_nothing_else() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(
        &client,
        json!({"description": "d", "max_uses": 5, "expires_at": "2027-01-01T00:00:00Z", "metadata": {"a": "1"}}),
    )
    .await;
    let path = path_of(&link);
    let body = json!({"description": null, "max_uses": null, "expires_at": null, "metadata": null, "amount": null});
    let cleared = client.patch(&path, &body).await.expect(200);
    for name in ["description", "max_uses", "expires_at", "metadata", "amount"] {
        assert_eq!(cleared[name], Value::Null, "{name}");
    }
    for name in ["name", "token_address", "chain_id", "recipient_address"] {
        let error = client.patch(&path, &json!({name: null})).await.expect_error(400, "invalid_field_value");
        assert_eq!(error["param"], name);
    }
    assert_eq!(client.get(&path).await.expect(200), cleared);
}

#[tokio::test]
async fn an_update_of_nothing_is_refused() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    client.patch(&path_of(&link), &json!({})).await.expect_error(400, "no_updates_provided");
    client.raw(http::Method::PATCH, &path_of(&link), Vec::new()).await.expect_error(400, "no_updates_provided");
    client.patch(&path_of(&link), &json!({"nam": "x"})).await.expect_error(400, "unknown_parameter");
}

#[tokio::test]
async fn metadata_is_merged_and_a_null_key_is_removed() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"metadata": {"a": "1", "b": "2"}})).await;
    let body = json!({"metadata": {"b": null, "c": "3"}});
    let updated = client.patch(&path_of(&link), &body).await.expect(200);
    assert_eq!(updated["metadata"], json!({"a": "1", "c": "3"}));
    let many: serde_json::Map<_, _> = (0..49).map(|n| (format!("k{n}"), json!("v"))).collect();
    let error =
        client.patch(&path_of(&link), &json!({"metadata": many})).await.expect_error(400, "invalid_field_value");
    assert_eq!(error["param"], "metadata");
}

#[tokio::test]
async fn a_price_and_bounds_can_only_change_places_in_one_update() {
    let app = app().await;
    let client = app.admin().await;
    let link = client.post(crate::LINKS, &open_link_body(json!({"min_amount": "5"}))).await.expect(201);
    let path = path_of(&link);
    let error = client.patch(&path, &json!({"amount": "10"})).await.expect_error(400, "invalid_field_value");
    assert_eq!(error["param"], "min_amount");
    let fixed = client.patch(&path, &json!({"amount": "10", "min_amount": null})).await.expect(200);
    assert_eq!((&fixed["amount"], &fixed["min_amount"]), (&json!("10"), &Value::Null));
    client.patch(&path, &json!({"max_amount": "20"})).await.expect_error(400, "invalid_field_value");
}

#[tokio::test]
async fn items_sent_replace_all_items() {
    let app = app().await;
    let client = app.admin().await;
    let link =
        client.post(crate::LINKS, &open_link_body(json!({"items": [{"name": "a", "amount": "1"}]}))).await.expect(201);
    let path = path_of(&link);
    let body = json!({"items": [{"name": "b", "amount": "2"}, {"name": "c", "amount": "3"}]});
    let updated = client.patch(&path, &body).await.expect(200);
    let names: Vec<_> = updated["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    assert_eq!((names, &updated["amount"]), (vec![json!("b"), json!("c")], &json!("5")));
    let emptied = client.patch(&path, &json!({"items": []})).await.expect(200);
    assert_eq!((&emptied["items"], &emptied["amount"]), (&json!([]), &Value::Null));
    assert_eq!(client.get(&path).await.expect(200), emptied);
}

#[tokio::test]
async fn a_switched_off_link_can_be_switched_on_again() {
    let app = app().await;
    let client = app.admin().await;
    let path = path_of(&create_link(&client, json!({})).await);
    assert_eq!(client.patch(&path, &json!({"is_active": false})).await.expect(200)["active"], false);
    assert_eq!(client.patch(&path, &json!({"active": true})).await.expect(200)["is_active"], true);
}

#[tokio::test]
async fn a_link_cannot_grow_past_what_one_item_of_the_table_holds() {
    let app = app().await;
    let client = app.admin().await;
    let big = "é".repeat(500);
    let items: Vec<_> = (0..100).map(|n| json!({"name": format!("{n}"), "amount": "1", "description": big})).collect();
    let link = create_link(&client, json!({"items": items})).await;
    let metadata: serde_json::Map<_, _> = (0..50).map(|n| (format!("k{n}"), json!("é".repeat(500)))).collect();
    let path = path_of(&link);
    client.patch(&path, &json!({"metadata": metadata})).await.expect(200);
    let fields: Vec<_> = (0..50)
        .map(|n| json!({"id": format!("f{n}"), "type": "select", "label": "x", "options": vec!["é".repeat(100); 10]}))
        .collect();
    let reply = client.patch(&path, &json!({"form_schema": {"fields": fields}})).await;
    reply.expect_error(413, "payload_too_large");
    assert_eq!(client.get(&path).await.expect(200)["form_schema"], Value::Null);
}

#[tokio::test]
async fn simultaneous_updates_of_different_fields_all_hold() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let path = path_of(&link);
    let updates: Vec<_> = (0..6).map(|n| json!({"metadata": {format!("k{n}"): "v"}})).collect();
    let requests = updates.iter().map(|body| client.patch(&path, body));
    for reply in futures_util::future::join_all(requests).await {
        reply.expect(200);
    }
    let read = client.get(&path).await.expect(200);
    assert_eq!(read["metadata"].as_object().unwrap().len(), 6);
}

#[tokio::test]
async fn a_past_expiry_does_not_stand_in_the_way_of_other_changes() {
    let app = app().await;
    let client = app.admin().await;
    let path = path_of(
        &client.post(crate::LINKS, &link_body(json!({"expires_at": "2026-02-27T10:30:01Z"}))).await.expect(201),
    );
    app.advance_seconds(10);
    client.patch(&path, &json!({"name": "Renamed"})).await.expect(200);
    client.patch(&path, &json!({"expires_at": "2026-02-27T10:30:02Z"})).await.expect_error(400, "invalid_field_value");
    assert_eq!(client.patch(&path, &json!({"expires_at": null})).await.expect(200)["active"], true);
}
