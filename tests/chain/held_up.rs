//! What cannot be read, or not yet, holds up only itself: a pair, a log, a report, a backlog, an endpoint.

use crate::endpoints::behind;
use crate::node::{CHAIN, USDC, coins, transfer};
use crate::proxy::{Malady, Proxy};
use crate::world::{CONFIRMATIONS, PRICE, World};
use anyspend_api::job::{Afterwards, Job, Run};
use anyspend_domain::TransactionId;
use anyspend_domain::followed::Followed;
use anyspend_domain::transaction::TxHash;
use anyspend_store::settlement;
use anyspend_testing::Client;
use serde_json::{Value, json};
use settle::{Settler, UNSEEN_LOOKS_PER_RUN};
use std::sync::atomic::{AtomicU64, Ordering};

const LOGS: &str = "eth_getLogs";
const NATIVE: &str = "0x0000000000000000000000000000000000000000";
/// Questions of a run that do not depend on how much is followed.
const QUESTIONS_OF_ANY_RUN: u64 = 20;

async fn one_proxy() -> (World, Proxy) {
    let (world, mut proxies) = behind(1).await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    (world, proxies.remove(0))
}

async fn chain(client: &Client<'_>) -> Value {
    client.get("/api/v1/chains").await.expect(200)["data"][0].clone()
}

#[tokio::test]
async fn a_pair_with_more_transfers_in_a_block_than_an_endpoint_tells_is_given_up_and_stops_nobody() {
    let (world, proxy) = one_proxy().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    let worthless = format!("0x{:040x}", 0xbad_c01);
    let flooded = world.recipient();
    world.session(&client, &flooded, json!({"token_address": worthless})).await;
    world.settle().await;
    let watched = format!("0x{:0>64}", &flooded[2..]);
    let poisoned = u64::from_str_radix(&world.node.rpc("eth_blockNumber", json!([])).await.as_str().unwrap()[2..], 16);
    let poisoned = poisoned.unwrap() + 1;
    proxy.has(Box::new(move |question, _| {
        let filter = &question["params"][0];
        let number = |name: &str| u64::from_str_radix(&filter[name].as_str().unwrap()[2..], 16).unwrap();
        let names = |token: &Value| token == &json!(worthless);
        if question["method"] == LOGS
            && filter["address"].as_array().unwrap().iter().any(names)
            && filter["topics"][2].as_array().unwrap().iter().any(|to| *to == json!(watched))
            && (number("fromBlock")..=number("toBlock")).contains(&poisoned)
        {
            let refusal =
                json!({"id": 1, "error": {"code": -32005, "message": "query returned more than 10000 results"}});
            return Malady::Body(refusal.to_string());
        }
        Malady::None
    }));
    let session = world.session(&client, &world.recipient(), json!({})).await;
    world.node.send(transfer(&buyer, USDC, &session.recipient, session.asked)).await;
    world.node.mine(CONFIRMATIONS).await;
    let run = world.settle().await;
    assert_eq!(world.read(&client, &session).await["status"], "completed", "{run:?}");
    let chain = chain(&client).await;
    assert_eq!(chain["given_up"], 1, "{chain}");
    // From now on the pair is asked for apart, and costs a question or two.
    proxy.asked();
    world.node.mine(1).await;
    world.settle().await;
    let asked = proxy.asked()[LOGS];
    assert!(asked <= 20, "{asked} questions");
}

#[tokio::test]
async fn a_log_whose_transaction_no_node_tells_waits_by_itself() {
    let (world, proxy) = one_proxy().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    let recipient = world.recipient();
    let session = world.session(&client, &recipient, json!({})).await;
    // A bridge mints: its transaction is null for ever.
    let bridged = world.node.send(transfer(&buyer, USDC, &recipient, 77)).await;
    world.node.send(transfer(&buyer, USDC, &recipient, PRICE).with(&session.reference)).await;
    world.node.mine(CONFIRMATIONS).await;
    proxy.has(Box::new(move |question, answer| {
        if question["method"] == "eth_getTransactionByHash" && question["params"][0] == json!(bridged) {
            answer["result"] = Value::Null;
        }
        Malady::None
    }));
    let run = world.settle().await;
    assert_eq!(run.waiting, 1, "{run:?}");
    assert_eq!(world.read(&client, &session).await["status"], "completed", "{run:?}");
}

#[tokio::test]
async fn a_flood_of_made_up_reports_costs_a_bounded_number_of_questions_and_delays_no_honest_payment() {
    let (world, proxy) = one_proxy().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    let target = world.session(&client, &world.recipient(), json!({})).await;
    let db = &world.app.platform.db;
    let stored = db.find_checkout_session(&target.id, &*world.app.platform).await.unwrap().unwrap();
    let now = world.app.now();
    let flood = 3 * UNSEEN_LOOKS_PER_RUN;
    let writes: Vec<_> = (0..flood)
        .map(|at| {
            let mut hash = [9; 32];
            hash[..8].copy_from_slice(&u64::try_from(at).unwrap().to_be_bytes());
            let reported = Some(TransactionId::generate(now));
            settlement::follow(&Followed::new(&stored, TxHash::new(hash), reported, now)).unwrap()
        })
        .collect();
    for some in writes.chunks(50) {
        db.commit(some.to_vec()).await.unwrap();
    }
    let honest = world.session(&client, &world.recipient(), json!({})).await;
    let hash = world.node.send(transfer(&buyer, USDC, &honest.recipient, PRICE).with(&honest.reference)).await;
    world.report(&honest, &hash, None).await;
    world.node.mine(CONFIRMATIONS).await;
    proxy.asked();
    world.settle().await;
    assert_eq!(world.read(&client, &honest).await["status"], "completed");
    let asked: u64 = proxy.asked().values().sum();
    let most = u64::try_from(UNSEEN_LOOKS_PER_RUN).unwrap() + QUESTIONS_OF_ANY_RUN;
    assert!(asked <= most, "{asked} questions, at most {most}");
}

#[tokio::test]
async fn what_was_searched_before_an_endpoint_failed_is_not_searched_again() {
    let (world, proxy) = one_proxy().await;
    let client = world.app.admin().await;
    world.session(&client, &world.recipient(), json!({})).await;
    world.settle().await;
    world.node.mine(700).await;
    world.app.advance_seconds(2_000);
    // It tells ten blocks at once, and fails after forty searches.
    let (searches, backlog) = (AtomicU64::new(0), 700);
    proxy.searches_at_most(10);
    proxy.has(Box::new(move |question, _| {
        let fails = question["method"] == LOGS && searches.fetch_add(1, Ordering::SeqCst) >= 40;
        if fails { Malady::Status(503) } else { Malady::None }
    }));
    let before = chain(&client).await["scanned_to"].as_u64().unwrap();
    let run = world.run().await;
    assert!(run.problem.is_some(), "{run:?}");
    let kept = chain(&client).await;
    let done = kept["scanned_to"].as_u64().unwrap() - before;
    assert!((100..backlog).contains(&done), "{done} blocks are done: {kept}");
    assert!(kept["lag_seconds"].as_u64() > Some(0), "the lag is that of what was searched: {kept}");
}

#[tokio::test]
async fn a_run_fails_visibly_where_a_chain_made_no_progress_for_long() {
    let (world, proxy) = one_proxy().await;
    let client = world.app.admin().await;
    world.session(&client, &world.recipient(), json!({})).await;
    world.settle().await;
    proxy.suffers(|_, _| Malady::Status(503));
    let run = || Run::of::<Settler>(&world.app.platform, Afterwards::GoesOn);
    assert!(world.settler.run(&run()).await.is_ok(), "a short outage is delay enough");
    world.app.advance_seconds(600);
    let failed = world.settler.run(&run()).await.unwrap_err().to_string();
    assert!(failed.contains(&format!("chain {CHAIN}")), "{failed}");
    proxy.heals();
    assert!(world.settler.run(&run()).await.is_ok());
}

#[tokio::test]
async fn coins_of_the_chain_sent_from_the_code_are_found_without_a_report() {
    let (world, proxy) = one_proxy().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    let price = json!({"token_address": NATIVE, "amount": "10000000000000000"});
    let by_amount = world.session(&client, &world.recipient(), price.clone()).await;
    let by_reference = world.session(&client, &world.recipient(), price).await;
    world.node.send(coins(&buyer, &by_amount.recipient, u128::from(by_amount.asked))).await;
    let named = coins(&buyer, &by_reference.recipient, 10_000_000_000_000_000).with(&by_reference.reference);
    world.node.send(named).await;
    world.node.mine(CONFIRMATIONS).await;
    world.settle().await;
    for session in [&by_amount, &by_reference] {
        assert_eq!(world.read(&client, session).await["status"], "completed");
        assert_eq!(world.records(session).await.len(), 1);
    }
    // Blocks that were read are read once.
    world.node.mine(1).await;
    proxy.asked();
    world.settle().await;
    assert!(proxy.asked()["eth_getBlockByNumber"] <= QUESTIONS_OF_ANY_RUN);
}

#[tokio::test]
async fn a_contract_wallet_signs_for_its_payment_and_only_with_what_it_believes() {
    let (world, proxy) = one_proxy().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    let wallet = format!("0x{:040x}", 0x000c_0471_2ac7_u64);
    // Believes one signature: `return calldata[0x64..0x84] == 0x11…11 ? 0x1626ba7e : 0`.
    let believed = "11".repeat(32);
    let code = format!("0x7f{believed}60643514631626ba7e0260e01b60005260206000f3");
    world.node.rpc("anvil_setCode", json!([wallet, code])).await;
    world.node.rpc("anvil_setBalance", json!([wallet, "0xde0b6b3a7640000"])).await;
    world.node.rpc("anvil_impersonateAccount", json!([wallet])).await;
    let paid = transfer(&buyer, USDC, &wallet, 10 * PRICE);
    world.node.send(paid).await;
    for (signature, status) in [(&believed, "completed"), (&"22".repeat(32), "open")] {
        let recipient = world.recipient();
        let session = world.session(&client, &recipient, json!({})).await;
        // Nothing but the signature binds it: neither the amount nor a reference.
        let hash = world.node.send(transfer(&wallet, USDC, &recipient, PRICE - 3)).await;
        world.report(&session, &hash, Some(format!("0x{signature}{}", "33".repeat(64)))).await;
        world.node.mine(CONFIRMATIONS).await;
        // While the wallet cannot be asked, nothing is decided.
        proxy.suffers(|method, _| if method == "eth_call" { Malady::Status(503) } else { Malady::None });
        let run = world.settle().await;
        assert_eq!((run.settled, run.refused), (0, 0), "{run:?}");
        proxy.heals();
        let run = world.settle().await;
        let is_bound = status == "completed";
        assert_eq!((run.settled == 1, run.refused == 1), (is_bound, !is_bound), "{run:?}");
    }
}
