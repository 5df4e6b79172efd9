//! What must complete a session, and what must not, each row by its name.

use crate::node::{USDC, approve, coins, execute, hex, split, transfer, transfer_from};
use crate::world::{PRICE, Record, Session, World};
use anyspend_testing::Client;
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde_json::{Value, json};

const NATIVE: &str = "0x0000000000000000000000000000000000000000";

/// What must have become of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// It is paid, by what was asked.
    Complete,
    /// It is paid, and the surplus is on record.
    CompleteOverpaid,
    /// The money is on record, and the rest is waited for.
    StayOpenUnderpaid,
    /// Nothing has happened to it, and nothing of it is on record but what was reported.
    StayOpen,
}

/// Everything a row needs.
struct Scene<'a> {
    world: &'a World,
    client: &'a Client<'a>,
    buyer: &'a str,
    stranger: &'a str,
    splitter: &'a str,
    liar: &'a str,
    picture: &'a str,
    wallet: &'a str,
    fee_dollar: &'a str,
    other_dollar: &'a str,
}

impl Scene<'_> {
    async fn session(&self) -> Session {
        self.priced_in(USDC).await
    }

    async fn priced_in(&self, token: &str) -> Session {
        let recipient = self.world.recipient();
        self.world.session(self.client, &recipient, json!({"token_address": token})).await
    }

    async fn send(&self, sent: crate::node::Sent) -> String {
        self.world.node.send(sent).await
    }
}

type Row<'a> = (&'static str, Must, LocalBoxFuture<'a, Session>);

#[tokio::test]
async fn a_session_completes_by_its_own_money_in_its_own_token_and_by_nothing_else() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let node = &world.node;
    let (buyer, stranger) = (node.wallet(1).await, node.wallet(2).await);
    let mut contracts = Vec::new();
    for name in ["Splitter", "Liar", "Picture", "Wallet", "FeeDollar", "Dollar"] {
        contracts.push(node.deploy(name).await);
    }
    for token in [USDC, &contracts[4], &contracts[5]] {
        for wallet in [&buyer, &stranger, &contracts[3]] {
            node.mint(token, wallet, 1_000 * PRICE).await;
        }
    }
    node.send(approve(&buyer, USDC, &contracts[0], 1_000 * PRICE)).await;
    node.send(approve(&buyer, USDC, &stranger, 1_000 * PRICE)).await;
    let scene = Scene {
        world: &world,
        client: &client,
        buyer: &buyer,
        stranger: &stranger,
        splitter: &contracts[0],
        liar: &contracts[1],
        picture: &contracts[2],
        wallet: &contracts[3],
        fee_dollar: &contracts[4],
        other_dollar: &contracts[5],
    };
    let mut wanted = Vec::new();
    for (what, must, act) in rows(&scene) {
        wanted.push((what, must, act.await));
    }
    let first = world.settle().await;
    assert_eq!((first.settled, first.refused), (0, 0), "nothing is final yet: {first:?}");
    let last = world.finish().await;
    let mut wrong = Vec::new();
    for (what, must, session) in &wanted {
        let read = world.read(&client, session).await;
        let records = world.records(session).await;
        if !holds(*must, &read, &records) {
            wrong.push(format!("{what}: {must:?}, but is {} with {records:?}", read["status"]));
        }
    }
    assert!(wrong.is_empty(), "{last:?}\n{}", wrong.join("\n"));
    // Whatever runs again changes nothing.
    assert_eq!((world.finish().await.settled, world.settle().await.refused), (0, 0));
}

fn holds(must: Must, session: &Value, records: &[Record]) -> bool {
    let status = session["status"].as_str().unwrap();
    let received: u64 = session["amount_received"].as_str().unwrap().parse().unwrap();
    let completed: Vec<&Record> = records.iter().filter(|record| record.status == "completed").collect();
    let unfinished = records.iter().any(|record| matches!(record.status.as_str(), "pending" | "confirming"));
    let exceptions: Vec<&str> = completed.iter().map(|record| record.exception.as_str()).collect();
    let sum: u64 = completed.iter().map(|record| record.amount.parse::<u64>().unwrap()).sum();
    if unfinished || sum != received {
        return false;
    }
    match must {
        Must::Complete => status == "completed" && exceptions.iter().all(|exception| *exception != "overpaid"),
        Must::CompleteOverpaid => status == "completed" && exceptions == ["overpaid"] && received > PRICE,
        Must::StayOpenUnderpaid => status == "open" && exceptions == ["underpaid"] && received < PRICE,
        Must::StayOpen => status == "open" && completed.is_empty() && session["tx_hash"].is_null(),
    }
}

fn rows<'a>(scene: &'a Scene<'a>) -> Vec<Row<'a>> {
    use Must::{Complete, CompleteOverpaid, StayOpen, StayOpenUnderpaid};
    vec![
        ("the amount asked for, the page closed", Complete, by_amount(scene).boxed_local()),
        ("the reference, reported", Complete, by_reference(scene).boxed_local()),
        ("the reference, the page closed", Complete, by_reference_alone(scene).boxed_local()),
        ("too much, by reference", CompleteOverpaid, paying(scene, PRICE + 10_000).boxed_local()),
        ("too little, by reference", StayOpenUnderpaid, paying(scene, PRICE - 1).boxed_local()),
        ("too little, then the rest by its own amount", Complete, in_two_payments(scene).boxed_local()),
        ("the paying wallet's signature", CompleteOverpaid, signed(scene, scene.buyer).boxed_local()),
        ("another wallet's signature", StayOpen, signed(scene, scene.stranger).boxed_local()),
        ("a bare hash of another amount", StayOpen, bare_hash(scene).boxed_local()),
        ("a token that keeps a fee", StayOpenUnderpaid, fee_on_transfer(scene).boxed_local()),
        ("a log of a contract that is not the token", StayOpen, elsewhere(scene, scene.liar).boxed_local()),
        ("an NFT's transfer", StayOpen, elsewhere(scene, scene.picture).boxed_local()),
        ("another token", StayOpen, elsewhere(scene, scene.other_dollar).boxed_local()),
        ("the token to another recipient", StayOpen, another_recipient(scene).boxed_local()),
        ("the coin instead of the token", StayOpen, coin_for_token(scene).boxed_local()),
        ("a transaction that reverted", StayOpen, reverted(scene).boxed_local()),
        ("a transfer of nothing", StayOpen, nothing(scene).boxed_local()),
        ("money from before the session", StayOpen, from_before(scene).boxed_local()),
        ("another buyer's hash", StayOpen, stolen_hash(scene).boxed_local()),
        ("another buyer's money, with one's own reference around it", StayOpen, wrapped(scene).boxed_local()),
        ("through a splitter", Complete, through_a_splitter(scene).boxed_local()),
        ("by a contract wallet, the reference inside", Complete, by_contract_wallet(scene).boxed_local()),
        ("in two halves of one transaction", Complete, in_halves(scene).boxed_local()),
        ("one transaction for two sessions: the first", Complete, two_at_once(scene, 0).boxed_local()),
        ("one transaction for two sessions: the second", Complete, two_at_once(scene, 1).boxed_local()),
        ("the coin, with the reference as data", Complete, in_coins(scene).boxed_local()),
        ("the coin, in a transaction that reverted", StayOpen, in_reverted_coins(scene).boxed_local()),
        ("the coin through a contract, which leaves no log", StayOpen, in_forwarded_coins(scene).boxed_local()),
        ("the same log signed for two sessions: the second", StayOpen, signed_twice(scene).boxed_local()),
    ]
}

async fn by_amount(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    scene.send(transfer(scene.buyer, USDC, &session.recipient, session.asked)).await;
    session
}

async fn by_reference(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    let hash = scene.send(transfer(scene.buyer, USDC, &session.recipient, PRICE).with(&session.reference)).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn by_reference_alone(scene: &Scene<'_>) -> Session {
    let recipient = scene.world.recipient();
    let _first = scene.world.session(scene.client, &recipient, json!({})).await;
    let session = scene.world.session(scene.client, &recipient, json!({})).await;
    // Less than asked and no less than owed: by its amount it could be either's, the reference is this one's.
    scene.send(transfer(scene.buyer, USDC, &recipient, PRICE).with(&session.reference)).await;
    session
}

async fn paying(scene: &Scene<'_>, amount: u64) -> Session {
    let session = scene.session().await;
    let hash = scene.send(transfer(scene.buyer, USDC, &session.recipient, amount).with(&session.reference)).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn in_two_payments(scene: &Scene<'_>) -> Session {
    let session = paying(scene, 4_000_000).await;
    scene.world.finish().await;
    assert_eq!(scene.world.read(scene.client, &session).await["amount_received"], "4000000");
    scene.send(transfer(scene.stranger, USDC, &session.recipient, 6_000_000)).await;
    session
}

async fn signed(scene: &Scene<'_>, signer: &str) -> Session {
    let session = scene.session().await;
    let hash = scene.send(transfer(scene.buyer, USDC, &session.recipient, PRICE + 10_005)).await;
    let signature = scene.world.sign(signer, &session, &hash).await;
    scene.world.report(&session, &hash, Some(signature)).await;
    session
}

async fn bare_hash(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    let hash = scene.send(transfer(scene.buyer, USDC, &session.recipient, PRICE + 10_005)).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn fee_on_transfer(scene: &Scene<'_>) -> Session {
    let session = scene.priced_in(scene.fee_dollar).await;
    let sent = transfer(scene.buyer, scene.fee_dollar, &session.recipient, PRICE).with(&session.reference);
    let hash = scene.send(sent).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn elsewhere(scene: &Scene<'_>, emitter: &str) -> Session {
    let session = scene.session().await;
    let sent = transfer(scene.buyer, emitter, &session.recipient, session.asked).with(&session.reference);
    let hash = scene.send(sent).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn another_recipient(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    let hash = scene.send(transfer(scene.buyer, USDC, scene.stranger, session.asked).with(&session.reference)).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn coin_for_token(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    let sent = coins(scene.buyer, &session.recipient, session.asked.into()).with(&session.reference);
    let hash = scene.send(sent).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn reverted(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    let sent = transfer(scene.buyer, USDC, &session.recipient, 1_000_000 * PRICE).with(&session.reference);
    let hash = scene.send(sent).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn nothing(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    // Anybody may move nothing in anybody's name: a trick to look like a payment.
    let sent = transfer_from(scene.stranger, USDC, scene.wallet, &session.recipient, 0).with(&session.reference);
    let hash = scene.send(sent).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn from_before(scene: &Scene<'_>) -> Session {
    let recipient = scene.world.recipient();
    let hash = scene.send(transfer(scene.buyer, USDC, &recipient, PRICE)).await;
    scene.world.app.advance_seconds(120);
    scene.world.node.rpc("evm_increaseTime", json!([120])).await;
    let session = scene.world.session(scene.client, &recipient, json!({})).await;
    let signature = scene.world.sign(scene.buyer, &session, &hash).await;
    scene.world.report(&session, &hash, Some(signature)).await;
    session
}

async fn stolen_hash(scene: &Scene<'_>) -> Session {
    let recipient = scene.world.recipient();
    let victim = scene.world.session(scene.client, &recipient, json!({})).await;
    let thief = scene.world.session(scene.client, &recipient, json!({})).await;
    let hash = scene.send(transfer(scene.buyer, USDC, &recipient, victim.asked)).await;
    let signature = scene.world.sign(scene.stranger, &thief, &hash).await;
    scene.world.report(&thief, &hash, Some(signature)).await;
    thief
}

async fn wrapped(scene: &Scene<'_>) -> Session {
    let recipient = scene.world.recipient();
    let victim = scene.world.session(scene.client, &recipient, json!({})).await;
    let thief = scene.world.session(scene.client, &recipient, json!({})).await;
    let sent = transfer_from(scene.stranger, USDC, scene.buyer, &recipient, victim.asked).with(&thief.reference);
    let hash = scene.send(sent).await;
    scene.world.report(&thief, &hash, None).await;
    thief
}

async fn through_a_splitter(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    let to = [session.recipient.as_str(), "0x00000000000000000000000000000000000000fe"];
    let hash = scene.send(split(scene.buyer, scene.splitter, USDC, to, [PRICE, 30_000]).with(&session.reference)).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn by_contract_wallet(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    let inner = transfer(scene.wallet, USDC, &session.recipient, PRICE).with(&session.reference);
    scene.send(execute(scene.stranger, scene.wallet, vec![inner])).await;
    session
}

async fn in_halves(scene: &Scene<'_>) -> Session {
    let session = scene.session().await;
    let half = || transfer(scene.wallet, USDC, &session.recipient, PRICE / 2);
    let sent = execute(scene.stranger, scene.wallet, vec![half(), half().with(&session.reference)]);
    let hash = scene.send(sent).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn two_at_once(scene: &Scene<'_>, which: usize) -> Session {
    let recipient = scene.world.recipient();
    let sessions = [
        scene.world.session(scene.client, &recipient, json!({})).await,
        scene.world.session(scene.client, &recipient, json!({"amount": "20000000"})).await,
    ];
    let calls =
        sessions.iter().map(|session| transfer(scene.wallet, USDC, &recipient, session.asked).with(&session.reference));
    let hash = scene.send(execute(scene.stranger, scene.wallet, calls.collect())).await;
    for session in &sessions {
        scene.world.report(session, &hash, None).await;
    }
    sessions[which].clone()
}

async fn in_coins(scene: &Scene<'_>) -> Session {
    let session = scene.priced_in(NATIVE).await;
    let hash = scene.send(coins(scene.buyer, &session.recipient, PRICE.into()).with(&session.reference)).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn in_reverted_coins(scene: &Scene<'_>) -> Session {
    // A recipient that takes no coins: the transaction says what it would have paid, and its receipt that it did not.
    let body = json!({"token_address": NATIVE});
    let session = scene.world.session(scene.client, scene.fee_dollar, body).await;
    let hash = scene.send(coins(scene.buyer, &session.recipient, PRICE.into()).with(&session.reference)).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn in_forwarded_coins(scene: &Scene<'_>) -> Session {
    let session = scene.priced_in(NATIVE).await;
    let to = [session.recipient.as_str(), "0x00000000000000000000000000000000000000fe"];
    let sent = split(scene.buyer, scene.splitter, NATIVE, to, [PRICE, 1]).with(&session.reference);
    let hash = scene.send(sent).await;
    scene.world.report(&session, &hash, None).await;
    session
}

async fn signed_twice(scene: &Scene<'_>) -> Session {
    let recipient = scene.world.recipient();
    let first = scene.world.session(scene.client, &recipient, json!({})).await;
    let second = scene.world.session(scene.client, &recipient, json!({})).await;
    let hash = scene.send(transfer(scene.buyer, USDC, &recipient, first.asked)).await;
    let signature = scene.world.sign(scene.buyer, &first, &hash).await;
    scene.world.report(&first, &hash, Some(signature)).await;
    scene.world.finish().await;
    assert_eq!(scene.world.read(scene.client, &first).await["status"], "completed");
    let signature = scene.world.sign(scene.buyer, &second, &hash).await;
    scene.world.report(&second, &hash, Some(signature)).await;
    second
}

#[tokio::test]
async fn the_victim_of_every_theft_is_paid_all_the_same() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let (buyer, stranger) = (world.node.wallet(1).await, world.node.wallet(2).await);
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    world.node.send(approve(&buyer, USDC, &stranger, 1_000 * PRICE)).await;
    let recipient = world.recipient();
    let victim = world.session(&client, &recipient, json!({})).await;
    let thief = world.session(&client, &recipient, json!({})).await;
    let sent = transfer_from(&stranger, USDC, &buyer, &recipient, victim.asked).with(&thief.reference);
    let hash = world.node.send(sent).await;
    world.report(&thief, &hash, None).await;
    world.settle().await;
    world.finish().await;
    assert_eq!(world.read(&client, &victim).await["status"], "completed");
    assert_eq!(world.read(&client, &thief).await["status"], "open");
    let records = world.records(&victim).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].payer.to_lowercase(), buyer, "the payer is the log's, not the transaction's");
}

#[tokio::test]
async fn sessions_of_one_price_ask_for_amounts_that_differ_by_less_than_a_cent() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let recipient = world.recipient();
    let mut asked = Vec::new();
    for _ in 0..30 {
        asked.push(world.session(&client, &recipient, json!({})).await.asked);
    }
    assert!(asked.iter().all(|asked| (PRICE + 1..PRICE + 10_000).contains(asked)), "the first one too: {asked:?}");
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), 30);
}

#[tokio::test]
async fn a_payment_after_the_expiry_is_found_and_recorded_as_late() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let session = world.session(&client, &world.recipient(), json!({"expires_in": 300})).await;
    world.settle().await;
    world.app.advance_seconds(3 * 86_400);
    world.node.rpc("evm_increaseTime", json!([3 * 86_400])).await;
    world.node.send(transfer(&buyer, USDC, &session.recipient, session.asked)).await;
    world.finish().await;
    let read = world.read(&client, &session).await;
    assert_eq!((&read["status"], &read["amount_received"]), (&json!("expired"), &json!(session.asked.to_string())));
    let records = world.records(&session).await;
    assert_eq!((records[0].status.as_str(), records[0].exception.as_str()), ("completed", "late"));
}

#[tokio::test]
async fn confirmations_count_up_before_a_payment_completes() {
    let world = World::start().await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let session = world.session(&client, &world.recipient(), json!({})).await;
    let hash = world.node.send(transfer(&buyer, USDC, &session.recipient, session.asked)).await;
    assert_eq!(hash, hex(&crate::node::bytes(&hash)));
    for status in ["confirming", "confirming", "completed"] {
        world.settle().await;
        assert_eq!(world.records(&session).await[0].status, status);
        let wanted = if status == "completed" { "completed" } else { "processing" };
        assert_eq!(world.read(&client, &session).await["status"], wanted);
        world.node.mine(1).await;
    }
    let read = world.read(&client, &session).await;
    assert_eq!(read["tx_hash"], hash);
    assert_eq!(read["payer_address"].as_str().unwrap().to_lowercase(), buyer);
    assert!(read["customer_id"].as_str().unwrap().starts_with("cust_"));
}
