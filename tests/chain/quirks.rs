//! A table of what endpoints do, from public reports, and what must come of honest payments: with one endpoint they settle,
//! or wait until the endpoint is well again; where two more endpoints are well, they settle; and none settles twice.

use crate::endpoints::behind;
use crate::node::{USDC, transfer};
use crate::proxy::{Malady, Proxy, Quirk};
use crate::world::{CONFIRMATIONS, PRICE, Session, World};
use anyspend_testing::Client;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

const RECEIPT: &str = "eth_getTransactionReceipt";
const TRANSACTION: &str = "eth_getTransactionByHash";
const BLOCK: &str = "eth_getBlockByNumber";
const LOGS: &str = "eth_getLogs";
/// Runs after which an honest payment is settled although an endpoint is odd.
const RUNS: u32 = 3;

/// With the odd endpoint alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alone {
    Settles,
    Waits,
}
use Alone::{Settles, Waits};

fn method(question: &Value) -> &str {
    question["method"].as_str().unwrap()
}

/// How many blocks a search of the logs is about.
fn blocks(question: &Value) -> u64 {
    let number = |name: &str| u64::from_str_radix(&question["params"][0][name].as_str().unwrap()[2..], 16).unwrap();
    if method(question) == LOGS { number("toBlock") - number("fromBlock") + 1 } else { 0 }
}

fn error(code: i64, message: &str) -> Malady {
    Malady::Body(json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}).to_string())
}

fn reply(status: u16, header: (&'static str, &str), body: &str) -> Malady {
    Malady::Reply(status, vec![(header.0, header.1.to_owned())], body.as_bytes().to_vec())
}

fn wide(most: u64, refusal: fn() -> Malady) -> Quirk {
    Box::new(move |question, _| if blocks(question) > most { refusal() } else { Malady::None })
}

fn at_first(times: u64, refusal: fn() -> Malady) -> Quirk {
    let left = AtomicU64::new(times);
    Box::new(move |_, _| {
        let refuses = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if refuses { refusal() } else { Malady::None }
    })
}

fn to(of: &'static str, malady: fn() -> Malady) -> Quirk {
    Box::new(move |question, _| if of.is_empty() || method(question) == of { malady() } else { Malady::None })
}

fn changed(of: &'static str, change: fn(&mut Value)) -> Quirk {
    Box::new(move |question, answer| {
        if of.is_empty() || method(question) == of {
            change(answer);
        }
        Malady::None
    })
}

fn null(answer: &mut Value) {
    answer["result"] = Value::Null;
}

fn limits() -> Vec<(&'static str, Alone, Quirk)> {
    vec![
        ("7 blocks", Settles, wide(7, || error(-32_602, "range 1000 exceeds limit of 7"))),
        ("logs", Settles, wide(3, || error(-32_005, "query returned more than 10000 results"))),
        (
            "bytes, with status 400",
            Settles,
            wide(5, || {
                reply(
                    400,
                    ("content-type", "application/json"),
                    r#"{"id":1,"error":{"code":-32602,"message":"Log response size exceeded."}}"#,
                )
            }),
        ),
        (
            "addresses",
            Settles,
            Box::new(|question, _| match question["params"][0]["address"].as_array() {
                Some(addresses) if addresses.len() > 1 => {
                    error(-32_602, "exceed max addresses or topics per search position")
                }
                _ => Malady::None,
            }),
        ),
        ("status 413", Settles, wide(4, || Malady::Status(413))),
        ("an answer larger than is read", Settles, wide(8, || Malady::Body(" ".repeat(9 * 1024 * 1024)))),
        ("some limit", Settles, wide(16, || error(-32_005, "limit exceeded"))),
        ("429 with Retry-After", Settles, at_first(2, || reply(429, ("retry-after", "1"), ""))),
        ("429 without", Settles, at_first(3, || Malady::Status(429))),
        ("429 in status 200", Settles, at_first(3, || error(429, "compute units per second capacity exceeded"))),
        ("a rate limit by its words", Settles, at_first(2, || error(-32_005, "request rate limited"))),
        ("429 for every search", Waits, to(LOGS, || Malady::Status(429))),
        ("503 with Retry-After", Waits, to("", || reply(503, ("retry-after", "1"), ""))),
    ]
}

fn wrong_data() -> Vec<(&'static str, Alone, Quirk)> {
    vec![
        ("null for transactions", Waits, changed(TRANSACTION, null)),
        ("null for receipts", Waits, changed(RECEIPT, null)),
        ("null for blocks", Waits, changed(BLOCK, null)),
        ("no logs, from a node behind", Waits, changed(LOGS, |answer| answer["result"] = json!([]))),
        ("another chain", Waits, changed("eth_chainId", |answer| answer["result"] = json!("0x1"))),
        ("a malformed number", Waits, changed(BLOCK, |answer| answer["result"]["number"] = json!("0xzz"))),
        ("a decimal number", Waits, changed(BLOCK, |answer| answer["result"]["number"] = json!(7))),
        (
            "no timestamps",
            Waits,
            changed(BLOCK, |answer| {
                answer["result"].as_object_mut().unwrap().remove("timestamp");
            }),
        ),
        (
            "logs told twice, once as removed",
            Settles,
            changed(LOGS, |answer| {
                let mut logs = answer["result"].as_array().cloned().unwrap();
                logs.iter_mut().for_each(|log| log["removed"] = json!(true));
                answer["result"].as_array_mut().unwrap().extend(logs);
            }),
        ),
        (
            "every log twice",
            Settles,
            changed(LOGS, |answer| {
                let logs = answer["result"].as_array().cloned().unwrap();
                answer["result"].as_array_mut().unwrap().extend(logs);
            }),
        ),
        (
            "logs from the last to the first",
            Settles,
            changed(LOGS, |answer| {
                answer["result"].as_array_mut().unwrap().reverse();
            }),
        ),
        (
            "logs of others' tokens besides",
            Settles,
            changed(LOGS, |answer| {
                let mut logs = answer["result"].as_array().cloned().unwrap();
                logs.iter_mut().for_each(|log| log["address"] = json!(format!("0x{:040x}", 7)));
                answer["result"].as_array_mut().unwrap().extend(logs);
            }),
        ),
        ("a height that goes back", Waits, changed(BLOCK, |answer| answer["result"]["number"] = json!("0x1"))),
        (
            "no finalized block",
            Settles,
            Box::new(|question, _| {
                if question["params"][0] == "finalized" { error(-32_602, "unknown block tag") } else { Malady::None }
            }),
        ),
        ("header not found", Waits, to(RECEIPT, || error(-32_000, "header not found"))),
        ("missing trie node", Waits, to(TRANSACTION, || error(-32_000, "missing trie node 1c2d (path )"))),
    ]
}

fn transport() -> Vec<(&'static str, Alone, Quirk)> {
    vec![
        ("receipts larger than is read", Waits, to(RECEIPT, || Malady::Body(" ".repeat(9 * 1024 * 1024)))),
        ("slow answers", Settles, to("", || Malady::Slow)),
        ("a half-open connection", Waits, to(LOGS, || Malady::Silence)),
        ("a broken connection", Waits, to("", || Malady::Reset)),
        ("a web page with status 502", Waits, to("", || reply(502, ("content-type", "text/html"), "<html>bad</html>"))),
        ("compressed unasked", Waits, to("", || reply(200, ("content-encoding", "gzip"), "\u{1f}\u{8b}\u{8}"))),
        ("a redirect", Waits, to("", || reply(307, ("location", "http://127.0.0.1:1/"), ""))),
        ("nothing", Waits, to("", || Malady::Body(String::new()))),
        ("a byte order mark", Settles, Box::new(|_, answer| Malady::Body(format!("\u{feff}{answer}")))),
        ("the id as text", Settles, changed("", |answer| answer["id"] = json!("1"))),
        ("no id", Waits, changed("", |answer| answer["id"] = Value::Null)),
        ("no error, said beside the result", Settles, changed("", |answer| answer["error"] = Value::Null)),
    ]
}

/// Two honest payments: one by its amount, which nobody reports, and one by reference, which is reported.
async fn pays(world: &World, client: &Client<'_>) -> [Session; 2] {
    let buyer = world.node.wallet(1).await;
    let recipient = world.recipient();
    let by_amount = world.session(client, &recipient, json!({})).await;
    let by_reference = world.session(client, &recipient, json!({})).await;
    world.node.send(transfer(&buyer, USDC, &recipient, by_amount.asked)).await;
    let sent = transfer(&buyer, USDC, &recipient, PRICE).with(&by_reference.reference);
    let hash = world.node.send(sent).await;
    world.report(&by_reference, &hash, None).await;
    world.node.mine(CONFIRMATIONS).await;
    [by_amount, by_reference]
}

async fn are_completed(world: &World, client: &Client<'_>, sessions: &[Session; 2]) -> bool {
    let mut completed = true;
    for session in sessions {
        completed &= world.read(client, session).await["status"] == "completed";
    }
    completed
}

async fn complete(world: &World, client: &Client<'_>, sessions: &[Session; 2], what: &str) {
    let mut last = None;
    for _ in 0..RUNS {
        last = Some(world.run().await);
        if are_completed(world, client, sessions).await {
            break;
        }
    }
    for session in sessions {
        assert_eq!(world.read(client, session).await["status"], "completed", "{what}: {last:?}");
        let records = world.records(session).await;
        assert_eq!(records.len(), 1, "{what}: {records:?}");
        assert_eq!(records[0].status, "completed", "{what}");
    }
}

async fn try_all(endpoints: usize, quirks: Vec<(&'static str, Alone, Quirk)>) {
    let (world, proxies): (World, Vec<Proxy>) = behind(endpoints).await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    // A second token is watched, so that there is more than one address to ask about.
    let other = json!({"token_address": format!("0x{:040x}", 0x70_4e4e)});
    world.session(&client, &world.recipient(), other).await;
    world.node.mine(40).await;
    for (what, alone, quirk) in quirks {
        let sessions = pays(&world, &client).await;
        proxies[0].has(quirk);
        if endpoints == 1 && alone == Waits {
            let run = world.run().await;
            assert!(!are_completed(&world, &client, &sessions).await, "{what}: the table says that it waits");
            for session in &sessions {
                let records = world.records(session).await;
                assert!(records.iter().all(|record| record.status != "failed"), "{what}: {run:?} {records:?}");
            }
            proxies[0].heals();
        }
        complete(&world, &client, &sessions, &format!("{what}, {endpoints} endpoints")).await;
        proxies[0].heals();
    }
}

#[tokio::test]
async fn one_endpoint_with_limits_is_asked_for_less_or_later_and_honest_payments_settle_once() {
    try_all(1, limits()).await;
}

#[tokio::test]
async fn of_three_endpoints_one_with_limits_holds_up_no_honest_payment() {
    try_all(3, limits()).await;
}

#[tokio::test]
async fn one_endpoint_with_wrong_data_delays_honest_payments_at_most_and_they_settle_once() {
    try_all(1, wrong_data()).await;
}

#[tokio::test]
async fn of_three_endpoints_one_with_wrong_data_holds_up_no_honest_payment() {
    try_all(3, wrong_data()).await;
}

#[tokio::test]
async fn one_endpoint_that_answers_oddly_delays_honest_payments_at_most_and_they_settle_once() {
    try_all(1, transport()).await;
}

#[tokio::test]
async fn of_three_endpoints_one_that_answers_oddly_holds_up_no_honest_payment() {
    try_all(3, transport()).await;
}

#[test]
fn at_least_thirty_quirks_are_tried() {
    assert!(limits().len() + wrong_data().len() + transport().len() >= 30);
}
