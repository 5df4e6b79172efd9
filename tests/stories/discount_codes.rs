//! `/discount-codes`

use crate::{app, create_link, open_link_body};
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_testing::Client;
use anyspend_testing::faults::Fault;
use futures_util::future::join_all;
use serde_json::{Value, json};

pub(crate) const CODES: &str = "/api/v1/discount-codes";

pub(crate) async fn create_code(client: &Client<'_>, changes: Value) -> Value {
    let mut body = json!({"code": "summer", "type": "percentage", "value": 10});
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    client.post(CODES, &body).await.expect(201)
}

fn path(code: &Value) -> String {
    format!("{CODES}/{}", code["id"].as_str().unwrap())
}

async fn validate(client: &Client<'_>, body: Value) -> Value {
    client.post(&format!("{CODES}/validate"), &body).await.expect(200)
}

#[tokio::test]
async fn a_code_is_made_listed_changed_and_deleted() {
    let app = app().await;
    let client = app.admin().await;
    let code = create_code(&client, json!({"max_uses": 5, "expires_at": "2026-03-01T00:00:00Z"})).await;
    assert_eq!(
        (&code["object"], &code["code"], &code["value"]),
        (&json!("discount_code"), &json!("SUMMER"), &json!("10"))
    );
    assert_eq!((&code["current_uses"], &code["active"], &code["is_active"]), (&json!(0), &json!(true), &json!(true)));
    let list = client.get(CODES).await.expect(200);
    assert_eq!((&list["data"][0], &list["total_count"]), (&code, &json!(1)));
    app.advance_seconds(1);
    let changed =
        client.patch(&path(&code), &json!({"type": "fixed", "value": "500", "max_uses": null})).await.expect(200);
    assert_eq!(
        (&changed["type"], &changed["value"], &changed["max_uses"]),
        (&json!("fixed"), &json!("500"), &Value::Null)
    );
    assert_eq!((&changed["code"], &changed["updated_at"]), (&json!("SUMMER"), &json!("2026-02-27T10:30:01Z")));
    client.patch(&path(&code), &json!({"active": false})).await.expect(200);
    assert_eq!(client.get(&format!("{CODES}?active=true")).await.expect(200)["total_count"], 0);
    let deleted = client.delete(&path(&code)).await.expect(200);
    assert_eq!(deleted, json!({"object": "discount_code", "id": code["id"], "deleted": true}));
    client.delete(&path(&code)).await.expect_error(404, "resource_not_found");
    create_code(&client, json!({})).await;
}

#[tokio::test]
async fn a_code_is_unique_among_its_owners_whatever_its_case() {
    let app = app().await;
    let client = app.admin().await;
    let made = join_all((0..10).map(|_| async {
        client.post(CODES, &json!({"code": "Once", "type": "fixed", "value": "1"})).await.status.as_u16()
    }))
    .await;
    assert_eq!(made.iter().filter(|status| **status == 201).count(), 1, "{made:?}");
    assert_eq!(made.iter().filter(|status| **status == 409).count(), 9, "{made:?}");
    let error = client.post(CODES, &json!({"code": "ONCE", "type": "fixed", "value": "1"})).await;
    assert_eq!(error.expect_error(409, "duplicate_resource")["param"], "code");
    create_code(&app.admin().await, json!({"code": "once"})).await;
}

#[tokio::test]
async fn what_no_code_can_be_is_refused_with_its_field_named() {
    let app = app().await;
    let client = app.admin().await;
    let code = create_code(&client, json!({})).await;
    let with = |name: &str, value: Value| {
        let mut body = json!({"code": "x", "type": "percentage", "value": "10"});
        body[name] = value;
        body
    };
    for (body, status, code, param) in [
        (with("value", json!("101")), 400, "invalid_field_value", "value"),
        (with("value", json!(0)), 400, "invalid_field_value", "value"),
        (with("value", json!(12.5)), 400, "invalid_field_value", "value"),
        (with("value", Value::Null), 400, "missing_required_field", "value"),
        (with("type", json!("half")), 400, "invalid_field_value", "type"),
        (with("code", json!("a b")), 400, "invalid_field_value", "code"),
        (with("max_uses", json!(0)), 400, "invalid_field_value", "max_uses"),
        (with("expires_at", json!("2026-02-27T10:30:00Z")), 400, "invalid_field_value", "expires_at"),
        (with("payment_link_id", json!("pl_x")), 404, "resource_not_found", "payment_link_id"),
        (with("max_use", json!(1)), 400, "unknown_parameter", "max_use"),
    ] {
        let error = client.post(CODES, &body).await.expect_error(status, code);
        assert_eq!(error["param"], param, "{body}");
    }
    let error = client.patch(&path(&code), &json!({"code": "other"})).await.expect_error(400, "invalid_field_value");
    assert_eq!(error["param"], "code");
    client.patch(&path(&code), &json!({"type": "fixed"})).await.expect_error(400, "missing_required_field");
    client.patch(&path(&code), &json!({})).await.expect_error(400, "no_updates_provided");
}

#[tokio::test]
async fn changing_codes_needs_admin_and_looking_needs_read() {
    let app = app().await;
    let admin = app.admin().await;
    let code = create_code(&admin, json!({})).await;
    let writer = app.key(&admin.owner, Permission::Write).await;
    let denied = "insufficient_permissions";
    writer.post(CODES, &json!({"code": "x", "type": "fixed", "value": "1"})).await.expect_error(403, denied);
    writer.patch(&path(&code), &json!({"active": false})).await.expect_error(403, denied);
    writer.delete(&path(&code)).await.expect_error(403, denied);
    let reader = app.key(&admin.owner, Permission::Read).await;
    reader.get(CODES).await.expect(200);
    assert_eq!(validate(&reader, json!({"code": "summer"})).await["valid"], true);
    let live = app.merchant(Mode::Live, Permission::Admin).await;
    live.delete(&path(&code)).await.expect_error(404, "resource_not_found");
}

#[tokio::test]
async fn validating_says_what_a_code_takes_off_or_why_it_does_not() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"amount": "999"})).await;
    let other = create_link(&client, json!({})).await;
    let open = client.post(crate::LINKS, &open_link_body(json!({}))).await.expect(201);
    let code = create_code(&client, json!({"code": "TEN"})).await;
    let valid = validate(&client, json!({"code": " ten ", "payment_link_id": link["id"]})).await;
    assert_eq!(
        valid,
        json!({"object": "discount_validation", "valid": true, "code": "TEN", "type": "percentage", "value": "10",
               "discount_amount": "99", "final_amount": "900", "discount_code": code})
    );
    for body in [json!({"code": "TEN"}), json!({"code": "TEN", "payment_link_id": open["id"]})] {
        let unknown = validate(&client, body).await;
        assert_eq!(
            (&unknown["valid"], &unknown["discount_amount"], &unknown["final_amount"]),
            (&json!(true), &Value::Null, &Value::Null)
        );
        assert!(unknown.as_object().unwrap().contains_key("final_amount"));
    }
    create_code(&client, json!({"code": "ALL", "type": "fixed", "value": "5000"})).await;
    let all = validate(&client, json!({"code": "ALL", "amount": "5000"})).await;
    assert_eq!((&all["discount_amount"], &all["final_amount"]), (&json!("4999"), &json!("1")), "one unit is left");

    create_code(&client, json!({"code": "OFF", "active": false})).await;
    create_code(&client, json!({"code": "OLD", "expires_at": "2026-02-27T10:30:10Z"})).await;
    create_code(&client, json!({"code": "ONE", "payment_link_id": link["id"]})).await;
    create_code(&client, json!({"code": "BIG", "min_order_amount": "1000"})).await;
    app.advance_seconds(10);
    for (body, reason) in [
        (json!({"code": "nothing"}), "Invalid discount code"),
        (json!({"code": "no code at all"}), "Invalid discount code"),
        (json!({"code": "OFF"}), "Discount code is not active"),
        (json!({"code": "OLD"}), "Discount code has expired"),
        (json!({"code": "ONE", "payment_link_id": other["id"]}), "Code is not valid for this payment link"),
        (json!({"code": "ONE"}), "Code is not valid for this payment link"),
        (json!({"code": "BIG", "amount": "999"}), "Order amount is below minimum required"),
    ] {
        let refused = validate(&client, body).await;
        assert_eq!(
            refused,
            json!({"object": "discount_validation", "valid": false, "error": reason, "reason": reason})
        );
    }
}

#[tokio::test]
async fn a_batch_makes_what_it_can_and_says_what_it_could_not() {
    let app = app().await;
    let client = app.admin().await;
    create_code(&client, json!({"code": "TAKEN"})).await;
    let body = json!({"codes": ["a1", "A1", "taken", "b 2", "c3"], "type": "fixed", "value": 5, "max_uses": 1});
    let result = client.post(&format!("{CODES}/batch"), &body).await.expect(201);
    assert_eq!(result["object"], "batch_result");
    let created: Vec<&str> =
        result["created"].as_array().unwrap().iter().map(|code| code["code"].as_str().unwrap()).collect();
    assert_eq!(created, ["A1", "C3"]);
    let errors: Vec<&str> =
        result["errors"].as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect();
    assert_eq!(errors, ["A1", "taken", "b 2"]);
    assert!(result["errors"][1]["error"].as_str().unwrap().contains("already"));
    let too_many: Vec<String> = (0..501).map(|index| format!("C{index}")).collect();
    let error = client.post(&format!("{CODES}/batch"), &json!({"codes": too_many, "type": "fixed", "value": 5})).await;
    assert_eq!(error.expect_error(400, "invalid_field_value")["param"], "codes");
    let error =
        client.post(&format!("{CODES}/batch"), &json!({"codes": ["z"], "type": "percentage", "value": 500})).await;
    assert_eq!(error.expect_error(400, "invalid_field_value")["param"], "value");
    assert_eq!(client.get(CODES).await.expect(200)["total_count"], 3);
}

#[tokio::test]
async fn a_batch_that_was_cut_off_is_finished_by_its_retry() {
    let app = app().await;
    let client = app.admin().await.idempotent("batch-1");
    let codes: Vec<String> = (0..40).map(|index| format!("C{index}")).collect();
    let body = json!({"codes": codes, "type": "fixed", "value": 5});
    let path = format!("{CODES}/batch");
    for dies in [(Fault::DieBefore, 20), (Fault::DieAfter, 30)] {
        app.faults.plan(move |call, _| (call == dies.1).then_some(dies.0));
        assert!(app.faults.until_death(client.post(&path, &body)).await.is_none(), "{dies:?}");
    }
    app.faults.heal();
    let result = client.post(&format!("{CODES}/batch"), &body).await.expect(201);
    assert_eq!(result["created"].as_array().unwrap().len(), 40, "{result}");
    assert_eq!(client.post(&format!("{CODES}/batch"), &body).await.expect(201), result);
}
