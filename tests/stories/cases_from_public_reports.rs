//! What users of other payment systems reported, as one table: what was sent, and what is right.

use crate::{LINKS, RECIPIENT, USDC_ON_BASE, app, link_body};
use anyspend_testing::{Client, Reply};
use http::Method;
use serde_json::{Value, json};

const SESSIONS: &str = "/api/v1/checkout-sessions";

/// Who sends what. `{code}` in a path is the link's.
enum Sent {
    /// A merchant's body.
    Merchant(&'static str, Value),
    /// A merchant's question.
    Asked(&'static str),
    /// A payer's body for a session of the link.
    Payer(Value),
    /// An address a payer opens.
    Opened(&'static str),
}

/// What must come of it.
enum Right {
    /// It is made, and its merchant reads this there.
    Kept(&'static str, Value),
    /// It is refused, for this field, with these words.
    Refused(&'static str, &'static str),
    /// So many are found.
    Found(u64),
    /// It is made, with this warning.
    Warned(&'static str),
    /// The payer is led here for good.
    Moved(&'static str),
}

fn shipped_to(country: &str) -> Value {
    json!({"line1": "1 Main St", "city": "Central", "country": country})
}

fn cases() -> Vec<(&'static str, Sent, Right)> {
    let payer = |mut body: Value| {
        if body.get("shipping_address").is_none() {
            body["shipping_address"] = shipped_to("HK");
        }
        Sent::Payer(body)
    };
    let link = |changes: Value| Sent::Merchant(LINKS, link_body(changes));
    vec![
        ("number field `1,5`", payer(json!({"form_data": {"n": "1,5"}})), Right::Kept("/form_data/n", json!("1.5"))),
        (
            "discount code in full width",
            payer(json!({"discount_code": "\u{ff33}\u{ff21}\u{ff36}\u{ff25}\u{ff11}\u{ff10}"})),
            Right::Kept("/discount_code", json!("SAVE10")),
        ),
        (
            "discount code with a zero-width space",
            payer(json!({"discount_code": "SAVE\u{200b}10"})),
            Right::Kept("/discount_code", json!("SAVE10")),
        ),
        (
            "discount code with a soft hyphen",
            payer(json!({"discount_code": "SA\u{ad}VE10"})),
            Right::Kept("/discount_code", json!("SAVE10")),
        ),
        ("link named in NFD, searched in NFC", Sent::Asked("/api/v1/payment-links?search=caf%C3%A9"), Right::Found(1)),
        ("link named in NFD, searched in NFD", Sent::Asked("/api/v1/payment-links?search=Cafe%CC%81"), Right::Found(1)),
        (
            "address in Hong Kong without a postal code",
            payer(json!({})),
            Right::Kept("/shipping_address/country", json!("HK")),
        ),
        (
            "address in Qatar without a postal code",
            payer(json!({"shipping_address": shipped_to("QA")})),
            Right::Kept("/shipping_address/country", json!("QA")),
        ),
        (
            "address in the Emirates without a postal code",
            payer(json!({"shipping_address": shipped_to("AE")})),
            Right::Kept("/shipping_address/country", json!("AE")),
        ),
        (
            "address in Germany without a postal code",
            payer(json!({"shipping_address": shipped_to("DE")})),
            Right::Refused("shipping_address.postal_code", "required"),
        ),
        ("/pay/CODE.", Sent::Opened("/pay/{code}."), Right::Moved("/pay/{code}")),
        ("/pay/CODE)", Sent::Opened("/pay/{code})?utm_source=a"), Right::Moved("/pay/{code}?utm_source=a")),
        ("/l/CODE/", Sent::Opened("/l/{code}/?x=%20"), Right::Moved("/pay/{code}?x=%20")),
        ("…%20", Sent::Opened("/pay/{code}%20"), Right::Moved("/pay/{code}")),
        ("…%0A", Sent::Opened("/pay/{code}%0A"), Right::Moved("/pay/{code}")),
        ("a zero-width space behind", Sent::Opened("/pay/{code}%E2%80%8B"), Right::Moved("/pay/{code}")),
        (
            "`from` in seconds",
            Sent::Asked("/api/v1/checkout-sessions?from=1767225600"),
            Right::Refused("from", "milliseconds"),
        ),
        (
            "recipient_address = token_address",
            link(json!({"recipient_address": USDC_ON_BASE.to_lowercase()})),
            Right::Refused("recipient_address", "lost"),
        ),
        (
            "the same in a session without a link",
            Sent::Merchant(
                SESSIONS,
                json!({"token_address": USDC_ON_BASE, "recipient_address": USDC_ON_BASE, "chain_id": 8453, "amount": "1"}),
            ),
            Right::Refused("recipient_address", "lost"),
        ),
        (
            "the same of a product",
            Sent::Merchant("/api/v1/products", link_body(json!({"recipient_address": USDC_ON_BASE}))),
            Right::Refused("recipient_address", "lost"),
        ),
        (
            "a recipient that is another known token",
            link(json!({"recipient_address": "0xdAC17F958D2ee523a2206206994597C13D831ec7"})),
            Right::Warned("recipient_is_token"),
        ),
        ("\"name\": \"A\\u0000B\"", link(json!({"name": "A\u{0}B"})), Right::Refused("name", "control characters")),
        (
            "line ends in a description",
            link(json!({"description": "A\r\nB"})),
            Right::Kept("/description", json!("A\nB")),
        ),
        (
            "metadata of a link, and of its session",
            payer(json!({"metadata": {"plan": "pro"}})),
            Right::Kept("/metadata", json!({"plan": "pro", "shop": "7"})),
        ),
    ]
}

#[tokio::test]
async fn each_reported_input_gets_its_right_answer() {
    let app = app().await;
    let merchant = app.admin().await;
    let demanding = json!({
        "name": "Cafe\u{301} Noir",
        "form_schema": {"fields": [{"id": "n", "type": "number", "label": "Weight"}]},
        "collect_shipping_address": true,
        "metadata": {"plan": "basic", "shop": "7"},
    });
    let link = merchant.post(LINKS, &link_body(demanding)).await.expect(201);
    let code = link["short_code"].as_str().unwrap();
    let save = json!({"code": "SAVE10", "type": "percentage", "value": "10"});
    merchant.post("/api/v1/discount-codes", &save).await.expect(201);
    for (input, sent, right) in cases() {
        let payer = app.anonymous("192.0.2.1");
        let of_payer = matches!(sent, Sent::Payer(_));
        let reply = match sent {
            Sent::Merchant(path, body) => merchant.post(path, &body).await,
            Sent::Asked(path) => merchant.get(path).await,
            Sent::Payer(body) => payer.post(&format!("/api/v1/checkout/{code}/sessions"), &body).await,
            Sent::Opened(path) => payer.raw(Method::GET, &path.replace("{code}", code), Vec::new()).await,
        };
        hold(input, &merchant, (&reply, of_payer), &right, code).await;
    }
}

/// Holds an answer against what is right.
async fn hold(input: &str, merchant: &Client<'_>, (reply, of_payer): (&Reply, bool), right: &Right, code: &str) {
    let said = String::from_utf8_lossy(&reply.body).into_owned();
    match right {
        Right::Kept(pointer, value) => {
            assert_eq!(reply.status.as_u16(), 201, "{input}: {said}");
            let mut made = reply.expect(201);
            if of_payer {
                made = merchant.get(&format!("{SESSIONS}/{}", made["id"].as_str().unwrap())).await.expect(200);
            }
            assert_eq!(made.pointer(pointer), Some(value), "{input}: {made}");
        }
        Right::Refused(param, words) => {
            assert_eq!(reply.status.as_u16(), 400, "{input}: {said}");
            let error: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(error["error"]["param"], *param, "{input}: {said}");
            assert!(error["error"]["message"].as_str().unwrap().contains(words), "{input}: {said}");
        }
        Right::Found(count) => assert_eq!(reply.expect(200)["total_count"], *count, "{input}"),
        Right::Warned(warning) => assert_eq!(reply.expect(201)["warnings"][0]["code"], *warning, "{input}"),
        Right::Moved(place) => {
            assert_eq!(reply.status.as_u16(), 308, "{input}: {said}");
            assert_eq!(
                reply.header("location"),
                format!("https://pay.test{}", place.replace("{code}", code)),
                "{input}"
            );
        }
    }
}

#[tokio::test]
async fn metadata_of_a_link_reaches_the_transaction_of_its_session() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = merchant.post(LINKS, &link_body(json!({"metadata": {"shop": "7", "plan": "basic"}}))).await.expect(201);
    let body = json!({"payment_link_id": link["id"], "metadata": {"plan": "pro"}});
    let session = merchant.post(SESSIONS, &body).await.expect(201);
    let both = json!({"plan": "pro", "shop": "7"});
    assert_eq!(session["metadata"], both);
    let pay = format!("/api/v1/test-helpers/checkout-sessions/{}/pay", session["id"].as_str().unwrap());
    merchant.post(&pay, &json!({})).await.expect(200);
    assert_eq!(merchant.get("/api/v1/transactions").await.expect(200)["data"][0]["metadata"], both);
    // A link that is changed changes no session that was opened before.
    merchant.patch(&crate::path_of(&link), &json!({"metadata": {"shop": "8"}})).await.expect(200);
    let path = format!("{SESSIONS}/{}", session["id"].as_str().unwrap());
    assert_eq!(merchant.get(&path).await.expect(200)["metadata"], both);
}

#[tokio::test]
async fn a_default_recipient_is_not_the_default_token_and_no_link_is_changed_to_be_paid_at_its_token() {
    let app = app().await;
    let merchant = app.admin().await;
    let both = json!({"default_token_address": USDC_ON_BASE, "default_recipient_address": USDC_ON_BASE});
    let error = merchant.patch("/api/v1/organization", &both).await.expect_error(400, "invalid_address");
    assert_eq!(error["param"], "default_recipient_address");
    let fine = json!({"default_token_address": USDC_ON_BASE, "default_recipient_address": RECIPIENT});
    merchant.patch("/api/v1/organization", &fine).await.expect(200);
    let link = merchant.post(LINKS, &link_body(json!({}))).await.expect(201);
    let path = crate::path_of(&link);
    merchant.patch(&path, &json!({"recipient_address": USDC_ON_BASE})).await.expect_error(400, "invalid_address");
    merchant.patch(&path, &json!({"token_address": RECIPIENT})).await.expect_error(400, "invalid_address");
    merchant.patch(&path, &json!({"name": "Other"})).await.expect(200);
}
