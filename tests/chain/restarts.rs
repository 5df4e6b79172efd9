//! A process that dies, and two that run at once: one effect each, nothing lost.

use crate::node::{USDC, transfer};
use crate::world::{PRICE, Session, World};
use anyspend_api::job::Job;
use anyspend_store::db::Item;
use anyspend_testing::Client;
use anyspend_testing::death::{Death, kill};
use anyspend_testing::faults::Fault;
use futures_util::future::join;
use serde_json::{Value, json};
use settle::Settler;
use std::collections::BTreeMap;

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
                // A new instance looks again at the last 32 final blocks, in which earlier payments of this test stand.
                assert!(at < 200, "a run has few calls");
                let client = world.app.admin().await;
                let link = link(&world, &client, json!({})).await;
                let session = session_of(&world, &client, &link).await;
                let hash = world.node.send(transfer(&buyer, USDC, &session.recipient, session.asked)).await;
                world.report(&session, &hash, None).await;
                if is_final {
                    world.node.mine(3).await;
                }
                let dying = world.app.another_instance();
                let settler = Settler::prepare(dying.platform.clone()).unwrap();
                dying.faults.plan(move |call, _| (call == at).then_some(fault));
                let _ = dying.faults.until_death(settler.run_once()).await;
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

/// Rounds of sessions that are paid while settlement is killed.
const SEEDS: u64 = 24;
/// Fewest runs that are killed in all rounds together.
const LEAST_KILLS: usize = 180;

/// A small generator of the same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn however_often_and_wherever_runs_are_killed_each_transfer_is_one_record_and_each_completion_one_use() {
    let world = World::start().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 100_000 * PRICE).await;
    let mut kills: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..SEEDS {
        let what = format!("seed {seed}");
        let mut dice = Dice(seed);
        let client = world.app.admin().await;
        let most = [1, 2, u64::MAX][usize::try_from(dice.roll(3)).unwrap()];
        let changes = if most == u64::MAX { json!({}) } else { json!({"max_uses": most}) };
        let link = link(&world, &client, changes).await;
        let (mut sessions, mut to_pay) = (Vec::new(), Vec::new());
        for place in 0..1 + usize::try_from(dice.roll(3)).unwrap() {
            let session = session_of(&world, &client, &link).await;
            // What it asks for, which names it; or sums that need its reference: enough, in two parts, twice, or too little.
            let (by_amount, amounts) = match dice.roll(6) {
                0..=1 => (true, vec![session.asked]),
                2 => (false, vec![PRICE]),
                3 => (false, vec![PRICE / 2, PRICE / 2]),
                4 => (false, vec![PRICE, PRICE]),
                _ => (false, vec![PRICE / 3]),
            };
            to_pay.extend(amounts.iter().map(|amount| (place, by_amount, *amount)));
            sessions.push((session, amounts));
        }
        let dying = world.app.another_instance();
        let mut settler = Settler::prepare(dying.platform.clone()).unwrap();
        while !to_pay.is_empty() || dice.roll(8) > 0 {
            match dice.roll(6) {
                0 if !to_pay.is_empty() => {
                    let (place, by_amount, amount) = to_pay.remove(0);
                    let session = &sessions[place].0;
                    let sent = transfer(&buyer, USDC, &session.recipient, amount);
                    let hash = world.node.send(if by_amount { sent } else { sent.with(&session.reference) }).await;
                    if dice.roll(2) == 0 && world.read(&client, session).await["status"] == "open" {
                        world.report(session, &hash, None).await;
                    }
                }
                1 => world.node.mine(1 + dice.roll(2)).await,
                _ => {
                    let death = Death::at(dice.roll(9), 1 + dice.roll(30), 1 + dice.roll(16));
                    if dice.roll(4) == 0 {
                        // A new process knows nothing of what was looked at before.
                        settler = Settler::prepare(dying.platform.clone()).unwrap();
                    }
                    let run = kill(&dying.faults, death, settler.run_once());
                    let killed = match dice.roll(3) {
                        0 => join(run, world.settler.run_once()).await.0,
                        _ => run.await,
                    };
                    *kills.entry(death.name()).or_default() += usize::from(killed.is_none());
                }
            }
        }
        for _ in 0..2 {
            world.finish().await;
        }
        check(&world, &client, &link, most, &sessions, &what).await;
    }
    println!("{kills:?}");
    assert!(kills.values().sum::<usize>() >= LEAST_KILLS && kills.len() == 5, "{kills:?}");
}

/// What must hold of a link's sessions once all that was sent is final.
async fn check(
    world: &World,
    client: &Client<'_>,
    link: &Value,
    most: u64,
    sessions: &[(Session, Vec<u64>)],
    what: &str,
) {
    let (mut completed, mut sufficient) = (0, 0);
    let rows = world.rows().await;
    let text = |row: &Item, name: &str| row.get(name).and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
    let events = |event: &str, session: &str| {
        let is = |row: &&Item| text(row, "pk").starts_with("OUTBOX#") && text(row, "event") == event;
        rows.iter().filter(is).filter(|row| text(row, "session_id") == session).count()
    };
    for (session, amounts) in sessions {
        let (id, sum) = (session.id.as_str(), amounts.iter().sum::<u64>());
        let shown = world.read(client, session).await;
        let records: Vec<_> =
            rows.iter().filter(|row| text(row, "sk") == "TX" && text(row, "session_id") == id).collect();
        let mut arrived: Vec<String> = records.iter().map(|row| text(row, "amount")).collect();
        let mut sent: Vec<String> = amounts.iter().map(ToString::to_string).collect();
        arrived.sort();
        sent.sort();
        assert_eq!(arrived, sent, "{what}: each transfer is one record of {id}");
        assert!(records.iter().all(|row| text(row, "status") == "completed"), "{what}: {records:?}");
        assert_eq!(shown["amount_received"], sum.to_string(), "{what}: {id}");
        let is_completed = shown["status"] == "completed";
        assert!(!is_completed || sum >= PRICE, "{what}: {shown}");
        sufficient += u64::from(sum >= PRICE);
        completed += u64::from(is_completed);
        let facts = |row: &&Item| {
            let sk = text(row, "sk");
            sk.contains("#completed#") && records.iter().any(|record| sk.ends_with(&text(record, "id")))
        };
        assert_eq!(rows.iter().filter(facts).count(), usize::from(is_completed), "{what}: the fact of {id}");
        let claims = |row: &&Item| text(row, "pk").starts_with("CLAIM#") && text(row, "session_id") == id;
        assert_eq!(rows.iter().filter(claims).count(), sent.len(), "{what}: the claims of {id}");
        for event in ["payment.completed", "checkout.completed"] {
            assert_eq!(events(event, id), usize::from(is_completed), "{what}: {event} of {id}");
        }
        let unusual = records.iter().filter(|row| row.contains_key("exception")).count();
        assert_eq!(events("payment.exception", id), unusual, "{what}: what was unusual of {id}");
        assert_eq!(unusual, records.len() - usize::from(is_completed), "{what}: what was unusual of {id}");
        let followed = |row: &&Item| text(row, "pk").starts_with("FOLLOW#") && text(row, "sk").ends_with(id);
        assert_eq!(rows.iter().filter(followed).count(), 0, "{what}: {id} is followed no longer");
    }
    assert_eq!(completed, most.min(sufficient), "{what}: who paid enough, as far as there were uses");
    assert_eq!(uses(client, link).await, completed, "{what}");
    let id = link["id"].as_str().unwrap();
    let stats = client.get(&format!("{LINKS}/{id}/stats")).await.expect(200);
    assert_eq!((&stats["sessions"], &stats["completed"]), (&json!(sessions.len()), &json!(completed)), "{what}");
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
    let other = Settler::prepare(other.platform.clone()).unwrap();
    for _ in 0..3 {
        join(world.run(), other.run_once()).await;
        world.node.mine(1).await;
    }
    join(world.run(), other.run_once()).await;
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
