//! The token bucket: exact, over any number of instances.

use crate::{LINKS, RECIPIENT, app, create_link, path_of};
use anyspend_domain::api_key::Permission;
use futures_util::future::join_all;
use serde_json::json;

const QUICK_PAY: &str = "/api/v1/quick-pay";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_120_of_many_simultaneous_requests_pass_through_four_instances() {
    let app = app().await;
    let instances = [app.another_instance(), app.another_instance(), app.another_instance(), app.another_instance()];
    let client = app.admin().await;
    let path = format!("{LINKS}?limit=1");
    for round in 0..2 {
        let clients: Vec<_> = (0..200).map(|n| client.through(&instances[n % 4])).collect();
        let replies = join_all(clients.iter().map(|client| client.get(&path))).await;
        let passed = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(passed, 120, "round {round}");
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            reply.expect_error(429, "rate_limit_exceeded");
        }
        app.advance_seconds(60);
    }
}

#[tokio::test]
async fn a_key_with_a_limit_of_its_own_has_that_one_and_so_have_the_keys_it_makes() {
    let app = app().await;
    let owner = app.admin().await.owner;
    let client = app.key_with(&owner, Permission::Admin, |key| key.rate_limit = Some(3)).await;
    let body = json!({"name": "next", "permissions": ["read"]});
    let made = client.post("/api/v1/api-keys", &body).await;
    assert_eq!((made.status.as_u16(), made.header("x-ratelimit-limit")), (201, "3"));
    for left in ["1", "0"] {
        let reply = client.get(LINKS).await;
        assert_eq!((reply.status.as_u16(), reply.header("x-ratelimit-remaining")), (200, left));
    }
    // Another instance remembers nothing, so the table itself refuses, and its old item tells the limit.
    let other = app.another_instance();
    let refused = client.through(&other).get(LINKS).await;
    refused.expect_error(429, "rate_limit_exceeded");
    assert_eq!(refused.header("x-ratelimit-limit"), "3");
    let bearer = format!("Bearer {}", made.json()["key"].as_str().unwrap());
    let next = app.anonymous("192.0.2.1").with("authorization", &bearer);
    assert_eq!(next.get(LINKS).await.header("x-ratelimit-limit"), "3");
    assert_eq!(app.admin().await.get(LINKS).await.header("x-ratelimit-limit"), "120");
    app.advance_seconds(60);
    assert_eq!(client.get(LINKS).await.header("x-ratelimit-remaining"), "2");
}

#[tokio::test]
async fn every_answer_of_a_limited_route_tells_what_is_left() {
    let app = app().await;
    let client = app.admin().await;
    let reset = app.now().seconds() + 60;
    for left in (117..120).rev() {
        let reply = client.get(LINKS).await;
        assert_eq!(reply.header("x-ratelimit-limit"), "120");
        assert_eq!(reply.header("x-ratelimit-remaining"), left.to_string());
        assert_eq!(reply.header("x-ratelimit-reset"), reset.to_string());
        assert_eq!(reply.header("ratelimit-policy"), "\"default\";q=120;w=60");
        assert_eq!(reply.header("ratelimit"), format!("\"default\";r={left};t=60"));
    }
    app.advance_seconds(18);
    let missing = client.get(&format!("{LINKS}/pl_x")).await;
    assert_eq!((missing.status.as_u16(), missing.header("ratelimit")), (404, "\"default\";r=116;t=42"));
}

#[tokio::test]
async fn a_refusal_says_when_to_come_back_has_no_effect_and_the_second_costs_nothing() {
    let app = app().await;
    let client = app.admin().await;
    for _ in 0..120 {
        client.get(&format!("{LINKS}/pl_x")).await.expect_error(404, "resource_not_found");
    }
    app.advance_seconds(18);
    let refused = client.post(LINKS, &crate::link_body(json!({}))).await;
    let error = refused.expect_error(429, "rate_limit_exceeded");
    assert_eq!(error["type"], "rate_limit_error");
    assert_eq!(error["message"], "Rate limit exceeded. Retry after 42 seconds.");
    assert_eq!((refused.header("retry-after"), refused.header("x-ratelimit-remaining")), ("42", "0"));

    let other = app.another_instance();
    let elsewhere = client.through(&other);
    let first = elsewhere.get(LINKS).await;
    first.expect_error(429, "rate_limit_exceeded");
    assert_eq!(first.header("retry-after"), "42");
    assert!(first.cost().calls <= 2, "a cold instance may guess the interval wrong once");
    let repeated = elsewhere.get(LINKS).await;
    repeated.expect_error(429, "rate_limit_exceeded");
    assert_eq!(repeated.cost().calls, 0);
    assert_eq!(repeated.header("x-ratelimit-limit"), "120");

    app.advance_seconds(42);
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 0);
}

#[tokio::test]
async fn each_key_has_a_bucket_of_its_own() {
    let app = app().await;
    let one = app.admin().await;
    let other = app.key(&one.owner, Permission::Read).await;
    for _ in 0..120 {
        one.get(&format!("{LINKS}/pl_x")).await;
    }
    one.get(LINKS).await.expect_error(429, "rate_limit_exceeded");
    other.get(LINKS).await.expect(200);
}

#[tokio::test]
async fn quick_pay_is_limited_to_five_a_minute_per_address_and_no_header_changes_that() {
    let app = app().await;
    let body = json!({"recipient_address": RECIPIENT});
    let somebody = app.anonymous("203.0.113.7");
    for n in 0..5 {
        let spoofed = somebody.clone().with("x-forwarded-for", &format!("198.51.100.{n}"));
        spoofed.post(QUICK_PAY, &body).await.expect(201);
    }
    let refused = somebody.post(QUICK_PAY, &body).await;
    refused.expect_error(429, "rate_limit_exceeded");
    assert_eq!((refused.header("x-ratelimit-limit"), refused.cost().calls), ("5", 0));
    app.anonymous("203.0.113.8").post(QUICK_PAY, &body).await.expect(201);
    // One IPv6 client holds a whole /64.
    for n in 0..5 {
        app.anonymous(&format!("2001:db8:1:2::{n}")).post(QUICK_PAY, &body).await.expect(201);
    }
    app.anonymous("2001:db8:1:2:ffff::1").post(QUICK_PAY, &body).await.expect_error(429, "rate_limit_exceeded");
    app.anonymous("2001:db8:1:3::1").post(QUICK_PAY, &body).await.expect(201);
    app.advance_seconds(60);
    somebody.post(QUICK_PAY, &body).await.expect(201);
}

#[tokio::test]
async fn a_revoked_key_is_refused_even_where_it_was_known() {
    let app = app().await;
    let admin = app.admin().await;
    let doomed = app.key(&admin.owner, Permission::Read).await;
    let other = app.another_instance();
    let link = create_link(&admin, json!({})).await;
    doomed.get(&path_of(&link)).await.expect(200);
    doomed.through(&other).get(&path_of(&link)).await.expect(200);
    admin.delete(&format!("{}/{}", crate::KEYS, doomed.key_id.as_ref().unwrap())).await.expect(200);
    doomed.get(&path_of(&link)).await.expect_error(401, "key_revoked");
    doomed.through(&other).get(LINKS).await.expect_error(401, "key_revoked");
}
