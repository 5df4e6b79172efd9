//! `/api-keys`

use crate::{KEYS, LINKS, app};
use anyspend_domain::api_key::Permission;
use anyspend_domain::{Mode, Owner};
use serde_json::{Value, json};

fn bearer(created: &Value) -> http::Request<axum::body::Body> {
    http::Request::builder()
        .uri(LINKS)
        .header("authorization", format!("Bearer {}", created["key"].as_str().unwrap()))
        .body(axum::body::Body::empty())
        .unwrap()
}

#[tokio::test]
async fn a_key_is_shown_once_and_works_until_it_is_revoked() {
    let app = app().await;
    let admin = app.admin().await;
    let created = admin.post(KEYS, &json!({"name": "CI", "permissions": ["read"]})).await.expect(201);
    assert_eq!(
        (&created["object"], &created["livemode"], &created["active"]),
        (&json!("api_key"), &json!(false), &json!(true))
    );
    let key = created["key"].as_str().unwrap();
    assert!(key.starts_with("asp_test_") && key.len() >= 9 + 32);
    assert!(key.starts_with(created["key_prefix"].as_str().unwrap()));
    app.send(bearer(&created)).await.expect(200);

    let list = admin.get(KEYS).await.expect(200);
    assert_eq!(list["total_count"], 2);
    assert!(!list.to_string().contains(key), "the key is shown again");
    let listed = &list["data"].as_array().unwrap().iter().find(|listed| listed["id"] == created["id"]).unwrap();
    assert_eq!(listed["last_used_at"], "2026-02-27T10:30:00Z");

    let path = format!("{KEYS}/{}", created["id"].as_str().unwrap());
    let revoked = admin.delete(&path).await.expect(200);
    assert_eq!(revoked, json!({"object": "api_key_revoked", "id": created["id"], "revoked": true}));
    let refused = app.send(bearer(&created)).await;
    refused.expect_error(401, "key_revoked");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    assert_eq!(admin.delete(&path).await.expect(200), revoked, "revoking twice is one revocation");
    let list = admin.get(KEYS).await.expect(200);
    let listed = &list["data"].as_array().unwrap().iter().find(|listed| listed["id"] == created["id"]).unwrap();
    assert_eq!(listed["active"], false);
}

#[tokio::test]
async fn only_a_hash_of_a_key_is_stored() {
    let app = app().await;
    let created = app
        .admin()
        .await
        .idempotent("once")
        .post(KEYS, &json!({"name": "k", "permissions": ["read"]}))
        .await
        .expect(201);
    let key = created["key"].as_str().unwrap().as_bytes().to_vec();
    let (client, table) = app.table();
    let items = client.scan().table_name(table).send().await.unwrap();
    let text = format!("{:?}", items.items());
    assert!(items.count() > 4 && !text.contains(created["key"].as_str().unwrap()));
    for item in items.items() {
        for value in item.values() {
            if let Ok(blob) = value.as_b() {
                assert!(!blob.as_ref().windows(key.len()).any(|window| window == key), "a kept answer is in the clear");
            }
        }
    }
}

#[tokio::test]
async fn a_key_made_twice_with_one_idempotency_key_is_one_key_byte_for_byte() {
    let app = app().await;
    let admin = app.admin().await.idempotent("make-key");
    let body = json!({"name": "k", "permissions": ["write", "read"]});
    let first = admin.post(KEYS, &body).await;
    let again = admin.through(&app.another_instance()).post(KEYS, &body).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(first.json()["permissions"], json!(["write", "read"]));
    assert_eq!(admin.get(KEYS).await.expect(200)["total_count"], 2);
}

#[tokio::test]
async fn a_key_stops_at_its_expiry() {
    let app = app().await;
    let admin = app.admin().await;
    let body = json!({"name": "k", "permissions": ["read"], "expires_at": "2026-02-27T10:30:30Z"});
    let created = admin.post(KEYS, &body).await.expect(201);
    app.advance_seconds(29);
    app.send(bearer(&created)).await.expect(200);
    app.advance_seconds(1);
    app.send(bearer(&created)).await.expect_error(401, "key_expired");
}

#[tokio::test]
async fn the_last_active_admin_key_cannot_be_revoked_even_by_two_at_once() {
    let app = app().await;
    let one = app.admin().await;
    let path = |client: &anyspend_testing::Client<'_>| format!("{KEYS}/{}", client.key_id.as_ref().unwrap());
    one.delete(&path(&one)).await.expect_error(409, "last_admin_key");
    for _ in 0..20 {
        let one = app.admin().await;
        let other = app.key(&one.owner, Permission::Admin).await;
        let (own_path, other_path) = (path(&one), path(&other));
        let (first, second) = tokio::join!(one.delete(&other_path), other.delete(&own_path));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert!(matches!(statuses, [200, 409] | [200, 401]), "{statuses:?}");
    }
    // A key that has expired is no administrator any more.
    let one = app.admin().await;
    app.key_with(&one.owner, Permission::Admin, |key| key.expires_at = Some(key.created_at)).await;
    one.delete(&path(&one)).await.expect_error(409, "last_admin_key");
}

#[tokio::test]
async fn another_organizations_or_modes_key_does_not_exist() {
    let app = app().await;
    let (one, stranger) = (app.admin().await, app.admin().await);
    let live = app.key(&Owner { org: one.owner.org.clone(), mode: Mode::Live }, Permission::Admin).await;
    let path = format!("{KEYS}/{}", one.key_id.as_ref().unwrap());
    stranger.delete(&path).await.expect_error(404, "resource_not_found");
    live.delete(&path).await.expect_error(404, "resource_not_found");
    assert_eq!(live.get(KEYS).await.expect(200)["total_count"], 1);
    let created = live.post(KEYS, &json!({"name": "k", "permissions": ["admin"]})).await.expect(201);
    assert!(created["key"].as_str().unwrap().starts_with("asp_live_") && created["livemode"] == true);
}

#[tokio::test]
async fn what_no_key_can_be_is_refused() {
    let app = app().await;
    let admin = app.admin().await;
    for (body, code, param) in [
        (json!({"permissions": ["read"]}), "missing_required_field", "name"),
        (json!({"name": "k"}), "missing_required_field", "permissions"),
        (json!({"name": "k", "permissions": []}), "invalid_field_value", "permissions"),
        (json!({"name": "k", "permissions": ["root"]}), "invalid_field_value", "permissions[0]"),
        (json!({"name": "k", "permissions": "read"}), "invalid_field_value", "permissions"),
        (
            json!({"name": "k", "permissions": ["read"], "expires_at": "2020-01-01T00:00:00Z"}),
            "invalid_field_value",
            "expires_at",
        ),
        (json!({"name": "k", "permissions": ["read"], "mode": "live"}), "unknown_parameter", "mode"),
    ] {
        assert_eq!(admin.post(KEYS, &body).await.expect_error(400, code)["param"], param);
    }
    assert_eq!(admin.get(KEYS).await.expect(200)["total_count"], 1);
}
