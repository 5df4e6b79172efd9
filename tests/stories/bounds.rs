//! What strangers can make the owner pay for: each is a number here.

use crate::{LINKS, app, create_link, link_body};
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
