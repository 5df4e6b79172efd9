//! `/checkout-sessions`, and a link's list of them.

use crate::budgets::within;
use crate::{LINKS, RECIPIENT, USDC_ON_BASE, app, create_link, link_body, open_link_body, path_of};
use anyspend_testing::Client;
use serde_json::{Value, json};

const SESSIONS: &str = "/api/v1/checkout-sessions";

async fn open(client: &Client<'_>, changes: Value) -> Value {
    client.post(SESSIONS, &changes).await.expect(201)
}

fn path(session: &Value) -> String {
    format!("{SESSIONS}/{}", session["id"].as_str().unwrap())
}

#[tokio::test]
async fn the_overviews_example_opens_a_session_on_the_links_terms() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"amount": "25000000"})).await;
    let sent = json!({
        "payment_link_id": link["id"],
        "client_reference_id": "order_456",
        "customer_email": "alice@example.com",
        "customer_name": "Alice Smith",
        "metadata": {"user_id": "clerk_abc", "plan": "pro"},
        "success_url": "https://example.com/success?session_id={SESSION_ID}"
    });
    let session = open(&client, sent.clone()).await;
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(session[name], *value, "{name}");
    }
    assert_eq!((&session["object"], &session["status"]), (&json!("checkout_session"), &json!("open")));
    assert_eq!((&session["amount"], &session["amount_due"]), (&json!("25000000"), &json!("25000000")));
    assert_eq!((&session["amount_usd"], &session["amount_received"]), (&json!("25.00"), &json!("0")));
    assert_eq!(session["url"], format!("https://pay.test/pay/s/{}", session["id"].as_str().unwrap()));
    assert_eq!(session["expires_at"], "2026-02-27T11:00:00Z");
    assert_eq!(client.get(&path(&session)).await.expect(200), session);

    client.patch(&path_of(&link), &json!({"amount": "1", "name": "Changed"})).await.expect(200);
    assert_eq!(client.get(&path(&session)).await.expect(200), session, "the terms are a snapshot");
}

#[tokio::test]
async fn a_session_can_be_opened_without_a_link() {
    let app = app().await;
    let client = app.admin().await;
    let body = json!({"token_address": USDC_ON_BASE, "chain_id": 8453, "recipient_address": RECIPIENT, "amount": "7", "expires_in": 300});
    let session = open(&client, body).await;
    assert_eq!((&session["payment_link_id"], &session["amount"]), (&Value::Null, &json!("7")));
    assert_eq!(session["expires_at"], "2026-02-27T10:35:00Z");
    let error = client.post(SESSIONS, &json!({})).await.expect_error(400, "missing_required_field");
    assert_eq!(error["errors"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn what_no_session_can_be_is_refused_with_its_field_named() {
    let app = app().await;
    let client = app.admin().await;
    let fixed = create_link(&client, json!({"amount": "10"})).await;
    let body = open_link_body(json!({"min_amount": "5", "max_amount": "9"}));
    let variable = client.post(LINKS, &body).await.expect(201);
    let off = create_link(&client, json!({"active": false})).await;
    let foreign = create_link(&app.admin().await, json!({})).await;
    let of = |link: &Value, name: &str, value: Value| json!({"payment_link_id": link["id"], name: value});
    let invalid = "invalid_field_value";
    for (body, status, code, param) in [
        (of(&fixed, "amount", json!("11")), 400, invalid, json!("amount")),
        (of(&variable, "amount", json!("4")), 400, invalid, json!("amount")),
        (of(&variable, "amount", json!("10")), 400, invalid, json!("amount")),
        (of(&fixed, "recipient_address", json!(RECIPIENT)), 400, invalid, json!("recipient_address")),
        (of(&fixed, "expires_in", json!(299)), 400, invalid, json!("expires_in")),
        (of(&fixed, "expires_in", json!(86_401)), 400, invalid, json!("expires_in")),
        (of(&fixed, "customer_email", json!("nobody")), 400, invalid, json!("customer_email")),
        (of(&fixed, "client_reference_id", json!("x".repeat(201))), 400, invalid, json!("client_reference_id")),
        (of(&fixed, "success_url", json!("http://example.com")), 400, invalid, json!("success_url")),
        (of(&fixed, "metadata", json!({"k": "v".repeat(501)})), 400, invalid, json!("metadata.k")),
        (of(&fixed, "expire_in", json!(600)), 400, "unknown_parameter", json!("expire_in")),
        (of(&off, "expires_in", json!(600)), 400, "payment_link_inactive", Value::Null),
        (of(&foreign, "expires_in", json!(600)), 404, "resource_not_found", json!("payment_link_id")),
        (json!({"payment_link_id": "pl_x"}), 404, "resource_not_found", json!("payment_link_id")),
    ] {
        let error = client.post(SESSIONS, &body).await.expect_error(status, code);
        assert_eq!(error["param"], param, "{body}: {error}");
    }
    open(&client, of(&fixed, "amount", json!("10"))).await;
    assert_eq!(open(&client, of(&variable, "amount", json!("9"))).await["amount"], "9");
    assert_eq!(open(&client, of(&variable, "expires_in", json!(300))).await["amount"], Value::Null);
    assert_eq!(client.get(SESSIONS).await.expect(200)["total_count"], 3);
}

#[tokio::test]
async fn a_session_past_its_expiry_reads_expired_though_no_job_has_run() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let session = open(&client, json!({"payment_link_id": link["id"], "expires_in": 300})).await;
    app.advance_seconds(299);
    assert_eq!(client.get(&path(&session)).await.expect(200)["status"], "open");
    app.advance_seconds(1);
    assert_eq!(client.get(&path(&session)).await.expect(200)["status"], "expired");
    client
        .raw(http::Method::POST, &format!("{}/expire", path(&session)), vec![])
        .await
        .expect_error(400, "invalid_status_transition");
}

#[tokio::test]
async fn a_merchant_can_expire_an_open_session_once() {
    let app = app().await;
    let client = app.admin().await.with("content-type", "application/json");
    let link = create_link(&client, json!({})).await;
    let session = open(&client, json!({"payment_link_id": link["id"]})).await;
    let expire = format!("{}/expire", path(&session));
    app.advance_seconds(5);
    let expired = client.raw(http::Method::POST, &expire, vec![]).await.expect(200);
    assert_eq!((&expired["status"], &expired["updated_at"]), (&json!("expired"), &json!("2026-02-27T10:30:05Z")));
    let error = client.raw(http::Method::POST, &expire, vec![]).await.expect_error(400, "invalid_status_transition");
    assert!(error["message"].as_str().unwrap().contains("expired"));
    app.admin().await.raw(http::Method::POST, &expire, vec![]).await.expect_error(404, "resource_not_found");
}

#[tokio::test]
async fn deleting_a_link_fails_its_open_sessions_at_once_at_the_same_cost_however_many_there_are() {
    let app = app().await;
    let client = app.admin().await;
    let (doomed, other) = (create_link(&client, json!({})).await, create_link(&client, json!({})).await);
    let mut sessions = Vec::new();
    for _ in 0..15 {
        sessions.push(open(&client, json!({"payment_link_id": doomed["id"], "expires_in": 600})).await);
    }
    let kept = open(&client, json!({"payment_link_id": other["id"]})).await;
    let ended = sessions.pop().unwrap();
    client.raw(http::Method::POST, &format!("{}/expire", path(&ended)), vec![]).await.expect(200);
    let cost = within("delete", &client.delete(&path_of(&doomed)).await, 200, 2, 13.0, 1.0);
    assert!(cost.calls <= 3, "{cost:?}");
    for session in &sessions {
        let read = client.get(&path(session)).await.expect(200);
        assert_eq!((&read["status"], &read["failure_reason"]), (&json!("failed"), &json!("link_deleted")));
    }
    app.advance_seconds(700);
    assert_eq!(client.get(&path(&sessions[0])).await.expect(200)["status"], "failed");
    assert_eq!(client.get(&path(&ended)).await.expect(200)["status"], "expired");
    let counts = async |status: &str| {
        client.get(&format!("{SESSIONS}?status={status}&limit=1")).await.expect(200)["total_count"].clone()
    };
    assert_eq!(
        (counts("failed").await, counts("expired").await, counts("open").await),
        (json!(14), json!(1), json!(1))
    );
    assert_eq!(client.get(&path(&kept)).await.expect(200)["status"], "open");
    let list = client.get(&format!("{SESSIONS}?limit=100")).await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().iter().filter(|session| session["status"] == "failed").count(), 14);
}

#[tokio::test]
async fn sessions_are_listed_by_link_status_and_time() {
    let app = app().await;
    let client = app.admin().await;
    let (one, other) = (create_link(&client, json!({})).await, create_link(&client, json!({})).await);
    let first = open(&client, json!({"payment_link_id": one["id"], "expires_in": 300})).await;
    app.advance_seconds(400);
    let second = open(&client, json!({"payment_link_id": one["id"]})).await;
    let third = open(&client, json!({"payment_link_id": other["id"]})).await;
    let ids = async |path: String| -> Vec<Value> {
        client.get(&path).await.expect(200)["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|session| session["id"].clone())
            .collect()
    };
    let id = |session: &Value| session["id"].clone();
    let mut newest = vec![id(&second), id(&third)];
    newest.sort_by_key(|id| std::cmp::Reverse(id.as_str().unwrap().to_owned()));
    assert_eq!(ids(format!("{SESSIONS}?status=open")).await, newest);
    assert_eq!(ids(format!("{SESSIONS}?status=expired")).await, [id(&first)]);
    let link = one["id"].as_str().unwrap();
    assert_eq!(ids(format!("{SESSIONS}?payment_link_id={link}&order=asc")).await, [id(&first), id(&second)]);
    assert_eq!(ids(format!("{}/sessions", path_of(&one))).await, [id(&second), id(&first)]);
    assert_eq!(ids(format!("{}/sessions?status=open", path_of(&one))).await, [id(&second)]);
    assert_eq!(ids(format!("{SESSIONS}?to=2026-02-27T10:30:00Z")).await, [id(&first)]);
    assert_eq!(ids(format!("{SESSIONS}?from=2026-02-27T10:30:01Z")).await, newest);
    assert_eq!(ids(format!("{SESSIONS}?from=2026-02-27&to=2026-02-27")).await.len(), 3);
    assert_eq!(ids(format!("{SESSIONS}?to=2026-02-26")).await.len(), 0);
    for (query, param) in
        [("status=paid", "status"), ("from=yesterday", "from"), ("payment_link_id=x", "payment_link_id")]
    {
        let error = client.get(&format!("{SESSIONS}?{query}")).await.expect_error(400, "invalid_field_value");
        assert_eq!(error["param"], param);
    }
    app.admin().await.get(&format!("{}/sessions", path_of(&one))).await.expect_error(404, "resource_not_found");
}

#[tokio::test]
async fn a_buyers_email_and_name_are_nowhere_in_the_table() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let body =
        json!({"payment_link_id": link["id"], "customer_email": "alice@example.com", "customer_name": "Alice Smith"});
    let session = open(&client, body).await;
    let (raw, table) = app.table();
    let items = raw.scan().table_name(table).send().await.unwrap();
    let text = format!("{:?}", items.items());
    assert!(text.contains(session["id"].as_str().unwrap()) && !text.contains("alice") && !text.contains("Alice"));
}

#[tokio::test]
async fn an_answer_that_names_a_buyer_is_kept_sealed() {
    let app = app().await;
    let client = app.admin().await.idempotent("k");
    let body = json!({"token_address": USDC_ON_BASE, "chain_id": 8453, "recipient_address": RECIPIENT, "amount": "7",
        "customer_email": "alice@example.com"});
    let first = client.post(SESSIONS, &body).await;
    let again = client.post(SESSIONS, &body).await;
    assert_eq!((first.status.as_u16(), &first.body, again.header("idempotent-replayed")), (201, &again.body, "true"));
    let (raw, table) = app.table();
    for item in raw.scan().table_name(table).send().await.unwrap().items() {
        for value in item.values() {
            let bytes = value.as_b().map(|blob| blob.as_ref().to_vec()).unwrap_or_default();
            assert!(!bytes.windows(5).any(|window| window == b"alice"), "the kept answer is in the clear");
        }
    }
}

#[tokio::test]
async fn sessions_stay_within_their_budget() {
    let app = app().await;
    let client = app.admin().await;
    let link = client.post(LINKS, &link_body(json!({}))).await.expect(201);
    let created = client.clone().idempotent("k").post(SESSIONS, &json!({"payment_link_id": link["id"]})).await;
    // 1 for the key; the session, when it is due, the journal, its fact, the trail, and the answer.
    within("create", &created, 201, 2, 14.0, 1.0);
    within("retrieve", &client.get(&path(&created.json())).await, 200, 1, 1.0, 2.0);
    within("list", &client.get(SESSIONS).await, 200, 2, 1.0, 30.0);
    let of_link = format!("{}/sessions", path_of(&link));
    within("list of a link", &client.get(&of_link).await, 200, 2, 1.0, 30.0);
    let expire = format!("{}/expire", path(&created.json()));
    within("expire", &client.clone().idempotent("e").post(&expire, &json!({})).await, 200, 2, 14.0, 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_expire_a_session_at_once_one_does() {
    let app = app().await;
    let client = app.admin().await;
    let other = app.another_instance();
    let link = create_link(&client, json!({})).await;
    for _ in 0..10 {
        let session = open(&client, json!({"payment_link_id": link["id"]})).await;
        let expire = format!("{}/expire", path(&session));
        let through = client.through(&other);
        let (one, two) = tokio::join!(
            client.raw(http::Method::POST, &expire, vec![]),
            through.raw(http::Method::POST, &expire, vec![])
        );
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
    }
}
