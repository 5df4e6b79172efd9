//! Texts, times, numbers and URLs as people paste them and libraries write them: every door folds them alike.

use crate::{LINKS, PRODUCTS, RECIPIENT, USDC_ON_BASE, app, create_link, create_product, link_body, path_of};
use anyspend_domain::pasted::{findable, fold_case};
use anyspend_store::vault::Vault;
use anyspend_testing::{App, Client, Reply};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use serde_json::{Value, json};

const CODES: &str = "/api/v1/discount-codes";
const CUSTOMERS: &str = "/api/v1/customers";
const SESSIONS: &str = "/api/v1/checkout-sessions";
const WALLET: &str = "0xabcdef1234567890abcdef1234567890abcdef12";

fn payer(app: &App) -> Client<'_> {
    app.anonymous("192.0.2.1")
}

/// Bodies with a text in each of the places texts are kept in, and where to send them.
fn every_text(text: &str, link: &Value) -> Vec<(String, Value, &'static str)> {
    let link_with = |changes: Value| (LINKS.to_owned(), link_body(changes));
    let session_with = |name: &str| {
        let mut body = json!({"payment_link_id": link["id"]});
        body[name] = json!(text);
        (SESSIONS.to_owned(), body)
    };
    let field = |name: &str| {
        let mut field = json!({"id": "a", "type": "text", "label": "A"});
        field[name] = json!(text);
        link_with(json!({"form_schema": {"fields": [field]}}))
    };
    let of_link = |name: &str| {
        let mut changes = json!({});
        changes[name] = json!(text);
        link_with(changes)
    };
    let item = |name: &str| {
        let mut item = json!({"name": "Seat", "amount": "1"});
        item[name] = json!(text);
        let mut body = link_body(json!({"items": [item]}));
        body.as_object_mut().unwrap().remove("amount");
        (LINKS.to_owned(), body)
    };
    let shipping = link_with(json!({"shipping_options": [{"id": "a", "name": text, "amount": "0"}]}));
    let rows = vec![
        (of_link("name"), "name"),
        (of_link("description"), "description"),
        (of_link("button_text"), "button_text"),
        (of_link("return_label"), "return_label"),
        (link_with(json!({"branding": {"business_name": text}})), "branding.business_name"),
        (link_with(json!({"metadata": {"key": text}})), "metadata.key"),
        (field("id"), "form_schema.fields[0].id"),
        (field("label"), "form_schema.fields[0].label"),
        (field("placeholder"), "form_schema.fields[0].placeholder"),
        (shipping, "shipping_options[0].name"),
        (item("name"), "items[0].name"),
        (item("description"), "items[0].description"),
        (session_with("client_reference_id"), "client_reference_id"),
        (session_with("customer_name"), "customer_name"),
        (session_with("utm_source"), "utm_source"),
        ((CUSTOMERS.to_owned(), json!({"wallet_address": WALLET, "name": text})), "name"),
        (("/api/v1/api-keys".to_owned(), json!({"name": text, "permissions": ["read"]})), "name"),
        (
            (
                "/api/v1/webhooks".to_owned(),
                json!({"url": "https://example.com/", "events": ["*"], "description": text}),
            ),
            "description",
        ),
    ];
    rows.into_iter().map(|((path, body), param)| (path, body, param)).collect()
}

#[tokio::test]
async fn no_text_of_any_kind_takes_control_characters() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    for text in ["A\u{0}B", "A\u{1b}[31mB", "A\u{7f}B", "A\u{9b}B"] {
        for (path, body, param) in every_text(text, &link) {
            let error = app.admin().await.post(&path, &body).await;
            // The link is another merchant's here; what is wrong with the text is told all the same.
            let error = if path == SESSIONS { merchant.post(&path, &body).await } else { error };
            let error = error.expect_error(400, "invalid_field_value");
            let problems = error["errors"].as_array().unwrap();
            assert!(problems.iter().any(|problem| problem["param"] == param), "{text:?} {param}: {error}");
        }
        app.advance_seconds(60);
    }
    // Line ends belong in descriptions, and nowhere else.
    for (path, body, param) in every_text("A\r\nB", &link) {
        let client = if path == SESSIONS { merchant.clone() } else { app.admin().await };
        let reply = client.post(&path, &body).await;
        if param.ends_with("description") {
            let made = reply.expect(201);
            let kept = made.pointer(&format!("/{}", param.replace("[0].", "/0/"))).unwrap();
            assert_eq!(kept, "A\nB", "{param}");
        } else {
            reply.expect_error(400, "invalid_field_value");
        }
    }
    for (path, body, param) in every_text("A\u{202e}B", &link) {
        if ["metadata.key", "client_reference_id"].contains(&param) {
            continue;
        }
        let client = if path == SESSIONS { merchant.clone() } else { app.admin().await };
        let error = client.post(&path, &body).await.expect_error(400, "invalid_field_value");
        assert_eq!(error["param"], param, "a name that turns its direction reads as another: {error}");
    }
}

#[tokio::test]
async fn what_is_pasted_into_a_text_is_kept_as_it_was_meant_and_a_merchants_own_references_byte_by_byte() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let pasted = "\u{feff}Cafe\u{301}\u{200b} Noir\u{200e} ";
    for (path, body, param) in every_text(pasted, &link) {
        let client = if path == SESSIONS { merchant.clone() } else { app.admin().await };
        let made = client.post(&path, &body).await.expect(201);
        let pointer = format!("/{}", param.replace("[0].", "/0/").replace('.', "/"));
        let own = ["metadata.key", "client_reference_id"].contains(&param);
        let kept = if own { pasted } else { "Caf\u{e9} Noir" };
        assert_eq!(made.pointer(&pointer).unwrap(), kept, "{param}: {made}");
    }
}

#[tokio::test]
async fn a_link_and_a_product_are_found_by_whatever_looks_like_their_name_also_if_stored_before_texts_were_folded() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({"name": "Cafe\u{301} \u{fb01}lm\u{200b}", "description": "a\nb"})).await;
    create_product(&merchant, json!({"name": "\u{ff33}\u{ff21}\u{ff36}\u{ff25}"})).await;
    let found = async |path: &str, search: &str| {
        let search: String = form_urlencoded(search);
        merchant.get(&format!("{path}?search={search}")).await.expect(200)["total_count"].clone()
    };
    for search in ["caf\u{e9}", "CAFE\u{301}", "FILM", "caf\u{e9}\u{a0}f", " caf\u{e9} ", "c\u{ad}af\u{e9}", "A B"] {
        assert_eq!(found(LINKS, search).await, 1, "{search:?}");
    }
    assert_eq!((found(PRODUCTS, "save").await, found(PRODUCTS, "\u{ff33}ave").await), (json!(1), json!(1)));
    assert_eq!((found(LINKS, "\u{200b}").await, found(LINKS, "cafe").await), (json!(1), json!(0)));
    merchant.get(&format!("{LINKS}?search=a%00")).await.expect_error(400, "invalid_field_value");

    // A row as it was written before: its columns were folded in case only.
    let (client, table) = app.table();
    let code = link["short_code"].as_str().unwrap();
    let mut changed = 0;
    for mut item in client.scan().table_name(table).send().await.unwrap().items.unwrap() {
        let text = format!("{item:?}");
        if !text.contains(code) || !text.contains("caf\u{e9}") {
            continue;
        }
        for value in item.values_mut() {
            *value = older(value);
        }
        client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
        changed += 1;
    }
    assert!(changed > 0, "the list's row was found");
    for search in ["caf\u{e9}", "cafe\u{301}"] {
        assert_eq!(found(LINKS, search).await, 1, "{search:?}");
    }
}

fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A value with its composed letters taken apart.
fn older(value: &AttributeValue) -> AttributeValue {
    match value {
        AttributeValue::S(text) => AttributeValue::S(text.replace('\u{e9}', "e\u{301}")),
        AttributeValue::M(map) => {
            AttributeValue::M(map.iter().map(|(name, value)| (name.clone(), older(value))).collect())
        }
        AttributeValue::L(list) => AttributeValue::L(list.iter().map(older).collect()),
        other => other.clone(),
    }
}

#[tokio::test]
async fn a_customer_is_found_by_name_address_and_wallet_however_they_were_pasted() {
    let app = app().await;
    let merchant = app.admin().await;
    let body = json!({"wallet_address": format!(" {WALLET}\u{200b}"), "name": "Zoe\u{308} \u{ff21}", "email": "ZOE\u{ff20}example.com "});
    let customer = merchant.post(CUSTOMERS, &body).await.expect(201);
    assert_eq!((&customer["wallet_address"], &customer["email"]), (&json!(WALLET), &json!("ZOE@example.com")));
    for search in [
        "zo\u{eb} a",
        "ZOE\u{308} A",
        "zoe@EXAMPLE.com\u{200b}",
        "\u{ff5a}oe@example.com",
        &WALLET[..10],
        "0XABCDEF12\u{a0}",
    ] {
        let path = format!("{CUSTOMERS}?search={}", form_urlencoded(search));
        assert_eq!(merchant.get(&path).await.expect(200)["total_count"], 1, "{search:?}");
    }
    let again = json!({"wallet_address": "\u{ff10}x\u{ff41}bcdef1234567890abcdef1234567890abcdef12"});
    merchant.post(CUSTOMERS, &again).await.expect_error(409, "duplicate_resource");
}

#[tokio::test]
async fn a_customer_whose_name_was_hashed_before_texts_were_folded_is_found_by_it() {
    let app = app().await;
    let merchant = app.admin().await;
    merchant.post(CUSTOMERS, &json!({"wallet_address": WALLET, "name": "Zo\u{eb}"})).await.expect(201);
    let scope = format!("name\n{}\n{}", merchant.owner.org, merchant.owner.mode.as_str());
    let hash = |text: &str| app.platform.blind(&scope, text).unwrap().to_vec();
    // As a name that was sent in two pieces was hashed then: folded in case, and not composed.
    let (now, then) = (hash(&findable("Zo\u{eb}")), hash(&fold_case("Zoe\u{308}")));
    assert_ne!(now, then);
    let (client, table) = app.table();
    let mut changed = 0;
    for mut item in client.scan().table_name(table).send().await.unwrap().items.unwrap() {
        for value in item.values_mut() {
            let AttributeValue::B(bytes) = value else { continue };
            let mut bytes = bytes.clone().into_inner();
            if let Some(place) = bytes.windows(now.len()).position(|part| part == now) {
                bytes[place..place + now.len()].copy_from_slice(&then);
                *value = AttributeValue::B(Blob::new(bytes));
                changed += 1;
            }
        }
        client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }
    assert_eq!(changed, 1, "the row of the list's journal");
    for search in ["zo\u{eb}", "ZOE\u{308}"] {
        let path = format!("{CUSTOMERS}?search={}", form_urlencoded(search));
        assert_eq!(merchant.get(&path).await.expect(200)["total_count"], 1, "{search:?}");
    }
}

#[tokio::test]
async fn a_discount_code_is_one_in_every_width_and_with_anything_unseen_in_it() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let made = merchant
        .post(CODES, &json!({"code": "\u{ff33}ave\u{2011}1\u{200b}0", "type": "percentage", "value": "10"}))
        .await;
    assert_eq!(made.expect(201)["code"], "SAVE-10");
    let twin = json!({"code": "save\u{2010}\u{661}\u{660}", "type": "percentage", "value": "10"});
    merchant.post(CODES, &twin).await.expect_error(409, "duplicate_resource");
    for typed in
        ["SAVE-10", "\u{ff53}\u{ff41}\u{ff56}\u{ff45}\u{ff0d}\u{ff11}\u{ff10}", "SA\u{ad}VE-10\u{200d}", " save-10\n"]
    {
        let body = json!({"code": typed, "payment_link_id": format!("{}\u{200b}", link["id"].as_str().unwrap())});
        let valid = merchant.post(&format!("{CODES}/validate"), &body).await.expect(200);
        assert_eq!((&valid["valid"], &valid["code"]), (&json!(true), &json!("SAVE-10")), "{typed:?}");
        let opened = payer(&app)
            .post(&format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap()), &json!({}))
            .await
            .expect(201);
        let path = format!("/api/v1/checkout/sessions/{}/discount", opened["id"].as_str().unwrap());
        assert_eq!(
            payer(&app).post(&path, &json!({"code": typed})).await.expect(200)["amount_due"],
            "9000000",
            "{typed:?}"
        );
    }
}

#[tokio::test]
async fn an_address_and_an_id_may_be_pasted_with_spaces_and_unseen_characters_and_stay_what_they_are() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(
        &merchant,
        json!({"recipient_address": format!("\u{202a}{RECIPIENT}\u{202c} "), "token_address": format!("{USDC_ON_BASE}\u{200b}")}),
    )
    .await;
    assert_eq!((&link["recipient_address"], &link["token_address"]), (&json!(RECIPIENT), &json!(USDC_ON_BASE)));
    let id = link["id"].as_str().unwrap();
    assert_eq!(merchant.get(&format!("{LINKS}/{id}%E2%80%8B")).await.expect(200)["id"], id);
    let session = merchant.post(SESSIONS, &json!({"payment_link_id": format!(" {id}\u{feff}")})).await.expect(201);
    assert_eq!(session["payment_link_id"], id);
    let path = format!("{SESSIONS}?payment_link_id={id}%C2%A0&status=open%20&limit=%EF%BC%95");
    assert_eq!(merchant.get(&path).await.expect(200)["total_count"], 1);
}

#[tokio::test]
async fn a_moment_is_read_as_libraries_write_it_and_seconds_are_refused_wherever_moments_stand() {
    let app = app().await;
    let merchant = app.admin().await;
    create_link(&merchant, json!({})).await;
    for list in
        [SESSIONS, "/api/v1/transactions", "/api/v1/events", "/api/v1/transactions/export", "/api/v1/customers/export"]
    {
        for name in ["from", "to"] {
            for seconds in ["1767225600", "0", "99999999999"] {
                let error =
                    merchant.get(&format!("{list}?{name}={seconds}")).await.expect_error(400, "invalid_field_value");
                assert_eq!(error["param"], name);
                assert!(error["message"].as_str().unwrap().contains("milliseconds"), "{list} {error}");
            }
            for vague in ["", "2026-02-27T10:30:00", "yesterday", &"2".repeat(41)] {
                merchant.get(&format!("{list}?{name}={vague}")).await.expect_error(400, "invalid_field_value");
            }
            for moment in [
                "2026-02-27T12:30:00+02:00",
                "2026-02-27T12:30:00%2B02:00",
                "2026-02-27%2010:30:00Z",
                "1772188200000",
                "2026-02-27",
            ] {
                let reply = merchant.get(&format!("{list}?{name}={moment}")).await;
                assert_eq!(reply.status, 200, "{list} {name}={moment}: {}", String::from_utf8_lossy(&reply.body));
            }
        }
        app.advance_seconds(60);
    }
    let expiry = |moment: Value| link_body(json!({"expires_at": moment}));
    for (moment, kept) in [
        (json!("2027-01-01t00:00:00z"), "2027-01-01T00:00:00Z"),
        (json!("2027-01-01 01:00:00 +0100"), "2027-01-01T00:00:00Z"),
        (json!("1798761600000"), "2027-01-01T00:00:00Z"),
        (json!(1_798_761_600_000_u64), "2027-01-01T00:00:00Z"),
    ] {
        assert_eq!(merchant.post(LINKS, &expiry(moment.clone())).await.expect(201)["expires_at"], kept, "{moment}");
    }
    for moment in [json!(1_798_761_600), json!("1798761600"), json!("2027-01-01"), json!("2027-01-01T00:00:00")] {
        let error = merchant.post(LINKS, &expiry(moment.clone())).await.expect_error(400, "invalid_field_value");
        assert_eq!(error["param"], "expires_at", "{moment}");
    }
}

#[tokio::test]
async fn booleans_are_read_as_libraries_write_them_and_an_empty_filter_is_refused() {
    let app = app().await;
    let merchant = app.admin().await;
    create_link(&merchant, json!({})).await;
    for (query, count) in [
        ("active=1", 1),
        ("active=True", 1),
        ("is_active=TRUE", 1),
        ("active=0", 0),
        ("active=False", 0),
        ("search=", 1),
    ] {
        assert_eq!(merchant.get(&format!("{LINKS}?{query}")).await.expect(200)["total_count"], count, "{query}");
    }
    for query in ["active=", "active=2", "active=on", "sort=", "order=", "page=", "limit=", "active=1&active=1"] {
        merchant.get(&format!("{LINKS}?{query}")).await.expect_error(400, "invalid_field_value");
    }
    for query in ["status=", "payment_link_id=", "from=", "to="] {
        merchant.get(&format!("{SESSIONS}?{query}")).await.expect_error(400, "invalid_field_value");
    }
    merchant.get("/api/v1/events?type=").await.expect_error(400, "invalid_field_value");
    let path = "/api/v1/events?resource_type=payment_link%E2%80%8B";
    assert_eq!(merchant.get(path).await.expect(200)["total_count"], 1);
}

#[tokio::test]
async fn an_address_of_a_page_is_found_whatever_was_pasted_behind_it() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let (code, id) = (link["short_code"].as_str().unwrap(), link["id"].as_str().unwrap());
    let session = merchant.post(SESSIONS, &json!({"payment_link_id": id})).await.expect(201);
    let session = session["id"].as_str().unwrap();
    let wide: String = code.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
    let moved = async |path: &str| {
        let mut places = Vec::new();
        for (method, query) in [(Method::GET, ""), (Method::GET, "?utm_source=a%20b&x"), (Method::HEAD, "")] {
            let reply = payer(&app).raw(method, &format!("{path}{query}"), Vec::new()).await;
            assert_eq!(reply.status.as_u16(), 308, "{path}{query}");
            places.push(reply.header("location").to_owned());
        }
        assert_eq!((places[1].clone(), &places[2]), (format!("{}?utm_source=a%20b&x", places[0]), &places[0]));
        places.swap_remove(0)
    };
    for behind in [
        ".",
        ")",
        ",",
        "/",
        "//",
        "%20",
        "%0A",
        "%0D%0A",
        "%E2%80%8B",
        "%22",
        "%3E",
        "%E2%80%9D",
        "%C2%A0",
        "*",
        "!",
        "%EF%BC%8E",
    ] {
        for (page, meant) in [
            (format!("/pay/{code}"), format!("https://pay.test/pay/{code}")),
            (format!("/pay/{id}"), format!("https://pay.test/pay/{id}")),
            (format!("/l/{code}"), format!("https://pay.test/pay/{code}")),
            (format!("/pay/s/{session}"), format!("https://pay.test/pay/s/{session}")),
        ] {
            assert_eq!(moved(&format!("{page}{behind}")).await, meant, "{page}{behind}");
        }
        app.advance_seconds(60);
    }
    assert_eq!(moved(&format!("/pay/{}", form_urlencoded(&wide))).await, format!("https://pay.test/pay/{code}"));
    assert_eq!(moved(&format!("/pay/%20{code}")).await, format!("https://pay.test/pay/{code}"));
    for path in [
        format!("/pay/{code}x"),
        format!("/pay/{code}.x"),
        format!("/pay/{code}/x"),
        "/pay/.".to_owned(),
        "/pay/short.".to_owned(),
    ] {
        assert_eq!(payer(&app).get(&path).await.status.as_u16(), 404, "{path}");
    }
    // Looking for the page meant is free: nothing is read, counted or limited.
    assert!(payer(&app).get(&format!("/pay/{code}.")).await.header("server-timing").contains("calls=0"));
    assert_eq!(payer(&app).get(&format!("/pay/{code}")).await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_url_is_kept_as_machines_compare_it_or_refused_with_the_sentence_that_helps() {
    let app = app().await;
    let merchant = app.admin().await;
    for (sent, kept) in [
        (" https://b\u{fc}cher.example/a b", None),
        (" https://b\u{fc}cher.example/Pfad\n", Some("https://xn--bcher-kva.example/Pfad")),
        ("HTTPS://example.com./%7Ba%7D#x", Some("https://example.com/%7Ba%7D#x")),
    ] {
        let reply = merchant.post(LINKS, &link_body(json!({"return_url": sent}))).await;
        match kept {
            Some(kept) => assert_eq!(reply.expect(201)["return_url"], kept),
            None => assert_eq!(reply.expect_error(400, "invalid_field_value")["param"], "return_url"),
        }
    }
    for (sent, helps) in [
        ("example.com/thanks", "did you mean 'https://example.com/thanks'?"),
        ("http://example.com/thanks", "did you mean 'https://example.com/thanks'?"),
        ("https://user:secret@example.com/hook", "shown in logs and lists"),
        ("https://example.com\\@evil.example/", "write '/'"),
        ("https://example.com:70000/", "port"),
    ] {
        for (path, body, param) in [
            (LINKS, link_body(json!({"return_url": sent})), "return_url"),
            (LINKS, link_body(json!({"image_url": sent})), "image_url"),
            ("/api/v1/webhooks", json!({"url": sent, "events": ["*"]}), "url"),
        ] {
            let error = merchant.post(path, &body).await.expect_error(400, "invalid_field_value");
            assert_eq!(error["param"], param, "{error}");
            assert!(error["message"].as_str().unwrap().contains(helps), "{sent}: {error}");
        }
    }
}

/// A form as a browser sends it.
async fn send(client: &Client<'_>, path: &str, form: &str) -> Reply {
    let client = client.clone().with("content-type", "application/x-www-form-urlencoded");
    client.raw(Method::POST, path, form.as_bytes().to_vec()).await
}

#[tokio::test]
async fn a_pages_form_takes_what_telephones_and_foreign_keyboards_type() {
    let app = app().await;
    let merchant = app.admin().await;
    let asks = json!({
        "form_schema": {"fields": [
            {"id": "weight", "type": "number", "label": "Weight", "required": true},
            {"id": "gro\u{308}sse", "type": "select", "label": "Size", "options": ["Gro\u{df}", "Klein"]},
            {"id": "tel", "type": "phone", "label": "Telephone"},
        ]},
        "collect_shipping_address": true,
    });
    let mut body = link_body(asks);
    body.as_object_mut().unwrap().remove("amount");
    let link = merchant.post(LINKS, &body).await.expect(201);
    let page = format!("/pay/{}", link["short_code"].as_str().unwrap());
    let address = |country: &str, code: &str| {
        format!(
            "&shipping_address[line1]=1+Main+St&shipping_address[city]=Central&shipping_address[country]={country}&shipping_address[postal_code]={code}"
        )
    };
    let shown = payer(&app).get(&page).await;
    let shown = String::from_utf8_lossy(&shown.body).into_owned();
    assert!(shown.contains("Postal code <span class=\"hint\">(where there is one)</span>"), "{shown}");
    let form = format!(
        "amount=%D9%A1%D9%A2%D9%AB%D9%A5&form_data[weight]=1,5&form_data[gr%C3%B6sse]=Klein%E2%80%8B\
         &form_data[tel]=%E2%80%AA%2B1%C2%A0555%E2%80%91010%E2%80%AC{}",
        address("HK", "%E2%80%8B")
    );
    let reply = send(&payer(&app), &page, &form).await;
    assert_eq!(reply.status.as_u16(), 303, "{}", String::from_utf8_lossy(&reply.body));
    let id = reply.header("location").strip_prefix("/pay/s/").unwrap().to_owned();
    let session = merchant.get(&format!("{SESSIONS}/{id}")).await.expect(200);
    assert_eq!(session["amount"], "12500000");
    assert_eq!(session["form_data"], json!({"weight": "1.5", "gr\u{f6}sse": "Klein", "tel": "+1 555-010"}));
    assert_eq!(session["shipping_address"].get("postal_code"), None);
    for (form, sentence) in [
        (format!("amount=1&form_data[weight]=1,000{}", address("HK", "")), "with a comma it could mean either"),
        (format!("amount=1,000&form_data[weight]=1{}", address("HK", "")), "with a comma it could mean either"),
        (format!("amount=1&form_data[weight]=%E2%80%8B{}", address("HK", "")), "Weight is required"),
        (format!("amount=1&form_data[weight]=1{}", address("DE", "%E2%80%8B")), "Postal code is required"),
    ] {
        let reply = send(&payer(&app), &page, &form).await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(reply.status.as_u16() == 400 && text.contains(sentence), "{form}: {text}");
    }
    // The API is held to the same rule, and takes an empty code from shops that always send one.
    let open = format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap());
    for (country, code, status) in [
        ("QA", json!(null), 201),
        ("ae", json!(""), 201),
        ("HK", json!("999077"), 201),
        ("DE", json!(null), 400),
        ("DE", json!(""), 400),
        ("JP", json!("\u{ff11}\u{ff10}\u{ff10}\u{2212}\u{ff10}\u{ff10}\u{ff10}\u{ff11}"), 201),
    ] {
        let body = json!({"amount": "1", "form_data": {"weight": 1.5}, "shipping_address":
            {"line1": "1 Main St", "city": "x", "country": country, "postal_code": code}});
        let reply = payer(&app).post(&open, &body).await;
        assert_eq!(reply.status.as_u16(), status, "{country} {code}: {}", String::from_utf8_lossy(&reply.body));
        if status == 400 {
            assert_eq!(
                reply.expect_error(400, if code.is_null() { "missing_required_field" } else { "invalid_field_value" })
                    ["param"],
                "shipping_address.postal_code"
            );
        } else if country == "JP" {
            let opened = reply.expect(201);
            let path = format!("{SESSIONS}/{}", opened["id"].as_str().unwrap());
            assert_eq!(merchant.get(&path).await.expect(200)["shipping_address"]["postal_code"], "100-0001");
        }
    }
}

#[tokio::test]
async fn a_page_opens_whatever_stands_in_its_parameters_and_keeps_none_with_control_characters() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({"return_url": "https://shop.example/"})).await;
    let page = format!(
        "{}?metadata[a]=x%00&metadata[b]=ok&client_reference_id=a%0Db&utm_source=%E2%80%8Bnews%20&success_url=%20https://shop.example/%257BSESSION_ID%257D",
        format_args!("/pay/{}", link["short_code"].as_str().unwrap())
    );
    assert_eq!(payer(&app).get(&page).await.status.as_u16(), 200);
    let reply = send(&payer(&app), &page, "").await;
    let id = reply.header("location").strip_prefix("/pay/s/").unwrap().to_owned();
    let session = merchant.get(&format!("{SESSIONS}/{id}")).await.expect(200);
    assert_eq!((&session["metadata"], &session["client_reference_id"]), (&json!({"b": "ok"}), &Value::Null));
    assert_eq!(session["utm_source"], "news");
    let visitors = merchant.get(&format!("{}/visitors", path_of(&link))).await.expect(200);
    assert_eq!(visitors["data"][0]["utm_source"], "news");
}

#[tokio::test]
async fn a_payer_is_sent_on_with_the_sessions_id_whatever_became_of_the_braces() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    for braces in ["{SESSION_ID}", "%7BSESSION_ID%7D", "%7bSESSION_ID%7d", "{CHECKOUT_SESSION_ID}"] {
        let body = json!({"payment_link_id": link["id"], "success_url": format!("https://shop.example/ok?s={braces}")});
        let session = merchant.post(SESSIONS, &body).await.expect(201);
        let id = session["id"].as_str().unwrap();
        merchant.post(&format!("/api/v1/test-helpers/checkout-sessions/{id}/pay"), &json!({})).await.expect(200);
        let seen = payer(&app).get(&format!("/api/v1/checkout/sessions/{id}")).await.expect(200);
        assert_eq!(seen["redirect_url"], format!("https://shop.example/ok?s={id}"), "{braces}");
    }
}
