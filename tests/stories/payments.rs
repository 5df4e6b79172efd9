//! What a payment makes of a session, told through the test helpers, which go the way every payment goes.

use crate::discount_codes::{CODES, create_code};
use crate::{LINKS, RECIPIENT, USDC_ON_BASE, app, create_link, open_link_body, path_of};
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_testing::{App, Client};
use futures_util::future::join_all;
use serde_json::{Value, json};

const SESSIONS: &str = "/api/v1/checkout-sessions";
const WALLET: &str = "0x00000000000000000000000000000000000000aa";

async fn open(client: &Client<'_>, link: &Value) -> Value {
    client.post(SESSIONS, &json!({"payment_link_id": link["id"], "metadata": {"plan": "pro"}})).await.expect(201)
}

fn helper(session: &Value, what: &str) -> String {
    format!("/api/v1/test-helpers/checkout-sessions/{}/{what}", session["id"].as_str().unwrap())
}

async fn pay(client: &Client<'_>, session: &Value, body: Value) -> Value {
    client.post(&helper(session, "pay"), &body).await.expect(200)
}

async fn again(client: &Client<'_>, session: &Value) -> Value {
    client.get(&format!("{SESSIONS}/{}", session["id"].as_str().unwrap())).await.expect(200)
}

/// Every transaction row there is, oldest first.
async fn transactions(app: &App) -> Vec<Value> {
    let (client, table) = app.table();
    let all = client.scan().table_name(table).send().await.unwrap();
    let rows = all.items().iter().filter(|item| item["sk"].as_s().unwrap() == "TX");
    let text = |item: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>, name: &str| {
        item.get(name).map_or(Value::Null, |value| json!(value.as_s().unwrap()))
    };
    let mut rows: Vec<Value> = rows
        .map(|item| {
            json!({"id": text(item, "id"), "status": text(item, "status"), "exception": text(item, "exception"),
                   "amount": text(item, "amount"), "payer": text(item, "payer_address")})
        })
        .collect();
    rows.sort_by_key(|row| row["id"].as_str().unwrap().to_owned());
    rows
}

#[tokio::test]
async fn a_paid_session_is_completed_and_counts_as_a_use_of_its_link() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"amount": "25000000"})).await;
    let session = open(&client, &link).await;
    app.advance_seconds(90);
    let paid = pay(&client, &session, json!({"payer_address": WALLET})).await;
    assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("completed"), &json!("25000000")));
    assert_eq!((&paid["payer_address"], &paid["completed_at"]), (&json!(WALLET), &json!("2026-02-27T10:31:30Z")));
    assert!(paid["tx_hash"].as_str().unwrap().starts_with("0x"));
    assert!(paid["customer_id"].as_str().unwrap().starts_with("cust_"));
    assert_eq!(again(&client, &session).await, paid);
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["uses"], 1);
    let seen = transactions(&app).await;
    assert_eq!(seen.len(), 1);
    assert_eq!((&seen[0]["status"], &seen[0]["exception"]), (&json!("completed"), &Value::Null));
    assert_eq!(app.count("CLAIM#").await, 1);

    let other = open(&client, &link).await;
    let second = pay(&client, &other, json!({"payer_address": WALLET})).await;
    assert_eq!(second["customer_id"], paid["customer_id"], "a wallet is one customer");
    assert_eq!(app.count("CUST#").await, 1);
}

#[tokio::test]
async fn a_session_completes_when_the_sum_of_what_arrived_suffices() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"amount": "100"})).await;
    let session = open(&client, &link).await;
    let part = pay(&client, &session, json!({"amount": "60"})).await;
    assert_eq!((&part["status"], &part["amount_received"]), (&json!("open"), &json!("60")));
    let done = pay(&client, &session, json!({})).await;
    assert_eq!((&done["status"], &done["amount_received"]), (&json!("completed"), &json!("100")));
    let surplus = open(&client, &link).await;
    let over = pay(&client, &surplus, json!({"amount": "150"})).await;
    assert_eq!((&over["status"], &over["amount_received"]), (&json!("completed"), &json!("150")));
    let twice = pay(&client, &surplus, json!({})).await;
    assert_eq!((&twice["status"], &twice["amount_received"]), (&json!("completed"), &json!("250")));
    let seen: Vec<(Value, Value)> =
        transactions(&app).await.into_iter().map(|row| (row["amount"].clone(), row["exception"].clone())).collect();
    let mut seen: Vec<String> = seen.iter().map(|(amount, exception)| format!("{amount} {exception}")).collect();
    seen.sort();
    assert_eq!(seen, [r#""100" "overpaid""#, r#""150" "overpaid""#, r#""40" null"#, r#""60" "underpaid""#]);
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["uses"], 2);
}

#[tokio::test]
async fn paying_is_choosing_where_the_price_is_the_buyers_choice() {
    let app = app().await;
    let client = app.admin().await;
    let body = open_link_body(json!({"min_amount": "10", "max_amount": "50"}));
    let link = client.post(LINKS, &body).await.expect(201);
    for (amount, status, price) in
        [("9", "open", "10"), ("10", "completed", "10"), ("30", "completed", "30"), ("60", "completed", "50")]
    {
        let session = open(&client, &link).await;
        client.post(&helper(&session, "pay"), &json!({})).await.expect_error(400, "missing_required_field");
        let paid = pay(&client, &session, json!({"amount": amount})).await;
        assert_eq!((&paid["status"], &paid["amount"]), (&json!(status), &json!(price)), "{amount}");
    }
}

#[tokio::test]
async fn money_for_a_session_that_has_ended_is_recorded_and_changes_nothing_else() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let (ended, overdue) = (open(&client, &link).await, open(&client, &link).await);
    let json_client = client.clone().with("content-type", "application/json");
    let path = format!("{SESSIONS}/{}/expire", ended["id"].as_str().unwrap());
    json_client.raw(http::Method::POST, &path, vec![]).await.expect(200);
    assert_eq!(pay(&client, &ended, json!({})).await["status"], "expired");
    app.advance_seconds(1_800);
    let late = pay(&client, &overdue, json!({})).await;
    assert_eq!((&late["status"], &late["amount_received"]), (&json!("expired"), &json!("10000000")));
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["uses"], 0);

    let doomed = create_link(&client, json!({})).await;
    let failing = open(&client, &doomed).await;
    client.delete(&path_of(&doomed)).await.expect(200);
    let failed = pay(&client, &failing, json!({})).await;
    assert_eq!((&failed["status"], &failed["failure_reason"]), (&json!("failed"), &json!("link_deleted")));
    let mut exceptions: Vec<Value> = transactions(&app).await.iter().map(|row| row["exception"].clone()).collect();
    exceptions.sort_by_key(ToString::to_string);
    assert_eq!(exceptions, ["late", "late", "link_deleted"]);
}

#[tokio::test]
async fn a_test_session_can_be_failed_once() {
    let app = app().await;
    let client = app.admin().await.with("content-type", "application/json");
    let link = create_link(&client, json!({})).await;
    let session = open(&client, &link).await;
    let failed = client.raw(http::Method::POST, &helper(&session, "fail"), vec![]).await.expect(200);
    assert_eq!((&failed["status"], &failed["failure_reason"]), (&json!("failed"), &json!("payment_failed")));
    assert_eq!(transactions(&app).await[0]["status"], "failed");
    let error = client.raw(http::Method::POST, &helper(&session, "fail"), vec![]).await;
    error.expect_error(400, "invalid_status_transition");
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["uses"], 0);
}

#[tokio::test]
async fn test_helpers_move_test_sessions_of_their_own_merchant_only() {
    let app = app().await;
    let client = app.admin().await;
    let session = open(&client, &create_link(&client, json!({})).await).await;
    app.admin().await.post(&helper(&session, "pay"), &json!({})).await.expect_error(404, "resource_not_found");
    let live = app.merchant(Mode::Live, Permission::Admin).await;
    live.post(&helper(&session, "pay"), &json!({})).await.expect_error(403, "insufficient_permissions");
    let error = client.post(&helper(&session, "pay"), &json!({"amount": "0"})).await;
    error.expect_error(400, "invalid_field_value");
    assert_eq!(again(&client, &session).await["status"], "open");
}

#[tokio::test]
async fn of_ten_payments_at_once_for_a_link_of_three_uses_three_count_and_seven_are_exceptions() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"max_uses": 3})).await;
    let mut sessions = Vec::new();
    for _ in 0..10 {
        sessions.push(open(&client, &link).await);
    }
    let paid = join_all(sessions.iter().map(|session| pay(&client, session, json!({})))).await;
    let count = |status: &str| paid.iter().filter(|session| session["status"] == status).count();
    assert_eq!((count("completed"), count("failed")), (3, 7));
    assert!(paid.iter().filter(|s| s["status"] == "failed").all(|s| s["failure_reason"] == "link_used_up"));
    let shown = client.get(&path_of(&link)).await.expect(200);
    assert_eq!((&shown["uses"], &shown["active"]), (&json!(3), &json!(false)));
    let seen = transactions(&app).await;
    assert_eq!(seen.len(), 10);
    assert!(seen.iter().all(|row| row["status"] == "completed"), "the money has arrived all the same");
    assert_eq!(seen.iter().filter(|row| row["exception"] == "link_used_up").count(), 7);
    assert_eq!(app.count("CUST#").await, 1, "one wallet paid ten times at once");
}

#[tokio::test]
async fn a_payment_completes_at_the_price_it_was_promised_also_when_the_code_was_deleted_or_made_anew() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"amount": "100"})).await;
    let payer = app.anonymous("192.0.2.1");
    let path = format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap());
    let code = create_code(&client, json!({"max_uses": 5})).await;
    let with_code = json!({"discount_code": "summer"});
    let counted = payer.post(&path, &with_code).await.expect(201);
    let (deleted, anew) =
        (payer.post(&path, &with_code).await.expect(201), payer.post(&path, &with_code).await.expect(201));
    let uses = async || client.get(CODES).await.expect(200)["data"][0]["current_uses"].clone();
    assert_eq!(pay(&client, &counted, json!({})).await["amount_received"], "90");
    assert_eq!(uses().await, 1);
    client.delete(&format!("{CODES}/{}", code["id"].as_str().unwrap())).await.expect(200);
    let paid = pay(&client, &deleted, json!({})).await;
    assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("completed"), &json!("90")));
    create_code(&client, json!({"max_uses": 5})).await;
    let paid = pay(&client, &anew, json!({})).await;
    assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("completed"), &json!("90")));
    assert_eq!(uses().await, 0, "another code of the same text has not been used");
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["uses"], 3);
}

#[tokio::test]
async fn a_payment_that_is_retried_with_its_key_happens_once() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let session = open(&client, &link).await;
    let keyed = client.clone().idempotent("pay-once");
    let replies = join_all((0..20).map(|_| async { keyed.post(&helper(&session, "pay"), &json!({})).await })).await;
    for reply in &replies {
        assert_eq!(reply.expect(200)["status"], "completed");
    }
    assert_eq!(transactions(&app).await.len(), 1);
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["uses"], 1);
}

#[tokio::test]
async fn a_session_without_a_link_is_paid_as_well() {
    let app = app().await;
    let client = app.admin().await;
    let body = json!({"token_address": USDC_ON_BASE, "chain_id": 8453, "recipient_address": RECIPIENT, "amount": "7"});
    let session = client.post(SESSIONS, &body).await.expect(201);
    assert_eq!(pay(&client, &session, json!({})).await["status"], "completed");
}
