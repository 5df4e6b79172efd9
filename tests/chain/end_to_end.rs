//! From a link to a customer, through the API alone, and with the runner as a process.

use crate::node::{CHAIN, Node, USDC, transfer};
use crate::webhook_receivers::{Receivers, come_to_the_present, deliver};
use crate::world::{CONFIRMATIONS, PRICE, World};
use anyspend_testing::Reply;
use http::Method;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const LINKS: &str = "/api/v1/payment-links";
const TRANSACTIONS: &str = "/api/v1/transactions";

#[tokio::test]
async fn a_buyer_opens_a_links_page_pays_by_a_wallets_button_and_the_merchant_is_told_counts_it_and_knows_the_customer()
{
    // The present on both clocks: receivers refuse what was signed long ago.
    let world = World::with_endpoints(Node::start(CHAIN, None).await, |node| vec![node.url.clone()]).await;
    come_to_the_present(&world.app);
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let receivers = Receivers::start().await;
    let webhook = json!({"url": receivers.url("/hook"), "events": ["*"]});
    let webhook = client.post("/api/v1/webhooks", &webhook).await.expect(201);
    let recipient = world.recipient();
    let link = json!({"name": "Premium", "amount": PRICE.to_string(), "token_address": USDC, "chain_id": CHAIN,
                      "recipient_address": recipient, "max_uses": 5});
    let link = client.post(LINKS, &link).await.expect(201);
    let link_path = format!("{LINKS}/{}", link["id"].as_str().unwrap());

    // The page, its form, and the session's page.
    let payer = world.app.anonymous("192.0.2.1");
    let page = format!("/pay/{}", link["short_code"].as_str().unwrap());
    assert!(html(&payer.get(&page).await).contains("Premium"));
    let form = payer.clone().with("content-type", "application/x-www-form-urlencoded");
    let sent = form.raw(Method::POST, &page, Vec::new()).await;
    assert_eq!(sent.status, 303);
    let session_page = sent.header("location").to_owned();
    let id = session_page.strip_prefix("/pay/s/").unwrap();
    assert!(html(&payer.get(&session_page).await).contains(&recipient));
    let path = format!("/api/v1/checkout/sessions/{id}");
    let session = payer.get(&path).await.expect(200);
    let due: u64 = session["amount_due"].as_str().unwrap().parse().unwrap();
    assert_eq!((&session["status"], (PRICE + 1..PRICE + 10_000).contains(&due)), (&json!("open"), true));
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
    let transactions = client.get(TRANSACTIONS).await.expect(200);
    let [transaction] = transactions["data"].as_array().unwrap().as_slice() else { panic!("{transactions}") };
    assert_eq!((&transaction["status"], &transaction["confirmations"]), (&json!("confirming"), &json!(1)));
    assert_eq!((&transaction["tx_hash"], &transaction["completed_at"]), (&json!(hash), &Value::Null));
    assert_eq!(client.get(&link_path).await.expect(200)["uses"], 0);
    deliver(&world.app).await;
    assert!(receivers.seen().is_empty(), "nothing has happened yet");

    world.node.mine(CONFIRMATIONS).await;
    world.settle().await;
    let paid = payer.get(&path).await.expect(200);
    assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("completed"), &json!(PRICE.to_string())));
    let link = client.get(&link_path).await.expect(200);
    assert_eq!((&link["uses"], &link["active"]), (&json!(1), &json!(true)));
    let seen = client.get(&format!("/api/v1/checkout-sessions/{id}")).await.expect(200);
    assert_eq!(seen["payer_address"].as_str().unwrap().to_lowercase(), buyer);
    let stats = client.get(&format!("{link_path}/stats")).await.expect(200);
    assert_eq!(
        (&stats["views"], &stats["sessions"], &stats["completed"], &stats["total_volume"]),
        (&json!(1), &json!(1), &json!(1), &json!(PRICE.to_string()))
    );
    let customer = format!("/api/v1/customers/{}", seen["customer_id"].as_str().unwrap());
    let customer = client.get(&customer).await.expect(200);
    assert_eq!(
        (&customer["transaction_count"], &customer["total_spent"], &customer["wallet_address"]),
        (&json!(1), &json!("10.00"), &seen["payer_address"])
    );
    let transaction = format!("{TRANSACTIONS}/{}", transaction["id"].as_str().unwrap());
    let transaction = client.get(&transaction).await.expect(200);
    for (name, value) in [
        ("status", json!("completed")),
        ("amount", json!(PRICE.to_string())),
        ("tx_hash", json!(hash)),
        ("session_id", json!(id)),
        ("payment_link_id", link["id"].clone()),
        ("customer_id", seen["customer_id"].clone()),
    ] {
        assert_eq!(transaction[name], value, "{name}: {transaction}");
    }

    // Each event once, to a receiver that verifies it by the crate of Standard Webhooks, and plainly.
    deliver(&world.app).await;
    deliver(&world.app).await;
    let secret = webhook["secret"].as_str().unwrap();
    let mut told = receivers.seen();
    assert!(told.iter().all(|seen| seen.verifies_by_standard(secret)));
    assert!(told.iter().all(|seen| seen.verifies_plainly("x-anyspend-signature", secret)));
    told.sort_by_key(|seen| seen.header("x-anyspend-event").to_owned());
    let [checkout, payment] = told.as_slice() else { panic!("{told:?}") };
    let (checkout, payment) = (checkout.json(), payment.json());
    assert_eq!((&checkout["type"], &payment["type"]), (&json!("checkout.completed"), &json!("payment.completed")));
    assert_eq!((&checkout["data"]["id"], &checkout["data"]["status"]), (&json!(id), &json!("completed")));
    assert_eq!((&payment["data"]["id"], &payment["data"]["tx_hash"]), (&transaction["id"], &json!(hash)));
    assert_eq!(payment["data"]["checkout_session"]["id"], id);

    let chains = client.get("/api/v1/chains").await.expect(200);
    let chain = &chains["data"][0];
    assert_eq!(
        (&chains["total_count"], &chain["chain_id"], &chain["name"]),
        (&json!(1), &json!(CHAIN), &json!("Base"))
    );
    assert_eq!(chain["confirmations"], CONFIRMATIONS);
    assert!(chain["last_block"].as_u64().unwrap() >= CONFIRMATIONS && chain["lag_seconds"].is_u64(), "{chain}");
    assert_eq!(chain["as_of"], world.app.now().to_iso8601());
}

/// A page that is there.
#[track_caller]
fn html(reply: &Reply) -> String {
    assert_eq!(reply.status, 200);
    String::from_utf8(reply.body.clone()).unwrap()
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
    let other: u64 = first["amount_due"].as_str().unwrap().parse().unwrap();
    // The merchant's session has no price yet; the payer chooses what another one asks for.
    let open = client.post("/api/v1/checkout-sessions", &json!({"payment_link_id": link["id"]})).await.expect(201);
    assert_eq!(open["amount_due"], Value::Null);
    let details = format!("/api/v1/checkout/sessions/{}/details", open["id"].as_str().unwrap());
    let chosen = payer.post(&details, &json!({"amount": "5000000"})).await.expect(200);
    let due: u64 = chosen["amount_due"].as_str().unwrap().parse().unwrap();
    assert!((5_000_001..5_010_000).contains(&due) && due != other, "{due}, and {other} before");
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
    let node = Node::start(CHAIN, None).await;
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
