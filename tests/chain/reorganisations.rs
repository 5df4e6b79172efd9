//! The chain changes its mind.

use crate::node::{USDC, transfer};
use crate::world::{PRICE, Session, World};
use anyspend_testing::Client;
use serde_json::json;

struct Paid {
    session: Session,
    hash: String,
    /// The transaction as it can be sent again.
    raw: serde_json::Value,
}

/// A session whose payment stands in the newest block, and was seen there.
async fn paid(world: &World, client: &Client<'_>) -> Paid {
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    // Blocks that a reorganisation can take without taking the money itself.
    world.node.mine(5).await;
    let session = world.session(client, &world.recipient(), json!({})).await;
    let hash = world.node.send(transfer(&buyer, USDC, &session.recipient, PRICE).with(&session.reference)).await;
    let raw = world.node.rpc("eth_getRawTransactionByHash", json!([hash])).await;
    world.settle().await;
    assert_eq!(world.records(&session).await[0].status, "confirming");
    Paid { session, hash, raw }
}

async fn reorganise(world: &World, depth: u64) {
    world.node.rpc("anvil_reorg", json!([depth, []])).await;
}

#[tokio::test]
async fn a_reorganised_payment_goes_back_to_confirming_and_completes_when_another_block_has_it() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let paid = paid(&world, &client).await;
    world.node.mine(1).await;
    reorganise(&world, 2).await;
    world.node.mine(5).await;
    assert_eq!(world.settle().await.settled, 0);
    let records = world.records(&paid.session).await;
    assert_eq!((records.len(), records[0].status.as_str()), (1, "confirming"));
    assert_eq!(world.read(&client, &paid.session).await["status"], "processing", "unknown is not failed");

    let again = world.node.rpc("eth_sendRawTransaction", json!([paid.raw])).await;
    assert_eq!(again, json!(paid.hash));
    world.finish().await;
    let records = world.records(&paid.session).await;
    assert_eq!((records.len(), records[0].status.as_str()), (1, "completed"));
    assert_eq!(world.read(&client, &paid.session).await["status"], "completed");
}

#[tokio::test]
async fn a_block_that_was_replaced_by_another_with_the_same_payment_counts_confirmations_anew() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let paid = paid(&world, &client).await;
    world.node.mine(1).await;
    reorganise(&world, 2).await;
    world.node.rpc("eth_sendRawTransaction", json!([paid.raw])).await;
    world.node.mine(1).await;
    assert_eq!(world.settle().await.settled, 0, "it had two confirmations before, and has at most two again");
    assert_eq!(world.records(&paid.session).await[0].status, "confirming");
    world.finish().await;
    assert_eq!(world.read(&client, &paid.session).await["status"], "completed");
    assert_eq!(world.records(&paid.session).await.len(), 1);
}

#[tokio::test]
async fn a_reorganisation_after_completion_undoes_nothing() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let paid = paid(&world, &client).await;
    world.finish().await;
    let completed = world.read(&client, &paid.session).await;
    assert_eq!(completed["status"], "completed");
    reorganise(&world, 5).await;
    world.node.mine(10).await;
    world.settle().await;
    assert_eq!(world.read(&client, &paid.session).await, completed);
    world.node.rpc("eth_sendRawTransaction", json!([paid.raw])).await;
    world.finish().await;
    assert_eq!(world.read(&client, &paid.session).await, completed, "the same transfer pays once");
    assert_eq!(world.records(&paid.session).await.len(), 1);
}

#[tokio::test]
async fn a_transaction_nobody_has_heard_of_frees_its_session_after_an_hour_and_not_before() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let session = world.session(&client, &world.recipient(), json!({"expires_in": 86_400})).await;
    world.report(&session, &format!("0x{}", "ab".repeat(32)), None).await;
    let pass = async |seconds: u64| {
        world.app.advance_seconds(seconds);
        world.node.rpc("evm_increaseTime", json!([seconds])).await;
        world.node.mine(1).await;
        world.settle().await;
        (world.read(&client, &session).await["status"].clone(), world.records(&session).await[0].status.clone())
    };
    assert_eq!(pass(0).await, (json!("processing"), "pending".to_owned()));
    assert_eq!(pass(3_500).await, (json!("processing"), "pending".to_owned()));
    world.app.advance_seconds(200);
    world.settle().await;
    assert_eq!(world.read(&client, &session).await["status"], "processing", "the chain has not come so far");
    assert_eq!(pass(200).await, (json!("open"), "failed".to_owned()));
}

#[tokio::test]
async fn a_transaction_that_waits_for_a_block_keeps_its_session_processing_however_long() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    world.node.rpc("evm_setAutomine", json!([false])).await;
    let session = world.session(&client, &world.recipient(), json!({})).await;
    // One nonce too far: no block can have it yet.
    let count = world.node.rpc("eth_getTransactionCount", json!([buyer, "latest"])).await;
    let next = u64::from_str_radix(&count.as_str().unwrap()[2..], 16).unwrap() + 1;
    let sent = transfer(&buyer, USDC, &session.recipient, PRICE).with(&session.reference);
    let hash = world.node.submit_as(sent, next).await;
    world.report(&session, &hash, None).await;
    world.app.advance_seconds(7_200);
    world.node.rpc("evm_increaseTime", json!([7_200])).await;
    world.node.mine(5).await;
    world.settle().await;
    assert_eq!(world.read(&client, &session).await["status"], "processing");
    world.node.submit(transfer(&buyer, USDC, &buyer, 1)).await;
    world.finish().await;
    assert_eq!(world.read(&client, &session).await["status"], "completed", "paid late by the clock, reported in time");
}
