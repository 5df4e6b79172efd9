//! Whatever arrives, the answer is the envelope with the right status, within limits, and nothing is written.

use crate::{LINKS, app, create_link, link_body, path_of};
use anyspend_testing::App;
use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

#[tokio::test]
async fn every_failure_is_told_in_the_envelope_with_its_own_status() {
    let app = app().await;
    let client = app.admin().await;
    let nobody = app.anonymous("192.0.2.1");
    nobody.get("/").await.expect_error(404, "route_not_found");
    nobody.get("/api/v1/nothing").await.expect_error(404, "route_not_found");
    client.get("/api/v1/payment-links/").await.expect_error(404, "route_not_found");
    let wrong = client.raw(Method::PUT, LINKS, Vec::new()).await;
    wrong.expect_error(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET, HEAD, OPTIONS, POST");

    let post = |body: &[u8]| client.raw(Method::POST, LINKS, body.to_vec());
    for body in [&b"{"[..], b"[]", b"null", b"\"x\"", b"\xff\xfe", b"{\"name\":1,\"name\":2}", b"{} {}", b"{'a':1}"] {
        post(body).await.expect_error(400, "invalid_json");
    }
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(256 * 1024));
    post(large.as_bytes()).await.expect_error(413, "payload_too_large");
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonp"]
    {
        let reply = client.clone().with("content-type", kind).post(LINKS, &link_body(json!({}))).await;
        reply.expect_error(415, "unsupported_media_type");
    }
    for kind in ["application/json", "Application/JSON; charset=\"UTF-8\"", "application/json;charset=utf-8"] {
        client.clone().with("content-type", kind).post(LINKS, &link_body(json!({}))).await.expect(201);
    }
    let query = client.post(&format!("{LINKS}?dry_run=true"), &link_body(json!({}))).await;
    assert_eq!(query.expect_error(400, "unknown_parameter")["param"], "dry_run");
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 3);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_the_security_headers() {
    let app = app().await;
    let client = app.admin().await;
    for reply in [client.get(LINKS).await, client.get("/nothing").await, app.anonymous("192.0.2.1").get(LINKS).await] {
        assert!(reply.header("request-id").starts_with("req_"));
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert!(reply.header("strict-transport-security").starts_with("max-age="));
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("content-type"), "application/json");
        assert!(!reply.header("anyspend-version").is_empty());
        assert!(reply.header("access-control-allow-origin").is_empty());
    }
}

#[tokio::test]
async fn head_is_get_without_its_body_and_options_tells_the_methods() {
    let app = app().await;
    let client = app.admin().await;
    let path = path_of(&create_link(&client, json!({})).await);
    let get = client.get(&path).await;
    let head = client.raw(Method::HEAD, &path, Vec::new()).await;
    assert_eq!((head.status, head.body.len()), (get.status, 0));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    let options = app.anonymous("192.0.2.1").raw(Method::OPTIONS, &path, Vec::new()).await;
    assert_eq!((options.status.as_u16(), options.header("allow")), (204, "DELETE, GET, HEAD, OPTIONS, PATCH"));
    client
        .raw(Method::HEAD, &format!("{LINKS}/pl_x"), Vec::new())
        .await
        .status
        .is_client_error()
        .then_some(())
        .unwrap();
}

#[tokio::test]
async fn a_json_content_type_without_a_body_is_fine_everywhere() {
    let app = app().await;
    let client = app.admin().await.with("content-type", "application/json");
    let path = path_of(&create_link(&client, json!({})).await);
    client.get(&path).await.expect(200);
    client.get(LINKS).await.expect(200);
    client.delete(&path).await.expect(200);
    client.raw(Method::POST, LINKS, Vec::new()).await.expect_error(400, "missing_required_field");
}

#[tokio::test]
async fn a_panic_becomes_our_500_and_tells_nothing() {
    use anyspend_api::operation::{Access, Group, Operation};
    use anyspend_api::{Answer, ApiError, Call, Caller, DeletedView};
    async fn panics(_: std::sync::Arc<Call>, _: Caller) -> Result<Answer, ApiError> {
        panic!("the secret reason")
    }
    fn groups() -> Vec<Group> {
        let operation =
            Operation::new::<DeletedView>("panic", Method::GET, "/panic", Access::Public, http::StatusCode::OK, "");
        vec![Group { name: "panic", description: "", operations: vec![operation.handled_by(panics)] }]
    }
    let app = App::start(groups).await;
    for _ in 0..3 {
        let reply = app.anonymous("192.0.2.1").get("/panic").await;
        assert_eq!(reply.expect_error(500, "internal_error")["type"], "api_error");
        assert!(!String::from_utf8_lossy(&reply.body).contains("secret"));
    }
}

/// Any JSON at all.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        Just(json!(crate::USDC_ON_BASE)),
        Just(json!("1")),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{0,12}", inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

/// A body that is nearly right: known fields with any values.
fn nearly_a_link() -> impl Strategy<Value = Value> {
    const FIELDS: &[&str] = &[
        "name",
        "description",
        "token_address",
        "chain_id",
        "recipient_address",
        "amount",
        "min_amount",
        "max_amount",
        "suggested_amount",
        "product_id",
        "image_url",
        "theme_color",
        "button_text",
        "max_uses",
        "expires_at",
        "active",
        "is_active",
        "form_schema",
        "shipping_options",
        "collect_shipping_address",
        "return_url",
        "return_label",
        "branding",
        "fee_on_top",
        "metadata",
        "items",
        "uses",
        "maxUses",
    ];
    prop::collection::btree_map(prop::sample::select(FIELDS), any_json(), 0..8).prop_map(|changes| {
        let mut body = link_body(json!({}));
        for (name, value) in changes {
            body[name] = value;
        }
        body
    })
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What must hold of the answer to any request.
fn check(reply: &anyspend_testing::Reply, created: u16) {
    let status = reply.status.as_u16();
    assert!(reply.header("request-id").starts_with("req_"));
    if status == created {
        return;
    }
    assert!((400..500).contains(&status), "{status}: {}", String::from_utf8_lossy(&reply.body));
    let error = &reply.json()["error"];
    assert!(error["code"].is_string() && error["type"].is_string() && error["message"].is_string(), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_json_is_sent_is_created_whole_or_refused_without_a_trace(bodies in prop::collection::vec(prop_oneof![any_json(), nearly_a_link()], 8)) {
        block_on(async {
            let app = app().await;
            let client = app.admin().await;
            let mut created = 0;
            for body in bodies {
                let reply = client.post(LINKS, &body).await;
                check(&reply, 201);
                created += u64::from(reply.status == 201);
            }
            let list = client.get(LINKS).await.expect(200);
            assert_eq!(list["total_count"], created);
            for link in list["data"].as_array().unwrap() {
                assert_eq!(client.get(&path_of(link)).await.expect(200), *link);
            }
        });
    }

    #[test]
    fn whatever_bytes_paths_and_headers_are_sent_the_process_answers_in_the_envelope(
        requests in prop::collection::vec((
            prop::sample::select(vec!["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "TRACE", "BREW"]),
            prop_oneof![
                "/[!-~]{0,60}".prop_map(|path: String| path),
                "[!-~]{0,30}".prop_map(|id: String| format!("{LINKS}/{}", id.replace(['?', '#'], "-"))),
                "[ -~]{0,40}".prop_map(|query: String| format!("{LINKS}?{}", query.replace([' ', '#', '"', '<', '>'], "+"))),
                Just(LINKS.to_owned()),
                Just(crate::KEYS.to_owned()),
                Just("/api/v1/quick-pay".to_owned()),
            ],
            prop::collection::vec((
                prop::sample::select(vec!["authorization", "x-api-key", "content-type", "idempotency-key", "anyspend-version",
                    "anyspend-mode", "x-forwarded-for", "accept", "if-none-match"]),
                prop::collection::vec(any::<u8>(), 0..60),
            ), 0..4),
            prop::collection::vec(any::<u8>(), 0..300),
            any::<bool>(),
        ), 8)
    ) {
        block_on(async {
            let app = app().await;
            let admin = app.admin().await;
            let key = format!("Bearer {}", admin.key.as_ref().unwrap().expose());
            for (method, path, headers, body, with_key) in requests {
                let mut request = http::Request::builder().method(method).uri(&path);
                if with_key {
                    request = request.header("authorization", &key).header("content-type", "application/json");
                }
                for (name, value) in headers {
                    if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                        request = request.header(name, value);
                    }
                }
                // What the HTTP library itself refuses never reaches the router.
                let Ok(request) = request.body(axum::body::Body::from(body)) else { continue };
                let reply = app.send(request).await;
                let status = reply.status.as_u16();
                assert!(status < 500, "{method} {path}: {}", String::from_utf8_lossy(&reply.body));
                assert!(reply.header("request-id").starts_with("req_"));
                if (400..500).contains(&status) && method != "HEAD" {
                    assert!(reply.json()["error"]["code"].is_string());
                }
            }
            admin.get(LINKS).await;
        });
    }
}
