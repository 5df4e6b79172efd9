//! What strangers can make the owner pay for: each is a number here.

use crate::{LINKS, app, create_link, link_body};
use anyspend_domain::api_key::{KeyText, Permission};
use anyspend_domain::{Mode, Owner};
use anyspend_testing::{App, Client, Reply};
use http::Method;
use serde_json::{Value, json};

/// Most bytes of an error.
const MOST_BYTES: usize = 16 * 1024;
/// What a body may have.
const BODY: usize = 256 * 1024;

fn object(count: usize, entry: impl Fn(usize) -> String) -> String {
    let entries: Vec<String> = (0..count).map(entry).collect();
    format!("{{{}}}", entries.join(","))
}

async fn refusal(client: &Client<'_>, path: &str, body: String) -> Reply {
    assert!(body.len() <= BODY, "{} bytes", body.len());
    let reply = client.raw(Method::POST, path, body.into_bytes()).await;
    assert_eq!(reply.status.as_u16(), 400);
    reply
}

/// Bodies of garbage of every kind that is refused piece by piece, each as large as a body may be.
fn garbage() -> Vec<(&'static str, String)> {
    let link = link_body(json!({})).to_string();
    let with = |field: &str, value: String| format!("{},\"{field}\":{value}}}", link.trim_end_matches('}'));
    let items = |each: usize| -> String {
        let item = object(each, |n| format!("\"k{n}\":1"));
        format!("[{}]", vec![item; 100].join(","))
    };
    vec![
        ("unknown fields", object(20_000, |n| format!("\"x{n:05}\":1"))),
        ("one long name", format!("{{\"{}\":1}}", "n".repeat(BODY - 10))),
        ("long names", object(100, |n| format!("\"{n}{}\":1", "é".repeat(1_200)))),
        ("names that are escaped", object(1_000, |n| format!("\"{n}{}\":1", "\\u0001".repeat(40)))),
        ("metadata of numbers", with("metadata", object(15_000, |n| format!("\"k{n}\":{n}")))),
        ("metadata of long keys", with("metadata", object(100, |n| format!("\"{n}{}\":\"v\"", "k".repeat(2_000))))),
        ("items", with("items", items(200))),
        ("a repeated name", format!("{{\"{0}\":1,\"{0}\":1}}", "r".repeat(BODY / 2 - 10))),
    ]
}

#[tokio::test]
async fn an_error_lists_at_most_fifty_problems_in_sixteen_kilobytes_whatever_was_sent() {
    let app = app().await;
    let client = app.admin().await;
    for (what, body) in garbage() {
        let reply = refusal(&client, LINKS, body).await;
        assert!(reply.body.len() <= MOST_BYTES, "{what}: {} bytes", reply.body.len());
        let error = &reply.json()["error"];
        let told = error["errors"].as_array().map_or(0, Vec::len);
        assert!(told <= 50, "{what}: {told} problems");
        for problem in error["errors"].as_array().into_iter().flatten().chain([error]) {
            let param = problem["param"].as_str().unwrap_or_default();
            // A path within the body may stand before what is cut.
            assert!(param.chars().count() <= 120, "{what}: {param}");
        }
    }
    let unknown = refusal(&client, LINKS, object(20_000, |n| format!("\"x{n:05}\":1"))).await.json();
    assert_eq!(unknown["error"]["errors"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn what_is_quoted_is_cut_with_an_ellipsis() {
    let app = app().await;
    let client = app.admin().await;
    let long = "n".repeat(5_000);
    let cut = format!("{}…", "n".repeat(100));
    let unknown = refusal(&client, LINKS, format!("{{\"{long}\":1}}")).await.json();
    let problems = unknown["error"]["errors"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem["param"] == cut.as_str()), "{problems:?}");
    let quoting = |reply: &Reply| {
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&cut) && !message.contains(&"n".repeat(101)), "{message}");
    };
    quoting(&refusal(&client, LINKS, format!("{{\"{long}\":1,\"{long}\":1}}")).await);
    quoting(&client.get(&format!("{LINKS}/{long}")).await);
    quoting(&client.get(&format!("{LINKS}?{long}=1")).await);
}

#[tokio::test]
async fn garbage_in_a_query_or_in_a_payers_answers_is_bounded_alike() {
    let app = app().await;
    let client = app.admin().await;
    let query: Vec<String> = (0..5_000).map(|n| format!("q{n}=1")).collect();
    let reply = client.get(&format!("{LINKS}?{}", query.join("&"))).await;
    assert_eq!(reply.expect(400)["error"]["errors"].as_array().unwrap().len(), 50);

    let fields: Vec<Value> =
        (0..50).map(|n| json!({"id": format!("field_{n}"), "type": "text", "label": "L", "required": true})).collect();
    let link = create_link(&client, json!({"form_schema": {"fields": fields}})).await;
    let sessions = format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap());
    let nobody = app.anonymous("192.0.2.1");
    for answers in [object(12_000, |n| format!("\"a{n}\":\"x\"")), object(12_000, |n| format!("\"a{n}\":[]"))] {
        let reply = refusal(&nobody, &sessions, format!("{{\"form_data\":{answers}}}")).await;
        assert!(reply.body.len() <= MOST_BYTES, "{} bytes", reply.body.len());
    }
}

#[tokio::test]
async fn twice_the_garbage_gives_the_same_answer() {
    let app: App = app().await;
    let client = app.admin().await;
    for entries in [(8_000, 16_000), (60, 120)] {
        let body = |count| object(count, |n| format!("\"x{n:05}\":1"));
        let one = refusal(&client, LINKS, body(entries.0)).await;
        let other = refusal(&client, LINKS, body(entries.1)).await;
        assert_eq!(one.body, other.body);
    }
}

/// The calls a request made to the table.
fn calls(reply: &Reply) -> u32 {
    reply.cost().calls
}

fn wrong_key() -> String {
    KeyText::generate(Mode::Test).expose().to_owned()
}

#[tokio::test]
async fn after_sixty_wrong_keys_a_minute_a_network_is_refused_from_memory() {
    let app = app().await;
    let merchant = app.admin().await;
    let stranger = |ip: &str, key: &str| app.anonymous(ip).with("authorization", &format!("Bearer {key}"));
    let link = create_link(&merchant, json!({})).await;
    let path = crate::path_of(&link);
    for number in 0..60 {
        let refused = stranger("192.0.2.1", &wrong_key()).get(&path).await;
        refused.expect_error(401, "key_invalid");
        // Beside the first nothing is known of the network; after it, nothing is read beside an unknown key.
        assert_eq!(calls(&refused), if number == 0 { 2 } else { 1 }, "{number}");
    }
    let other_kinds = [wrong_key(), "nonsense".to_owned(), "asp_test_short".to_owned(), "a.b.c".to_owned()];
    for wrong in &other_kinds {
        let refused = stranger("192.0.2.1", wrong).get(&path).await;
        refused.expect_error(429, "rate_limit_exceeded");
        assert_eq!((refused.header("retry-after"), calls(&refused)), ("60", 0), "{wrong}");
    }
    // Another network is not concerned, nor who brings no key at all, nor who has shown this instance a key that works.
    stranger("192.0.2.2", &wrong_key()).get(&path).await.expect_error(401, "key_invalid");
    app.anonymous("192.0.2.1").get(&path).await.expect_error(401, "key_missing");
    let known = merchant.key.as_ref().unwrap().expose().to_owned();
    stranger("192.0.2.1", &known).get(&path).await.expect(200);
    app.advance_seconds(60);
    stranger("192.0.2.1", &wrong_key()).get(&path).await.expect_error(401, "key_invalid");
}

#[tokio::test]
async fn malformed_keys_and_forged_tokens_count_as_wrong_ones() {
    for wrong in ["nonsense", "a.b.c"] {
        let app = app().await;
        let stranger = || app.anonymous("192.0.2.1").with("authorization", &format!("Bearer {wrong}"));
        for _ in 0..60 {
            assert_eq!(stranger().get(LINKS).await.status.as_u16(), 401);
        }
        stranger().get(LINKS).await.expect_error(429, "rate_limit_exceeded");
    }
}

#[tokio::test]
async fn a_key_that_works_reads_beside_its_check_though_its_network_tried_wrong_ones() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let from = |key: &str| app.anonymous("192.0.2.1").with("authorization", &format!("Bearer {key}"));
    from(&wrong_key()).get(LINKS).await.expect_error(401, "key_invalid");
    let known = from(merchant.key.as_ref().unwrap().expose()).get(&crate::path_of(&link)).await;
    known.expect(200);
    assert_eq!((known.cost().calls, known.cost().depth), (2, 1));
    // One that this instance has not seen yet costs one round trip more, once.
    let another = app.key(&merchant.owner, Permission::Read).await;
    let fresh = from(another.key.as_ref().unwrap().expose());
    for depth in [2, 1] {
        let reply = fresh.get(&crate::path_of(&link)).await;
        reply.expect(200);
        assert_eq!(reply.cost().depth, depth);
    }
}

#[tokio::test]
async fn one_url_stands_once_among_an_organizations_webhooks_of_a_mode_also_when_many_are_made_at_once() {
    let app = app().await;
    let client = app.admin().await;
    let body = |url: &str| json!({"url": url, "events": ["*"]});
    let (hooks, made) = ("/api/v1/webhooks", "https://example.com/hook");
    let sent = body(made);
    let at_once = (0..8).map(|_| client.post(hooks, &sent));
    let replies = futures_util::future::join_all(at_once).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    let first = replies.iter().find(|reply| reply.status == 201).unwrap().json();
    for same in [made, "https://EXAMPLE.com:443/hook", "https://example.com/hook#part"] {
        let error = client.post(hooks, &body(same)).await.expect_error(409, "duplicate_resource");
        assert_eq!(error["param"], "url", "{same}");
    }
    let other = client.post(hooks, &body("https://example.com/hook?shop=2")).await.expect(201);
    let path = |hook: &Value| format!("{hooks}/{}", hook["id"].as_str().unwrap());
    let error = client.patch(&path(&other), &json!({"url": made})).await.expect_error(409, "duplicate_resource");
    assert_eq!(error["param"], "url");
    // Its own spelling it may change; and what is given up, or deleted, is free again.
    client.patch(&path(&first), &json!({"url": "https://example.com:443/hook"})).await.expect(200);
    client.patch(&path(&first), &json!({"url": "https://example.com/moved"})).await.expect(200);
    client.patch(&path(&other), &json!({"url": made})).await.expect(200);
    client.delete(&path(&first)).await.expect(200);
    client.post(hooks, &body("https://example.com/moved")).await.expect(201);
    // Another organization's, and the other mode's, are others.
    app.admin().await.post(hooks, &body(made)).await.expect(201);
    let live = Owner { mode: Mode::Live, ..client.owner.clone() };
    app.key(&live, Permission::Admin).await.post(hooks, &body(made)).await.expect(201);
}

#[tokio::test]
async fn a_payers_address_is_nowhere_in_the_table_and_the_trail_tells_a_hash_and_the_country() {
    const ADDRESS: &str = "198.51.100.77";
    let app = App::start_with(anyspend_local::groups, |config| {
        config.country_header = Some("x-country".to_owned());
    })
    .await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let code = link["short_code"].as_str().unwrap();
    let payer = |address: &str| app.anonymous(address).with("x-country", "CH");
    payer(ADDRESS).get(&format!("/pay/{code}")).await;
    let sessions = format!("/api/v1/checkout/{code}/sessions");
    for address in [ADDRESS, ADDRESS, "198.51.100.78"] {
        payer(address).idempotent(address).post(&sessions, &json!({})).await.expect(201);
    }
    payer(ADDRESS).post("/api/v1/quick-pay", &json!({"recipient_address": crate::RECIPIENT})).await.expect(201);
    assert_eq!(app.count("LIMIT#").await, 3);
    let (client, table) = app.table();
    let rows = client.scan().table_name(table).send().await.unwrap();
    for row in rows.items() {
        assert!(!format!("{row:?}").contains("198.51.100."), "{row:?}");
    }
    let trail = merchant.get("/api/v1/events?type=checkout_session.created").await.expect(200);
    let events = trail["data"].as_array().unwrap();
    let hashes: Vec<&str> = events.iter().map(|event| event["ip_hash"].as_str().unwrap()).collect();
    for event in events {
        assert_eq!((&event["ip_address"], &event["ip_country"]), (&Value::Null, &json!("CH")));
        assert_eq!(event["actor"], json!({"type": "anonymous", "id": event["ip_hash"]}));
    }
    let unlike: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!((hashes.len(), unlike.len()), (2, 2), "a retry is one event, another address another hash");
}

#[tokio::test]
async fn a_merchants_address_stays_with_its_own_changes() {
    let app = app().await;
    let merchant = app.admin().await;
    let key = merchant.key.as_ref().unwrap().expose();
    let from = app.anonymous("203.0.113.9").with("authorization", &format!("Bearer {key}"));
    from.post(LINKS, &link_body(json!({}))).await.expect(201);
    let event = merchant.get("/api/v1/events").await.expect(200)["data"][0].clone();
    assert_eq!((&event["ip_address"], &event["ip_hash"]), (&json!("203.0.113.9"), &Value::Null));
}

#[tokio::test]
async fn server_timing_is_told_to_test_keys_and_never_on_public_routes_of_a_deployment() {
    let app = App::start_with(anyspend_local::groups, |config| config.server_timing = false).await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let code = link["short_code"].as_str().unwrap();
    assert!(!merchant.get(LINKS).await.header("server-timing").is_empty());
    let live = Owner { mode: Mode::Live, ..merchant.owner.clone() };
    assert_eq!(app.key(&live, Permission::Read).await.get(LINKS).await.header("server-timing"), "");
    let nobody = app.anonymous("192.0.2.1");
    let session = nobody.post(&format!("/api/v1/checkout/{code}/sessions"), &json!({})).await;
    assert_eq!(session.header("server-timing"), "");
    for path in [format!("/pay/{code}"), format!("/api/v1/checkout/{code}"), "/api/v1/health".to_owned()] {
        assert_eq!(nobody.get(&path).await.header("server-timing"), "", "{path}");
    }
}

#[tokio::test]
async fn a_page_of_the_trail_costs_the_page_once_its_days_are_counted() {
    const DAY: u64 = 24 * 60 * 60;
    let app = app().await;
    let client = app.admin().await;
    let (mut total, mut created) = (0, 0);
    for day in 0..40 {
        for number in 0..day % 3 {
            let wallet = format!("0x{:040x}", day * 10 + number + 1);
            client.post(crate::customers::CUSTOMERS, &json!({"wallet_address": wallet})).await.expect(201);
            created += 1;
        }
        create_link(&client, json!({})).await;
        total += 1 + day % 3;
        app.advance_seconds(DAY);
    }
    let path = "/api/v1/events?limit=5";
    let first = client.get(path).await.expect(200);
    assert_eq!(first["total_count"], total);
    // The key, the counted days, today and the day that is kept in part, and the days the page lies in.
    let second = client.get(path).await;
    assert_eq!(
        (second.expect(200)["total_count"].clone(), second.json()["data"].clone()),
        (json!(total), first["data"].clone())
    );
    assert!(second.cost().calls <= 8 && second.cost().rru <= 8.0, "{:?}", second.cost());
    let of_type = client.get("/api/v1/events?limit=5&type=customer.created").await;
    assert_eq!(of_type.expect(200)["total_count"], created);
    assert!(of_type.cost().calls <= 9, "{:?}", of_type.cost());
    assert_eq!(client.get("/api/v1/events?resource_type=customer&limit=1").await.expect(200)["total_count"], created);
    // What happens today is told at once; yesterday's is counted once, tomorrow.
    create_link(&client, json!({})).await;
    assert_eq!(client.get(path).await.expect(200)["total_count"], total + 1);
    app.advance_seconds(DAY + 2 * 60 * 60);
    assert_eq!(client.get(path).await.expect(200)["total_count"], total + 1);
    assert!(client.get(path).await.cost().calls <= 8);
}
