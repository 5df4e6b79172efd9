//! `POST /payment-links`

use crate::{LINKS, RECIPIENT, USDC_ON_BASE, app, create_link, link_body, open_link_body, path_of};
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_domain::chain::{ChainAccess, Chains};
use anyspend_testing::App;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is refused, as (changes to a good body, code, param).
async fn refused(cases: Vec<(Value, &str, &str)>, variable: bool) {
    let app = app().await;
    for (changes, code, param) in cases {
        let client = app.admin().await;
        let body = if variable { open_link_body(changes.clone()) } else { link_body(changes.clone()) };
        let reply = client.post(LINKS, &body).await;
        let shown = changes.to_string().chars().take(120).collect::<String>();
        assert!(reply.status.is_client_error(), "accepted: {shown}");
        let error = &reply.json()["error"];
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{shown}: {error}");
        assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 0, "written all the same: {shown}");
    }
}

#[tokio::test]
async fn one_past_every_limit_is_refused_with_its_field_named() {
    let long = |length: usize| "a".repeat(length);
    let invalid = "invalid_field_value";
    let keys = |count: usize| (0..count).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>();
    let item = json!({"name": "x", "amount": "1", "quantity": 1});
    let field = |id: usize| json!({"id": format!("f{id}"), "type": "text", "label": "x", "required": false});
    let option = |id: usize| json!({"id": format!("s{id}"), "name": "x", "amount": "0"});
    refused(
        vec![
            (json!({"name": long(101)}), invalid, "name"),
            (json!({"name": ""}), invalid, "name"),
            (json!({"name": 5}), invalid, "name"),
            (json!({"name": null}), "missing_required_field", "name"),
            (json!({"description": long(501)}), invalid, "description"),
            (json!({"image_url": format!("https://e.com/{}", long(2_035))}), invalid, "image_url"),
            (json!({"image_url": "http://example.com/x.png"}), invalid, "image_url"),
            (json!({"return_url": "javascript:alert(1)"}), invalid, "return_url"),
            (json!({"theme_color": "red"}), invalid, "theme_color"),
            (json!({"amount": "0"}), invalid, "amount"),
            (json!({"amount": "-1"}), invalid, "amount"),
            (json!({"amount": "01"}), invalid, "amount"),
            (json!({"amount": "1e6"}), invalid, "amount"),
            (json!({"amount": 10}), invalid, "amount"),
            (json!({"amount": format!("1{}", "0".repeat(78))}), invalid, "amount"),
            (json!({"chain_id": 999}), invalid, "chain_id"),
            (json!({"chain_id": "8453"}), invalid, "chain_id"),
            (json!({"chain_id": 8453.5}), invalid, "chain_id"),
            (json!({"token_address": "0x123"}), "invalid_address", "token_address"),
            (json!({"recipient_address": "0xYourAddress..."}), "invalid_address", "recipient_address"),
            (
                json!({"recipient_address": "0x833589fcD6eDb6E08f4c7C32D4f71b54bdA02913"}),
                "invalid_address",
                "recipient_address",
            ),
            (
                json!({"recipient_address": "0x0000000000000000000000000000000000000000"}),
                "invalid_address",
                "recipient_address",
            ),
            (json!({"max_uses": 0}), invalid, "max_uses"),
            (json!({"max_uses": -3}), invalid, "max_uses"),
            (json!({"max_uses": 1.5}), invalid, "max_uses"),
            (json!({"max_use": 3}), "unknown_parameter", "max_use"),
            (json!({"uses": 3}), "unknown_parameter", "uses"),
            (json!({"expires_at": "2026-02-27T10:30:00Z"}), invalid, "expires_at"),
            (json!({"expires_at": "tomorrow"}), invalid, "expires_at"),
            (json!({"expires_at": 1}), invalid, "expires_at"),
            (json!({"active": true, "is_active": false}), invalid, "is_active"),
            (json!({"metadata": keys(51)}), invalid, "metadata"),
            (json!({"metadata": {long(41): "v"}}), invalid, &format!("metadata.{}", long(41))),
            (json!({"metadata": {"k": long(501)}}), invalid, "metadata.k"),
            (json!({"metadata": {"k": 5}}), invalid, "metadata.k"),
            (json!({"items": vec![item.clone(); 101]}), invalid, "items"),
            (json!({"items": [item, {"name": "x", "quantity": 1, "amount": "-1"}]}), invalid, "items[1].amount"),
            (json!({"items": [{"name": "x", "amount": "1", "quantity": 0}]}), invalid, "items[0].quantity"),
            (json!({"items": [{"amount": "1"}]}), "missing_required_field", "items[0].name"),
            (json!({"items": [{"name": "x", "amount": "1", "price": 1}]}), "unknown_parameter", "items[0].price"),
            (json!({"items": {}}), invalid, "items"),
            (json!({"form_schema": {"fields": (0..51).map(field).collect::<Vec<_>>()}}), invalid, "form_schema.fields"),
            (json!({"form_schema": {"fields": [field(1), field(1)]}}), invalid, "form_schema.fields[1].id"),
            (
                json!({"form_schema": {"fields": [{"id": "a", "type": "date", "label": "x"}]}}),
                invalid,
                "form_schema.fields[0].type",
            ),
            (
                json!({"form_schema": {"fields": [{"id": "a", "type": "select", "label": "x"}]}}),
                "missing_required_field",
                "form_schema.fields[0].options",
            ),
            (
                json!({"form_schema": {"fields": [{"id": "a", "type": "text", "label": "x", "options": ["y"]}]}}),
                invalid,
                "form_schema.fields[0].options",
            ),
            (json!({"shipping_options": (0..21).map(option).collect::<Vec<_>>()}), invalid, "shipping_options"),
            (json!({"shipping_options": [option(1), option(1)]}), invalid, "shipping_options[1].id"),
            (json!({"min_amount": "1"}), invalid, "min_amount"),
            (json!({"suggested_amount": "1"}), invalid, "suggested_amount"),
            (json!({"product_id": "prod_01ARZ3NDEKTSV4RRFFQ69G5FAV"}), "resource_not_found", "product_id"),
            (json!({"branding": {"logo": "x"}}), "unknown_parameter", "branding.logo"),
        ],
        false,
    )
    .await;
}

#[tokio::test]
async fn a_variable_link_keeps_its_bounds_in_order() {
    refused(
        vec![
            (json!({"min_amount": "3", "max_amount": "2"}), "invalid_field_value", "min_amount"),
            (json!({"min_amount": "3", "suggested_amount": "2"}), "invalid_field_value", "suggested_amount"),
            (json!({"suggested_amount": "3", "max_amount": "2"}), "invalid_field_value", "suggested_amount"),
            (json!({"min_amount": "1", "items": [{"name": "x", "amount": "1"}]}), "invalid_field_value", "min_amount"),
        ],
        true,
    )
    .await;
    let app = app().await;
    let body = open_link_body(json!({"min_amount": "1", "suggested_amount": "1", "max_amount": "1"}));
    let link = app.admin().await.post(LINKS, &body).await.expect(201);
    assert_eq!((&link["amount"], &link["min_amount"]), (&Value::Null, &json!("1")));
}

#[tokio::test]
async fn without_an_amount_the_price_is_the_total_of_the_items() {
    let app = app().await;
    let client = app.admin().await;
    let items = json!([{"name": "a", "amount": "3", "quantity": 4}, {"name": "b", "amount": "5"}]);
    let link = client.post(LINKS, &open_link_body(json!({"items": items}))).await.expect(201);
    assert_eq!(link["amount"], "17");
    let most = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    let items = json!([{"name": "a", "amount": most}, {"name": "b", "amount": "1"}]);
    let error = client.post(LINKS, &open_link_body(json!({"items": items}))).await;
    assert_eq!(error.expect_error(400, "invalid_field_value")["param"], "items");
    let items = json!([{"name": "a", "amount": most, "quantity": 2}]);
    client.post(LINKS, &open_link_body(json!({"items": items}))).await.expect_error(400, "invalid_field_value");
}

#[tokio::test]
async fn everything_at_its_limit_is_kept_as_it_was_sent() {
    let app = app().await;
    let client = app.admin().await;
    let long = |length: usize| "é".repeat(length);
    let items: Vec<_> =
        (0..100).map(|n| json!({"name": format!("item {n}"), "amount": "1", "quantity": n + 1})).collect();
    let metadata: serde_json::Map<_, _> = (0..50).map(|n| (format!("{n:02}{}", long(38)), json!(long(500)))).collect();
    let sent = json!({
        "name": long(100),
        "description": long(500),
        "image_url": format!("https://example.com/{}", "a".repeat(2_028)),
        "metadata": metadata,
        "items": items,
        "max_uses": 9_007_199_254_740_991_u64,
        "expires_at": "2030-01-01T00:00:00+02:00",
        "shipping_options": [{"id": "std", "name": "Standard", "amount": "0", "estimated_days": "3-5"}],
        "collect_shipping_address": true,
        "fee_on_top": true,
        "branding": {"logo_url": "https://example.com/logo.png"},
        "form_schema": {"fields": [{"id": "e", "type": "email", "label": "E-mail"}]},
    });
    let link = create_link(&client, sent.clone()).await;
    let read = client.get(&path_of(&link)).await.expect(200);
    assert_eq!(read, link);
    for name in ["name", "description", "image_url", "metadata", "max_uses", "shipping_options", "fee_on_top"] {
        assert_eq!(link[name], sent[name], "{name}");
    }
    assert_eq!(link["items"].as_array().unwrap().len(), 100);
    assert_eq!(link["items"][99]["quantity"], 100);
    assert_eq!(link["expires_at"], "2029-12-31T22:00:00Z");
    assert_eq!(link["branding"], json!({"logo_url": "https://example.com/logo.png", "business_name": null}));
    assert_eq!(link["form_schema"]["fields"][0]["required"], false);
}

#[tokio::test]
async fn every_problem_of_a_body_is_reported_at_once() {
    let app = app().await;
    let body = json!({"nme": "x", "amount": "0", "chain_id": 8453, "token_address": USDC_ON_BASE, "max_uses": 0,
        "min_amount": "5", "max_amount": "4", "theme_color": "x"});
    let error = app.admin().await.post(LINKS, &body).await.expect_error(400, "invalid_field_value");
    let mut params: Vec<_> = error["errors"].as_array().unwrap().iter().map(|e| e["param"].as_str().unwrap()).collect();
    params.sort_unstable();
    assert_eq!(params, ["amount", "max_uses", "min_amount", "name", "nme", "recipient_address", "theme_color"]);
    let nme = error["errors"].as_array().unwrap().iter().find(|e| e["param"] == "nme").unwrap();
    assert!(nme["message"].as_str().unwrap().contains("did you mean 'name'?"), "{nme}");
}

#[tokio::test]
async fn an_organizations_defaults_fill_what_is_not_sent() {
    let app = app().await;
    let org = anyspend_domain::OrgId::generate(app.now());
    app.organization(&org, |organization| {
        organization.default_chain_id = Some(8453);
        organization.default_token_address = anyspend_domain::Address::parse(USDC_ON_BASE).ok();
        organization.default_recipient_address = anyspend_domain::Address::parse(RECIPIENT).ok();
    })
    .await;
    let owner = anyspend_domain::Owner { org, mode: Mode::Test };
    let client = app.key(&owner, Permission::Write).await;
    let link = client.post(LINKS, &json!({"name": "Only a name"})).await.expect(201);
    assert_eq!(link["recipient_address"], RECIPIENT);
    assert_eq!((&link["chain_id"], &link["token_address"]), (&json!(8453), &json!(USDC_ON_BASE)));
}

#[tokio::test]
async fn a_live_link_needs_a_chain_on_which_payments_can_be_verified() {
    let app = App::start_with(anyspend_local::groups, |config| {
        let access = ChainAccess { rpc_urls: vec!["http://127.0.0.1:1".into()], confirmations: None };
        config.chains = Chains::new(BTreeMap::from([(8453, access.clone()), (31337, access)]));
    })
    .await;
    let live = app.merchant(Mode::Live, Permission::Write).await;
    assert_eq!(create_link(&live, json!({})).await["livemode"], true);
    create_link(&live, json!({"chain_id": 31337})).await;
    let error = live.post(LINKS, &link_body(json!({"chain_id": 1}))).await.expect_error(400, "invalid_field_value");
    assert_eq!(error["param"], "chain_id");
    let local = live.post(LINKS, &link_body(json!({"return_url": "http://localhost:3000"}))).await;
    assert_eq!(local.expect_error(400, "invalid_field_value")["param"], "return_url");
    let test = app.merchant(Mode::Test, Permission::Write).await;
    let body = json!({"chain_id": 1, "return_url": "http://localhost:3000"});
    assert_eq!(create_link(&test, body).await["livemode"], false);
}

#[tokio::test]
async fn a_link_can_be_created_switched_off_under_either_name() {
    let app = app().await;
    let client = app.admin().await;
    for body in [json!({"active": false}), json!({"is_active": false}), json!({"active": false, "is_active": false})] {
        let link = create_link(&client, body).await;
        assert_eq!((&link["active"], &link["is_active"]), (&json!(false), &json!(false)));
    }
}
