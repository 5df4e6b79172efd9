//! `/webhooks`: endpoints, their secrets, and the log of deliveries as merchants see them.

use crate::app;
use crate::webhook_receivers::{Receivers, deliver, endpoint};
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_domain::webhook::MAX_WEBHOOKS;
use anyspend_testing::{App, Client};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

pub(crate) const WEBHOOKS: &str = "/api/v1/webhooks";

pub(crate) fn webhook_path(webhook: &Value) -> String {
    format!("{WEBHOOKS}/{}", webhook["id"].as_str().unwrap())
}

pub(crate) async fn create_webhook(client: &Client<'_>, url: &str, events: Value) -> Value {
    client.post(WEBHOOKS, &json!({"url": url, "events": events})).await.expect(201)
}

#[tokio::test]
async fn a_secret_is_shown_once_and_stands_nowhere_in_the_clear() {
    let app = app().await;
    let client = app.admin().await;
    let body = json!({"url": "https://example.com/hook?a=1", "events": ["payment.completed", "checkout.expired"],
                      "description": "orders"});
    let created = client.clone().idempotent("w").post(WEBHOOKS, &body).await.expect(201);
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() >= "whsec_".len() + 32, "{secret}");
    let mut shown = created.clone();
    shown.as_object_mut().unwrap().remove("secret");
    let expected = json!({
        "id": created["id"], "object": "webhook", "livemode": false, "url": "https://example.com/hook?a=1",
        "events": ["payment.completed", "checkout.expired"], "description": "orders", "api_version": "2026-02-27",
        "active": true, "is_active": true, "disabled_reason": null, "disabled_at": null, "success_count": 0,
        "failure_count": 0, "last_triggered_at": null, "previous_secret_expires_at": null,
        "created_at": "2026-02-27T10:30:00Z", "updated_at": "2026-02-27T10:30:00Z",
    });
    assert_eq!(shown, expected);
    assert_eq!(client.get(&webhook_path(&created)).await.expect(200), expected);
    assert_eq!(client.get(WEBHOOKS).await.expect(200)["data"], json!([expected]));
    let (table, name) = app.table();
    let rows = table.scan().table_name(name).send().await.unwrap();
    assert!(!format!("{:?}", rows.items()).contains(&secret["whsec_".len()..]));
}

#[tokio::test]
async fn a_replayed_create_or_rotation_bears_the_same_secret() {
    let app = app().await;
    let client = app.admin().await;
    let body = json!({"url": "https://example.com", "events": ["*"]});
    let create = client.clone().idempotent("w");
    let (first, again) = (create.post(WEBHOOKS, &body).await, create.post(WEBHOOKS, &body).await);
    assert_eq!((first.status.as_u16(), &first.body), (201, &again.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(client.get(WEBHOOKS).await.expect(200)["total_count"], 1);
    let path = format!("{}/rotate-secret", webhook_path(&first.json()));
    let rotate = client.clone().idempotent("r");
    let (first, again) = (rotate.post(&path, &json!({})).await, rotate.post(&path, &json!({})).await);
    assert_eq!((first.status.as_u16(), &first.body), (200, &again.body));
}

#[tokio::test]
async fn an_endpoint_that_is_obviously_inside_is_refused_with_its_field() {
    let app = app().await;
    let (test, live) = (app.admin().await, app.merchant(Mode::Live, Permission::Admin).await);
    for url in [
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:10.0.0.1]/",
        "https://3232235521/",
        "https://0xc0.0xa8.0.1/",
        "https://metadata.google.internal/",
        "https://intranet/",
        "http://example.com/",
        "ftp://example.com/",
        "example.com",
    ] {
        for client in [&test, &live] {
            let body = json!({"url": url, "events": ["*"]});
            let error = client.post(WEBHOOKS, &body).await.expect_error(400, "invalid_field_value");
            assert_eq!(error["param"], "url", "{url}");
        }
    }
    for url in ["http://localhost:3000/hook", "http://127.0.0.1:3000/hook", "https://localhost/hook"] {
        create_webhook(&test, url, json!(["*"])).await;
        let body = json!({"url": url, "events": ["*"]});
        live.post(WEBHOOKS, &body).await.expect_error(400, "invalid_field_value");
    }
    let deployed = App::start_with(anyspend_local::groups, |config| {
        config.webhook_reach = anyspend_domain::webhook::Reach::Public;
    })
    .await;
    let body = json!({"url": "http://localhost:3000/hook", "events": ["*"]});
    deployed.admin().await.post(WEBHOOKS, &body).await.expect_error(400, "invalid_field_value");
    let webhook = create_webhook(&test, "https://example.com", json!(["*"])).await;
    let body = json!({"url": "https://192.168.1.1"});
    let error = test.patch(&webhook_path(&webhook), &body).await.expect_error(400, "invalid_field_value");
    assert_eq!(error["param"], "url");
}

#[tokio::test]
async fn events_are_named_and_at_least_one() {
    let app = app().await;
    let client = app.admin().await;
    for (events, code, param) in [
        (json!([]), "invalid_field_value", "events"),
        (json!(["payment.complete"]), "invalid_field_value", "events[0]"),
        (json!(["*", "payment.*"]), "invalid_field_value", "events[1]"),
        (json!("*"), "invalid_field_value", "events"),
        (Value::Null, "missing_required_field", "events"),
    ] {
        let body = json!({"url": "https://example.com", "events": events});
        let error = client.post(WEBHOOKS, &body).await.expect_error(400, code);
        assert_eq!(error["param"], param, "{events}");
    }
    let error =
        client.post(WEBHOOKS, &json!({"url": "https://10.0.0.1"})).await.expect_error(400, "missing_required_field");
    assert_eq!(error["errors"].as_array().unwrap().len(), 2, "both are told at once: {error}");
    let webhook = create_webhook(&client, "https://example.com", json!(["test.ping", "*", "test.ping"])).await;
    assert_eq!(webhook["events"], json!(["test.ping", "*"]));
}

#[tokio::test]
async fn only_what_is_sent_changes() {
    let app = app().await;
    let client = app.admin().await;
    let mut webhook = create_webhook(&client, "https://example.com", json!(["*"])).await;
    webhook.as_object_mut().unwrap().remove("secret");
    let path = webhook_path(&webhook);
    app.advance_seconds(5);
    let body = json!({"url": "https://example.org", "is_active": false, "description": "d"});
    let updated = client.patch(&path, &body).await.expect(200);
    let mut expected = webhook.clone();
    for (name, value) in [
        ("url", json!("https://example.org")),
        ("active", json!(false)),
        ("is_active", json!(false)),
        ("description", json!("d")),
        ("updated_at", json!("2026-02-27T10:30:05Z")),
    ] {
        expected[name] = value;
    }
    assert_eq!(updated, expected);
    let cleared = client.patch(&path, &json!({"description": null, "active": true})).await.expect(200);
    assert_eq!((&cleared["description"], &cleared["active"]), (&Value::Null, &json!(true)));
    for name in ["url", "events", "active"] {
        let error = client.patch(&path, &json!({name: null})).await.expect_error(400, "invalid_field_value");
        assert_eq!(error["param"], name);
    }
    client.patch(&path, &json!({})).await.expect_error(400, "no_updates_provided");
    client.patch(&path, &json!({"secret": "whsec_x"})).await.expect_error(400, "unknown_parameter");
    assert_eq!(client.get(&path).await.expect(200), cleared);
}

#[tokio::test]
async fn simultaneous_changes_of_different_fields_all_hold() {
    let app = app().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, "https://example.com", json!(["*"])).await;
    let path = webhook_path(&webhook);
    let (url, events, description) =
        (json!({"url": "https://example.org"}), json!({"events": ["test.ping"]}), json!({"description": "d"}));
    let rotate = format!("{path}/rotate-secret");
    let none = json!({});
    let (one, two, three, four) = futures_util::join!(
        client.patch(&path, &url),
        client.patch(&path, &events),
        client.patch(&path, &description),
        client.post(&rotate, &none),
    );
    [one, two, three, four].iter().for_each(|reply| drop(reply.expect(200)));
    let read = client.get(&path).await.expect(200);
    assert_eq!((&read["url"], &read["description"]), (&json!("https://example.org"), &json!("d")));
    assert_eq!((&read["events"], read["previous_secret_expires_at"].is_string()), (&json!(["test.ping"]), true));
}

#[tokio::test]
async fn a_deleted_webhook_is_gone_with_its_log() {
    let app = app().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, "https://example.com", json!(["*"])).await;
    let path = webhook_path(&webhook);
    let deleted = json!({"object": "webhook", "id": webhook["id"], "deleted": true});
    assert_eq!(client.delete(&path).await.expect(200), deleted);
    for reply in [
        client.get(&path).await,
        client.get(&format!("{path}/deliveries")).await,
        client.delete(&path).await,
        client.post(&format!("{path}/test"), &json!({})).await,
        client.patch(&path, &json!({"active": true})).await,
        client.post(&format!("{path}/rotate-secret"), &json!({})).await,
    ] {
        let error = reply.expect_error(404, "resource_not_found");
        assert_eq!(error["message"], format!("No webhook found with id '{}'.", webhook["id"].as_str().unwrap()));
    }
    assert_eq!(client.get(WEBHOOKS).await.expect(200)["total_count"], 0);
}

#[tokio::test]
async fn an_organization_has_at_most_so_many_webhooks_however_it_tries() {
    let app = app().await;
    let client = app.admin().await;
    let first = create_webhook(&client, "https://example.com", json!(["*"])).await;
    let (table, name) = app.table();
    let partition = format!("WEBHOOKS#{}#test", client.owner.org);
    let count = |value: u64| {
        table
            .update_item()
            .table_name(name)
            .key("pk", AttributeValue::S(partition.clone()))
            .key("sk", AttributeValue::S("COUNT".to_owned()))
            .update_expression("SET webhooks = :n")
            .expression_attribute_values(":n", AttributeValue::N(value.to_string()))
    };
    count(MAX_WEBHOOKS - 2).send().await.unwrap();
    let bodies: Vec<_> = (0..6).map(|n| json!({"url": format!("https://example.com/{n}"), "events": ["*"]})).collect();
    let replies = futures_util::future::join_all(bodies.iter().map(|body| client.post(WEBHOOKS, body))).await;
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(created, 2);
    let refused = replies.iter().find(|reply| reply.status != 201).unwrap();
    refused.expect_error(400, "invalid_field_value");
    client.delete(&webhook_path(&first)).await.expect(200);
    let body = |path: &str| json!({"url": format!("https://example.com/{path}"), "events": ["*"]});
    client.post(WEBHOOKS, &body("last")).await.expect(201);
    client.post(WEBHOOKS, &body("more")).await.expect_error(400, "invalid_field_value");
}

#[tokio::test]
async fn looking_needs_read_and_changing_needs_admin() {
    let app = app().await;
    let admin = app.admin().await;
    let webhook = create_webhook(&admin, "https://example.com", json!(["*"])).await;
    let path = webhook_path(&webhook);
    let (read, write) = (app.key(&admin.owner, Permission::Read).await, app.key(&admin.owner, Permission::Write).await);
    for client in [&read, &write] {
        client.get(WEBHOOKS).await.expect(200);
        client.get(&path).await.expect(200);
        client.get(&format!("{path}/deliveries")).await.expect(200);
        for reply in [
            client.post(WEBHOOKS, &json!({"url": "https://example.com", "events": ["*"]})).await,
            client.patch(&path, &json!({"active": false})).await,
            client.delete(&path).await,
            client.post(&format!("{path}/test"), &json!({})).await,
            client.post(&format!("{path}/rotate-secret"), &json!({})).await,
        ] {
            reply.expect_error(403, "insufficient_permissions");
        }
    }
}

#[tokio::test]
async fn another_organizations_webhook_and_delivery_do_not_exist() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let (owner, other) = (app.admin().await, app.admin().await);
    let live = app.key(&anyspend_domain::Owner { mode: Mode::Live, ..owner.owner.clone() }, Permission::Admin).await;
    let webhook = create_webhook(&owner, &receivers.url("/a"), json!(["*"])).await;
    let sibling = create_webhook(&owner, &receivers.url("/b"), json!(["*"])).await;
    let theirs = create_webhook(&other, &receivers.url("/c"), json!(["*"])).await;
    let sent = owner.post(&format!("{}/test", webhook_path(&webhook)), &json!({})).await.expect(200);
    let delivery = sent["delivery_id"].as_str().unwrap();
    for client in [&other, &live] {
        client.get(&webhook_path(&webhook)).await.expect_error(404, "resource_not_found");
        let retry = format!("{}/deliveries/{delivery}/retry", webhook_path(&webhook));
        client.post(&retry, &json!({})).await.expect_error(404, "resource_not_found");
    }
    let retry = format!("{}/deliveries/{delivery}/retry", webhook_path(&theirs));
    other.post(&retry, &json!({})).await.expect_error(404, "resource_not_found");
    let retry = format!("{}/deliveries/{delivery}/retry", webhook_path(&sibling));
    let error = owner.post(&retry, &json!({})).await.expect_error(404, "resource_not_found");
    assert_eq!(error["message"], format!("No webhook_delivery found with id '{delivery}'."));
}

#[tokio::test]
async fn deliveries_are_listed_newest_first_and_by_status() {
    let app = app().await;
    let receivers = Receivers::start().await;
    receivers.script("/hook", &[200, 500, 410]);
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    let path = webhook_path(&webhook);
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(client.post(&format!("{path}/test"), &json!({})).await.expect(200)["delivery_id"].clone());
        deliver(&app).await;
        app.advance_seconds(1);
    }
    let list = client.get(&format!("{path}/deliveries")).await.expect(200);
    assert_eq!((&list["total_count"], &list["url"]), (&json!(3), &json!(format!("{path}/deliveries"))));
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().rev().map(|delivery| delivery["id"].clone()).collect();
    assert_eq!(ids, sent);
    for (status, index) in [("success", 0), ("pending", 1), ("failed", 2)] {
        let list = client.get(&format!("{path}/deliveries?status={status}")).await.expect(200);
        let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|delivery| delivery["id"].clone()).collect();
        assert_eq!(ids, [sent[index].clone()], "{status}");
    }
    client.get(&format!("{path}/deliveries?status=done")).await.expect_error(400, "invalid_field_value");
    let delivery = &list["data"][1];
    let expected = json!({
        "id": sent[1], "object": "webhook_delivery", "livemode": false, "webhook_id": webhook["id"],
        "event_id": delivery["event_id"], "event_type": "test.ping", "url": receivers.url("/hook"), "status": "pending",
        "attempts": 1, "status_code": 500, "response_code": 500, "response_time_ms": delivery["response_time_ms"],
        "response_body": "answer of /hook", "error_message": "Answered with status 500.",
        "next_attempt_at": delivery["next_attempt_at"], "attempted_at": "2026-02-27T10:30:01Z",
        "created_at": "2026-02-27T10:30:01Z",
    });
    assert_eq!(*delivery, expected);
    assert!(delivery["response_time_ms"].is_u64() && delivery["next_attempt_at"].is_string());
    let page = client.get(&format!("{path}/deliveries?limit=1&page=2")).await.expect(200);
    assert_eq!((&page["data"][0]["id"], &page["has_more"]), (&sent[1], &json!(true)));
}

#[tokio::test]
async fn a_delivery_is_forgotten_after_thirty_days_whether_or_not_it_was_deleted() {
    let app = app().await;
    let client = app.admin().await;
    let receivers = Receivers::start().await;
    let webhook = endpoint(&app, &client.owner, &receivers.url("/hook")).await;
    let path = format!("{WEBHOOKS}/{webhook}");
    let sent = client.post(&format!("{path}/test"), &json!({})).await.expect(200);
    deliver(&app).await;
    app.advance_seconds(30 * 24 * 60 * 60 - 1);
    assert_eq!(client.get(&format!("{path}/deliveries")).await.expect(200)["total_count"], 1);
    app.advance_seconds(1);
    assert_eq!(client.get(&format!("{path}/deliveries")).await.expect(200)["total_count"], 0);
    let retry = format!("{path}/deliveries/{}/retry", sent["delivery_id"].as_str().unwrap());
    client.post(&retry, &json!({})).await.expect_error(404, "resource_not_found");
}
