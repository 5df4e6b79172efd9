//! `/transactions`: what is read of payments.

use crate::{RECIPIENT, USDC_ON_BASE, app, create_link, path_of};
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_testing::Client;
use serde_json::{Value, json};

pub(crate) const TRANSACTIONS: &str = "/api/v1/transactions";
const SESSIONS: &str = "/api/v1/checkout-sessions";
pub(crate) const WALLET: &str = "0x00000000000000000000000000000000000000aa";

/// Opens a session and takes it through a test helper.
pub(crate) async fn simulate(client: &Client<'_>, session: Value, helper: &str, body: Value) -> Value {
    let session = client.post(SESSIONS, &session).await.expect(201);
    let path = format!("/api/v1/test-helpers/checkout-sessions/{}/{helper}", session["id"].as_str().unwrap());
    client.post(&path, &body).await.expect(200)
}

/// A payment of a link.
pub(crate) async fn pay(client: &Client<'_>, link: &Value, body: Value) -> Value {
    simulate(client, json!({"payment_link_id": link["id"]}), "pay", body).await
}

async fn listed(client: &Client<'_>, query: &str) -> Vec<Value> {
    let list = client.get(&format!("{TRANSACTIONS}{query}")).await.expect(200);
    assert_eq!(list["total_count"], list["data"].as_array().unwrap().len(), "{query}");
    list["data"].as_array().unwrap().clone()
}

fn tx_hashes(rows: &[Value]) -> Vec<Value> {
    rows.iter().map(|row| row["tx_hash"].clone()).collect()
}

#[tokio::test]
async fn a_payment_is_retrieved_and_listed_with_all_that_is_known_of_it() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let session = json!({"payment_link_id": link["id"], "metadata": {"plan": "pro"}});
    let session = simulate(&client, session, "pay", json!({"payer_address": WALLET})).await;
    let rows = listed(&client, "").await;
    let shown = &rows[0];
    for (name, value) in [
        ("object", json!("transaction")),
        ("livemode", json!(false)),
        ("status", json!("completed")),
        ("amount", json!("10000000")),
        ("amount_usd", json!("10.00")),
        ("token_address", json!(USDC_ON_BASE)),
        ("chain_id", json!(8453)),
        ("tx_hash", session["tx_hash"].clone()),
        ("payer_address", json!(WALLET)),
        ("from_address", json!(WALLET)),
        ("recipient_address", json!(RECIPIENT)),
        ("to_address", json!(RECIPIENT)),
        ("customer_id", session["customer_id"].clone()),
        ("payment_link_id", link["id"].clone()),
        ("session_id", session["id"].clone()),
        ("metadata", json!({"plan": "pro"})),
        ("exception", Value::Null),
        ("created_at", json!("2026-02-27T10:30:00Z")),
        ("completed_at", json!("2026-02-27T10:30:00Z")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let path = format!("{TRANSACTIONS}/{}", shown["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.expect(200), *shown);
    let earlier = client.clone().with("anyspend-version", "2024-02-28").get(&path).await.expect(200);
    assert_eq!(
        (&earlier["created_at"], &earlier["token_address"]),
        (&json!(1_772_188_200_000_u64), &json!(USDC_ON_BASE.to_lowercase()))
    );
}

#[tokio::test]
async fn transactions_of_another_merchant_or_mode_do_not_exist() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    pay(&client, &link, json!({})).await;
    let id = listed(&client, "").await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("{TRANSACTIONS}/{id}");
    let stranger = app.admin().await;
    let live = anyspend_domain::Owner { mode: Mode::Live, ..client.owner.clone() };
    let live = app.key(&live, Permission::Read).await;
    for other in [&stranger, &live] {
        other.get(&path).await.expect_error(404, "resource_not_found");
        assert!(listed(other, "").await.is_empty());
        assert_eq!(other.get(&format!("{TRANSACTIONS}/stats")).await.expect(200)["total_transactions"], 0);
    }
    for unknown in ["tx_x", "tx_01ARZ3NDEKTSV4RRFFQ69G5FAV", "statz"] {
        client.get(&format!("{TRANSACTIONS}/{unknown}")).await.expect_error(404, "resource_not_found");
    }
}

#[tokio::test]
async fn transactions_are_listed_newest_first_and_every_filter_narrows_the_list() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let other =
        create_link(&client, json!({"chain_id": 1, "token_address": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"}))
            .await;
    let mut made = Vec::new();
    for (link, payer) in [(&link, WALLET), (&link, RECIPIENT), (&other, WALLET)] {
        made.push(pay(&client, link, json!({"payer_address": payer})).await);
        app.advance_seconds(3_600);
    }
    let failed = simulate(&client, json!({"payment_link_id": link["id"]}), "fail", json!({})).await;
    let rows = listed(&client, "").await;
    let hashes: Vec<Value> = rows.iter().skip(1).map(|row| row["tx_hash"].clone()).collect();
    assert_eq!(hashes, made.iter().rev().map(|session| session["tx_hash"].clone()).collect::<Vec<_>>());
    assert_eq!((&rows[0]["status"], &rows[0]["session_id"]), (&json!("failed"), &failed["id"]));
    assert_eq!(
        tx_hashes(&listed(&client, "?order=asc").await),
        tx_hashes(&rows.iter().rev().cloned().collect::<Vec<_>>())
    );

    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let customer = id(&made[0]["customer_id"]);
    for (query, wanted) in [
        ("?status=failed".to_owned(), vec![&rows[0]]),
        ("?status=completed&chain_id=8453".to_owned(), vec![&rows[2], &rows[3]]),
        ("?status=pending".to_owned(), vec![]),
        (format!("?customer_id={customer}"), vec![&rows[1], &rows[3]]),
        (format!("?customer_id={customer}&payment_link_id={}", id(&link["id"])), vec![&rows[3]]),
        (format!("?payment_link_id={}", id(&other["id"])), vec![&rows[1]]),
        ("?from=2026-02-27T11:30:00Z&to=2026-02-27T12:30:00Z".to_owned(), vec![&rows[1], &rows[2]]),
        ("?from=2026-02-27&to=2026-02-27".to_owned(), vec![&rows[0], &rows[1], &rows[2], &rows[3]]),
        (format!("?to={}", 1_772_188_200_000_u64), vec![&rows[3]]),
        ("?from=2026-02-28".to_owned(), vec![]),
    ] {
        assert_eq!(listed(&client, &query).await.iter().collect::<Vec<_>>(), wanted, "{query}");
    }
    let page = client.get(&format!("{TRANSACTIONS}?limit=3&page=2")).await.expect(200);
    assert_eq!((&page["data"], &page["total_count"]), (&json!([rows[3]]), &json!(4)));
    for (query, param) in [
        ("status=paid", "status"),
        ("customer_id=cust_x", "customer_id"),
        ("payment_link_id=x", "payment_link_id"),
        ("chain_id=base", "chain_id"),
        ("from=yesterday", "from"),
        ("limit=0", "limit"),
        ("sort=amount", "sort"),
    ] {
        let reply = client.get(&format!("{TRANSACTIONS}?{query}")).await;
        assert_eq!(reply.expect(400)["error"]["param"], param, "{query}");
    }
}

#[tokio::test]
async fn the_stats_count_what_there_is_and_add_up_what_arrived() {
    let app = app().await;
    let client = app.admin().await;
    let empty = client.get(&format!("{TRANSACTIONS}/stats")).await.expect(200);
    assert_eq!(
        (&empty["total_transactions"], &empty["total_volume_usd"], &empty["status_breakdown"]["completed"]),
        (&json!(0), &json!("0.00"), &json!(0))
    );
    let link = create_link(&client, json!({})).await;
    pay(&client, &link, json!({})).await;
    app.advance_seconds(24 * 3_600);
    // Money that came otherwise than asked for is money that came.
    pay(&client, &link, json!({"amount": "2500000"})).await;
    simulate(&client, json!({"payment_link_id": link["id"]}), "fail", json!({})).await;
    // Of no known price.
    let native = json!({"token_address": "0x0000000000000000000000000000000000000000", "chain_id": 8453,
        "recipient_address": RECIPIENT, "amount": "7000000000000000000"});
    simulate(&client, native, "pay", json!({})).await;
    let stats = client.get(&format!("{TRANSACTIONS}/stats")).await.expect(200);
    let day = json!({"transactions": 3, "completed": 2, "volume_usd": "2.50", "volumeUsd": "2.50"});
    let statuses = json!({"pending": 0, "confirming": 0, "completed": 3, "failed": 1});
    assert_eq!(
        stats,
        json!({
            "object": "transaction_stats",
            "total_transactions": 4, "totalTransactions": 4,
            "completed_transactions": 3, "completedTransactions": 3,
            "failed_transactions": 1, "failedTransactions": 1,
            "pending_transactions": 0, "pendingTransactions": 0,
            "total_volume_usd": "12.50", "totalVolumeUsd": "12.50",
            "last_24h": day, "last24h": day,
            "status_breakdown": statuses, "statusBreakdown": statuses,
        })
    );
    let error = client.get(&format!("{TRANSACTIONS}/stats?days=3")).await.expect_error(400, "unknown_parameter");
    assert_eq!(error["param"], "days");
}

#[tokio::test]
async fn a_deleted_links_transactions_stay() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    pay(&client, &link, json!({})).await;
    client.delete(&path_of(&link)).await.expect(200);
    let query = format!("?payment_link_id={}", link["id"].as_str().unwrap());
    assert_eq!(listed(&client, &query).await.len(), 1);
}
