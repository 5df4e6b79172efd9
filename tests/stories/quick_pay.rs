//! `POST /quick-pay`

use crate::{LINKS, RECIPIENT, USDC_ON_BASE, app};
use anyspend_domain::chain::{ChainAccess, Chains};
use anyspend_testing::App;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const QUICK_PAY: &str = "/api/v1/quick-pay";

#[tokio::test]
async fn a_recipient_is_enough() {
    let app = app().await;
    let link = app.anonymous("192.0.2.1").post(QUICK_PAY, &json!({"recipient_address": RECIPIENT})).await.expect(201);
    assert_eq!(
        (&link["object"], &link["org_id"], &link["status"]),
        (&json!("payment_link"), &json!("anonymous"), &json!("active"))
    );
    assert_eq!((&link["token_address"], &link["chain_id"]), (&json!(USDC_ON_BASE), &json!(8453)));
    assert_eq!((&link["expires_at"], &link["amount"]), (&json!("2026-02-28T10:30:00Z"), &Value::Null));
    assert_eq!(link["livemode"], false, "no RPC is configured for Base");
    assert!(link["url"].as_str().unwrap().starts_with("https://pay.test/pay/"));
}

#[tokio::test]
async fn a_quick_pay_link_is_live_where_its_chain_can_be_verified() {
    let app = App::start_with(anyspend_local::groups, |config| {
        let access = ChainAccess { rpc_urls: vec!["http://127.0.0.1:1".into()], confirmations: None };
        config.chains = Chains::new(BTreeMap::from([(8453, access)]));
    })
    .await;
    let nobody = app.anonymous("192.0.2.1");
    assert_eq!(nobody.post(QUICK_PAY, &json!({"recipient_address": RECIPIENT})).await.expect(201)["livemode"], true);
    let body = json!({"recipient_address": RECIPIENT, "chain_id": 1});
    assert_eq!(nobody.post(QUICK_PAY, &body).await.expect(201)["livemode"], false);
}

#[tokio::test]
async fn what_is_sent_is_used_and_what_is_wrong_is_refused() {
    let app = app().await;
    let body = json!({"recipient_address": RECIPIENT, "amount": "5", "name": "Lunch", "description": "d", "expires_in": 60,
        "chain_id": 10, "token_address": "0x0b2c639c533813f4aa9d7837caf62653d097ff85"});
    let link = app.anonymous("192.0.2.1").post(QUICK_PAY, &body).await.expect(201);
    assert_eq!(
        (&link["amount"], &link["name"], &link["expires_at"]),
        (&json!("5"), &json!("Lunch"), &json!("2026-02-27T10:31:00Z"))
    );
    for (n, (body, code, param)) in [
        (json!({}), "missing_required_field", "recipient_address"),
        (json!({"recipient_address": "x"}), "invalid_address", "recipient_address"),
        (json!({"recipient_address": RECIPIENT, "expires_in": 86_401}), "invalid_field_value", "expires_in"),
        (json!({"recipient_address": RECIPIENT, "expires_in": 0}), "invalid_field_value", "expires_in"),
        (json!({"recipient_address": RECIPIENT, "max_uses": 1}), "unknown_parameter", "max_uses"),
        (json!({"recipient_address": RECIPIENT, "chain_id": 999}), "invalid_field_value", "chain_id"),
    ]
    .into_iter()
    .enumerate()
    {
        let error = app.anonymous(&format!("192.0.2.{}", 10 + n)).post(QUICK_PAY, &body).await.expect_error(400, code);
        assert_eq!(error["param"], param);
    }
}

#[tokio::test]
async fn nobody_can_edit_or_list_a_quick_pay_link() {
    let app = app().await;
    let link = app.anonymous("192.0.2.1").post(QUICK_PAY, &json!({"recipient_address": RECIPIENT})).await.expect(201);
    let client = app.admin().await;
    client.get(&crate::path_of(&link)).await.expect_error(404, "resource_not_found");
    client.delete(&crate::path_of(&link)).await.expect_error(404, "resource_not_found");
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 0);
}
