//! From a link to a customer, through the API alone, and with the runner as a process.

use crate::node::{CHAIN, USDC, transfer};
use crate::world::{CONFIRMATIONS, PRICE, World};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const LINKS: &str = "/api/v1/payment-links";

#[tokio::test]
async fn a_buyer_opens_a_link_pays_by_a_wallets_button_and_is_a_customer_of_the_merchant() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let recipient = world.recipient();
    let link = json!({"name": "Premium", "amount": PRICE.to_string(), "token_address": USDC, "chain_id": CHAIN,
                      "recipient_address": recipient, "max_uses": 5});
    let link = client.post(LINKS, &link).await.expect(201);
    let payer = world.app.anonymous("192.0.2.1");
    let sessions = format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap());
    let session = payer.post(&sessions, &json!({})).await.expect(201);
    let path = format!("/api/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
    let reference = session["payment_reference"].as_str().unwrap();

    let sent = transfer(&buyer, USDC, &recipient, PRICE).with(reference);
    let hash = world.node.send(sent).await;
    let report = json!({"tx_hash": hash, "payer_address": buyer});
    let reported = payer.post(&format!("{path}/payment"), &report).await.expect(200);
    assert_eq!((&reported["status"], &reported["tx_hash"]), (&json!("processing"), &json!(hash)));
    // Twice is once.
    assert_eq!(payer.post(&format!("{path}/payment"), &report).await.expect(200)["status"], "processing");

    world.settle().await;
    assert_eq!(payer.get(&path).await.expect(200)["status"], "processing", "one confirmation is too few");
    world.node.mine(CONFIRMATIONS).await;
    world.settle().await;
    let paid = payer.get(&path).await.expect(200);
    assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("completed"), &json!(PRICE.to_string())));
    let link = client.get(&format!("{LINKS}/{}", link["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&link["uses"], &link["active"]), (&json!(1), &json!(true)));
    let seen = client.get(&format!("/api/v1/checkout-sessions/{}", session["id"].as_str().unwrap())).await.expect(200);
    assert!(seen["customer_id"].as_str().unwrap().starts_with("cust_"));
    assert_eq!(seen["payer_address"].as_str().unwrap().to_lowercase(), buyer);

    let chains = client.get("/api/v1/chains").await.expect(200);
    let chain = &chains["data"][0];
    assert_eq!(
        (&chains["total_count"], &chain["chain_id"], &chain["name"]),
        (&json!(1), &json!(CHAIN), &json!("Base"))
    );
    assert_eq!(chain["confirmations"], CONFIRMATIONS);
    assert!(chain["last_block"].as_u64().unwrap() >= CONFIRMATIONS && chain["lag_seconds"].is_u64(), "{chain}");
    assert_eq!(chain["as_of"], "2026-02-27T10:30:00Z");
}

#[tokio::test]
async fn the_amount_of_the_qr_code_is_the_sessions_own_once_it_is_chosen() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let recipient = world.recipient();
    let body = json!({"name": "Donation", "token_address": USDC, "chain_id": CHAIN, "recipient_address": recipient});
    let link = client.post(LINKS, &body).await.expect(201);
    let payer = world.app.anonymous("192.0.2.1");
    let sessions = format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap());
    let first = payer.post(&sessions, &json!({"amount": "5000000"})).await.expect(201);
    assert_eq!(first["amount_due"], "5000000");
    // The merchant's session has no price yet; the payer chooses what another one asks for.
    let open = client.post("/api/v1/checkout-sessions", &json!({"payment_link_id": link["id"]})).await.expect(201);
    assert_eq!(open["amount_due"], Value::Null);
    let details = format!("/api/v1/checkout/sessions/{}/details", open["id"].as_str().unwrap());
    let chosen = payer.post(&details, &json!({"amount": "5000000"})).await.expect(200);
    let due: u64 = chosen["amount_due"].as_str().unwrap().parse().unwrap();
    assert!((5_000_001..5_010_000).contains(&due), "{due}");
    assert_eq!(chosen["amount"], "5000000", "the price is what was chosen");
    assert!(chosen["payment_uri"].as_str().unwrap().ends_with(&format!("uint256={due}")));
}

/// A runner that is killed when the test ends. Until then it can say what it likes.
struct Runner(Child, #[expect(dead_code, reason = "held open")] BufReader<ChildStdout>);

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_runner_follows_a_chain_and_completes_what_is_paid_there() {
    // The runner's clock is the system's, and a block older than the session pays nothing.
    let node = crate::node::Node::start(CHAIN, None).await;
    node.dollars().await;
    let buyer = node.wallet(1).await;
    node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().unwrap().parent().unwrap().join("anyspend");
    assert!(binary.exists(), "build the runner first: cargo build -p anyspend-local");
    let mut child = Command::new(binary)
        .args(["--listen", "127.0.0.1:0", "--memory", "--jobs-every", "1"])
        .args(["--chain", &format!("{CHAIN}={}", node.url), "--confirmations", &format!("{CHAIN}=2")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let _runner = Runner(child, stdout);
    let ready: Value = serde_json::from_str(&line).unwrap();
    let (url, key) = (ready["url"].as_str().unwrap(), ready["api_key"].as_str().unwrap());
    let http = reqwest::Client::new();
    let recipient = "0x00000000000000000000000000000000000aaaaa";
    let body = json!({"token_address": USDC, "chain_id": CHAIN, "recipient_address": recipient, "amount": "7000000"});
    let sessions = format!("{url}/api/v1/checkout-sessions");
    let opened = http.post(&sessions).bearer_auth(key).json(&body).send().await.unwrap();
    let session: Value = opened.json().await.unwrap();
    node.send(transfer(&buyer, USDC, recipient, 7_000_000)).await;
    node.mine(1).await;
    let path = format!("{sessions}/{}", session["id"].as_str().unwrap());
    let mut status = Value::Null;
    // Nobody reported anything: what is awaited is a tick of the jobs.
    for _ in 0..600 {
        let read: Value = http.get(&path).bearer_auth(key).send().await.unwrap().json().await.unwrap();
        status = read["status"].clone();
        if status == "completed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status, "completed");
}
