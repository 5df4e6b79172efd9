//! Two dated versions, one superset.

use crate::{LINKS, app, create_link, path_of};
use anyspend_domain::api_key::Permission;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MIXED: &str = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";

#[tokio::test]
async fn versions_differ_in_timestamps_and_addresses_and_in_nothing_else() {
    let app = app().await;
    let client = app.admin().await;
    let sent = json!({"token_address": MIXED, "chain_id": 1, "expires_at": 1_800_000_000_000_u64, "items": [{"name": "a", "amount": "1"}]});
    let link = create_link(&client, sent).await;
    let new = client.get(&path_of(&link)).await;
    let old = client.clone().with("anyspend-version", "2024-02-28").get(&path_of(&link)).await;
    assert_eq!((new.header("anyspend-version"), old.header("anyspend-version")), ("2026-02-27", "2024-02-28"));
    let (mut new, mut old) = (new.expect(200), old.expect(200));
    assert_eq!((&new["token_address"], &old["token_address"]), (&json!(MIXED), &json!(MIXED.to_lowercase())));
    assert_eq!(
        (&new["expires_at"], &old["expires_at"]),
        (&json!("2027-01-15T08:00:00Z"), &json!(1_800_000_000_000_u64))
    );
    assert_eq!(old["items"][0]["created_at"], 1_772_188_200_000_u64);
    for link in [&mut new, &mut old] {
        for name in ["token_address", "recipient_address", "created_at", "updated_at", "expires_at"] {
            link.as_object_mut().unwrap().remove(name);
        }
        for name in ["created_at", "updated_at"] {
            link["items"][0].as_object_mut().unwrap().remove(name);
        }
    }
    assert_eq!(new, old);
    assert_eq!((&new["active"], &new["uses"]), (&new["is_active"], &new["current_uses"]));
}

#[tokio::test]
async fn a_key_is_pinned_and_the_header_overrides_the_pin_for_one_request() {
    let app = app().await;
    let owner = app.admin().await.owner;
    let pinned = app.key_with(&owner, Permission::Write, |key| key.pinned_version = "2024-02-28".to_owned()).await;
    let link = create_link(&pinned, json!({})).await;
    assert!(link["created_at"].is_u64());
    let reply = pinned.get(&path_of(&link)).await;
    assert_eq!(reply.header("anyspend-version"), "2024-02-28");
    let reply = pinned.clone().with("anyspend-version", "2026-02-27").get(&path_of(&link)).await;
    assert_eq!(
        (reply.header("anyspend-version"), &reply.json()["created_at"]),
        ("2026-02-27", &json!("2026-02-27T10:30:00Z"))
    );
}

#[tokio::test]
async fn an_unknown_version_is_refused() {
    let app = app().await;
    for version in ["2025-01-01", "", "latest", "2026-02-27 "] {
        let client = app.admin().await.with("anyspend-version", version);
        let reply = client.post(LINKS, &crate::link_body(json!({}))).await;
        if version.trim() != "2026-02-27" {
            reply.expect_error(400, "invalid_api_version");
        }
    }
    app.anonymous("192.0.2.1")
        .with("anyspend-version", "x")
        .get("/api/v1/health")
        .await
        .expect_error(400, "invalid_api_version");
}

/// The names that a schema of the document requires, and all it knows.
fn names_in(document: &Value, schema: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return names_in(document, document.pointer(&reference[1..]).unwrap());
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let (mut required, mut known) = (BTreeSet::new(), BTreeSet::new());
    for (more_required, more_known) in parts.map(|part| names_in(document, part)) {
        required.extend(more_required);
        known.extend(more_known);
    }
    let named = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    required.extend(named.map(str::to_owned));
    known.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    (required, known)
}

#[tokio::test]
async fn answers_have_the_names_that_the_document_gives_their_resources_in_every_version() {
    let app = app().await;
    let client = app.admin().await;
    let document: Value = serde_json::from_str(&anyspend_local::openapi_json().unwrap()).unwrap();
    let link = create_link(&client, json!({"items": [{"name": "a", "amount": "1"}]})).await;
    let product = json!({"name": "p", "amount": "1", "token_address": MIXED, "chain_id": 1});
    let code = json!({"code": "A", "type": "fixed", "value": "1"});
    let validated = json!({"code": "B"});
    for version in ["2026-02-27", "2024-02-28"] {
        let client = client.clone().with("anyspend-version", version);
        let answers = [
            ("PaymentLinkView", client.get(&path_of(&link)).await.json()),
            ("ListViewOfPaymentLinkView", client.get(LINKS).await.json()),
            ("LineItemView", client.get(&path_of(&link)).await.json()["items"][0].clone()),
            ("ProductView", client.post("/api/v1/products", &product).await.json()),
            ("DiscountCodeView", client.post("/api/v1/discount-codes", &code).await.json()),
            ("DiscountCodeView", client.get("/api/v1/discount-codes").await.json()["data"][0].clone()),
            ("DiscountValidationView", client.post("/api/v1/discount-codes/validate", &validated).await.json()),
            ("ApiKeyView", client.get("/api/v1/api-keys").await.json()["data"][0].clone()),
            ("EventView", client.get("/api/v1/events").await.json()["data"][0].clone()),
            ("TransactionStatsView", client.get("/api/v1/transactions/stats").await.json()),
            ("LastDayView", client.get("/api/v1/transactions/stats").await.json()["last24h"].clone()),
        ];
        for (schema, answer) in answers {
            if answer["error"]["code"] == "duplicate_resource" {
                continue;
            }
            let (required, known) = names_in(&document, &document["components"]["schemas"][schema]);
            let names: BTreeSet<String> = answer.as_object().unwrap().keys().cloned().collect();
            assert!(names.is_superset(&required), "{schema}: {:?}", required.difference(&names));
            assert!(names.is_subset(&known), "{schema}: {:?}", names.difference(&known));
        }
    }
}

#[tokio::test]
async fn what_a_merchant_named_like_a_resource_is_shown_as_it_was_sent() {
    let app = app().await;
    let client = app.admin().await;
    let metadata = json!({"object": "payment_link", "active": "mine", "uses": "2"});
    let link = create_link(&client, json!({"metadata": metadata})).await;
    for version in ["2026-02-27", "2024-02-28"] {
        let shown = client.clone().with("anyspend-version", version).get(&path_of(&link)).await.expect(200);
        assert_eq!(shown["metadata"], metadata);
    }
}
