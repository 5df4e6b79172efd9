//! `/events`: every change leaves one, and the trail can be read whole.

use crate::customers::CUSTOMERS;
use crate::{KEYS, LINKS, app, create_link, path_of};
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_testing::Client;
use serde_json::{Value, json};

pub(crate) const EVENTS: &str = "/api/v1/events";
const DAY: u64 = 24 * 60 * 60;

async fn types(client: &Client<'_>, query: &str) -> Vec<String> {
    let list = client.get(&format!("{EVENTS}{query}")).await.expect(200);
    let types: Vec<String> =
        list["data"].as_array().unwrap().iter().map(|event| event["event_type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(list["total_count"], types.len(), "{query}");
    types
}

#[tokio::test]
async fn an_event_tells_what_changed_who_changed_it_and_by_which_request() {
    let app = app().await;
    let client = app.admin().await;
    assert!(types(&client, "").await.is_empty());
    let made = client.post(LINKS, &crate::link_body(json!({}))).await;
    let link = made.expect(201);
    let list = client.get(EVENTS).await.expect(200);
    assert_eq!((&list["object"], &list["url"], &list["total_count"]), (&json!("list"), &json!(EVENTS), &json!(1)));
    let event = &list["data"][0];
    for (name, value) in [
        ("object", json!("event")),
        ("livemode", json!(false)),
        ("event_type", json!("payment_link.created")),
        ("type", json!("payment_link.created")),
        ("resource_type", json!("payment_link")),
        ("resource_id", link["id"].clone()),
        ("actor", json!({"type": "api_key", "id": client.key_id})),
        ("ip_address", Value::Null),
        ("request_method", json!("POST")),
        ("request_path", json!(LINKS)),
        ("request_id", json!(made.header("request-id"))),
        ("status_code", json!(201)),
        ("created_at", json!("2026-02-27T10:30:00Z")),
    ] {
        assert_eq!(event[name], value, "{name}");
    }
    assert!(event["id"].as_str().unwrap().starts_with("evt_"));
    let earlier = client.clone().with("anyspend-version", "2024-02-28").get(EVENTS).await.expect(200);
    assert_eq!(earlier["data"][0]["created_at"], 1_772_188_200_000_u64);

    // Looking is for everybody with a key of this organization and mode, and for nobody else.
    let reader = app.key(&client.owner, Permission::Read).await;
    assert_eq!(types(&reader, "").await.len(), 1);
    let live = anyspend_domain::Owner { mode: Mode::Live, ..client.owner.clone() };
    for other in [app.admin().await, app.key(&live, Permission::Admin).await] {
        assert!(types(&other, "").await.is_empty());
    }
}

#[tokio::test]
async fn every_filter_narrows_the_trail() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    app.advance_seconds(DAY);
    client.patch(&path_of(&link), &json!({"name": "New"})).await.expect(200);
    client.post(KEYS, &json!({"name": "k", "permissions": ["read"]})).await.expect(201);
    app.advance_seconds(DAY);
    client.delete(&path_of(&link)).await.expect(200);
    let (created, updated, key, deleted) =
        ("payment_link.created", "payment_link.updated", "api_key.created", "payment_link.deleted");
    let id = link["id"].as_str().unwrap();
    for (query, wanted) in [
        (String::new(), vec![deleted, key, updated, created]),
        (format!("?type={updated}"), vec![updated]),
        (format!("?event_type={updated}"), vec![updated]),
        (format!("?event_type={updated}&type={updated}"), vec![updated]),
        ("?resource_type=payment_link".to_owned(), vec![deleted, updated, created]),
        (format!("?resource_id={id}&from=2026-02-28"), vec![deleted, updated]),
        ("?from=2026-02-28&to=2026-02-28".to_owned(), vec![key, updated]),
        ("?to=2026-02-27T10:30:00Z".to_owned(), vec![created]),
        ("?to=2026-02-27T10:29:59Z".to_owned(), vec![]),
        ("?from=2026-02-28T10:30:01Z&to=2026-03-01T10:29:59Z".to_owned(), vec![]),
        ("?from=2027-01-01".to_owned(), vec![]),
        ("?type=payment_link".to_owned(), vec![]),
    ] {
        let mut found = types(&client, &query).await;
        // Two of the same millisecond have no order.
        found.sort_unstable();
        let mut wanted = wanted;
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{query}");
    }
    for (query, param) in [
        ("type=a&event_type=b", "event_type"),
        ("from=yesterday", "from"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("order=asc", "order"),
    ] {
        let reply = client.get(&format!("{EVENTS}?{query}")).await;
        assert_eq!(reply.expect(400)["error"]["param"], param, "{query}");
    }
}

#[tokio::test]
async fn pages_and_cursors_walk_the_whole_trail_over_days_once_each_while_it_grows() {
    let app = app().await;
    let client = app.admin().await;
    for n in 0..23 {
        client.post(CUSTOMERS, &json!({"wallet_address": format!("0x{:040x}", n + 1)})).await.expect(201);
        // Some days have several events, some none.
        app.advance_seconds(if n % 5 == 0 { 2 * DAY } else { 60 });
    }
    let whole = client.get(&format!("{EVENTS}?limit=100")).await.expect(200);
    let ids: Vec<Value> = whole["data"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
    assert_eq!((ids.len(), &whole["has_more"], &whole["next_cursor"]), (23, &json!(false), &Value::Null));
    assert!(ids.windows(2).all(|pair| pair[0].as_str() > pair[1].as_str()), "not newest first");

    let mut by_number = Vec::new();
    for page in 1..=5 {
        let list = client.get(&format!("{EVENTS}?limit=5&page={page}")).await.expect(200);
        assert_eq!((&list["total_count"], &list["has_more"]), (&json!(23), &json!(page < 5)), "{page}");
        by_number.extend(list["data"].as_array().unwrap().iter().map(|event| event["id"].clone()));
    }
    assert_eq!(by_number, ids);
    assert_eq!(client.get(&format!("{EVENTS}?limit=5&page=6")).await.expect(200)["data"], json!([]));

    let mut by_cursor = Vec::new();
    let mut path = format!("{EVENTS}?limit=4");
    for page in 1..=6 {
        let list = client.get(&path).await.expect(200);
        by_cursor.extend(list["data"].as_array().unwrap().iter().map(|event| event["id"].clone()));
        // Every page is followed by a change, on the trail's newest day.
        client.post(CUSTOMERS, &json!({"wallet_address": format!("0x{:040x}", 1_000 + page)})).await.expect(201);
        match list["next_cursor"].as_str() {
            Some(cursor) => path = format!("{EVENTS}?limit=4&cursor={cursor}"),
            None => break,
        }
        assert_eq!(list["has_more"], true);
    }
    assert_eq!(by_cursor, ids);
}

#[tokio::test]
async fn an_event_is_kept_ninety_days_and_not_shown_a_moment_longer() {
    let app = app().await;
    let client = app.admin().await;
    create_link(&client, json!({})).await;
    app.advance_seconds(90 * DAY);
    assert_eq!(types(&client, "").await, ["payment_link.created"]);
    app.advance_seconds(1);
    // The row is still there: nothing has swept it.
    assert_eq!(app.count("AUDIT#").await, 1);
    assert!(types(&client, "?from=2026-01-01").await.is_empty());
}
