//! A retry is safe: the record and the effect commit together, whatever dies in between.

use crate::{LINKS, app, create_link, link_body, path_of};
use anyspend_testing::faults::Fault;
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_simultaneous_posts_with_one_key_make_one_link_and_get_one_answer() {
    let app = app().await;
    let instances = [app.another_instance(), app.another_instance()];
    // The real database lets transactions meet; the embedded one must be told to.
    for (seed, instance) in instances.iter().enumerate() {
        let seed = u32::try_from(seed).unwrap();
        instance.faults.plan(move |call, operation| {
            (operation == "TransactWriteItems" && (call.wrapping_mul(2_654_435_761) ^ seed) % 3 == 0)
                .then_some(Fault::Conflict)
        });
    }
    // Two keys of one organization, since one key may only send 120.
    let one = app.admin().await;
    let other = app.key(&one.owner, anyspend_domain::api_key::Permission::Write).await;
    let clients: Vec<_> = (0..200)
        .map(|n| if n % 2 == 0 { &one } else { &other }.through(&instances[n % 2]).idempotent("order-1"))
        .collect();
    let body = link_body(json!({}));
    let replies = join_all(clients.iter().map(|client| client.post(LINKS, &body))).await;
    for reply in &replies {
        reply.expect(201);
        assert_eq!(reply.body, replies[0].body);
    }
    let replayed = replies.iter().filter(|reply| reply.header("idempotent-replayed") == "true").count();
    assert_eq!(replayed, 199);
    assert_eq!(app.count("LINK#").await, 2, "one head and one terms row");
}

#[tokio::test]
async fn a_process_that_dies_at_any_call_of_a_create_leaves_no_link_or_one_and_a_retry_makes_it_one() {
    let app = app().await;
    let mut deaths = 0;
    for fault in [Fault::DieBefore, Fault::DieAfter, Fault::CutBefore, Fault::CutAfter] {
        for at in 1.. {
            assert!(at < 20, "a create has few calls");
            let client = app.admin().await.idempotent("once");
            let body = link_body(json!({"items": [{"name": "a", "amount": "1"}]}));
            let dying = app.another_instance();
            dying.faults.plan(move |call, _| (call == at).then_some(fault));
            let through = client.through(&dying);
            let first = dying.faults.until_death(through.post(LINKS, &body)).await;
            let reached = dying.faults.calls() >= at;
            let retried = client.post(LINKS, &body).await;
            let link = retried.expect(201);
            if let Some(first) = first.filter(|first| first.status == 201) {
                assert_eq!(first.body, retried.body);
            }
            let list = client.get(LINKS).await.expect(200);
            assert_eq!(
                (&list["total_count"], &list["data"][0]["id"]),
                (&json!(1), &link["id"]),
                "{fault:?} at call {at}"
            );
            if !reached {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths >= 8, "{deaths}");
}

#[tokio::test]
async fn a_replay_is_byte_for_byte_whatever_version_is_asked_for() {
    let app = app().await;
    let client = app.admin().await.idempotent("k");
    let body = link_body(json!({"token_address": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "chain_id": 1}));
    let first = client.post(LINKS, &body).await;
    app.advance_seconds(3_600);
    let again = client.clone().with("anyspend-version", "2024-02-28").post(LINKS, &body).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    assert_eq!((again.header("idempotent-replayed"), again.header("anyspend-version")), ("true", "2026-02-27"));
    assert_eq!(first.header("idempotent-replayed"), "");
}

#[tokio::test]
async fn the_same_key_for_another_request_conflicts() {
    let app = app().await;
    let client = app.admin().await.idempotent("k");
    let link = client.post(LINKS, &link_body(json!({}))).await.expect(201);
    let error =
        client.post(LINKS, &link_body(json!({"name": "Other"}))).await.expect_error(409, "idempotency_conflict");
    assert_eq!(error["type"], "idempotency_error");
    let spaced = format!("{} ", link_body(json!({})));
    client.raw(http::Method::POST, LINKS, spaced.into_bytes()).await.expect_error(409, "idempotency_conflict");
    client.patch(&path_of(&link), &json!({"name": "x"})).await.expect_error(409, "idempotency_conflict");
    client.post(LINKS, &json!({"nonsense": true})).await.expect_error(409, "idempotency_conflict");
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 1);
}

#[tokio::test]
async fn keys_of_other_organizations_and_addresses_are_other_keys() {
    let app = app().await;
    let body = link_body(json!({}));
    let one = app.admin().await.idempotent("k").post(LINKS, &body).await.expect(201);
    let other = app.admin().await.idempotent("k").post(LINKS, &body).await.expect(201);
    assert_ne!(one["id"], other["id"]);
    let quick = json!({"recipient_address": crate::RECIPIENT});
    let mine = app.anonymous("192.0.2.1").idempotent("k").post("/api/v1/quick-pay", &quick).await.expect(201);
    let yours = app.anonymous("192.0.2.2").idempotent("k").post("/api/v1/quick-pay", &quick).await.expect(201);
    assert_ne!(mine["id"], yours["id"]);
    let again = app.anonymous("192.0.2.1").idempotent("k").post("/api/v1/quick-pay", &quick).await.expect(201);
    assert_eq!(mine, again);
}

#[tokio::test]
async fn after_a_failure_the_key_is_free_again() {
    let app = app().await;
    let client = app.admin().await.idempotent("k");
    client.post(LINKS, &link_body(json!({"amount": "0"}))).await.expect_error(400, "invalid_field_value");
    client.post(LINKS, &link_body(json!({}))).await.expect(201);
}

#[tokio::test]
async fn after_a_day_the_key_is_reusable_although_nothing_deleted_it() {
    let app = app().await;
    let client = app.admin().await.idempotent("k");
    let first = client.post(LINKS, &link_body(json!({}))).await.expect(201);
    app.advance_seconds(24 * 60 * 60 - 1);
    assert_eq!(client.post(LINKS, &link_body(json!({}))).await.expect(201)["id"], first["id"]);
    app.advance_seconds(1);
    assert_eq!(app.count("IDEM#").await, 1);
    let second = client.post(LINKS, &link_body(json!({"name": "Another"}))).await.expect(201);
    assert_ne!(second["id"], first["id"]);
}

#[tokio::test]
async fn a_key_that_is_empty_too_long_or_unprintable_is_refused() {
    let app = app().await;
    let body = link_body(json!({}));
    for key in ["", &"k".repeat(257)] {
        app.admin().await.idempotent(key).post(LINKS, &body).await.expect_error(400, "invalid_idempotency_key");
    }
    app.admin().await.idempotent(&"k".repeat(256)).post(LINKS, &body).await.expect(201);
}

#[tokio::test]
async fn a_retried_update_or_item_is_replayed_though_the_state_has_moved_on() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let path = path_of(&link);
    let body = json!({"name": "a", "amount": "1"});
    let added = client.clone().idempotent("add").post(&format!("{path}/items"), &body).await;
    let again = client.clone().idempotent("add").post(&format!("{path}/items"), &body).await;
    assert_eq!((added.status.as_u16(), &added.body), (201, &again.body));
    let renamed = client.clone().idempotent("rename").patch(&path, &json!({"name": "New"})).await;
    client.patch(&path, &json!({"name": "Newer"})).await.expect(200);
    let again = client.clone().idempotent("rename").patch(&path, &json!({"name": "New"})).await;
    assert_eq!((&renamed.body, again.header("idempotent-replayed")), (&again.body, "true"));
    assert_eq!(client.get(&path).await.expect(200)["name"], "Newer");
    client.delete(&path).await.expect(200);
    let again = client.clone().idempotent("add").post(&format!("{path}/items"), &body).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &added.body), "the link is gone, the answer is not");
}

#[tokio::test]
async fn without_a_key_every_post_is_a_link_of_its_own() {
    let app = app().await;
    let client = app.admin().await;
    create_link(&client, json!({})).await;
    create_link(&client, json!({})).await;
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 2);
    assert_eq!(app.count("IDEM#").await, 0);
}
