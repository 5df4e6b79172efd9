//! The examples of the documentation the product began with, pasted as they stand there.

use crate::traffic::{Deed, Traffic};
use crate::{LINKS, RECIPIENT, app};
use serde_json::{Value, json};
use std::collections::BTreeSet;

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

/// The names an answer of ours has beside the documented ones.
#[track_caller]
fn assert_names(answer: &Value, documented: &Value, more: &[&str]) {
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let wanted: BTreeSet<String> = names(documented).into_iter().chain(more.iter().map(ToString::to_string)).collect();
    assert_eq!(names(answer), wanted);
}

#[tokio::test]
async fn the_payment_links_pages_stats_example_answers_as_the_page_says() {
    let documented = json!({
        "payment_link_id": "pl_abc123",
        "views": 1250,
        "sessions": 340,
        "completed": 42,
        "conversion_rate": 0.1235,
        "total_volume": "2100000000",
        "utm_breakdown": {
            "sources": {
                "twitter": {"views": 500, "sessions": 120, "completed": 18},
                "email": {"views": 400, "sessions": 150, "completed": 20},
                "direct": {"views": 350, "sessions": 70, "completed": 4}
            },
            "mediums": {
                "social": {"views": 500, "sessions": 120, "completed": 18},
                "newsletter": {"views": 400, "sessions": 150, "completed": 20},
                "none": {"views": 350, "sessions": 70, "completed": 4}
            },
            "campaigns": {
                "launch_feb_2026": {"views": 600, "sessions": 200, "completed": 30},
                "none": {"views": 650, "sessions": 140, "completed": 12}
            }
        }
    });
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    // The page's numbers by the hundredth part, whose rates are the same: each campaign's part of each source.
    for (source, medium, campaigns) in [
        (Some("twitter"), Some("social"), [(300, 100, 15), (200, 20, 3)]),
        (Some("email"), Some("newsletter"), [(200, 100, 15), (200, 50, 5)]),
        (None, None, [(100, 0, 0), (250, 70, 4)]),
    ] {
        for (campaign, (views, sessions, completed)) in [Some("launch_feb_2026"), None].into_iter().zip(campaigns) {
            let tags = [source, medium, campaign];
            for number in 0..views {
                traffic.happen(app.now(), Deed::View(number), tags).await;
            }
            for _ in 0..sessions {
                traffic.happen(app.now(), Deed::Session, tags).await;
            }
            for _ in 0..completed {
                traffic.happen(app.now(), Deed::Completion(50_000_000), tags).await;
            }
        }
    }
    for counted in [false, true] {
        if counted {
            app.advance_seconds(600);
            rollup_stats::rollup(&app.platform.db, app.now()).await.unwrap();
        }
        let stats = client.get(&format!("{}/stats", traffic.path)).await.expect(200);
        assert_names(&stats, &documented, &["object", "daily", "summary", "as_of"]);
        assert_eq!(
            (&stats["object"], &stats["payment_link_id"]),
            (&json!("payment_link_stats"), &json!(traffic.link.id))
        );
        for name in ["views", "sessions", "completed", "conversion_rate", "total_volume", "utm_breakdown"] {
            assert_eq!(stats[name], documented[name], "{name}");
        }
    }
}

#[tokio::test]
async fn the_payment_links_pages_visitors_example_answers_as_the_page_says() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    let visit = traffic.visit(app.now(), 1, [Some("twitter"), Some("social"), Some("launch_feb_2026")]).await;
    let session = traffic.session(app.now(), [None; 3]);
    let mark = anyspend_store::facts::started_session(&visit.id, &session).unwrap().unwrap();
    app.platform.db.commit(vec![mark]).await.unwrap();
    let list = client.get(&format!("{}/visitors?page=1&limit=20", traffic.path)).await.expect(200);
    let documented = json!({
        "id": visit.id,
        "payment_link_id": traffic.link.id,
        "ip_country": "US",
        "referrer": "https://twitter.com",
        "user_agent": "Mozilla/5.0 ...",
        "utm_source": "twitter",
        "utm_medium": "social",
        "utm_campaign": "launch_feb_2026",
        "started_session": true,
        "visited_at": "2026-02-27T10:30:00Z"
    });
    let visitor = &list["data"][0];
    assert_names(visitor, &documented, &["object"]);
    assert_eq!(visitor["object"], "visitor");
    for (name, value) in documented.as_object().unwrap() {
        assert_eq!(visitor[name], *value, "{name}");
    }
    let pagination = json!({"page": 1, "limit": 20, "total": 1, "total_pages": 1, "has_more": false});
    assert_eq!(list["pagination"], pagination);
    let more = ["object", "has_more", "total_count", "url", "next_cursor"];
    assert_names(&list, &json!({"data": [], "pagination": {}}), &more);
}
