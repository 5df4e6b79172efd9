//! `GET /payment-links`

use crate::{LINKS, app, create_link, path_of};
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|link| link["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_list_carries_the_envelopes_of_both_versions() {
    let app = app().await;
    let client = app.admin().await;
    for _ in 0..3 {
        create_link(&client, json!({})).await;
    }
    let list = client.get(&format!("{LINKS}?limit=2")).await.expect(200);
    assert_eq!(list["object"], "list");
    assert_eq!((&list["has_more"], &list["total_count"], &list["url"]), (&json!(true), &json!(3), &json!(LINKS)));
    assert_eq!(list["pagination"], json!({"page": 1, "limit": 2, "total": 3, "total_pages": 2, "has_more": true}));
    assert_eq!(ids(&list).len(), 2);
    let last = client.get(&format!("{LINKS}?limit=2&page=2")).await.expect(200);
    assert_eq!((&last["has_more"], &last["next_cursor"]), (&json!(false), &Value::Null));
    let empty = app.admin().await.get(LINKS).await.expect(200);
    assert_eq!(empty["pagination"], json!({"page": 1, "limit": 20, "total": 0, "total_pages": 0, "has_more": false}));
}

#[tokio::test]
async fn links_are_listed_newest_first_unless_asked_otherwise() {
    let app = app().await;
    let client = app.admin().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(create_link(&client, json!({})).await["id"].as_str().unwrap().to_owned());
        app.advance_seconds(1);
    }
    assert_eq!(ids(&client.get(&format!("{LINKS}?sort=created_at&order=asc")).await.expect(200)), made);
    made.reverse();
    assert_eq!(ids(&client.get(LINKS).await.expect(200)), made);
}

#[tokio::test]
async fn the_active_filter_agrees_with_what_is_read() {
    let app = app().await;
    let client = app.admin().await;
    let on = create_link(&client, json!({})).await;
    let off = create_link(&client, json!({"active": false})).await;
    let expiring = create_link(&client, json!({"expires_at": "2026-02-27T10:30:30Z"})).await;
    let active = |list: &Value| {
        let mut ids = ids(list);
        ids.sort();
        ids
    };
    let sorted = |links: &[&Value]| {
        let mut ids: Vec<_> = links.iter().map(|link| link["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let list = client.get(&format!("{LINKS}?active=true")).await.expect(200);
    assert_eq!(active(&list), sorted(&[&on, &expiring]));
    app.advance_seconds(30);
    let list = client.get(&format!("{LINKS}?active=true")).await.expect(200);
    assert_eq!((active(&list), &list["total_count"]), (sorted(&[&on]), &json!(1)));
    let list = client.get(&format!("{LINKS}?is_active=false")).await.expect(200);
    assert_eq!(active(&list), sorted(&[&off, &expiring]));
    assert!(list["data"].as_array().unwrap().iter().all(|link| link["active"] == false));
}

#[tokio::test]
async fn a_cursor_walk_sees_every_surviving_link_once_whatever_happens_meanwhile() {
    let app = app().await;
    let client = app.admin().await;
    let mut survivors = Vec::new();
    let mut doomed = Vec::new();
    for n in 0..25 {
        let link = create_link(&client, json!({})).await;
        if n % 5 == 0 { doomed.push(path_of(&link)) } else { survivors.push(link["id"].as_str().unwrap().to_owned()) }
    }
    app.advance_seconds(60);
    let mut seen = Vec::new();
    let mut query = "limit=4".to_owned();
    loop {
        let list = client.get(&format!("{LINKS}?{query}")).await.expect(200);
        seen.extend(ids(&list));
        if let Some(path) = doomed.pop() {
            client.delete(&path).await.expect(200);
        }
        create_link(&client, json!({"name": "new"})).await;
        match list["next_cursor"].as_str() {
            Some(cursor) => query = format!("limit=4&cursor={cursor}"),
            None => break,
        }
    }
    for id in survivors {
        assert_eq!(seen.iter().filter(|seen| **seen == id).count(), 1);
    }
}

#[tokio::test]
async fn parameters_out_of_range_are_refused_by_name() {
    let app = app().await;
    let client = app.admin().await;
    create_link(&client, json!({})).await;
    create_link(&client, json!({})).await;
    let cursor = client.get(&format!("{LINKS}?limit=1")).await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    for (query, code, param) in [
        ("page=0", "invalid_field_value", "page"),
        ("page=-1", "invalid_field_value", "page"),
        ("page=x", "invalid_field_value", "page"),
        ("page=1.0", "invalid_field_value", "page"),
        ("page=99999999999999999999", "invalid_field_value", "page"),
        ("limit=0", "invalid_field_value", "limit"),
        ("limit=101", "invalid_field_value", "limit"),
        ("limit=", "invalid_field_value", "limit"),
        ("order=up", "invalid_field_value", "order"),
        (&format!("search={}", "a".repeat(201)), "invalid_field_value", "search"),
        ("sort=amount", "invalid_field_value", "sort"),
        ("active=yes", "invalid_field_value", "active"),
        ("active=true&is_active=false", "invalid_field_value", "is_active"),
        ("active=true&active=true", "invalid_field_value", "active"),
        ("cursor=nonsense", "invalid_field_value", "cursor"),
        ("limt=5", "unknown_parameter", "limt"),
        (&format!("cursor={cursor}&page=1"), "invalid_field_value", "page"),
        (&format!("cursor={cursor}&order=asc"), "invalid_field_value", "cursor"),
        (&format!("cursor={cursor}&active=true"), "invalid_field_value", "cursor"),
    ] {
        let error = client.get(&format!("{LINKS}?{query}")).await.expect_error(400, code);
        assert_eq!(error["param"], param, "{query}: {error}");
    }
    let hint = client.get(&format!("{LINKS}?limt=5")).await.expect_error(400, "unknown_parameter");
    assert!(hint["message"].as_str().unwrap().contains("did you mean 'limit'?"));
}

#[tokio::test]
async fn a_page_past_the_end_is_empty() {
    let app = app().await;
    let client = app.admin().await;
    create_link(&client, json!({})).await;
    let list = client.get(&format!("{LINKS}?page=9007199254740991&limit=100")).await.expect(200);
    assert_eq!((ids(&list).len(), &list["has_more"], &list["total_count"]), (0, &json!(false), &json!(1)));
}

#[tokio::test]
async fn a_link_in_a_list_is_the_link_that_is_retrieved() {
    let app = app().await;
    let client = app.admin().await;
    create_link(&client, json!({"items": [{"name": "a", "amount": "1"}], "metadata": {"k": "v"}})).await;
    let plain = create_link(&client, json!({})).await;
    client.post(&format!("{}/items", path_of(&plain)), &json!({"name": "b", "amount": "2"})).await.expect(201);
    for link in client.get(LINKS).await.expect(200)["data"].as_array().unwrap() {
        assert_eq!(client.get(&path_of(link)).await.expect(200), *link);
    }
}

#[tokio::test]
async fn a_search_finds_names_descriptions_and_short_codes_whatever_the_case() {
    let app = app().await;
    let client = app.admin().await;
    let street = create_link(&client, json!({"name": "Königstraße 5"})).await;
    let described = create_link(&client, json!({"name": "x", "description": "A KÖNIGSTRASSE away"})).await;
    let other = create_link(&client, json!({"name": "100% other_thing"})).await;
    let found = async |query: &str| ids(&client.get(&format!("{LINKS}?search={query}&order=asc")).await.expect(200));
    let id = |link: &Value| link["id"].as_str().unwrap().to_owned();
    let mut both = [id(&street), id(&described)];
    both.sort();
    assert_eq!(found("k%C3%B6nigstrasse").await, both);
    assert_eq!(found("100%25").await, [id(&other)]);
    assert_eq!(found("her_th").await, [id(&other)]);
    assert!(found("nowhere").await.is_empty());
    assert_eq!(found("").await.len(), 3);
    let code = other["short_code"].as_str().unwrap().to_uppercase();
    let list = client.get(&format!("{LINKS}?search={}", &code[1..7])).await.expect(200);
    assert!(ids(&list).contains(&id(&other)));
    client.patch(&path_of(&other), &json!({"name": "Königstraße too"})).await.expect(200);
    assert_eq!(found("k%C3%B6nigstrasse").await.len(), 3);
}

#[tokio::test]
async fn every_sort_is_a_total_order_both_ways_and_by_page_and_cursor() {
    let app = app().await;
    let client = app.admin().await;
    let mut links = Vec::new();
    for name in ["b", "A", "c", "a", "B", "é", "E"] {
        links.push(create_link(&client, json!({"name": name})).await);
        app.advance_seconds(1);
    }
    for index in [3, 0, 5] {
        app.advance_seconds(1);
        let path = path_of(&links[index]);
        links[index] = client.patch(&path, &json!({"description": "changed"})).await.expect(200);
    }
    for sort in ["created_at", "updated_at", "name", "uses", "current_uses"] {
        app.advance_seconds(60);
        let mut expected = links.clone();
        expected.sort_by_key(|link| {
            let value = match sort {
                "name" => anyspend_domain::pasted::fold_case(link["name"].as_str().unwrap()),
                "updated_at" => link["updated_at"].as_str().unwrap().to_owned(),
                _ => String::new(),
            };
            (value, link["id"].as_str().unwrap().to_owned())
        });
        for order in ["asc", "desc"] {
            let expected = expected.iter().map(|link| link["id"].as_str().unwrap().to_owned());
            let expected: Vec<_> = if order == "asc" { expected.collect() } else { expected.rev().collect() };
            let mut by_page = Vec::new();
            for page in 1..=3 {
                let path = format!("{LINKS}?sort={sort}&order={order}&limit=3&page={page}");
                by_page.extend(ids(&client.get(&path).await.expect(200)));
            }
            let (mut by_cursor, mut cursor) = (Vec::new(), String::new());
            loop {
                let list = client.get(&format!("{LINKS}?sort={sort}&order={order}&limit=2{cursor}")).await.expect(200);
                by_cursor.extend(ids(&list));
                match list["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(by_page, expected, "{sort} {order}");
            assert_eq!(by_cursor, expected, "{sort} {order}");
        }
    }
}
