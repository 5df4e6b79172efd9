//! A process that dies, and two that run at once: one effect each, nothing lost.

use crate::node::{USDC, transfer};
use crate::world::{PRICE, Session, World};
use anyspend_testing::Client;
use anyspend_testing::faults::Fault;
use futures_util::future::join;
use serde_json::{Value, json};
use settle::Settler;

const LINKS: &str = "/api/v1/payment-links";

async fn link(world: &World, client: &Client<'_>, changes: Value) -> Value {
    let mut body = json!({
        "name": "Premium", "amount": PRICE.to_string(), "token_address": USDC, "chain_id": 8453,
        "recipient_address": world.recipient(),
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    client.post(LINKS, &body).await.expect(201)
}

async fn session_of(world: &World, client: &Client<'_>, link: &Value) -> Session {
    world.session_from(client, link).await
}

async fn uses(client: &Client<'_>, link: &Value) -> Value {
    client.get(&format!("{LINKS}/{}", link["id"].as_str().unwrap())).await.expect(200)["uses"].clone()
}

#[tokio::test]
async fn a_process_that_dies_at_any_call_of_a_run_has_settled_a_payment_once_after_the_next() {
    let world = World::start().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 100_000 * PRICE).await;
    let mut deaths = 0;
    let on_the_way = [Fault::DieBefore, Fault::DieAfter];
    let at_the_end = [Fault::DieBefore, Fault::DieAfter, Fault::CutBefore, Fault::CutAfter];
    for (is_final, faults) in [(false, &on_the_way[..]), (true, &at_the_end[..])] {
        for fault in faults.iter().copied() {
            for at in 1.. {
                assert!(at < 60, "a run has few calls");
                let client = world.app.admin().await;
                let link = link(&world, &client, json!({})).await;
                let session = session_of(&world, &client, &link).await;
                let hash = world.node.send(transfer(&buyer, USDC, &session.recipient, session.asked)).await;
                world.report(&session, &hash, None).await;
                if is_final {
                    world.node.mine(3).await;
                }
                let dying = world.app.another_instance();
                let settler = Settler::new(dying.platform.clone()).unwrap();
                dying.faults.plan(move |call, _| (call == at).then_some(fault));
                let _ = dying.faults.until_death(settler.run()).await;
                let reached = dying.faults.calls() >= at;
                world.finish().await;
                let what = format!("{fault:?} at call {at}, final: {is_final}");
                assert_eq!(world.read(&client, &session).await["status"], "completed", "{what}");
                let records = world.records(&session).await;
                let seen: Vec<_> = records.iter().map(|record| record.status.as_str()).collect();
                assert_eq!(seen, ["completed"], "{what}");
                assert_eq!(uses(&client, &link).await, 1, "{what}");
                if !reached {
                    break;
                }
                deaths += 1;
            }
        }
    }
    assert!(deaths >= 60, "{deaths}");
}

#[tokio::test]
async fn two_runs_at_once_settle_each_payment_once() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let link = link(&world, &client, json!({})).await;
    let mut sessions = Vec::new();
    for _ in 0..6 {
        let session = session_of(&world, &client, &link).await;
        world.node.send(transfer(&buyer, USDC, &session.recipient, session.asked)).await;
        sessions.push(session);
    }
    let other = world.app.another_instance();
    let other = Settler::new(other.platform.clone()).unwrap();
    for _ in 0..3 {
        join(world.run(), other.run()).await;
        world.node.mine(1).await;
    }
    join(world.run(), other.run()).await;
    world.finish().await;
    for session in &sessions {
        assert_eq!(world.read(&client, session).await["status"], "completed");
        assert_eq!(world.records(session).await.len(), 1, "{:?}", world.records(session).await);
    }
    assert_eq!(uses(&client, &link).await, 6);
}

#[tokio::test]
async fn of_five_payments_for_two_uses_two_complete_and_three_are_on_record() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let link = link(&world, &client, json!({"max_uses": 2})).await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(session_of(&world, &client, &link).await);
    }
    for session in &sessions {
        world.node.send(transfer(&buyer, USDC, &session.recipient, session.asked)).await;
    }
    world.node.mine(3).await;
    for _ in 0..3 {
        world.settle().await;
    }
    let mut seen = Vec::new();
    for session in &sessions {
        let record = world.records(session).await.remove(0);
        seen.push((world.read(&client, session).await["status"].clone(), record.exception));
    }
    assert_eq!(seen.iter().filter(|(status, _)| status == "completed").count(), 2, "{seen:?}");
    let used_up = (json!("failed"), "link_used_up".to_owned());
    assert_eq!(seen.iter().filter(|seen| **seen == used_up).count(), 3, "{seen:?}");
    assert_eq!(uses(&client, &link).await, 2);
}
