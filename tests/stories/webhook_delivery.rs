//! Delivery: what receivers get, how they verify it, and what holds whatever breaks.

use crate::webhook_receivers::{Receivers, Seen, come_to_the_present, deliver, deliverer, endpoint, happen};
use crate::webhooks::{WEBHOOKS, create_webhook, webhook_path};
use crate::{app, create_link};
use anyspend_api::serve;
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_domain::webhook_delivery::{LEASE_SECONDS, RETRY_SECONDS};
use anyspend_store::StoreError;
use anyspend_testing::faults::Fault;
use anyspend_testing::{App, Client};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

async fn ping(client: &Client<'_>, webhook: &Value) -> String {
    let sent = client.post(&format!("{}/test", webhook_path(webhook)), &json!({})).await.expect(200);
    assert_eq!((&sent["object"], &sent["action"]), (&json!("action"), &json!("webhook.test")));
    assert_eq!((&sent["webhook_id"], &sent["status"]), (&webhook["id"], &json!("pending")));
    sent["delivery_id"].as_str().unwrap().to_owned()
}

async fn deliveries(client: &Client<'_>, webhook: &Value) -> Vec<Value> {
    let list = client.get(&format!("{}/deliveries", webhook_path(webhook))).await.expect(200);
    list["data"].as_array().unwrap().clone()
}

async fn read(client: &Client<'_>, webhook: &Value) -> Value {
    client.get(&webhook_path(webhook)).await.expect(200)
}

/// Opens a session of a new link and pays it, by a named buyer.
async fn buy(client: &Client<'_>) -> Value {
    let link = create_link(client, json!({"amount": "25000000"})).await;
    let body = json!({"payment_link_id": link["id"], "client_reference_id": "order_456",
                      "customer_email": "alice@example.com", "customer_name": "Alice Smith",
                      "metadata": {"user_id": "clerk_abc"}});
    let session = client.post("/api/v1/checkout-sessions", &body).await.expect(201);
    let pay = format!("/api/v1/test-helpers/checkout-sessions/{}/pay", session["id"].as_str().unwrap());
    client.post(&pay, &json!({})).await.expect(200)
}

#[tokio::test]
async fn a_test_event_arrives_signed_in_both_ways() {
    let app = app().await;
    come_to_the_present(&app);
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook?key=1"), json!(["payment.failed"])).await;
    let delivery = ping(&client, &webhook).await;
    deliver(&app).await;
    let seen = receivers.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    let secret = webhook["secret"].as_str().unwrap();
    assert!(seen.verifies_by_standard(secret));
    assert!(seen.verifies_plainly("x-anyspend-signature", secret));
    let mut forged = seen.clone();
    forged.body = seen.body.iter().map(|byte| byte ^ 1).collect::<Vec<_>>().into();
    assert!(!forged.verifies_by_standard(secret) && !forged.verifies_plainly("x-anyspend-signature", secret));
    let body = seen.json();
    let expected = json!({
        "id": body["id"], "event": "test.ping", "type": "test.ping", "api_version": "2026-02-27", "livemode": false,
        "webhook_id": webhook["id"], "timestamp": app.now().to_iso8601(),
        "data": {"object": "ping", "message": "This is a test event."},
    });
    assert_eq!(body, expected);
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", "AnySpend-Webhooks/1"),
        ("x-anyspend-webhook-id", webhook["id"].as_str().unwrap()),
        ("x-anyspend-delivery-id", &delivery),
        ("x-anyspend-event", "test.ping"),
        ("x-anyspend-timestamp", &app.now().seconds().to_string()),
        ("x-anyspend-test", "true"),
        ("x-anyspend-signature-previous", ""),
        ("webhook-id", body["id"].as_str().unwrap()),
        ("webhook-timestamp", &app.now().seconds().to_string()),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    let log = deliveries(&client, &webhook).await;
    assert_eq!((&log[0]["status"], &log[0]["status_code"]), (&json!("success"), &json!(200)));
    assert_eq!((&log[0]["response_body"], &log[0]["error_message"]), (&json!("answer of /hook"), &Value::Null));
    let webhook = read(&client, &webhook).await;
    assert_eq!((&webhook["success_count"], &webhook["failure_count"]), (&json!(1), &json!(0)));
    assert_eq!(webhook["last_triggered_at"], app.now().to_iso8601());
}

#[tokio::test]
async fn both_secrets_sign_for_a_day_after_a_rotation_and_then_the_new_one_alone() {
    let app = app().await;
    come_to_the_present(&app);
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    let rotated = client.post(&format!("{}/rotate-secret", webhook_path(&webhook)), &json!({})).await.expect(200);
    let (old, new) = (webhook["secret"].as_str().unwrap(), rotated["secret"].as_str().unwrap());
    assert_ne!(old, new);
    assert_eq!(rotated["previous_secret_expires_at"], app.now().plus_seconds(86_400).to_iso8601());
    ping(&client, &webhook).await;
    deliver(&app).await;
    let seen = &receivers.seen()[0];
    assert!(seen.verifies_by_standard(old) && seen.verifies_by_standard(new));
    assert!(seen.verifies_plainly("x-anyspend-signature", new));
    assert!(seen.verifies_plainly("x-anyspend-signature-previous", old));
    app.advance_seconds(86_400);
    ping(&client, &webhook).await;
    deliver(&app).await;
    let seen = &receivers.seen()[1];
    assert!(seen.verifies_plainly("x-anyspend-signature", new));
    assert_eq!(seen.header("x-anyspend-signature-previous"), "");
    assert_eq!(seen.header("webhook-signature").split(' ').count(), 1);
    assert_eq!(read(&client, &webhook).await["previous_secret_expires_at"], Value::Null);
}

#[tokio::test]
async fn a_payment_is_told_with_its_transaction_and_whose_it_is() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/new"), json!(["payment.completed"])).await;
    let old = client.clone().with("anyspend-version", "2024-02-28");
    let pinned = create_webhook(&old, &receivers.url("/old"), json!(["payment.completed"])).await;
    assert_eq!(pinned["api_version"], "2024-02-28");
    create_webhook(&client, &receivers.url("/checkout"), json!(["checkout.completed", "checkout.expired"])).await;
    create_webhook(&client, &receivers.url("/other"), json!(["payment.failed", "payment.exception"])).await;
    let off = create_webhook(&client, &receivers.url("/off"), json!(["*"])).await;
    client.patch(&webhook_path(&off), &json!({"active": false})).await.expect(200);
    let stranger = app.admin().await;
    create_webhook(&stranger, &receivers.url("/stranger"), json!(["*"])).await;
    let session = buy(&client).await;
    deliver(&app).await;
    let paths: Vec<_> = receivers.seen().into_iter().map(|seen| seen.path).collect();
    let mut sorted = paths.clone();
    sorted.sort();
    assert_eq!(sorted, ["/checkout", "/new", "/old"]);

    let body = receivers.seen_at("/new")[0].json();
    assert_eq!((&body["type"], &body["webhook_id"]), (&json!("payment.completed"), &webhook["id"]));
    assert_eq!(body["timestamp"], "2026-02-27T10:30:00Z");
    let data = &body["data"];
    for (name, value) in [
        ("object", json!("transaction")),
        ("status", json!("completed")),
        ("amount", json!("25000000")),
        ("amount_usd", json!("25.00")),
        ("tx_hash", session["tx_hash"].clone()),
        ("session_id", session["id"].clone()),
        ("metadata", json!({"user_id": "clerk_abc"})),
        ("created_at", json!("2026-02-27T10:30:00Z")),
    ] {
        assert_eq!(data[name], value, "{name}: {data}");
    }
    let camel = json!({"id": session["id"], "clientReferenceId": "order_456", "metadata": {"user_id": "clerk_abc"},
                       "customerEmail": "alice@example.com", "customerName": "Alice Smith"});
    let snake = json!({"id": session["id"], "client_reference_id": "order_456", "metadata": {"user_id": "clerk_abc"},
                       "customer_email": "alice@example.com", "customer_name": "Alice Smith"});
    assert_eq!((&data["checkoutSession"], &data["checkout_session"]), (&camel, &snake));

    let body = receivers.seen_at("/old")[0].json();
    assert_eq!((&body["api_version"], &body["timestamp"]), (&json!("2024-02-28"), &json!(1_772_188_200_000_u64)));
    assert_eq!(body["data"]["created_at"], 1_772_188_200_000_u64);

    let body = receivers.seen_at("/checkout")[0].json();
    assert_eq!((&body["event"], &body["data"]["object"]), (&json!("checkout.completed"), &json!("checkout_session")));
    assert_eq!((&body["data"]["status"], &body["data"]["checkout_session"]), (&json!("completed"), &snake));
    let header = receivers.seen_at("/checkout")[0].header("x-anyspend-test").to_owned();
    assert_eq!((header.as_str(), app.count("OUTBOX#").await), ("false", 0));
    // Personal data stands in the objects, sealed, and nowhere else.
    let (table, name) = app.table();
    let rows = table.scan().table_name(name).send().await.unwrap();
    assert!(!format!("{:?}", rows.items()).contains("alice@example.com"));
}

#[tokio::test]
async fn an_endpoint_is_not_told_of_what_happened_before_it_was_made() {
    let app = app().await;
    come_to_the_present(&app);
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    buy(&client).await;
    app.advance_seconds(1);
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    deliver(&app).await;
    assert_eq!(deliveries(&client, &webhook).await.len(), 0);
    buy(&client).await;
    deliver(&app).await;
    assert_eq!(deliveries(&client, &webhook).await.len(), 2, "the payment and the checkout");
}

#[tokio::test]
async fn an_expired_session_and_a_failed_and_an_unusual_payment_are_told() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    let link = create_link(&client, json!({"amount": "100"})).await;
    let open = async || {
        let body = json!({"payment_link_id": link["id"]});
        client.post("/api/v1/checkout-sessions", &body).await.expect(201)["id"].as_str().unwrap().to_owned()
    };
    let (expired, failed, under) = (open().await, open().await, open().await);
    client.post(&format!("/api/v1/checkout-sessions/{expired}/expire"), &json!({})).await.expect(200);
    let helper = |id: &str, what: &str| format!("/api/v1/test-helpers/checkout-sessions/{id}/{what}");
    client.post(&helper(&failed, "fail"), &json!({})).await.expect(200);
    client.post(&helper(&under, "pay"), &json!({"amount": "60"})).await.expect(200);
    deliver(&app).await;
    let told: BTreeMap<String, Value> = receivers
        .seen()
        .iter()
        .map(|seen| (seen.json()["event"].as_str().unwrap().to_owned(), seen.json()["data"].clone()))
        .collect();
    let events: Vec<_> = told.keys().map(String::as_str).collect();
    assert_eq!(events, ["checkout.expired", "payment.exception", "payment.failed"]);
    assert_eq!(
        (&told["checkout.expired"]["id"], &told["checkout.expired"]["status"]),
        (&json!(expired), &json!("expired"))
    );
    assert_eq!(
        (&told["payment.failed"]["status"], &told["payment.failed"]["session_id"]),
        (&json!("failed"), &json!(failed))
    );
    assert_eq!(
        (&told["payment.exception"]["exception"], &told["payment.exception"]["session_id"]),
        (&json!("underpaid"), &json!(under))
    );
}

#[tokio::test]
async fn a_failed_attempt_is_made_again_after_a_minute_ten_minutes_and_an_hour_and_then_no_more() {
    let app = app().await;
    let receivers = Receivers::start().await;
    receivers.script("/hook", &[500]);
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    ping(&client, &webhook).await;
    deliver(&app).await;
    for (tries, seconds) in RETRY_SECONDS.into_iter().enumerate() {
        let delivery = deliveries(&client, &webhook).await.remove(0);
        assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("pending"), &json!(tries + 1)));
        app.advance_seconds(seconds - 1);
        deliver(&app).await;
        assert_eq!(receivers.seen().len(), tries + 1, "not before its time");
        // The jitter is a tenth of the pause at most.
        app.advance_seconds(1 + seconds / 10);
        deliver(&app).await;
        assert_eq!(receivers.seen().len(), tries + 2);
    }
    let delivery = deliveries(&client, &webhook).await.remove(0);
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("failed"), &json!(4)));
    assert_eq!(
        (&delivery["next_attempt_at"], &delivery["error_message"]),
        (&Value::Null, &json!("Answered with status 500."))
    );
    app.advance_seconds(86_400);
    deliver(&app).await;
    assert_eq!(receivers.seen().len(), 4);
    let seen = receivers.seen();
    assert!(seen.iter().all(|seen| seen.header("webhook-id") == seen.json()["id"]), "one id for all attempts");
    assert!(seen.iter().all(|one| one.body == seen[0].body));
    assert_ne!(seen[0].header("webhook-timestamp"), seen[1].header("webhook-timestamp"));
    let webhook = read(&client, &webhook).await;
    assert_eq!((&webhook["failure_count"], &webhook["active"]), (&json!(1), &json!(true)));
}

#[tokio::test]
async fn a_retry_that_arrives_ends_the_matter() {
    let app = app().await;
    let receivers = Receivers::start().await;
    receivers.script("/hook", &[500, 204]);
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    ping(&client, &webhook).await;
    deliver(&app).await;
    app.advance_seconds(66);
    deliver(&app).await;
    let delivery = deliveries(&client, &webhook).await.remove(0);
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("success"), &json!(2)));
    assert_eq!((&delivery["status_code"], &delivery["response_body"]), (&json!(204), &json!("")));
    let webhook = read(&client, &webhook).await;
    assert_eq!((&webhook["success_count"], &webhook["failure_count"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_merchant_can_have_a_delivery_made_again_at_once() {
    let app = app().await;
    let receivers = Receivers::start().await;
    receivers.script("/hook", &[410, 200]);
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    let delivery = ping(&client, &webhook).await;
    deliver(&app).await;
    assert_eq!(deliveries(&client, &webhook).await[0]["status"], "failed");
    assert_eq!(read(&client, &webhook).await["active"], false);
    let retry = format!("{}/deliveries/{delivery}/retry", webhook_path(&webhook));
    let again = client.clone().idempotent("r").post(&retry, &json!({})).await.expect(200);
    assert_eq!((&again["delivery"]["id"], &again["delivery"]["attempts"]), (&json!(delivery), &json!(1)));
    let expected = json!({"object": "action", "action": "webhook_delivery.retry", "webhook_id": webhook["id"],
                          "delivery_id": delivery, "status": "pending", "delivery": again["delivery"]});
    assert_eq!(again, expected);
    client.patch(&webhook_path(&webhook), &json!({"url": receivers.url("/moved")})).await.expect(200);
    deliver(&app).await;
    let moved = receivers.seen_at("/moved");
    assert_eq!(moved.len(), 1, "sent to where the endpoint is now, although it is switched off");
    assert_eq!(moved[0].body, receivers.seen_at("/hook")[0].body);
    let log = deliveries(&client, &webhook).await.remove(0);
    assert_eq!(
        (&log["status"], &log["attempts"], &log["url"]),
        (&json!("success"), &json!(2), &json!(receivers.url("/moved")))
    );
    client.clone().idempotent("r").post(&retry, &json!({})).await.expect(200);
    deliver(&app).await;
    assert_eq!(receivers.seen().len(), 2, "a replayed request asks for nothing");
}

#[tokio::test]
async fn a_410_switches_an_endpoint_off_and_says_so() {
    let app = app().await;
    let receivers = Receivers::start().await;
    receivers.script("/hook", &[410]);
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    happen(&app, &client.owner).await;
    deliver(&app).await;
    let off = read(&client, &webhook).await;
    assert_eq!((&off["active"], &off["disabled_reason"]), (&json!(false), &json!("gone")));
    assert_eq!((&off["disabled_at"], &off["failure_count"]), (&json!("2026-02-27T10:30:00Z"), &json!(1)));
    assert_eq!(audited(&app, "webhook.disabled").await, 1);
    happen(&app, &client.owner).await;
    deliver(&app).await;
    assert_eq!((receivers.seen().len(), deliveries(&client, &webhook).await.len()), (1, 1));
    receivers.script("/hook", &[200]);
    let on = client.patch(&webhook_path(&webhook), &json!({"active": true})).await.expect(200);
    assert_eq!((&on["active"], &on["disabled_reason"], &on["disabled_at"]), (&json!(true), &Value::Null, &Value::Null));
    happen(&app, &client.owner).await;
    deliver(&app).await;
    assert_eq!(receivers.seen().len(), 2);
}

/// How many audit events of a type there are.
async fn audited(app: &App, event_type: &str) -> usize {
    let (client, table) = app.table();
    let all = client.scan().table_name(table).send().await.unwrap();
    let is = |item: &&HashMap<String, AttributeValue>| {
        item.get("event_type").is_some_and(|found| found.as_s().unwrap() == event_type)
    };
    all.items().iter().filter(is).count()
}

/// Lets every attempt of what is pending fail, to the end.
async fn exhaust(app: &App) {
    deliver(app).await;
    for seconds in RETRY_SECONDS {
        app.advance_seconds(seconds + seconds / 10);
        deliver(app).await;
    }
}

#[tokio::test]
async fn ten_failed_deliveries_in_a_row_switch_an_endpoint_off_also_when_they_fail_at_once() {
    let app = app().await;
    let receivers = Receivers::start().await;
    receivers.script("/hook", &[500]);
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    for _ in 0..9 {
        happen(&app, &client.owner).await;
    }
    exhaust(&app).await;
    let nine = read(&client, &webhook).await;
    assert_eq!((&nine["active"], &nine["failure_count"]), (&json!(true), &json!(9)));
    // A success between them begins the row anew.
    receivers.script("/hook", &[200, 500]);
    happen(&app, &client.owner).await;
    deliver(&app).await;
    for _ in 0..9 {
        happen(&app, &client.owner).await;
    }
    exhaust(&app).await;
    let still = read(&client, &webhook).await;
    assert_eq!(
        (&still["active"], &still["success_count"], &still["failure_count"]),
        (&json!(true), &json!(1), &json!(18))
    );
    for _ in 0..3 {
        happen(&app, &client.owner).await;
    }
    exhaust(&app).await;
    let off = read(&client, &webhook).await;
    assert_eq!((&off["active"], &off["disabled_reason"]), (&json!(false), &json!("failing")));
    assert_eq!(off["failure_count"], 21);
    assert_eq!(audited(&app, "webhook.disabled").await, 1);
}

#[tokio::test]
async fn what_waits_for_an_endpoint_that_is_switched_off_or_deleted_fails_without_being_sent() {
    let app = app().await;
    let receivers = Receivers::start().await;
    receivers.script("/off", &[500]);
    receivers.script("/deleted", &[500]);
    let client = app.admin().await;
    let off = create_webhook(&client, &receivers.url("/off"), json!(["*"])).await;
    let deleted = create_webhook(&client, &receivers.url("/deleted"), json!(["*"])).await;
    happen(&app, &client.owner).await;
    deliver(&app).await;
    client.patch(&webhook_path(&off), &json!({"active": false})).await.expect(200);
    client.delete(&webhook_path(&deleted)).await.expect(200);
    app.advance_seconds(66);
    deliver(&app).await;
    assert_eq!(receivers.seen().len(), 2);
    let log = deliveries(&client, &off).await.remove(0);
    assert_eq!((&log["status"], &log["error_message"]), (&json!("failed"), &json!("The webhook is switched off.")));
    let deliverer = deliverer(&app);
    app.advance_seconds(LEASE_SECONDS);
    assert_eq!(deliverer.sweep().await.unwrap(), 0, "nothing is due any more");
    ping(&client, &off).await;
    deliver(&app).await;
    assert_eq!(receivers.seen_at("/off").len(), 2, "a test goes whatever the endpoint's standing");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let app = app().await;
    let receivers = Receivers::start().await;
    receivers.script("/hook", &[302]);
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    ping(&client, &webhook).await;
    deliver(&app).await;
    assert!(receivers.seen_at("/redirected").is_empty());
    let log = deliveries(&client, &webhook).await.remove(0);
    assert_eq!((&log["status"], &log["status_code"]), (&json!("pending"), &json!(302)));
}

#[tokio::test]
async fn the_first_two_kibibytes_of_an_answer_are_kept_whatever_they_are() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/long"), json!(["*"])).await;
    ping(&client, &webhook).await;
    deliver(&app).await;
    let log = deliveries(&client, &webhook).await.remove(0);
    assert_eq!(log["response_body"], "é".repeat(1_024));
}

#[tokio::test]
async fn a_live_endpoint_never_reaches_this_machine_however_it_came_into_the_table() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.merchant(Mode::Live, Permission::Admin).await;
    let id = endpoint(&app, &client.owner, &receivers.url("/hook")).await;
    happen(&app, &client.owner).await;
    deliver(&app).await;
    assert!(receivers.seen().is_empty());
    let list = client.get(&format!("{WEBHOOKS}/{id}/deliveries")).await.expect(200);
    let log = &list["data"][0];
    assert_eq!((&log["status"], &log["status_code"]), (&json!("pending"), &Value::Null));
    assert_eq!(log["error_message"], "The URL does not lead to a public address.");
}

#[tokio::test]
async fn of_a_thousand_endpoints_one_that_hangs_delays_none_of_the_others() {
    const OTHERS: usize = 999;
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let silent = endpoint(&app, &client.owner, &receivers.url("/hang")).await;
    let urls: Vec<String> = (0..OTHERS).map(|n| receivers.url(&format!("/hook/{n}"))).collect();
    for url in &urls {
        endpoint(&app, &client.owner, url).await;
    }
    happen(&app, &client.owner).await;
    let deliverer = deliverer(&app);
    deliverer.sweep().await.unwrap();
    receivers.until(|seen| seen.len() == OTHERS + 1).await;
    let arrived: std::collections::BTreeSet<_> = receivers.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(arrived.len(), OTHERS + 1, "each once");
    let log = client.get(&format!("{WEBHOOKS}/{silent}/deliveries?status=pending")).await.expect(200);
    assert_eq!(log["total_count"], 1, "it still hangs");
    receivers.release();
    deliverer.finished().await;
    let log = client.get(&format!("{WEBHOOKS}/{silent}/deliveries?status=success")).await.expect(200);
    assert_eq!((&log["total_count"], app.count("OUTBOX#").await), (&json!(1), 0));
    assert_eq!(app.count("DELIVERY#").await, OTHERS + 1);
}

/// A figure, not a promise of this test: run by name, best with `--release`, and with `--ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints how long it takes, which belongs to a machine"]
async fn the_time_from_an_event_to_the_last_of_999_endpoints_while_the_thousandth_hangs() {
    const OTHERS: usize = 999;
    const EVENTS: usize = 5;
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    endpoint(&app, &client.owner, &receivers.url("/hang")).await;
    for n in 0..OTHERS {
        endpoint(&app, &client.owner, &receivers.url(&format!("/hook/{n}"))).await;
    }
    let deliverer = deliverer(&app);
    for event in 1..=EVENTS {
        let began = std::time::Instant::now();
        happen(&app, &client.owner).await;
        let sweeping = {
            let deliverer = deliverer.clone();
            tokio::spawn(async move { deliverer.sweep().await })
        };
        let told = |seen: &[Seen]| seen.iter().filter(|seen| seen.path.starts_with("/hook/")).count();
        for (share, most) in [("half of them", OTHERS / 2), ("99 %", OTHERS * 99 / 100), ("all", OTHERS)] {
            receivers.until(|seen| told(seen) >= (event - 1) * OTHERS + most).await;
            println!("event {event}: {share} after {} ms", began.elapsed().as_millis());
        }
        sweeping.await.unwrap().unwrap();
    }
    receivers.release();
    deliverer.finished().await;
}

#[tokio::test]
async fn events_pass_by_an_endpoint_that_hangs_on_all_of_them() {
    const EVENTS: usize = 40;
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    create_webhook(&client, &receivers.url("/hang"), json!(["*"])).await;
    create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    for _ in 0..EVENTS {
        happen(&app, &client.owner).await;
    }
    let deliverer = deliverer(&app);
    deliverer.sweep().await.unwrap();
    let told = |seen: &[Seen], path: &str| seen.iter().filter(|seen| seen.path == path).count();
    receivers.until(|seen| told(seen, "/hook") == EVENTS).await;
    assert!(told(&receivers.seen(), "/hang") < EVENTS, "an endpoint is sent a few at a time");
    receivers.release();
    deliverer.finished().await;
    assert_eq!(told(&receivers.seen(), "/hang"), EVENTS);
}

#[tokio::test]
async fn however_many_sweep_at_once_each_event_is_sent_once() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    for _ in 0..30 {
        happen(&app, &client.owner).await;
    }
    for _ in 0..10 {
        ping(&client, &webhook).await;
    }
    let instances: Vec<App> = (0..4).map(|_| app.another_instance()).collect();
    let deliverers: Vec<_> = instances.iter().map(deliverer).collect();
    let sweeps = deliverers.iter().map(|deliverer| async {
        for _ in 0..3 {
            deliverer.sweep().await.unwrap();
            deliverer.finished().await;
        }
    });
    futures_util::future::join_all(sweeps).await;
    let mut ids: Vec<String> = receivers.seen().iter().map(|seen| seen.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 40);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 40);
    assert_eq!(read(&client, &webhook).await["success_count"], 40);
}

/// What must hold once nothing is under way any more: the outbox is empty, every endpoint has its delivery and it arrived,
/// and what is counted is what there is.
async fn at_rest(app: &App, client: &Client<'_>, webhooks: &[Value], what: &str) {
    assert_eq!(app.count("OUTBOX#").await, 0, "{what}");
    for webhook in webhooks {
        let log = deliveries(client, webhook).await;
        let statuses: Vec<_> = log.iter().map(|delivery| delivery["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["success"], "{what}: {log:?}");
        assert_eq!(read(client, webhook).await["success_count"], 1, "{what}");
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_point_loses_no_event_and_counts_none_twice() {
    const MOST_CALLS: u32 = 200;
    let app = app().await;
    let receivers = Receivers::start().await;
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        let mut died = 0;
        for call in 1..MOST_CALLS {
            let what = format!("{fault:?} at call {call}");
            let client = app.admin().await;
            let paths = [format!("/a/{fault:?}/{call}"), format!("/b/{fault:?}/{call}")];
            let webhooks = [
                create_webhook(&client, &receivers.url(&paths[0]), json!(["*"])).await,
                create_webhook(&client, &receivers.url(&paths[1]), json!(["*"])).await,
            ];
            let event = happen(&app, &client.owner).await;
            let dying = app.another_instance();
            dying.faults.plan(move |n, _| (n == call).then_some(fault));
            let deliverer = deliverer(&dying);
            let lived = dying
                .faults
                .until_death(async {
                    deliverer.sweep().await.unwrap();
                    deliverer.finished().await;
                })
                .await;
            deliverer.abort().await;
            if lived.is_none() {
                died += 1;
                // Whoever comes next: at once, and again when the leases of the dead have ended.
                deliver(&app).await;
                app.advance_seconds(LEASE_SECONDS);
                deliver(&app).await;
            }
            at_rest(&app, &client, &webhooks, &what).await;
            for path in &paths {
                let seen = receivers.seen_at(path);
                assert!((1..=2).contains(&seen.len()), "{what}: {}", seen.len());
                assert!(seen.iter().all(|seen| seen.header("webhook-id") == event.as_str()), "{what}");
            }
            if lived.is_some() {
                break;
            }
        }
        assert!((30..MOST_CALLS - 1).contains(&died), "{fault:?}: {died} points of death were tried");
    }
}

#[tokio::test]
async fn answers_of_the_table_that_are_lost_lose_no_event_and_count_none_twice() {
    const CALLS: u32 = 36;
    let app = app().await;
    let receivers = Receivers::start().await;
    // What is lost before it took effect is like what the process did not live to do: every third call is enough there.
    for (fault, step) in [(Fault::CutAfter, 1), (Fault::Conflict, 1), (Fault::CutBefore, 3), (Fault::Throttle, 3)] {
        for call in (1..CALLS).step_by(step) {
            let client = app.admin().await;
            let webhooks = [create_webhook(&client, &receivers.url("/a"), json!(["*"])).await];
            happen(&app, &client.owner).await;
            let shaken = app.another_instance();
            shaken.faults.plan(move |n, _| (n >= call && n < call + 2).then_some(fault));
            let deliverer = deliverer(&shaken);
            let _ = deliverer.sweep().await;
            deliverer.finished().await;
            deliver(&app).await;
            app.advance_seconds(LEASE_SECONDS);
            deliver(&app).await;
            at_rest(&app, &client, &webhooks, &format!("{fault:?} at call {call}")).await;
        }
    }
}

#[tokio::test]
async fn a_lease_that_has_ended_is_nobodys_and_its_late_holder_changes_nothing() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hang"), json!(["*"])).await;
    ping(&client, &webhook).await;
    let late = deliverer(&app);
    late.sweep().await.unwrap();
    receivers.until(|seen| seen.len() == 1).await;
    deliver(&app.another_instance()).await;
    assert_eq!(receivers.seen().len(), 1, "the lease holds");
    // The first holder is given up for dead, and another one succeeds elsewhere.
    app.advance_seconds(LEASE_SECONDS);
    client.patch(&webhook_path(&webhook), &json!({"url": receivers.url("/ok")})).await.expect(200);
    deliver(&app.another_instance()).await;
    receivers.script("/hang", &[500]);
    receivers.release();
    late.finished().await;
    let log = deliveries(&client, &webhook).await.remove(0);
    assert_eq!((&log["status"], &log["attempts"]), (&json!("success"), &json!(2)));
    let webhook = read(&client, &webhook).await;
    assert_eq!((&webhook["success_count"], &webhook["failure_count"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_delivery_costs_no_more_than_its_budget() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    let deliverer = deliverer(&app);
    deliverer.sweep().await.unwrap();
    let idle = deliverer.cost();
    happen(&app, &client.owner).await;
    deliverer.sweep().await.unwrap();
    deliverer.finished().await;
    let cost = deliverer.cost();
    let (wru, index_wru) = (cost.wru - idle.wru, cost.index_wru - idle.index_wru);
    println!("a delivery: {} + {} WRU; an idle sweep: {} calls", wru, index_wru, idle.calls);
    assert_eq!(idle.calls, 24, "eight shards of the outbox and of both queues");
    // Made and claimed in one write (1, and 2 on indexes), settled together with its endpoint (4, and 2), and the event
    // taken out of the outbox (1).
    assert!(wru + index_wru <= 10, "{wru} + {index_wru}");
}

/// A row as a stream carries it.
fn image(row: &HashMap<String, AttributeValue>) -> Value {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        other => panic!("no test has needed {other:?} yet"),
    };
    row.iter().map(|(name, held)| (name.clone(), value(held))).collect::<serde_json::Map<_, _>>().into()
}

/// What a function of this platform answers an event that sets it off.
async fn handle(app: &App, event: &Value) -> Result<Value, StoreError> {
    let trigger = serde_json::from_value(event.clone()).unwrap();
    let answer = serve::handle(&app.platform, &deliverer(app), trigger).await?;
    Ok(serde_json::to_value(answer).unwrap())
}

/// The batch a stream sends for every row whose partition begins so.
async fn batch(app: &App, prefix: &str) -> Value {
    let (client, table) = app.table();
    let all = client.scan().table_name(table).send().await.unwrap();
    let rows = all.items().iter().filter(|row| row["pk"].as_s().unwrap().starts_with(prefix));
    let records = rows.enumerate().map(|(number, row)| {
        let keys = json!({"pk": {"S": row["pk"].as_s().unwrap()}, "sk": {"S": row["sk"].as_s().unwrap()}});
        let change =
            json!({"Keys": keys, "NewImage": image(row), "SequenceNumber": number.to_string(), "SizeBytes": 1});
        json!({"eventID": number.to_string(), "eventName": "INSERT", "eventSource": "aws:dynamodb",
               "awsRegion": "us-east-1", "dynamodb": change})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_batch_of_the_stream_is_told_at_once_and_a_repeated_one_is_not_told_again() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    for _ in 0..3 {
        happen(&app, &client.owner).await;
    }
    let events = batch(&app, "OUTBOX#").await;
    ping(&client, &webhook).await;
    let asked = batch(&app, "DELIVERY#").await;
    for batch in [&events, &asked, &events, &asked] {
        assert_eq!(handle(&app, batch).await.unwrap(), json!({"batchItemFailures": []}));
        assert!(receivers.seen().len() >= 3);
    }
    assert_eq!((receivers.seen().len(), app.count("OUTBOX#").await), (4, 0));
    assert_eq!(read(&client, &webhook).await["success_count"], 4);
}

#[tokio::test]
async fn a_record_that_could_not_be_told_comes_again_and_what_is_left_is_found_by_the_sweep() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let webhook = create_webhook(&client, &receivers.url("/hook"), json!(["*"])).await;
    happen(&app, &client.owner).await;
    let events = batch(&app, "OUTBOX#").await;
    let shaken = app.another_instance();
    shaken.faults.plan(|_, _| Some(Fault::CutBefore));
    let expected = json!({"batchItemFailures": [{"itemIdentifier": "0"}]});
    assert_eq!(handle(&shaken, &events).await.unwrap(), expected);
    assert!(handle(&shaken, &json!({"source": "aws.events"})).await.is_err(), "a sweep that failed says so");
    handle(&app, &json!({"source": "aws.events"})).await.unwrap();
    at_rest(&app, &client, &[webhook], "the sweep").await;
}

#[tokio::test]
async fn the_stream_leaves_endpoints_that_were_slow_to_the_sweep() {
    let app = app().await;
    let receivers = Receivers::start().await;
    let client = app.admin().await;
    let slow = create_webhook(&client, &receivers.url("/slow"), json!(["*"])).await;
    create_webhook(&client, &receivers.url("/quick"), json!(["*"])).await;
    let (table, name) = app.table();
    table
        .update_item()
        .table_name(name)
        .key("pk", AttributeValue::S(format!("WEBHOOKS#{}#test", client.owner.org)))
        .key("sk", AttributeValue::S(slow["id"].as_str().unwrap().to_owned()))
        .update_expression("SET slow_until = :until")
        .expression_attribute_values(":until", AttributeValue::N(app.now().plus_seconds(60).millis().to_string()))
        .send()
        .await
        .unwrap();
    happen(&app, &client.owner).await;
    let events = batch(&app, "OUTBOX#").await;
    handle(&app, &events).await.unwrap();
    assert_eq!((receivers.seen_at("/quick").len(), receivers.seen_at("/slow").len()), (1, 0));
    deliver(&app).await;
    assert_eq!((receivers.seen_at("/quick").len(), receivers.seen_at("/slow").len()), (1, 1));
}
