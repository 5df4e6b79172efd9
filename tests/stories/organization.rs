//! `/organization`: who the merchant is, and what its links are made of.

use crate::events::EVENTS;
use crate::{LINKS, RECIPIENT, USDC_ON_BASE, app};
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use serde_json::{Value, json};

pub(crate) const ORGANIZATION: &str = "/api/v1/organization";

#[tokio::test]
async fn an_organization_is_changed_field_by_field_and_its_defaults_make_links() {
    let app = app().await;
    let client = app.admin().await;
    let before = client.get(ORGANIZATION).await.expect(200);
    let blank = json!({
        "id": client.owner.org.as_str(), "object": "organization", "name": "Test merchant", "slug": "test-merchant",
        "description": null, "logo_url": null, "website_url": null, "default_recipient_address": null,
        "default_chain_id": null, "default_token_address": null, "created_at": "2026-02-27T10:30:00Z",
    });
    assert_eq!(before, blank);

    client.post(LINKS, &json!({"name": "A", "amount": "1"})).await.expect_error(400, "missing_required_field");
    let changes = json!({
        "name": "Acme", "description": "Tools", "logo_url": "https://acme.test/logo.png",
        "website_url": "https://acme.test", "default_recipient_address": RECIPIENT, "default_chain_id": 8453,
        "default_token_address": USDC_ON_BASE,
    });
    let changed = client.clone().idempotent("k").patch(ORGANIZATION, &changes).await;
    for (name, value) in changes.as_object().unwrap() {
        assert_eq!(changed.expect(200)[name], *value, "{name}");
    }
    assert_eq!(changed.json()["slug"], "acme");
    let again = client.clone().idempotent("k").patch(ORGANIZATION, &changes).await;
    assert_eq!((again.header("idempotent-replayed"), again.json()), ("true", changed.json()));
    assert_eq!(client.get(ORGANIZATION).await.expect(200), changed.json());
    let link = client.post(LINKS, &json!({"name": "A", "amount": "1"})).await.expect(201);
    assert_eq!((&link["recipient_address"], &link["chain_id"]), (&json!(RECIPIENT), &json!(8453)));

    // The version in force, and the other mode.
    let live = anyspend_domain::Owner { mode: Mode::Live, ..client.owner.clone() };
    let live = app.key(&live, Permission::Read).await.with("anyspend-version", "2024-02-28");
    let shown = live.get(ORGANIZATION).await.expect(200);
    assert_eq!(shown["default_token_address"], USDC_ON_BASE.to_lowercase());
    assert_eq!(shown["created_at"], 1_772_188_200_000_u64);

    let cleared = json!({"description": null, "default_chain_id": null});
    let shown = client.patch(ORGANIZATION, &cleared).await.expect(200);
    assert_eq!(
        (&shown["description"], &shown["default_chain_id"], &shown["name"]),
        (&Value::Null, &Value::Null, &json!("Acme"))
    );
    let trail = client.get(&format!("{EVENTS}?type=organization.updated")).await.expect(200);
    assert_eq!((&trail["total_count"], &trail["data"][0]["resource_id"]), (&json!(2), &blank["id"]));
}

#[tokio::test]
async fn an_organization_is_changed_by_administrators_only_and_only_to_what_can_be() {
    let app = app().await;
    let client = app.admin().await;
    let writer = app.key(&client.owner, Permission::Write).await;
    writer.get(ORGANIZATION).await.expect(200);
    writer.patch(ORGANIZATION, &json!({"name": "Mine"})).await.expect_error(403, "insufficient_permissions");
    client.patch(ORGANIZATION, &json!({})).await.expect_error(400, "no_updates_provided");
    for (body, code, param) in [
        (json!({"name": null}), "invalid_field_value", "name"),
        (json!({"name": ""}), "invalid_field_value", "name"),
        (json!({"slug": "mine"}), "unknown_parameter", "slug"),
        (json!({"website_url": "http://acme.test"}), "invalid_field_value", "website_url"),
        (json!({"default_chain_id": 7}), "invalid_field_value", "default_chain_id"),
        (json!({"default_recipient_address": format!("0x{:040}", 0)}), "invalid_address", "default_recipient_address"),
        (json!({"default_token_address": "USDC"}), "invalid_address", "default_token_address"),
    ] {
        let error = client.patch(ORGANIZATION, &body).await.expect_error(400, code);
        assert_eq!(error["param"], param, "{error}");
        assert!(error["message"].as_str().unwrap().contains(param), "{error}");
    }
    assert_eq!(client.get(ORGANIZATION).await.expect(200)["name"], "Test merchant");
}

#[tokio::test]
async fn two_who_change_an_organization_at_once_both_do() {
    let app = app().await;
    let client = app.admin().await;
    let (name, text) = (json!({"name": "Acme"}), json!({"description": "Tools"}));
    let (one, other) = tokio::join!(client.patch(ORGANIZATION, &name), client.patch(ORGANIZATION, &text));
    one.expect(200);
    other.expect(200);
    let both = client.get(ORGANIZATION).await.expect(200);
    assert_eq!((&both["name"], &both["description"]), (&json!("Acme"), &json!("Tools")));
}
