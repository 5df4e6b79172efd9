//! The examples of the documentation the product began with, pasted as they stand there.

use crate::{LINKS, RECIPIENT, app};
use serde_json::{Value, json};

#[tokio::test]
async fn the_overviews_quick_start_answers_as_the_overview_says() {
    let app = app().await;
    let body = r#"{ "name": "Premium Membership", "amount": "10000000", "token_address": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "chain_id": 8453, "recipient_address": "0xYourAddress..." }"#
        .replace("0xYourAddress...", RECIPIENT);
    let client = app.admin().await.with("anyspend-version", "2024-02-28");
    let link = client.raw(http::Method::POST, LINKS, body.into_bytes()).await.expect(201);
    assert_eq!(link["object"], "payment_link");
    assert!(link["id"].as_str().unwrap().starts_with("pl_"));
    assert_eq!(link["name"], "Premium Membership");
    assert_eq!(link["amount"], "10000000");
    assert_eq!(link["token_address"], "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48");
    assert_eq!(link["chain_id"], 8453);
    assert_eq!(link["recipient_address"], RECIPIENT);
    assert_eq!(link["is_active"], true);
    assert_eq!(link["items"], json!([]));
    let code = link["short_code"].as_str().unwrap();
    assert!(code.len() >= 6 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(link["url"], format!("https://pay.test/pay/{code}"));
    assert_eq!(link["created_at"], 1_772_188_200_000_u64);
    assert_eq!(link["updated_at"], link["created_at"]);
    assert_eq!(link["warnings"][0]["code"], "token_chain_mismatch");
    assert_eq!(link["warnings"][0]["param"], "token_address");
}

#[tokio::test]
async fn the_payment_links_pages_create_example_answers_as_the_page_says() {
    let app = app().await;
    let body = r##"{
    "name": "Premium Plan",
    "token_address": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    "chain_id": 1,
    "recipient_address": "0x1234567890abcdef1234567890abcdef12345678",
    "amount": "50000000",
    "description": "Premium monthly subscription",
    "image_url": "https://example.com/premium.png",
    "theme_color": "#6366f1",
    "button_text": "Subscribe Now",
    "return_url": "https://example.com/thank-you",
    "return_label": "Back to Dashboard",
    "form_schema": {
      "fields": [
        {
          "id": "company_name",
          "type": "text",
          "label": "Company Name",
          "required": true,
          "placeholder": "Acme Inc."
        },
        {
          "id": "team_size",
          "type": "select",
          "label": "Team Size",
          "required": true,
          "options": ["1-10", "11-50", "51-200", "200+"]
        }
      ]
    },
    "items": [
      {
        "name": "Premium Plan - Monthly",
        "amount": "50000000",
        "quantity": 1
      }
    ]
  }"##;
    let documented = json!({
        "name": "Premium Plan",
        "token_address": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        "chain_id": 1,
        "recipient_address": "0x1234567890abcdef1234567890abcdef12345678",
        "amount": "50000000",
        "min_amount": null,
        "max_amount": null,
        "suggested_amount": null,
        "description": "Premium monthly subscription",
        "product_id": null,
        "image_url": "https://example.com/premium.png",
        "theme_color": "#6366f1",
        "button_text": "Subscribe Now",
        "max_uses": null,
        "uses": 0,
        "expires_at": null,
        "active": true,
        "form_schema": {
            "fields": [
                {"id": "company_name", "type": "text", "label": "Company Name", "required": true, "placeholder": "Acme Inc."},
                {"id": "team_size", "type": "select", "label": "Team Size", "required": true,
                 "options": ["1-10", "11-50", "51-200", "200+"]}
            ]
        },
        "shipping_options": null,
        "collect_shipping_address": false,
        "return_url": "https://example.com/thank-you",
        "return_label": "Back to Dashboard",
        "branding": null,
        "fee_on_top": false,
        "created_at": "2026-02-27T10:30:00Z",
        "updated_at": "2026-02-27T10:30:00Z"
    });
    let client = app.admin().await;
    let link = client.raw(http::Method::POST, LINKS, body.into()).await.expect(201);
    for (name, value) in documented.as_object().unwrap() {
        assert_eq!(link[name], *value, "{name}");
    }
    let item = &link["items"][0];
    assert!(item["id"].as_str().unwrap().starts_with("pli_"));
    assert_eq!(item["name"], "Premium Plan - Monthly");
    assert_eq!((&item["amount"], &item["quantity"], &item["image_url"]), (&json!("50000000"), &json!(1), &Value::Null));

    // The page's update, item and deletion examples.
    let path = crate::path_of(&link);
    let update = json!({"name": "Premium Plan (Updated)", "amount": "75000000", "button_text": "Upgrade Now"});
    let updated = client.patch(&path, &update).await.expect(200);
    for (name, value) in update.as_object().unwrap() {
        assert_eq!(updated[name], *value, "{name}");
    }
    let add_on = json!({"name": "Add-on: Priority Support", "amount": "10000000", "quantity": 1});
    let added = client.post(&format!("{path}/items"), &add_on).await.expect(201);
    assert_eq!(added["payment_link_id"], link["id"]);
    assert_eq!(added["created_at"], "2026-02-27T10:30:00Z");
    let item_path = format!("{path}/items/{}", added["id"].as_str().unwrap());
    let removed = client.delete(&item_path).await.expect(200);
    assert_eq!((&removed["id"], &removed["deleted"]), (&added["id"], &json!(true)));
    let deleted = client.delete(&path).await.expect(200);
    assert_eq!(deleted, json!({"object": "payment_link", "id": link["id"], "deleted": true}));
}

#[tokio::test]
async fn a_missing_name_is_told_in_the_overviews_own_words() {
    let app = app().await;
    let mut body = crate::link_body(json!({}));
    body.as_object_mut().unwrap().remove("name");
    let error = app.admin().await.post(LINKS, &body).await.expect_error(400, "missing_required_field");
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["message"], "The 'name' field is required.");
    assert_eq!(error["param"], "name");
}
