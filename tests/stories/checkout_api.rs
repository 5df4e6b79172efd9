//! The payer's JSON: opening a session, seeing it, completing it, from any site's scripts and never seeing what is private.

use crate::{LINKS, RECIPIENT, app, create_link, open_link_body, path_of};
use anyspend_testing::{App, Client};
use http::Method;
use serde_json::{Value, json};

fn sessions_of(link: &Value) -> String {
    format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap())
}

fn session_path(session: &Value) -> String {
    format!("/api/v1/checkout/sessions/{}", session["id"].as_str().unwrap())
}

fn payer(app: &App) -> Client<'_> {
    app.anonymous("192.0.2.1")
}

/// A link that asks everything a link can ask.
async fn demanding_link(merchant: &Client<'_>) -> Value {
    create_link(
        merchant,
        json!({
            "form_schema": {"fields": [
                {"id": "company_name", "type": "text", "label": "Company", "required": true},
                {"id": "seats", "type": "number", "label": "Seats"},
                {"id": "terms", "type": "checkbox", "label": "Terms", "required": true},
            ]},
            "shipping_options": [{"id": "exp", "name": "Express", "amount": "2500000", "estimated_days": "1"}],
            "collect_shipping_address": true,
        }),
    )
    .await
}

fn address() -> Value {
    json!({"name": "Alice", "line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "us"})
}

fn answers() -> Value {
    json!({
        "form_data": {"company_name": "Acme", "seats": 5, "terms": true},
        "shipping_address": address(),
        "shipping_option_id": "exp",
        "customer_email": "alice@example.com",
        "customer_name": "Alice Smith",
        "client_reference_id": "order_1",
        "metadata": {"plan": "pro"},
        "utm_source": "twitter",
    })
}

#[tokio::test]
async fn a_payer_opens_a_session_and_sees_what_to_pay_and_nothing_private() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = demanding_link(&merchant).await;
    let reply = payer(&app).post(&sessions_of(&link), &answers()).await;
    let opened = reply.expect(201);
    assert_eq!((&opened["object"], &opened["status"]), (&json!("checkout_session"), &json!("open")));
    assert_eq!((&opened["amount"], &opened["amount_due"]), (&json!("10000000"), &json!("12500000")));
    assert_eq!(opened["recipient_address"], RECIPIENT);
    assert_eq!((&opened["token_symbol"], &opened["token_decimals"]), (&json!("USDC"), &json!(6)));
    assert_eq!(
        opened["payment_uri"],
        format!("ethereum:{}@8453/transfer?address={RECIPIENT}&uint256=12500000", crate::USDC_ON_BASE)
    );
    assert_eq!(opened["url"], format!("https://pay.test/pay/s/{}", opened["id"].as_str().unwrap()));
    let seen = payer(&app).get(&session_path(&opened)).await.expect(200);
    assert_eq!(seen, opened);
    for private in ["alice", "Acme", "order_1", "pro", "Main St", "twitter", "metadata", "customer", "form_data"] {
        assert!(!seen.to_string().contains(private), "{private}: {seen}");
    }
    let whole =
        merchant.get(&format!("/api/v1/checkout-sessions/{}", opened["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(whole["form_data"], json!({"company_name": "Acme", "seats": "5", "terms": true}));
    assert_eq!(whole["shipping_address"]["country"], "US");
    assert_eq!(whole["shipping_option"]["id"], "exp");
    assert_eq!(
        (&whole["customer_email"], &whole["customer_name"]),
        (&json!("alice@example.com"), &json!("Alice Smith"))
    );
    assert_eq!((&whole["client_reference_id"], &whole["utm_source"]), (&json!("order_1"), &json!("twitter")));
    assert_eq!(merchant.get(&format!("{}/sessions", path_of(&link))).await.expect(200)["total_count"], 1);
    let (client, table) = app.table();
    let rows = format!("{:?}", client.scan().table_name(table).send().await.unwrap().items());
    assert!(!rows.contains("alice@example.com") && !rows.contains("Main St") && !rows.contains("Acme"));
}

#[tokio::test]
async fn everything_the_link_asks_is_demanded_and_nothing_else_is_taken() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = demanding_link(&merchant).await;
    let open = |changes: Value| {
        let (payer, path) = (payer(&app), sessions_of(&link));
        async move {
            let mut body = answers();
            for (name, value) in changes.as_object().unwrap() {
                body[name] = value.clone();
            }
            payer.post(&path, &body).await
        }
    };
    for (changes, code, param) in [
        (json!({"form_data": null}), "missing_required_field", "form_data.company_name"),
        (json!({"form_data": {"company_name": "", "terms": true}}), "invalid_field_value", "form_data.company_name"),
        (json!({"form_data": {"company_name": 5, "terms": true}}), "invalid_field_value", "form_data.company_name"),
        (json!({"form_data": {"company_name": "a", "terms": false}}), "invalid_field_value", "form_data.terms"),
        (json!({"form_data": {"company_name": "a", "terms": true, "x": "y"}}), "unknown_parameter", "form_data.x"),
        (json!({"form_data": {"company_name": ["a"], "terms": true}}), "invalid_field_value", "form_data.company_name"),
        (json!({"form_data": "a"}), "invalid_field_value", "form_data"),
        (json!({"shipping_address": null}), "missing_required_field", "shipping_address"),
        (json!({"shipping_address": {"line1": "a"}}), "missing_required_field", "shipping_address.city"),
        (
            json!({"shipping_address": {"line1": "a", "city": "b", "postal_code": "c", "country": "XX"}}),
            "invalid_field_value",
            "shipping_address.country",
        ),
        (json!({"shipping_option_id": null}), "missing_required_field", "shipping_option_id"),
        (json!({"shipping_option_id": "slow"}), "invalid_field_value", "shipping_option_id"),
        (json!({"amount": "1"}), "invalid_field_value", "amount"),
        (json!({"visitor_id": "x"}), "invalid_field_value", "visitor_id"),
        (json!({"customer_mail": "a@b.c"}), "unknown_parameter", "customer_mail"),
        (json!({"success_url": "javascript:alert(1)"}), "invalid_field_value", "success_url"),
    ] {
        let error = open(changes.clone()).await.expect_error(400, code);
        assert_eq!(error["param"], param, "{changes}: {error}");
        assert!(
            error["errors"]
                .as_array()
                .unwrap()
                .iter()
                .all(|one| one["param"] != "shipping_address" || param == "shipping_address"),
            "{error}"
        );
    }
    assert_eq!(app.count("SESSION#").await, 0);
    let plain = create_link(&merchant, json!({})).await;
    let more = payer(&app).post(&sessions_of(&plain), &json!({"shipping_address": address()})).await;
    assert_eq!(more.expect_error(400, "invalid_field_value")["param"], "shipping_address");
}

#[tokio::test]
async fn a_payer_chooses_within_the_bounds_and_must_choose() {
    let app = app().await;
    let merchant = app.admin().await;
    let bounds = json!({"min_amount": "5", "max_amount": "10"});
    let link = merchant.post(LINKS, &open_link_body(bounds)).await.expect(201);
    let open = |body: Value| {
        let (payer, path) = (payer(&app), sessions_of(&link));
        async move { payer.post(&path, &body).await }
    };
    assert_eq!(open(json!({})).await.expect_error(400, "missing_required_field")["param"], "amount");
    for amount in ["4", "11"] {
        assert_eq!(open(json!({"amount": amount})).await.expect_error(400, "invalid_field_value")["param"], "amount");
    }
    assert_eq!(open(json!({"amount": "7"})).await.expect(201)["amount_due"], "7");
}

#[tokio::test]
async fn a_closed_link_opens_nothing_and_an_unknown_one_is_404() {
    let app = app().await;
    let merchant = app.admin().await;
    let off = create_link(&merchant, json!({"active": false})).await;
    payer(&app).post(&sessions_of(&off), &json!({})).await.expect_error(400, "payment_link_inactive");
    let gone = create_link(&merchant, json!({})).await;
    let session = payer(&app).post(&sessions_of(&gone), &json!({})).await.expect(201);
    merchant.delete(&path_of(&gone)).await.expect(200);
    payer(&app).post(&sessions_of(&gone), &json!({})).await.expect_error(404, "resource_not_found");
    payer(&app).post("/api/v1/checkout/Nothing1/sessions", &json!({})).await.expect_error(404, "resource_not_found");
    payer(&app).get("/api/v1/checkout/sessions/cs_x").await.expect_error(404, "resource_not_found");
    let seen = payer(&app).get(&session_path(&session)).await.expect(200);
    assert_eq!((&seen["status"], &seen["failure_reason"]), (&json!("failed"), &json!("link_deleted")));
    assert_eq!((&seen["recipient_address"], &seen["payment_uri"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_redirect_is_taken_to_the_organizations_site_too_and_nowhere_else() {
    let app = app().await;
    let merchant = app.admin().await;
    let site = json!({"website_url": "https://www.merchant.example/about"});
    merchant.patch("/api/v1/organization", &site).await.expect(200);
    let link = create_link(&merchant, json!({})).await;
    let body = json!({"success_url": "https://www.merchant.example/ok", "cancel_url": "https://merchant.example/"});
    let opened = payer(&app).post(&sessions_of(&link), &body).await.expect(201);
    assert_eq!(opened["warnings"].as_array().unwrap().len(), 1, "another host is another origin");
    assert_eq!(opened["warnings"][0]["param"], "cancel_url");
    let id = opened["id"].as_str().unwrap();
    let seen = merchant.get(&format!("/api/v1/checkout-sessions/{id}")).await.expect(200);
    assert_eq!((&seen["success_url"], &seen["cancel_url"]), (&body["success_url"], &Value::Null));
}

#[tokio::test]
async fn a_redirect_is_taken_only_to_the_site_of_the_links_return_url() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({"return_url": "https://shop.example/back"})).await;
    let body = json!({"success_url": "https://shop.example/ok?id={SESSION_ID}", "cancel_url": "https://shop.example.evil.com/"});
    let opened = payer(&app).post(&sessions_of(&link), &body).await.expect(201);
    assert_eq!((&opened["redirect_url"], &opened["cancel_url"]), (&Value::Null, &Value::Null));
    assert_eq!(opened["warnings"][0]["param"], "cancel_url");
    let pay = format!("/api/v1/test-helpers/checkout-sessions/{}/pay", opened["id"].as_str().unwrap());
    merchant.post(&pay, &json!({})).await.expect(200);
    let paid = payer(&app).get(&session_path(&opened)).await.expect(200);
    assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("completed"), &json!("10000000")));
    assert_eq!(paid["redirect_url"], format!("https://shop.example/ok?id={}", opened["id"].as_str().unwrap()));
}

#[tokio::test]
async fn the_merchants_session_takes_from_its_payer_what_it_lacks_once() {
    let app = app().await;
    let merchant = app.admin().await;
    let asks = json!({
        "min_amount": "5", "collect_shipping_address": true,
        "form_schema": {"fields": [{"id": "note", "type": "text", "label": "Note", "required": true}]},
    });
    let link = merchant.post(LINKS, &open_link_body(asks)).await.expect(201);
    let session = merchant.post("/api/v1/checkout-sessions", &json!({"payment_link_id": link["id"]})).await.expect(201);
    let details = format!("{}/details", session_path(&session));
    let error = payer(&app).post(&details, &json!({"amount": "4"})).await.expect_error(400, "missing_required_field");
    let params: Vec<&Value> = error["errors"].as_array().unwrap().iter().map(|one| &one["param"]).collect();
    assert_eq!(params, ["form_data.note", "shipping_address", "amount"]);
    let body = json!({"amount": "9", "form_data": {"note": "hi"}, "shipping_address": address()});
    let filled = payer(&app).post(&details, &body).await.expect(200);
    assert_eq!((&filled["amount_due"], &filled["status"]), (&json!("9"), &json!("open")));
    let other = payer(&app).post(&details, &json!({"amount": "8"})).await;
    assert_eq!(other.expect_error(400, "invalid_field_value")["param"], "amount");
    let other = payer(&app).post(&details, &json!({"form_data": {"note": "other"}})).await;
    other.expect_error(400, "unknown_parameter");
    merchant
        .post(&format!("/api/v1/checkout-sessions/{}/expire", session["id"].as_str().unwrap()), &json!({}))
        .await
        .expect(200);
    payer(&app).post(&details, &json!({})).await.expect_error(400, "invalid_status_transition");
    payer(&app)
        .post("/api/v1/checkout/sessions/cs_x/details", &json!({}))
        .await
        .expect_error(404, "resource_not_found");
}

#[tokio::test]
async fn a_payers_retry_with_the_same_idempotency_key_opens_nothing_twice() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let payer = payer(&app).idempotent("k");
    let first = payer.post(&sessions_of(&link), &json!({})).await;
    let again = payer.post(&sessions_of(&link), &json!({})).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16(), again.header("idempotent-replayed")), (201, 201, "true"));
    assert_eq!(first.body, again.body);
    assert_eq!(app.count("SESSION#").await, 1);
    payer.post(&sessions_of(&link), &json!({"utm_source": "x"})).await.expect_error(409, "idempotency_conflict");
    // The answer is the caller's, whatever has become of the link.
    merchant.delete(&path_of(&link)).await.expect(200);
    assert_eq!(payer.post(&sessions_of(&link), &json!({})).await.body, first.body);
    // Another network's key of the same text is another key.
    let other = app.anonymous("198.51.100.1").idempotent("k");
    other.post(&sessions_of(&link), &json!({})).await.expect_error(404, "resource_not_found");
}

#[tokio::test]
async fn the_trail_of_a_payers_session_is_its_merchants() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    payer(&app).post(&sessions_of(&link), &json!({})).await.expect(201);
    let (client, table) = app.table();
    let rows = client.scan().table_name(table).send().await.unwrap();
    let event = rows
        .items()
        .iter()
        .find(|row| {
            row.get("event_type").is_some_and(|kind| kind.as_s().is_ok_and(|kind| kind == "checkout_session.created"))
        })
        .unwrap();
    assert!(event["pk"].as_s().unwrap().starts_with(&format!("AUDIT#{}#test#", merchant.owner.org)));
    assert_eq!(event["actor_type"].as_s().unwrap(), "anonymous");
}

#[tokio::test]
async fn any_sites_script_may_call_and_no_other_route_lets_it() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let script = payer(&app).with("origin", "https://shop.example");
    let preflight = script
        .clone()
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", "content-type")
        .raw(Method::OPTIONS, &sessions_of(&link), Vec::new())
        .await;
    assert_eq!((preflight.status.as_u16(), preflight.header("access-control-allow-origin")), (204, "*"));
    assert_eq!(preflight.header("access-control-allow-methods"), "OPTIONS, POST");
    assert_eq!(preflight.header("access-control-allow-headers"), "Content-Type, Idempotency-Key, AnySpend-Version");
    assert_eq!(preflight.header("access-control-max-age"), "86400");
    let opened = script.post(&sessions_of(&link), &json!({})).await;
    let session = opened.expect(201);
    let refused = script.post(&sessions_of(&link), &json!({"amount": "1"})).await;
    refused.expect_error(400, "invalid_field_value");
    for reply in [opened, refused, script.get(&session_path(&session)).await, script.get(&sessions_of(&link)).await] {
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        let exposed = reply.header("access-control-expose-headers");
        assert!(
            exposed.contains("Request-Id")
                && exposed.contains("X-RateLimit-Remaining")
                && exposed.contains("Retry-After")
        );
        assert!(reply.header("access-control-allow-credentials").is_empty());
    }
    for reply in [
        script.get(&format!("/pay/{}", link["short_code"].as_str().unwrap())).await,
        script.raw(Method::OPTIONS, LINKS, Vec::new()).await,
        script.get("/api/v1/health").await,
        script.get("/nothing").await,
    ] {
        assert!(reply.header("access-control-allow-origin").is_empty());
    }
}

#[tokio::test]
async fn each_group_of_public_routes_has_sixty_a_minute_of_its_own() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let payer = app.anonymous("192.0.2.77");
    let session = payer.post(&sessions_of(&link), &json!({})).await.expect(201);
    for left in (0..60).rev() {
        let reply = payer.get(&session_path(&session)).await;
        reply.expect(200);
        assert_eq!(reply.header("x-ratelimit-remaining"), left.to_string());
        assert_eq!(reply.header("x-ratelimit-limit"), "60");
    }
    let refused = payer.get(&session_path(&session)).await;
    refused.expect_error(429, "rate_limit_exceeded");
    assert!(!refused.header("retry-after").is_empty());
    payer.post(&sessions_of(&link), &json!({})).await.expect(201);
    app.anonymous("192.0.2.78").get(&session_path(&session)).await.expect(200);
    app.advance_seconds(60);
    payer.get(&session_path(&session)).await.expect(200);
}

#[tokio::test]
async fn a_quick_pay_link_is_paid_like_any_other() {
    let app = app().await;
    let link = payer(&app)
        .post("/api/v1/quick-pay", &json!({"recipient_address": RECIPIENT, "amount": "5"}))
        .await
        .expect(201);
    let session = payer(&app).post(&sessions_of(&link), &json!({})).await.expect(201);
    assert_eq!(payer(&app).get(&session_path(&session)).await.expect(200)["amount_due"], "5");
}

#[tokio::test]
async fn the_version_decides_times_and_addresses_here_too() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let old =
        payer(&app).with("anyspend-version", "2024-02-28").post(&sessions_of(&link), &json!({})).await.expect(201);
    assert!(old["created_at"].is_u64());
    assert_eq!(old["token_address"], crate::USDC_ON_BASE.to_lowercase());
}
