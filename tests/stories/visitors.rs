//! `GET /payment-links/{id}/visitors`: who opened a link's page.

use crate::app;
use crate::traffic::{Tags, Traffic, skip_quiet_time};
use anyspend_domain::statistics::{FACTS_KEPT_SECONDS, TimeBucket};
use anyspend_store::facts;
use anyspend_testing::{App, Client};
use serde_json::{Value, json};

const NO_TAGS: Tags = [None; 3];

async fn run(app: &App) {
    while rollup_stats::rollup(&app.platform.db, app.now()).await.unwrap().buckets > 0 {}
}

/// Ids of all visits by pages of numbers, then by cursors, newest first.
async fn walks(client: &Client<'_>, path: &str, limit: u64) -> (Vec<String>, Vec<String>) {
    let ids = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|visit| visit["id"].as_str().unwrap().to_owned()).collect()
    };
    let (mut by_number, mut by_cursor) = (Vec::new(), Vec::new());
    for number in 1..=1_000 {
        let page = client.get(&format!("{path}/visitors?limit={limit}&page={number}")).await.expect(200);
        by_number.extend(ids(&page));
        assert_eq!(page["pagination"]["page"], number);
        if page["has_more"] == json!(false) {
            assert_eq!(page["next_cursor"], Value::Null);
            break;
        }
    }
    let mut query = String::new();
    for number in 1..=1_000 {
        let page = client.get(&format!("{path}/visitors?limit={limit}{query}")).await.expect(200);
        by_cursor.extend(ids(&page));
        assert_eq!(page["pagination"]["page"], number);
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("&cursor={cursor}"),
            None => break,
        }
    }
    (by_number, by_cursor)
}

#[tokio::test]
async fn every_visit_is_on_one_page_newest_first_and_counted_exactly() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    rollup_stats::rollup(&app.platform.db, app.now()).await.unwrap();
    let mut ids = Vec::new();
    // Several in one bucket, one in some, none in others, over three days; the last ones not counted yet.
    for step in 0..60_u32 {
        let visit = traffic.visit(app.now(), step % 7, NO_TAGS).await;
        ids.push(visit.id.to_string());
        let pause = [200, 40_000, 300_000, 1_500_000][usize::try_from(step % 4).unwrap()];
        app.platform.clock.advance_millis(pause);
        if step == 55 {
            app.advance_seconds(600);
            run(&app).await;
        }
    }
    ids.reverse();
    for limit in [3, 7, 100] {
        let (by_number, by_cursor) = walks(&client, &traffic.path, limit).await;
        assert_eq!(by_number, ids, "limit {limit}");
        assert_eq!(by_cursor, ids, "limit {limit}");
    }
    let page = client.get(&format!("{}/visitors?page=2", traffic.path)).await.expect(200);
    assert_eq!((&page["total_count"], &page["has_more"]), (&json!(60), &json!(true)));
    let pagination = json!({"page": 2, "limit": 20, "total": 60, "total_pages": 3, "has_more": true});
    assert_eq!(page["pagination"], pagination);
    let beyond = client.get(&format!("{}/visitors?page=9007199254740991", traffic.path)).await.expect(200);
    assert_eq!((&beyond["data"], &beyond["total_count"]), (&json!([]), &json!(60)));
}

#[tokio::test]
async fn a_cursor_walk_sees_each_visit_once_while_new_ones_arrive() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    let mut old = Vec::new();
    for step in 0..20_u32 {
        old.push(traffic.visit(app.now(), step, NO_TAGS).await.id.to_string());
        app.advance_seconds(if step % 3 == 0 { 1 } else { 200 });
    }
    let mut seen: Vec<String> = Vec::new();
    let mut query = String::new();
    for step in 0..100_u32 {
        let page = client.get(&format!("{}/visitors?limit=3{query}", traffic.path)).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().iter().map(|visit| visit["id"].as_str().unwrap().to_owned()));
        traffic.visit(app.now(), step, NO_TAGS).await;
        app.advance_seconds(100);
        run(&app).await;
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("&cursor={cursor}"),
            None => break,
        }
    }
    old.reverse();
    assert_eq!(seen, old);
}

#[tokio::test]
async fn a_visit_that_led_to_a_session_says_so_and_one_that_never_was_changes_nothing() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    let other = Traffic::on_new_link(&app, &client).await;
    let one = traffic.visit(app.now(), 1, ["twitter".into(), None, None]).await;
    let two = traffic.visit(app.now(), 2, NO_TAGS).await;
    app.advance_seconds(1_000);
    let session = traffic.session(app.now(), NO_TAGS);
    let db = &app.platform.db;
    let mark = facts::started_session(&one.id, &session).unwrap().unwrap();
    db.commit(vec![mark]).await.unwrap();
    // Made up: it has the right form, and nothing happens.
    let made_up = anyspend_domain::VisitorId::generate(app.now(), &traffic.link.id.short_code());
    db.commit(vec![facts::started_session(&made_up, &session).unwrap().unwrap()]).await.unwrap();
    // Of another link, from the future, or from long ago: not even a write.
    let code = traffic.link.id.short_code();
    let strange = [
        anyspend_domain::VisitorId::generate(app.now(), &other.link.id.short_code()),
        anyspend_domain::VisitorId::generate(app.now().plus_seconds(1), &code),
        anyspend_domain::VisitorId::generate(anyspend_domain::Timestamp::from_millis(1).unwrap(), &code),
    ];
    for id in strange {
        assert!(facts::started_session(&id, &session).unwrap().is_none(), "{id}");
    }
    let check = async || {
        let page = client.get(&format!("{}/visitors", traffic.path)).await.expect(200);
        let started = |id: &str| {
            let visit = page["data"].as_array().unwrap().iter().find(|visit| visit["id"] == id).cloned().unwrap();
            visit["started_session"].as_bool().unwrap()
        };
        assert_eq!((started(one.id.as_str()), started(two.id.as_str())), (true, false));
        assert_eq!(page["total_count"], 2);
    };
    check().await;
    app.advance_seconds(600);
    run(&app).await;
    check().await;
    assert_eq!(traffic.stats(&client).await["views"], 2);
}

#[tokio::test]
async fn visits_are_kept_for_ninety_days_whether_or_not_they_were_deleted_yet() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    rollup_stats::rollup(&app.platform.db, app.now()).await.unwrap();
    let began = app.now();
    traffic.visit(began, 1, NO_TAGS).await;
    app.advance_seconds(600);
    traffic.visit(app.now(), 1, NO_TAGS).await;
    app.advance_seconds(600);
    run(&app).await;
    let total = async |query: &str| {
        let page = client.get(&format!("{}/visitors{query}", traffic.path)).await.expect(200);
        assert_eq!(page["data"].as_array().unwrap().len() as u64, page["total_count"].as_u64().unwrap());
        page["total_count"].as_u64().unwrap()
    };
    let gone = TimeBucket::of(began).end().plus_seconds(FACTS_KEPT_SECONDS);
    app.platform.clock.advance_millis(gone.millis_since(app.now()) - 1_000);
    skip_quiet_time(&app).await;
    assert_eq!((total("").await, total("?days=365").await), (2, 2));
    app.advance_seconds(1);
    assert_eq!(total("").await, 1);
    assert_eq!((total("?days=90").await, total("?days=1").await), (0, 0));
    // What was counted stays counted.
    assert_eq!(traffic.stats(&client).await["views"], 2);
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    traffic.visit(app.now(), 1, NO_TAGS).await;
    traffic.visit(app.now(), 1, NO_TAGS).await;
    let page = client.get(&format!("{}/visitors?limit=1", traffic.path)).await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    for (query, param) in [
        ("limit=101".to_owned(), "limit"),
        ("page=0".to_owned(), "page"),
        ("days=0".to_owned(), "days"),
        ("cursor=x".to_owned(), "cursor"),
        (format!("page=2&cursor={cursor}"), "page"),
        // Another filter is another list.
        (format!("days=3&cursor={cursor}"), "cursor"),
    ] {
        let reply = client.get(&format!("{}/visitors?{query}", traffic.path)).await;
        assert_eq!(reply.expect_error(400, "invalid_field_value")["param"], param, "{query}");
    }
    client.get(&format!("{}/visitors?sort=x", traffic.path)).await.expect_error(400, "unknown_parameter");
}

#[tokio::test]
async fn an_opened_page_is_a_visit_and_the_visitors_address_is_nowhere_in_it() {
    const ADDRESS: &str = "192.0.2.77";
    let app = App::start_with(anyspend_local::groups, |config| {
        config.country_header = Some("cloudfront-viewer-country".to_owned());
    })
    .await;
    let client = app.admin().await;
    let link = crate::create_link(&client, json!({})).await;
    let page = format!("/pay/{}?utm_source=twitter&utm_medium=%20&fbclid=x", link["short_code"].as_str().unwrap());
    let browser = app
        .anonymous(ADDRESS)
        .with("user-agent", "Mozilla/5.0 (X11)")
        .with("referer", "https://twitter.com")
        .with("cloudfront-viewer-country", "de");
    for _ in 0..2 {
        assert_eq!(browser.get(&page).await.status, 200);
    }
    let path = crate::path_of(&link);
    let list = client.get(&format!("{path}/visitors")).await.expect(200);
    assert_eq!(list["total_count"], 2);
    let visitor = &list["data"][0];
    let seen = ["ip_country", "referrer", "user_agent", "utm_source", "utm_medium", "started_session"];
    let wanted = json!(["DE", "https://twitter.com", "Mozilla/5.0 (X11)", "twitter", null, false]);
    assert_eq!(seen.map(|name| visitor[name].clone()).as_slice(), wanted.as_array().unwrap().as_slice());

    let hashes = async || {
        let (db, table) = app.table();
        let rows = db.scan().table_name(table).send().await.unwrap().items.unwrap_or_default();
        let of = text;
        let others = rows.iter().filter(|row| !of(row, "pk").starts_with("LIMIT#"));
        assert!(others.into_iter().all(|row| !format!("{row:?}").contains(ADDRESS)), "the address is stored");
        let visits = rows.iter().filter(|row| of(row, "pk").starts_with("FACT#"));
        visits.map(|row| of(row, "visitor")).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(hashes().await.len(), 1, "one visitor");
    app.advance_seconds(86_400);
    assert_eq!(browser.get(&page).await.status, 200);
    assert_eq!(hashes().await.len(), 2, "who is somebody else tomorrow");
    assert_eq!(app.anonymous(ADDRESS).with("user-agent", "curl/8").get(&page).await.status, 200);
    assert_eq!(hashes().await.len(), 3);
}

#[tokio::test]
async fn a_country_header_that_nobody_configured_is_not_believed() {
    let app = app().await;
    let client = app.admin().await;
    let link = crate::create_link(&client, json!({})).await;
    let page = format!("/pay/{}", link["short_code"].as_str().unwrap());
    let browser = app.anonymous("192.0.2.1").with("cloudfront-viewer-country", "DE");
    assert_eq!(browser.get(&page).await.status, 200);
    let list = client.get(&format!("{}/visitors", crate::path_of(&link))).await.expect(200);
    assert_eq!((&list["data"][0]["ip_country"], &list["data"][0]["user_agent"]), (&Value::Null, &Value::Null));
}

fn text(row: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>, name: &str) -> String {
    row.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}
