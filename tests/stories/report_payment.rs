//! `POST /checkout/sessions/{id}/payment`: what a payer says proves nothing, and is remembered once.

use crate::{RECIPIENT, USDC_ON_BASE, app, create_link};
use anyspend_testing::{App, Client};
use serde_json::{Value, json};

const SESSIONS: &str = "/api/v1/checkout-sessions";

async fn session(client: &Client<'_>, changes: Value) -> Value {
    let link = create_link(client, json!({})).await;
    let mut body = json!({"payment_link_id": link["id"]});
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    client.post(SESSIONS, &body).await.expect(201)
}

fn path(session: &Value) -> String {
    format!("/api/v1/checkout/sessions/{}/payment", session["id"].as_str().unwrap())
}

fn hash(byte: u8) -> String {
    format!("0x{}", format!("{byte:02x}").repeat(32))
}

/// How many transactions are on record, and how many are followed.
async fn counts(app: &App) -> (usize, usize) {
    (app.count("TX#").await, app.count("FOLLOW#").await)
}

#[tokio::test]
async fn a_reported_transaction_makes_its_session_processing_and_nothing_more() {
    let app = app().await;
    let client = app.admin().await;
    let session = session(&client, json!({"expires_in": 300})).await;
    let payer = app.anonymous("192.0.2.1");
    let body = json!({"tx_hash": hash(0xAB).to_uppercase().replace("0X", "0x"), "payer_address": RECIPIENT});
    let reported = payer.post(&path(&session), &body).await.expect(200);
    assert_eq!((&reported["status"], &reported["tx_hash"]), (&json!("processing"), &json!(hash(0xAB))));
    assert_eq!(reported["amount_received"], "0");
    app.advance_seconds(400);
    let seen = client.get(&format!("{SESSIONS}/{}", session["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&seen["status"], &seen["completed_at"]), (&json!("processing"), &Value::Null));
    assert_eq!(counts(&app).await, (1, 1));
}

#[tokio::test]
async fn the_same_report_twice_is_one_and_a_signature_may_follow() {
    let app = app().await;
    let client = app.admin().await;
    let session = session(&client, json!({})).await;
    let payer = app.anonymous("192.0.2.1");
    let signature = format!("0x{}1b", "11".repeat(64));
    for body in [
        json!({"tx_hash": hash(1)}),
        json!({"tx_hash": hash(1)}),
        json!({"tx_hash": hash(1), "signature": signature}),
        json!({"tx_hash": hash(1), "signature": signature}),
    ] {
        assert_eq!(payer.post(&path(&session), &body).await.expect(200)["status"], "processing");
    }
    assert_eq!(counts(&app).await, (1, 1));
    assert_eq!(payer.post(&path(&session), &json!({"tx_hash": hash(2)})).await.expect(200)["tx_hash"], hash(2));
    assert_eq!(counts(&app).await, (2, 2), "a stuck transaction is replaced by another");
}

#[tokio::test]
async fn a_session_takes_no_flood_of_reports() {
    let app = app().await;
    let client = app.admin().await;
    let session = session(&client, json!({})).await;
    let payer = app.anonymous("192.0.2.1");
    for byte in 1..=10 {
        payer.post(&path(&session), &json!({"tx_hash": hash(byte)})).await.expect(200);
    }
    let error = payer.post(&path(&session), &json!({"tx_hash": hash(11)})).await;
    assert_eq!(error.expect_error(400, "invalid_field_value")["param"], "tx_hash");
    assert_eq!(counts(&app).await, (10, 10));
}

#[tokio::test]
async fn what_is_no_report_is_refused() {
    let app = app().await;
    let client = app.admin().await;
    let open = session(&client, json!({})).await;
    let ended = session(&client, json!({"expires_in": 300})).await;
    let payer = app.anonymous("192.0.2.1");
    let signed = |signature: String| json!({"tx_hash": hash(1), "signature": signature});
    let high_s = format!("0x{}{}1b", "11".repeat(32), "ff".repeat(32));
    for (body, code, param) in [
        (json!({}), "missing_required_field", "tx_hash"),
        (json!({"tx_hash": "0x12"}), "invalid_field_value", "tx_hash"),
        (json!({"tx_hash": hash(1), "payer_address": "0x12"}), "invalid_address", "payer_address"),
        (signed("0x12".to_owned()), "invalid_field_value", "signature"),
        (signed(high_s), "invalid_field_value", "signature"),
        (signed(format!("0x{}25", "11".repeat(64))), "invalid_field_value", "signature"),
        (json!({"tx_hash": hash(1), "amount": "1"}), "unknown_parameter", "amount"),
    ] {
        assert_eq!(payer.post(&path(&open), &body).await.expect_error(400, code)["param"], param, "{body}");
    }
    app.advance_seconds(300);
    let late = payer.post(&path(&ended), &json!({"tx_hash": hash(1)})).await;
    late.expect_error(400, "invalid_status_transition");
    let unknown = "/api/v1/checkout/sessions/cs_x/payment";
    payer.post(unknown, &json!({"tx_hash": hash(1)})).await.expect_error(404, "resource_not_found");
    assert_eq!(counts(&app).await, (0, 0));
}

#[tokio::test]
async fn without_a_chain_that_is_followed_every_session_asks_the_plain_price_and_none_is_listed() {
    let app = app().await;
    let client = app.admin().await;
    let body =
        json!({"token_address": USDC_ON_BASE, "chain_id": 8453, "recipient_address": RECIPIENT, "amount": "10000000"});
    for _ in 0..3 {
        assert_eq!(client.post(SESSIONS, &body).await.expect(201)["amount_due"], "10000000");
    }
    assert_eq!(app.count("ASKED#").await + app.count("WATCH#").await, 0);
    assert_eq!(client.get("/api/v1/chains").await.expect(200)["data"], json!([]));
}
