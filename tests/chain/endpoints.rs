//! Endpoints that err, lie, lag and fall silent delay a payment and decide nothing.

use crate::node::{CHAIN, Node, USDC, transfer};
use crate::proxy::{Malady, Proxy};
use crate::world::{CONFIRMATIONS, PRICE, Session, World, platform, start};
use anyspend_api::job::Job;
use anyspend_domain::chain::{ChainAccess, Chains};
use anyspend_testing::{App, Client};
use serde_json::{Value, json};
use settle::Settler;
use std::collections::BTreeMap;

/// A world behind proxies.
pub(crate) async fn behind(count: usize) -> (World, Vec<Proxy>) {
    let node = Node::start(CHAIN, Some(start())).await;
    let mut proxies = Vec::new();
    for _ in 0..count {
        proxies.push(Proxy::before(&node.url).await);
    }
    let urls = proxies.iter().map(|proxy| proxy.url.clone()).collect();
    (World::with_endpoints(node, |_| urls).await, proxies)
}

/// A session with a payment that is reported and final.
async fn paid(world: &World, client: &Client<'_>) -> Session {
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let session = world.session(client, &world.recipient(), json!({})).await;
    let hash = world.node.send(transfer(&buyer, USDC, &session.recipient, PRICE).with(&session.reference)).await;
    world.report(&session, &hash, None).await;
    world.node.mine(CONFIRMATIONS).await;
    session
}

/// Nothing was decided: the payer still waits.
async fn undecided(world: &World, client: &Client<'_>, session: &Session, what: &str) {
    let run = world.run().await;
    let records = world.records(session).await;
    let status = world.read(client, session).await["status"].clone();
    assert_eq!((run.settled, run.refused), (0, 0), "{what}: {run:?}");
    assert_eq!((status, records.len()), (json!("processing"), 1), "{what}: {records:?}");
    assert!(matches!(records[0].status.as_str(), "pending" | "confirming"), "{what}: {records:?}");
}

async fn completes(world: &World, client: &Client<'_>, session: &Session, what: &str) {
    let run = world.run().await;
    assert_eq!(world.read(client, session).await["status"], "completed", "{what}: {run:?}");
    assert_eq!(world.records(session).await.len(), 1, "{what}");
}

type Doctor = fn(&str, &mut Value) -> Malady;

const RECEIPT: &str = "eth_getTransactionReceipt";
const TRANSACTION: &str = "eth_getTransactionByHash";
const BLOCK: &str = "eth_getBlockByNumber";
const LOGS: &str = "eth_getLogs";

#[tokio::test]
async fn nothing_one_endpoint_does_wrong_fails_a_payment_and_once_it_is_right_the_payment_completes() {
    let (world, proxies) = behind(1).await;
    let client = world.app.admin().await;
    let rows: Vec<(&str, Doctor)> =
        vec![
            ("null for a receipt", |method, answer| {
                only(method == RECEIPT, answer, |answer| answer["result"] = Value::Null)
            }),
            ("null for a transaction", |method, answer| {
                only(method == TRANSACTION, answer, |answer| answer["result"] = Value::Null)
            }),
            ("null for everything", |_, answer| only(true, answer, |answer| answer["result"] = Value::Null)),
            ("an error with status 200", |_, answer| {
                only(true, answer, |answer| {
                    *answer = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "x"}});
                })
            }),
            ("an error for receipts", |method, answer| {
                only(method == RECEIPT, answer, |answer| *answer = json!({"id": 1, "error": {"code": -32005}}))
            }),
            ("status 503", |_, _| Malady::Status(503)),
            ("status 429 for receipts", |method, _| if method == RECEIPT { Malady::Status(429) } else { Malady::None }),
            ("a web page", |_, _| Malady::Body("<html>busy</html>".to_owned())),
            ("half an answer", |method, answer| {
                if method == RECEIPT { Malady::Body(answer.to_string()[..200].to_owned()) } else { Malady::None }
            }),
            ("an endless answer", |method, _| {
                if method == RECEIPT { Malady::Body(" ".repeat(9 * 1024 * 1024)) } else { Malady::None }
            }),
            ("a number where an object belongs", |_, answer| only(true, answer, |answer| answer["result"] = json!(7))),
            ("the answer to another question", |_, answer| only(true, answer, |answer| answer["id"] = json!(2))),
            ("another chain", |method, answer| {
                only(method == "eth_chainId", answer, |answer| answer["result"] = json!("0x1"))
            }),
            ("the receipt of another transaction", |method, answer| {
                only(method == RECEIPT, answer, |answer| {
                    answer["result"]["transactionHash"] = json!(format!("0x{:064x}", 1));
                })
            }),
            ("a receipt without a status", |method, answer| {
                only(method == RECEIPT, answer, |answer| answer["result"]["status"] = Value::Null)
            }),
            ("a block that is not the chain's", |method, answer| {
                only(method == RECEIPT, answer, |answer| {
                    let other = json!(format!("0x{:064x}", 1));
                    answer["result"]["blockHash"] = other.clone();
                    for log in answer["result"]["logs"].as_array_mut().unwrap() {
                        log["blockHash"] = other.clone();
                    }
                })
            }),
            ("a height that stands still", |method, answer| {
                only(method == BLOCK, answer, |answer| answer["result"]["number"] = json!("0x1"))
            }),
        ];
    for (what, doctor) in rows {
        let session = paid(&world, &client).await;
        proxies[0].suffers(doctor);
        undecided(&world, &client, &session, what).await;
        proxies[0].heals();
        completes(&world, &client, &session, what).await;
    }
}

fn only(when: bool, answer: &mut Value, change: impl FnOnce(&mut Value)) -> Malady {
    if when && answer.get("error").is_none() {
        change(answer);
    }
    Malady::None
}

#[tokio::test]
async fn an_endpoint_that_never_answers_delays_a_payment() {
    let (world, proxies) = behind(1).await;
    let client = world.app.admin().await;
    let session = paid(&world, &client).await;
    proxies[0].suffers(|method, _| if method == RECEIPT { Malady::Silence } else { Malady::None });
    undecided(&world, &client, &session, "silence").await;
    proxies[0].heals();
    completes(&world, &client, &session, "silence").await;
}

#[tokio::test]
async fn where_two_endpoints_are_configured_both_must_say_the_same() {
    let (world, proxies) = behind(2).await;
    let client = world.app.admin().await;
    let rows: Vec<(&str, Doctor)> = vec![
        ("one is away", |_, _| Malady::Status(502)),
        ("one speaks for another chain", |method, answer| {
            only(method == "eth_chainId", answer, |answer| answer["result"] = json!("0x1"))
        }),
        ("one lags", |method, answer| {
            only(method == RECEIPT || method == TRANSACTION, answer, |answer| answer["result"] = Value::Null)
        }),
        ("one says that it reverted", |method, answer| {
            only(method == RECEIPT, answer, |answer| answer["result"]["status"] = json!("0x0"))
        }),
        ("one has another amount", |method, answer| {
            only(method == RECEIPT, answer, |answer| {
                answer["result"]["logs"][0]["data"] = json!(format!("0x{:064x}", 1));
            })
        }),
        ("one has no logs", |method, answer| {
            only(method == RECEIPT, answer, |answer| answer["result"]["logs"] = json!([]))
        }),
        ("one has another block at that height", |method, answer| {
            only(method == BLOCK, answer, |answer| answer["result"]["hash"] = json!(format!("0x{:064x}", 7)))
        }),
    ];
    for (what, doctor) in rows {
        for which in [0, 1] {
            let session = paid(&world, &client).await;
            proxies[which].suffers(doctor);
            undecided(&world, &client, &session, what).await;
            proxies[which].heals();
            completes(&world, &client, &session, what).await;
        }
    }
}

#[tokio::test]
async fn one_lying_endpoint_cannot_invent_a_payment() {
    let (world, proxies) = behind(2).await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    let session = world.session(&client, &world.recipient(), json!({})).await;
    // It has no money: the transaction reverts.
    let hash = world.node.send(transfer(&buyer, USDC, &session.recipient, PRICE).with(&session.reference)).await;
    world.report(&session, &hash, None).await;
    world.node.mine(CONFIRMATIONS).await;
    proxies[1]
        .suffers(|method, answer| only(method == RECEIPT, answer, |answer| answer["result"]["status"] = json!("0x1")));
    undecided(&world, &client, &session, "an invented success").await;
    proxies[1].heals();
    world.settle().await;
    assert_eq!(world.read(&client, &session).await["status"], "open");
    assert_eq!(world.records(&session).await[0].status, "failed");
}

#[tokio::test]
async fn of_three_endpoints_two_are_enough() {
    let (world, proxies) = behind(3).await;
    let client = world.app.admin().await;
    let session = paid(&world, &client).await;
    proxies[0].suffers(|_, _| Malady::Status(500));
    completes(&world, &client, &session, "one is away").await;
    let session = paid(&world, &client).await;
    proxies[1].suffers(|_, _| Malady::Status(500));
    undecided(&world, &client, &session, "two are away").await;
    proxies[0].heals();
    completes(&world, &client, &session, "one is back").await;
}

#[tokio::test]
async fn a_payment_that_was_not_reported_is_found_however_the_search_of_the_logs_went_before() {
    let (world, proxies) = behind(1).await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let rows: Vec<(&str, Doctor)> = vec![
        ("an error", |method, answer| {
            only(method == LOGS, answer, |answer| {
                *answer = json!({"id": 1, "error": {"code": -32005, "message": "limit"}});
            })
        }),
        ("null", |method, answer| only(method == LOGS, answer, |answer| answer["result"] = Value::Null)),
        ("status 413", |method, _| if method == LOGS { Malady::Status(413) } else { Malady::None }),
        ("no transaction", |method, answer| {
            only(method == TRANSACTION, answer, |answer| answer["result"] = Value::Null)
        }),
    ];
    for (what, doctor) in rows {
        let session = world.session(&client, &world.recipient(), json!({})).await;
        world.node.send(transfer(&buyer, USDC, &session.recipient, PRICE)).await;
        world.node.mine(20).await;
        proxies[0].suffers(doctor);
        let run = world.run().await;
        assert!((run.problem.is_some() || run.waiting == 1) && run.settled == 0, "{what}: {run:?}");
        assert_eq!(world.read(&client, &session).await["status"], "open", "{what}");
        proxies[0].heals();
        completes(&world, &client, &session, what).await;
    }
}

#[tokio::test]
async fn an_endpoint_that_searches_few_blocks_at_once_is_asked_about_few() {
    let (world, proxies) = behind(1).await;
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let session = world.session(&client, &world.recipient(), json!({})).await;
    world.settle().await;
    world.node.mine(150).await;
    world.node.send(transfer(&buyer, USDC, &session.recipient, PRICE)).await;
    world.node.mine(150).await;
    proxies[0].searches_at_most(10);
    completes(&world, &client, &session, "ten blocks at once").await;
}

#[tokio::test]
async fn what_goes_wrong_on_one_chain_is_no_matter_to_another() {
    let (base, other) = (Node::start(CHAIN, Some(start())).await, Node::start(1, Some(start())).await);
    let broken = Proxy::before(&other.url).await;
    broken.suffers(|_, _| Malady::Silence);
    let urls = [(CHAIN, base.url.clone()), (1, broken.url.clone())];
    let mut world = World::with_endpoints(base, |_| Vec::new()).await;
    let chains = urls.map(|(id, url)| (id, ChainAccess { rpc_urls: vec![url], confirmations: Some(1) }));
    let app =
        App::start_with(anyspend_local::groups, |config| config.chains = Chains::new(BTreeMap::from(chains))).await;
    let settler = Settler::prepare(app.platform.clone()).unwrap();
    (world.app, world.settler) = (app, settler);
    let client = world.app.admin().await;
    let buyer = world.node.wallet(1).await;
    world.node.mint(USDC, &buyer, 1_000 * PRICE).await;
    let session = world.session(&client, &world.recipient(), json!({})).await;
    world.node.send(transfer(&buyer, USDC, &session.recipient, PRICE)).await;
    let runs = world.settler.run_once().await;
    assert_eq!(
        runs.iter().map(|run| (run.chain_id, run.problem.is_some())).collect::<Vec<_>>(),
        [(1, true), (CHAIN, false)]
    );
    assert_eq!(world.read(&client, &session).await["status"], "completed");
}

#[tokio::test]
async fn an_endpoint_of_another_chain_settles_nothing() {
    let node = Node::start(1, Some(start())).await;
    let app = platform(vec![node.url.clone()]).await;
    let run = Settler::prepare(app.platform.clone()).unwrap().run_once().await.remove(0);
    assert!(run.problem.unwrap().contains("chain 1"));
    assert_eq!(run.latest, 0);
}
