//! Payments that went wrong once, each row by its number among the cases: what happens, and what is right.

use crate::node::{USDC, transfer};
use crate::world::{CONFIRMATIONS, PRICE, Session, World};
use anyspend_api::job::Job;
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_testing::Client;
use anyspend_testing::faults::Fault;
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde_json::{Value, json};

/// What is looked at, and what it must be.
type Told = Vec<(&'static str, Value, Value)>;
type Row<'a> = (&'static str, LocalBoxFuture<'a, Told>);

struct Scene<'a> {
    world: &'a World,
    merchant: &'a Client<'a>,
    other: &'a Client<'a>,
    tester: &'a Client<'a>,
    payer: &'a Client<'a>,
    buyer: &'a str,
    small: &'a str,
}

#[tokio::test]
async fn every_payment_is_its_own_sessions_or_nobodys() {
    let world = World::start().await;
    let buyer = world.node.wallet(1).await;
    let small = world.node.deploy("Dollar").await;
    for token in [USDC, &small] {
        world.node.mint(token, &buyer, 1_000 * PRICE).await;
    }
    let merchant = world.app.merchant(Mode::Live, Permission::Admin).await;
    let other = world.app.merchant(Mode::Live, Permission::Admin).await;
    let tester = world.app.admin().await;
    let payer = world.app.anonymous("203.0.113.7");
    let scene = Scene {
        world: &world,
        merchant: &merchant,
        other: &other,
        tester: &tester,
        payer: &payer,
        buyer: &buyer,
        small: &small,
    };
    let mut wrong = Vec::new();
    for (case, act) in rows(&scene) {
        for (what, is, must) in act.await {
            if is != must {
                wrong.push(format!("{case}: {what} is {is}, and must be {must}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let again = world.finish().await;
    assert_eq!((again.settled, again.refused), (0, 0), "whatever runs again changes nothing");
}

fn rows<'a>(scene: &'a Scene<'a>) -> Vec<Row<'a>> {
    vec![
        ("1: a bare price while two sessions ask for it", bare_price_of_two(scene).boxed_local()),
        ("2: a bare price while one session asks for it", bare_price_of_one(scene).boxed_local()),
        ("3: a token without room for digits", no_room_for_digits(scene).boxed_local()),
        ("4: a stranger's quick-pay link, opened first", strangers_quick_pay(scene).boxed_local()),
        ("5: a test session, opened first", test_session(scene).boxed_local()),
        ("6: the rest of a part payment", rest_of_a_part(scene).boxed_local()),
        ("9: a part sent by address and amount alone", part_by_hand(scene).boxed_local()),
        ("18: a session in each of two organizations", two_organizations(scene).boxed_local()),
    ]
}

impl Scene<'_> {
    async fn session(&self, client: &Client<'_>, recipient: &str, changes: Value) -> Session {
        self.world.session(client, recipient, changes).await
    }

    async fn pay(&self, from: &str, session: &Session, amount: u64) -> String {
        self.world.node.send(transfer(from, USDC, &session.recipient, amount)).await
    }

    async fn status(&self, client: &Client<'_>, session: &Session) -> Value {
        self.world.read(client, session).await["status"].clone()
    }

    /// The only record of a transaction that is not failed, as the merchant sees it.
    async fn record(&self, hash: &str) -> Value {
        let list = self.merchant.get("/api/v1/transactions?status=completed&limit=100").await.expect(200);
        let of_it = list["data"].as_array().unwrap().iter().filter(|one| one["tx_hash"] == hash);
        let found: Vec<&Value> = of_it.collect();
        assert!(found.len() <= 1, "{found:?}");
        found.first().map_or(Value::Null, |found| Value::clone(found))
    }

    /// How often the merchant's endpoints are told of an exceptional payment.
    async fn told(&self, transaction: &Value) -> usize {
        let rows = self.world.rows().await;
        let is = |row: &anyspend_store::db::Item, name: &str, value: &str| {
            row.get(name).and_then(|held| held.as_s().ok()).is_some_and(|held| held == value)
        };
        let id = transaction.as_str().unwrap_or_default();
        rows.iter().filter(|row| is(row, "event", "payment.exception") && is(row, "transaction_id", id)).count()
    }

    /// Looks at what there is, twice: before it is final, and when it is.
    async fn settle(&self) {
        self.world.settle().await;
        self.world.finish().await;
    }
}

async fn bare_price_of_two(scene: &Scene<'_>) -> Told {
    let recipient = scene.world.recipient();
    let a = scene.session(scene.merchant, &recipient, json!({})).await;
    let b = scene.session(scene.merchant, &recipient, json!({})).await;
    let hash = scene.pay(scene.buyer, &b, PRICE).await;
    scene.settle().await;
    let status = (scene.status(scene.merchant, &a).await, scene.status(scene.merchant, &b).await);
    let mut told = vec![
        ("A's digits", json!(a.asked > PRICE), json!(true)),
        ("A and B", json!([status.0, status.1]), json!(["open", "open"])),
    ];
    told.extend(bound_by_a_later_report(scene, &b, &hash, "completed", Value::Null).await);
    told.push(("A", scene.status(scene.merchant, &a).await, json!("open")));
    told
}

/// What is nobody's is on record and told once; a stranger's word changes nothing, and the payer's makes it the session's.
async fn bound_by_a_later_report(
    scene: &Scene<'_>,
    session: &Session,
    hash: &str,
    status: &str,
    exception: Value,
) -> Told {
    // Another process, which remembers nothing of what it has looked at.
    let another = settle::Settler::prepare(scene.world.app.platform.clone()).unwrap();
    another.run_once().await;
    let unmatched = scene.record(hash).await;
    let told = scene.told(&unmatched["id"]).await;
    scene.world.report(session, hash, None).await;
    scene.settle().await;
    let stolen = (scene.record(hash).await["exception"].clone(), scene.status(scene.merchant, session).await);
    let signature = scene.world.sign(scene.buyer, session, hash).await;
    scene.world.report(session, hash, Some(signature)).await;
    scene.settle().await;
    let bound = scene.record(hash).await;
    vec![
        ("the record's exception", unmatched["exception"].clone(), json!("unmatched")),
        ("the record's session", unmatched["session_id"].clone(), Value::Null),
        ("the record's status", unmatched["status"].clone(), json!("completed")),
        ("told", json!(told), json!(1)),
        ("a bare hash binds", json!([stolen.0, stolen.1]), json!(["unmatched", "open"])),
        ("the same record goes on", bound["id"].clone(), unmatched["id"].clone()),
        ("its session then", bound["session_id"].clone(), json!(session.id.to_string())),
        ("its exception then", bound["exception"].clone(), exception),
        ("the session", scene.status(scene.merchant, session).await, json!(status)),
    ]
}

async fn part_by_hand(scene: &Scene<'_>) -> Told {
    let recipient = scene.world.recipient();
    let session = scene.session(scene.merchant, &recipient, json!({"amount": "25000000"})).await;
    let hash = scene.pay(scene.buyer, &session, 10_000_000).await;
    scene.settle().await;
    bound_by_a_later_report(scene, &session, &hash, "open", json!("underpaid")).await
}

async fn bare_price_of_one(scene: &Scene<'_>) -> Told {
    let recipient = scene.world.recipient();
    let only = scene.session(scene.merchant, &recipient, json!({})).await;
    scene.pay(scene.buyer, &only, PRICE).await;
    scene.settle().await;
    // One that was opened after the block could not be meant, and one that is paid means it no more.
    let next = scene.session(scene.merchant, &recipient, json!({})).await;
    scene.pay(scene.buyer, &next, PRICE).await;
    let late = scene.session(scene.merchant, &scene.world.recipient(), json!({})).await;
    scene.settle().await;
    vec![
        ("asks for the bare price", json!(only.asked == PRICE), json!(false)),
        ("the only session", scene.status(scene.merchant, &only).await, json!("completed")),
        ("the next one", scene.status(scene.merchant, &next).await, json!("completed")),
        ("another recipient's", scene.status(scene.merchant, &late).await, json!("open")),
    ]
}

async fn no_room_for_digits(scene: &Scene<'_>) -> Told {
    let recipient = scene.world.recipient();
    let price = json!({"token_address": scene.small, "amount": "5000"});
    let stranger = scene.session(scene.merchant, &recipient, price.clone()).await;
    let b = scene.session(scene.merchant, &recipient, price).await;
    let view = scene.payer.get(&format!("/api/v1/checkout/sessions/{}", b.id)).await.expect(200);
    let page = scene.payer.get(&format!("/pay/s/{}", b.id)).await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    // By hand it could be either's.
    scene.world.node.send(transfer(scene.buyer, scene.small, &recipient, 5_000)).await;
    scene.settle().await;
    let by_hand = (scene.status(scene.merchant, &stranger).await, scene.status(scene.merchant, &b).await);
    scene.world.node.send(transfer(scene.buyer, scene.small, &recipient, 5_000).with(&b.reference)).await;
    scene.settle().await;
    vec![
        ("the view's code", view["payment_uri"].clone(), Value::Null),
        ("the view's reference", json!(view["payment_reference"] == b.reference.as_str()), json!(true)),
        ("a code on the page", json!(page.contains("class=\"qr\"") || page.contains("ethereum:")), json!(false)),
        ("an amount to copy", json!(page.contains("data-copy")), json!(false)),
        ("a button with the reference", json!(page.contains(b.reference.trim_start_matches("0x"))), json!(true)),
        ("paid by hand", json!([by_hand.0, by_hand.1]), json!(["open", "open"])),
        ("B", scene.status(scene.merchant, &b).await, json!("completed")),
        ("the stranger's", scene.status(scene.merchant, &stranger).await, json!("open")),
    ]
}

async fn strangers_quick_pay(scene: &Scene<'_>) -> Told {
    let recipient = scene.world.recipient();
    let quick = async |amount: u64| {
        let body = json!({"recipient_address": recipient, "amount": amount.to_string()});
        let link = scene.payer.post("/api/v1/quick-pay", &body).await.expect(201);
        let path = format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap());
        scene.payer.post(&path, &json!({})).await.expect(201)
    };
    let read = async |session: &Value| {
        let path = format!("/api/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
        scene.payer.get(&path).await.expect(200)["status"].clone()
    };
    let theirs = quick(PRICE).await;
    let mine = scene.session(scene.merchant, &recipient, json!({})).await;
    scene.pay(scene.buyer, &mine, PRICE).await;
    scene.settle().await;
    // A quick-pay link is paid as well where no session of the merchant could be meant.
    let another = quick(7_000_000).await;
    let asked = another["amount_due"].as_str().unwrap().parse().unwrap();
    scene.pay(scene.buyer, &mine, asked).await;
    scene.settle().await;
    vec![
        ("the merchant's", scene.status(scene.merchant, &mine).await, json!("completed")),
        ("the stranger's", read(&theirs).await, json!("open")),
        ("a quick-pay link's own", read(&another).await, json!("completed")),
    ]
}

async fn test_session(scene: &Scene<'_>) -> Told {
    let recipient = scene.world.recipient();
    // A price with room for one digit only: whoever comes first would leave none.
    let tight = json!({"token_address": scene.small, "amount": "10000"});
    let test = scene.session(scene.tester, &recipient, tight.clone()).await;
    let live = scene.session(scene.merchant, &recipient, tight).await;
    scene.world.node.send(transfer(scene.buyer, scene.small, &recipient, live.asked)).await;
    scene.settle().await;
    vec![
        ("asked in test and live", json!([test.asked, live.asked]), json!([10_001, 10_001])),
        ("the live session", scene.status(scene.merchant, &live).await, json!("completed")),
        ("the test session", scene.status(scene.tester, &test).await, json!("open")),
    ]
}

async fn rest_of_a_part(scene: &Scene<'_>) -> Told {
    let recipient = scene.world.recipient();
    let b = scene.session(scene.merchant, &recipient, json!({"amount": "25000000"})).await;
    let part = transfer(scene.buyer, USDC, &recipient, 10_000_000).with(&b.reference);
    scene.world.node.send(part).await;
    scene.settle().await;
    let asked =
        scene.payer.get(&format!("/api/v1/checkout/sessions/{}", b.id)).await.expect(200)["payment_uri"].clone();
    let rest: u64 = asked.as_str().unwrap().rsplit('=').next().unwrap().parse().unwrap();
    let stranger = scene.session(scene.merchant, &recipient, json!({"amount": "15000000"})).await;
    scene.pay(scene.buyer, &b, 15_000_000).await;
    scene.settle().await;
    vec![
        ("the rest has digits", json!(rest > 15_000_000 && rest < 15_010_000), json!(true)),
        ("B", scene.status(scene.merchant, &b).await, json!("completed")),
        ("the stranger's", scene.status(scene.merchant, &stranger).await, json!("open")),
    ]
}

async fn two_organizations(scene: &Scene<'_>) -> Told {
    let recipient = scene.world.recipient();
    let first = scene.session(scene.merchant, &recipient, json!({})).await;
    scene.world.app.advance_seconds(1);
    scene.world.node.rpc("evm_increaseTime", json!([1])).await;
    let second = scene.session(scene.other, &recipient, json!({})).await;
    let hash = scene.pay(scene.buyer, &first, PRICE).await;
    scene.settle().await;
    // The payer's word for another organization comes too late: the transfer has paid.
    let signature = scene.world.sign(scene.buyer, &second, &hash).await;
    scene.world.report(&second, &hash, Some(signature)).await;
    scene.settle().await;
    vec![
        ("who named it first", scene.status(scene.merchant, &first).await, json!("completed")),
        ("the other", scene.status(scene.other, &second).await, json!("open")),
    ]
}

#[tokio::test]
async fn a_process_that_dies_at_any_call_has_recorded_what_is_nobodys_once_and_bound_it_once_after_the_next() {
    let world = World::start().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 100_000 * PRICE).await;
    let mut deaths = 0;
    for (binds, fault) in [(false, Fault::DieBefore), (false, Fault::DieAfter), (true, Fault::DieAfter)] {
        for at in 1.. {
            assert!(at < 80, "a run has few calls");
            let client = world.app.admin().await;
            let recipient = world.recipient();
            let sessions = [
                world.session(&client, &recipient, json!({})).await,
                world.session(&client, &recipient, json!({})).await,
            ];
            let hash = world.node.send(transfer(&buyer, USDC, &recipient, PRICE)).await;
            world.node.mine(CONFIRMATIONS).await;
            if binds {
                world.settle().await;
                let signature = world.sign(&buyer, &sessions[1], &hash).await;
                world.report(&sessions[1], &hash, Some(signature)).await;
            }
            let dying = world.app.another_instance();
            let settler = settle::Settler::prepare(dying.platform.clone()).unwrap();
            dying.faults.plan(move |call, _| (call == at).then_some(fault));
            let _ = dying.faults.until_death(settler.run_once()).await;
            let reached = dying.faults.calls() >= at;
            world.finish().await;
            let what = format!("{fault:?} at call {at}, binds: {binds}");
            let list = client.get("/api/v1/transactions").await.expect(200);
            let seen: Vec<_> = list["data"].as_array().unwrap().iter().collect();
            assert_eq!(seen.len(), 1, "{what}: {seen:?}");
            let (exception, status) = if binds { (Value::Null, "completed") } else { (json!("unmatched"), "open") };
            assert_eq!((&seen[0]["exception"], &seen[0]["status"]), (&exception, &json!("completed")), "{what}");
            assert_eq!(world.read(&client, &sessions[0]).await["status"], "open", "{what}");
            assert_eq!(world.read(&client, &sessions[1]).await["status"], status, "{what}");
            if !reached {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths >= 30, "{deaths}");
}
