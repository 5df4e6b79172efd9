//! What only shows across instances: that they keep nothing which another one would need.

use crate::emulator::Instance;
use crate::event::{Answer, Event, FIXTURE_SHORT_CODE};
use crate::world::{PUBLIC_URL, World};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const LINKS: &str = "/api/v1/payment-links";
const KEYS: &str = "/api/v1/api-keys";
const QUICK_PAY: &str = "/api/v1/quick-pay";
const RECIPIENT: &str = "0x1234567890abcdef1234567890abcdef12345678";

fn link_body(name: &str) -> Value {
    json!({
        "name": name,
        "amount": "10000000",
        "token_address": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "chain_id": 8453,
        "recipient_address": RECIPIENT,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lives_through_the_binaries_from_creation_to_deletion() {
    let world = World::start().await;
    let (one, other) = tokio::join!(world.instance("payment-links"), world.instance("payment-links"));
    let created = one.send(Event::new("POST", LINKS).body(&link_body("Café ☕"))).await.expect(201);
    let id = created["id"].as_str().unwrap();
    let path = format!("{LINKS}/{id}");
    assert_eq!(created["url"], format!("{PUBLIC_URL}/pay/{}", created["short_code"].as_str().unwrap()));

    let retrieved = other.send(Event::new("GET", &path)).await.expect(200);
    assert_eq!(retrieved, created);

    let list = one.send(Event::new("GET", &format!("{LINKS}?limit=1&order=desc"))).await.expect(200);
    assert_eq!(
        (&list["data"][0]["id"], &list["total_count"], &list["has_more"]),
        (&json!(id), &json!(2), &json!(true))
    );

    let updated = other.send(Event::new("PATCH", &path).body(&json!({"name": "Thé", "active": false}))).await;
    assert_eq!(updated.expect(200)["name"], "Thé");
    let retrieved = one.send(Event::new("GET", &path)).await.expect(200);
    assert_eq!((&retrieved["name"], &retrieved["active"]), (&json!("Thé"), &json!(false)));

    let deleted = one.send(Event::new("DELETE", &path)).await.expect(200);
    assert_eq!(deleted, json!({"object": "payment_link", "id": id, "deleted": true}));
    let gone = other.send(Event::new("GET", &path)).await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "resource_not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_request_repeated_on_another_instance_gets_the_first_answer_byte_for_byte() {
    let world = World::start().await;
    let links = || Event::new("POST", LINKS).body(&link_body("Once")).header("idempotency-key", "once");
    // The answer bears a secret, so it is kept encrypted: both instances must have the key to it.
    let keys = || {
        let body = json!({"name": "Server", "permissions": ["read"]});
        Event::new("POST", KEYS).body(&body).header("idempotency-key", "once-too")
    };
    let requests: [(&str, &dyn Fn() -> Event); 2] = [("payment-links", &links), ("account", &keys)];
    for (package, request) in requests {
        let (one, other) = tokio::join!(world.instance(package), world.instance(package));
        let first = one.send(request()).await;
        let again = other.send(request()).await;
        assert_eq!((first.status, again.status), (201, 201), "{first:?} {again:?}");
        assert_eq!(first.body, again.body);
        assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_on_four_instances_at_once_takes_effect_once() {
    let world = World::start().await;
    let instances = four(&world).await;
    let requests = instances.iter().map(|instance| {
        let instance = instance.clone();
        let event = Event::new("POST", LINKS).body(&link_body("Once")).header("idempotency-key", "race");
        tokio::spawn(async move { instance.send(event).await })
    });
    let mut answers: Vec<Answer> = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        answers.push(request.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body), "{answers:?}");
    let first = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_empty()).count();
    assert_eq!(first, 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_than_120_requests_from_16_threads_on_four_instances_exactly_120_pass() {
    const LIMIT: usize = 120;
    const REQUESTS: usize = 160;
    const THREADS: usize = 16;
    let world = World::start().await;
    let instances = four(&world).await;
    let (next, passed, refused) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let runtime = tokio::runtime::Handle::current();
    let began = Instant::now();
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        return;
                    }
                    let instance = &instances[number % instances.len()];
                    let event = Event::new("GET", &format!("{LINKS}/{FIXTURE_SHORT_CODE}"));
                    let answer = runtime.block_on(instance.send(event));
                    match answer.status {
                        200 => passed.fetch_add(1, Ordering::Relaxed),
                        429 => {
                            assert_eq!(answer.code(), "rate_limit_exceeded");
                            assert!((1..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
                            refused.fetch_add(1, Ordering::Relaxed)
                        }
                        _ => panic!("{answer:?}"),
                    };
                }
            });
        }
    });
    assert!(began.elapsed() < Duration::from_secs(60), "the minute was over before the test was");
    assert_eq!((passed.into_inner(), refused.into_inner()), (LIMIT, REQUESTS - LIMIT));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_tier_counts_the_gateways_source_ip_and_not_what_a_header_says() {
    const PER_MINUTE: u32 = 5;
    let world = World::start().await;
    let instance = world.instance("quick-pay").await;
    let quick_pay = |ip: &str, forwarded: &str| {
        let body = json!({"recipient_address": RECIPIENT, "amount": "5000000"});
        Event::new("POST", QUICK_PAY).body(&body).sent_from(ip).header("x-forwarded-for", forwarded)
    };
    for number in 0..PER_MINUTE {
        let answer = instance.send(quick_pay("198.51.100.7", &format!("192.0.2.{number}"))).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let sixth = instance.send(quick_pay("198.51.100.7", "192.0.2.99")).await;
    assert_eq!((sixth.status, sixth.code().as_str()), (429, "rate_limit_exceeded"));
    let neighbour = instance.send(quick_pay("198.51.100.8", "198.51.100.7")).await;
    assert_eq!(neighbour.status, 201, "{neighbour:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_away_is_a_503_in_our_envelope() {
    let world = World::start().await;
    let instance = world.instance("payment-links").await;
    world.client.delete_table().table_name(crate::world::TABLE).send().await.unwrap();
    let answer = instance.send(Event::new("GET", LINKS)).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "service_unavailable"));
    assert_eq!(answer.header("retry-after"), "1");
}

async fn four(world: &World) -> Vec<Arc<Instance>> {
    let start = || async { Arc::new(world.instance("payment-links").await) };
    let (a, b, c, d) = tokio::join!(start(), start(), start(), start());
    vec![a, b, c, d]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_run_ends_the_session_whose_time_is_over_and_the_next_has_nothing_left_to_do() {
    let world = World::start().await;
    let instance = world.instance("end-sessions").await;
    let event = crate::event::fixtures().remove("end-sessions-schedule").unwrap();
    assert_eq!(instance.run(&event).await, json!({"expired": 1, "failed": 0}));
    assert_eq!(instance.run(&event).await, json!({"expired": 0, "failed": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_run_finds_the_payment_on_chain_and_the_next_has_nothing_left_to_do() {
    let world = World::start().await;
    let instance = world.instance("settle").await;
    let event = crate::event::fixtures().remove("settle-schedule").unwrap();
    let done = instance.run(&event).await;
    let first = &done[0];
    assert_eq!((&first["found"], &first["settled"], &first["problem"]), (&json!(1), &json!(1), &Value::Null), "{done}");
    let done = instance.run(&event).await;
    assert_eq!((&done[0]["found"], &done[0]["settled"]), (&json!(0), &json!(0)), "{done}");
}
