//! Who is let in. The tests of routes are generated from the route table: nobody extends a list.

use crate::{LINKS, app, create_link, path_of};
use anyspend_api::operation::Access;
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_testing::faults::Fault;
use http::Method;
use serde_json::json;

/// Every route, with its parameters filled in, and who may call it.
fn routes() -> Vec<(Method, String, Access)> {
    let operations = anyspend_local::groups().into_iter().flat_map(|group| group.operations);
    let fill = |path: &str| path.replace("{id}", "x").replace("{item_id}", "pli_x");
    operations.map(|operation| (operation.method.clone(), fill(operation.path), operation.access)).collect()
}

#[tokio::test]
async fn every_route_that_is_not_open_refuses_a_missing_or_malformed_key_without_asking_the_database() {
    let app = app().await;
    let mut checked = 0;
    for (method, path, access) in routes() {
        if !matches!(access, Access::Needs(_)) {
            continue;
        }
        // Each from a network of its own: a network may try so many a minute only.
        let nobody = app.anonymous(&format!("192.0.2.{}", checked + 1));
        let reply = nobody.raw(method.clone(), &path, Vec::new()).await;
        reply.expect_error(401, "key_missing");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
        assert_eq!(reply.cost().calls, 0);
        for (header, value, code) in [
            ("authorization", "Bearer asp_test_tooshort", "key_invalid"),
            ("authorization", "Bearer sk_live_0123456789012345678901234567890123", "key_invalid"),
            ("x-api-key", "\u{e9}", "key_invalid"),
            ("authorization", "Basic dXNlcjpwdw==", "key_missing"),
            ("authorization", "Bearer", "key_missing"),
            ("authorization", "Bearer aaa.bbb.ccc", "token_invalid"),
        ] {
            let reply = nobody.clone().with(header, value).raw(method.clone(), &path, Vec::new()).await;
            reply.expect_error(401, code);
            assert_eq!(reply.cost().calls, 0, "{method} {path} {value}");
        }
        checked += 1;
    }
    assert!(checked >= 11);
}

#[tokio::test]
async fn every_route_refuses_a_key_with_less_than_its_permission() {
    let app = app().await;
    for (method, path, access) in routes() {
        let Access::Needs(needed) = access else { continue };
        for held in Permission::ALL.iter().copied() {
            let client = app.merchant(Mode::Test, held).await;
            let reply = client.raw(method.clone(), &path, Vec::new()).await;
            if held < needed {
                let error = reply.expect_error(403, "insufficient_permissions");
                assert_eq!(error["type"], "permission_error");
                assert_eq!(reply.header("x-ratelimit-remaining"), "119");
            } else {
                assert_ne!(reply.status.as_u16(), 403, "{method} {path} with {held:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_get_needs_read_and_a_change_needs_write_and_keys_need_admin() {
    for (method, path, access) in routes() {
        let expected = match (&method, path.as_str()) {
            (_, path) if path.starts_with(crate::KEYS) => Some(Permission::Admin),
            (_, "/api/v1/health" | "/api/v1/openapi.json" | "/api/v1/quick-pay") => None,
            // The payer's side.
            (_, path) if ["/pay/", "/l/", "/api/v1/checkout/"].iter().any(|open| path.starts_with(open)) => None,
            (&Method::GET, _) | (_, "/api/v1/discount-codes/validate") => Some(Permission::Read),
            (_, path) if path.starts_with("/api/v1/discount-codes") => Some(Permission::Admin),
            (_, path) if path.starts_with("/api/v1/webhooks") => Some(Permission::Admin),
            (_, "/api/v1/organization") => Some(Permission::Admin),
            _ => Some(Permission::Write),
        };
        let declared = match access {
            Access::Needs(permission) => Some(permission),
            _ => None,
        };
        assert_eq!(declared, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_key_is_accepted_in_either_header_and_the_bearer_is_preferred() {
    let app = app().await;
    let key = app.admin().await.key.unwrap();
    let nobody = app.anonymous("192.0.2.1");
    nobody.clone().with("x-api-key", key.expose()).get(LINKS).await.expect(200);
    nobody.clone().with("authorization", &format!("bearer {}", key.expose())).get(LINKS).await.expect(200);
    let both = nobody.with("authorization", &format!("Bearer {}", key.expose())).with("x-api-key", "asp_test_nonsense");
    both.get(LINKS).await.expect(200);
}

#[tokio::test]
async fn an_unknown_key_of_good_form_is_invalid() {
    let app = app().await;
    let key = anyspend_domain::api_key::KeyText::generate(Mode::Live);
    let nobody = app.anonymous("192.0.2.1").with("x-api-key", key.expose());
    nobody.get(LINKS).await.expect_error(401, "key_invalid");
    assert_eq!(app.count("KEY#").await, 0, "asking for a key makes no item");
}

#[tokio::test]
async fn a_dashboard_session_chooses_its_mode() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let session = app.session(&merchant.owner.org, 600);
    let reply = session.get(&path_of(&link)).await;
    reply.expect(200);
    assert_eq!((reply.header("x-ratelimit-limit"), reply.header("x-ratelimit-remaining")), ("600", "599"));
    session.clone().with("anyspend-mode", "live").get(&path_of(&link)).await.expect_error(404, "resource_not_found");
    session.clone().with("anyspend-mode", "both").get(LINKS).await.expect_error(400, "invalid_field_value");
    app.advance_seconds(600);
    session.get(LINKS).await.expect_error(401, "token_expired");
}

#[tokio::test]
async fn nothing_is_let_through_while_the_database_is_away() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    for fault in [Fault::Throttle, Fault::CutBefore] {
        app.faults.plan(move |_, _| Some(fault));
        for reply in [
            client.get(&path_of(&link)).await,
            client.post(LINKS, &crate::link_body(json!({}))).await,
            app.anonymous("192.0.2.9").post("/api/v1/quick-pay", &json!({"recipient_address": crate::RECIPIENT})).await,
            app.anonymous("192.0.2.9").get("/api/v1/health").await,
        ] {
            let error = reply.expect_error(503, "service_unavailable");
            assert_eq!(error["type"], "api_error");
            assert!(!reply.header("retry-after").is_empty());
            assert!(!String::from_utf8_lossy(&reply.body).to_lowercase().contains("dynamo"));
        }
        app.faults.heal();
    }
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 1);
}
