//! The payer's pages: what they show, what they never show, and how they answer whatever comes.

use crate::{LINKS, RECIPIENT, app, create_link, open_link_body, path_of};
use anyspend_domain::chain::{ChainAccess, Chains};
use anyspend_testing::faults::Fault;
use anyspend_testing::{App, Client, Reply};
use http::Method;
use serde_json::{Value, json};

/// The page's path: what its address is without the host.
fn page_of(link: &Value) -> String {
    format!("/pay/{}", link["short_code"].as_str().unwrap())
}

fn payer(app: &App) -> Client<'_> {
    app.anonymous("192.0.2.1")
}

#[track_caller]
fn html(reply: &Reply, status: u16) -> String {
    let text = String::from_utf8(reply.body.clone()).unwrap();
    assert_eq!(reply.status.as_u16(), status, "{text}");
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    text
}

/// A form as a browser sends it.
async fn send(client: &Client<'_>, path: &str, form: &str) -> Reply {
    let client = client.clone().with("content-type", "application/x-www-form-urlencoded");
    client.raw(Method::POST, path, form.as_bytes().to_vec()).await
}

/// The session a form led to, as its merchant sees it.
async fn session_behind(reply: &Reply, merchant: &Client<'_>) -> Value {
    assert_eq!(reply.status.as_u16(), 303, "{}", String::from_utf8_lossy(&reply.body));
    let id = reply.header("location").strip_prefix("/pay/s/").unwrap().to_owned();
    merchant.get(&format!("/api/v1/checkout-sessions/{id}")).await.expect(200)
}

#[tokio::test]
async fn a_links_page_shows_what_is_sold_in_whole_tokens_and_never_who_is_paid() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(
        &merchant,
        json!({
            "name": "Premium Plan", "description": "Monthly", "button_text": "Subscribe Now", "amount": null,
            "branding": {"business_name": "Acme Inc."}, "image_url": "https://example.com/p.png",
            "items": [{"name": "Seat", "amount": "10500000", "quantity": 3}],
        }),
    )
    .await;
    for path in [page_of(&link), format!("/pay/{}", link["id"].as_str().unwrap())] {
        let page = html(&payer(&app).get(&path).await, 200);
        for shown in [
            "Premium Plan",
            "Monthly",
            "Subscribe Now",
            "Acme Inc.",
            "https://example.com/p.png",
            "Seat",
            "3 × 10.50 USDC",
            "31.50 USDC",
            "on Base",
            "Test mode",
        ] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        assert!(!page.contains(RECIPIENT));
    }
    let plain = create_link(&merchant, json!({})).await;
    assert!(html(&payer(&app).get(&page_of(&plain)).await, 200).contains(">Pay</button>"));
}

#[tokio::test]
async fn a_token_nobody_knows_is_counted_in_its_smallest_units_and_the_page_says_so() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({"token_address": "0x00000000000000000000000000000000000000aa"})).await;
    let page = html(&payer(&app).get(&page_of(&link)).await, 200);
    assert!(page.contains("10000000 units") && page.contains("smallest units"), "{page}");
    let coin = create_link(
        &merchant,
        json!({"token_address": "0x0000000000000000000000000000000000000000", "amount": "1500000000000000000"}),
    )
    .await;
    assert!(html(&payer(&app).get(&page_of(&coin)).await, 200).contains("1.5 ETH"));
}

#[tokio::test]
async fn what_a_merchant_writes_is_text_and_never_markup() {
    let app = app().await;
    let merchant = app.admin().await;
    let evil = r#""><script>alert(1)</script>"#;
    let link = create_link(
        &merchant,
        json!({
            "name": evil, "description": evil, "button_text": evil, "branding": {"business_name": evil},
            "form_schema": {"fields": [{"id": evil, "type": "select", "label": evil, "placeholder": evil, "options": [evil]}]},
            "shipping_options": [{"id": evil, "name": evil, "amount": "1", "estimated_days": evil}],
        }),
    )
    .await;
    let reply = payer(&app).get(&format!("{}?utm_source={}", page_of(&link), "%22%3E%3Cscript%3E")).await;
    let page = html(&reply, 200);
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick="));
    let policy = reply.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn unknown_is_404_and_expired_inactive_used_up_and_deleted_are_410_with_words_of_their_own() {
    let app = app().await;
    let merchant = app.admin().await;
    let payer = payer(&app);
    let off = create_link(&merchant, json!({"active": false})).await;
    let brief = create_link(&merchant, json!({"expires_at": "2026-02-27T10:40:00Z"})).await;
    let once = create_link(&merchant, json!({"max_uses": 1})).await;
    let gone = create_link(&merchant, json!({})).await;
    let session = merchant.post("/api/v1/checkout-sessions", &json!({"payment_link_id": once["id"]})).await.expect(201);
    let pay = format!("/api/v1/test-helpers/checkout-sessions/{}/pay", session["id"].as_str().unwrap());
    merchant.post(&pay, &json!({})).await.expect(200);
    merchant.delete(&path_of(&gone)).await.expect(200);
    app.advance_seconds(600);
    for (path, status, words) in [
        (page_of(&off), 410, "is not active"),
        (page_of(&brief), 410, "has expired"),
        (page_of(&once), 410, "has been used up"),
        (page_of(&gone), 410, "no longer exists"),
        ("/pay/Nothing1".to_owned(), 404, "Page not found"),
        ("/pay/pl_x".to_owned(), 404, "Page not found"),
        (format!("/pay/pl_01ARZ3NDEKTSV4RRFFQ69G5FAV{}", off["short_code"].as_str().unwrap()), 404, "Page not found"),
        ("/pay/s/cs_x".to_owned(), 404, "Page not found"),
        ("/l/x".to_owned(), 404, "Page not found"),
    ] {
        let page = html(&payer.get(&path).await, status);
        assert!(page.contains(words) && !page.contains(RECIPIENT), "{path}: {page}");
        if status == 410 {
            assert!(html(&send(&payer, &path, "").await, 410).contains(words));
        }
    }
    let wrong = payer.raw(Method::PUT, &page_of(&off), Vec::new()).await;
    assert_eq!((wrong.status.as_u16(), wrong.header("allow")), (405, "GET, HEAD, OPTIONS, POST"));
    html(&wrong, 405);
}

#[tokio::test]
async fn a_short_link_leads_to_the_page_with_its_query_byte_for_byte() {
    let app = app().await;
    let reply = payer(&app).get("/l/AbCdEf12?utm_source=a%20b&metadata[x]=%C3%A9&&fbclid=1").await;
    assert_eq!(reply.status.as_u16(), 302);
    assert_eq!(reply.header("location"), "https://pay.test/pay/AbCdEf12?utm_source=a%20b&metadata[x]=%C3%A9&&fbclid=1");
    assert_eq!(payer(&app).get("/l/AbCdEf12").await.header("location"), "https://pay.test/pay/AbCdEf12");
}

#[tokio::test]
async fn the_parameters_of_the_address_flow_into_the_session_and_no_parameter_breaks_the_page() {
    let app = app().await;
    let merchant = app.admin().await;
    let payer = payer(&app);
    let link = create_link(&merchant, json!({"return_url": "https://example.com/back"})).await;
    let query = "client_reference_id=order_123&metadata[user_id]=clerk_abc&metadata%5Bplan%5D=pro&utm_source=twitter\
         &utm_medium=social&utm_campaign=launch&success_url=https://example.com/thanks?s={SESSION_ID}&cancel_url=https://evil.com/&fbclid=x";
    let path = format!("{}?{query}", page_of(&link));
    let page = html(&payer.get(&path).await, 200);
    assert!(page.contains(&format!("action=\"{}?{}\"", page_of(&link), query.replace('&', "&amp;"))), "{page}");
    let session = session_behind(&send(&payer, &path, "").await, &merchant).await;
    assert_eq!(session["client_reference_id"], "order_123");
    assert_eq!(session["metadata"], json!({"user_id": "clerk_abc", "plan": "pro"}));
    assert_eq!(session["utm_source"], "twitter");
    assert_eq!((&session["utm_medium"], &session["utm_campaign"]), (&json!("social"), &json!("launch")));
    assert_eq!(session["success_url"], "https://example.com/thanks?s={SESSION_ID}");
    assert_eq!(session["cancel_url"], Value::Null);
    assert_eq!(session["warnings"][0]["param"], "cancel_url");
    assert_eq!(session["payment_link_id"], link["id"]);

    let long = "a".repeat(3_000);
    for query in [
        format!("client_reference_id={long}&utm_source={long}&metadata[k]={long}&success_url=https://{long}.com"),
        "metadata[]=1&metadata=2&session_id=cs_x&success_url=javascript:alert(1)&%ff=%ff".to_owned(),
        (0..80).map(|n| format!("metadata[k{n}]=v&")).collect(),
    ] {
        let path = format!("{}?{query}", page_of(&link));
        html(&payer.get(&path).await, 200);
        let session = session_behind(&send(&payer, &path, "").await, &merchant).await;
        assert_eq!(session["client_reference_id"], Value::Null);
        assert!(session["metadata"].as_object().is_none_or(|metadata| metadata.len() == 50));
    }
}

#[tokio::test]
async fn a_session_named_in_the_address_is_used_if_it_is_of_this_link_and_ignored_if_not() {
    let app = app().await;
    let merchant = app.admin().await;
    let (link, other) = (create_link(&merchant, json!({})).await, create_link(&merchant, json!({})).await);
    let open = |link: &Value| {
        let (merchant, body) = (merchant.clone(), json!({"payment_link_id": link["id"]}));
        async move { merchant.post("/api/v1/checkout-sessions", &body).await.expect(201)["id"].as_str().unwrap().to_owned() }
    };
    let (own, foreign) = (open(&link).await, open(&other).await);
    let reply = payer(&app).get(&format!("{}?session_id={own}", page_of(&link))).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (302, format!("/pay/s/{own}").as_str()));
    let unknown = format!("cs_01ARZ3NDEKTSV4RRFFQ69G5FAV{}", link["short_code"].as_str().unwrap());
    for id in [foreign, unknown, "cs_x".to_owned()] {
        html(&payer(&app).get(&format!("{}?session_id={id}", page_of(&link))).await, 200);
    }
}

#[tokio::test]
async fn a_form_is_refused_with_what_is_wrong_beside_each_input_and_taken_when_it_is_right() {
    let app = app().await;
    let merchant = app.admin().await;
    let payer = payer(&app);
    let link = create_link(
        &merchant,
        json!({
            "form_schema": {"fields": [
                {"id": "company_name", "type": "text", "label": "Company Name", "required": true},
                {"id": "mail", "type": "email", "label": "E-mail"},
                {"id": "team.size", "type": "select", "label": "Team Size", "required": true, "options": ["1-10", "11-50"]},
                {"id": "seats", "type": "number", "label": "Seats"},
                {"id": "terms", "type": "checkbox", "label": "I agree", "required": true},
                {"id": "news", "type": "checkbox", "label": "News"},
            ]},
            "shipping_options": [{"id": "std", "name": "Standard", "amount": "0"}, {"id": "exp", "name": "Express", "amount": "2500000"}],
            "collect_shipping_address": true,
        }),
    )
    .await;
    let page = page_of(&link);
    let refused = html(&send(&payer, &page, "form_data[mail]=nobody&form_data[company_name]=%3Cb%3E").await, 400);
    for shown in [
        "There is a problem",
        "E-mail must be an e-mail address.",
        "Team Size is required.",
        "I agree is required.",
        "Shipping is required.",
        "Street and number is required.",
        "Country is required.",
        "value=\"&lt;b&gt;\"",
        "value=\"nobody\"",
        "aria-invalid=\"true\"",
        "aria-describedby=\"in-form-5f-data-5b-mail-5d--wrong\"",
        "href=\"#in-form-5f-data-5b-mail-5d-\"",
    ] {
        assert!(refused.contains(shown), "{shown}: {refused}");
    }
    assert!(!refused.contains("Company Name is required"));
    let form = "form_data%5Bcompany_name%5D=Acme&form_data[team.size]=11-50&form_data[seats]=5&form_data[terms]=true\
         &form_data[mail]=&shipping_option_id=exp&shipping_address[line1]=1+Main+St&shipping_address[city]=Springfield\
         &shipping_address[postal_code]=12345&shipping_address[country]=US&shipping_address[state]=&stray=1";
    let session = session_behind(&send(&payer, &page, form).await, &merchant).await;
    let filled = json!({"company_name": "Acme", "team.size": "11-50", "seats": "5", "terms": true, "news": false});
    assert_eq!(session["form_data"], filled);
    assert_eq!(session["shipping_address"]["line1"], "1 Main St");
    assert_eq!((&session["amount"], &session["amount_due"]), (&json!("10000000"), &json!("12500000")));
    let wrong_type = payer.clone().with("content-type", "text/plain").raw(Method::POST, &page, b"a=b".to_vec()).await;
    html(&wrong_type, 415);
    html(&send(&payer, &page, &"a".repeat(300_000)).await, 413);
}

#[tokio::test]
async fn an_amount_is_typed_in_whole_tokens_and_held_to_the_bounds_exactly() {
    let app = app().await;
    let merchant = app.admin().await;
    let bounds = json!({"min_amount": "1000000", "max_amount": "50000000", "suggested_amount": "2500000"});
    let link = merchant.post(LINKS, &open_link_body(bounds)).await.expect(201);
    let payer = payer(&app);
    let page = html(&payer.get(&page_of(&link)).await, 200);
    assert!(page.contains("value=\"2.50\"") && page.contains("From 1.00 USDC to 50.00 USDC"), "{page}");
    for (typed, words) in [
        ("", "Amount is required."),
        ("0.999999", "Amount must be at least 1.00 USDC."),
        ("50.000001", "Amount must be at most 50.00 USDC."),
        ("1.0000001", "Amount must have at most 6 decimal places."),
        ("ten", "Amount must be a number such as 10 or 10.50."),
        ("5,000", "with a comma it could mean either."),
        ("-5", "Amount must be a number"),
    ] {
        let page = html(&send(&payer, &page_of(&link), &format!("amount={typed}")).await, 400);
        assert!(page.contains(words), "{typed}: {page}");
    }
    for (typed, units) in [("1", "1000000"), ("12,5", "12500000"), ("50.00", "50000000")] {
        let session = session_behind(&send(&payer, &page_of(&link), &format!("amount={typed}")).await, &merchant).await;
        assert_eq!(session["amount"], units);
    }
}

#[tokio::test]
async fn a_sessions_page_shows_what_to_pay_while_it_is_open_and_afterwards_what_became_of_it() {
    let app = app().await;
    let merchant = app.admin().await;
    let payer = payer(&app);
    let link =
        create_link(&merchant, json!({"return_url": "https://example.com/back", "return_label": "To the shop"})).await;
    let open = || async {
        let form =
            send(&payer, &format!("{}?success_url=https://example.com/ok/{{SESSION_ID}}", page_of(&link)), "").await;
        session_behind(&form, &merchant).await
    };
    let helper = |session: &Value, what: &str| {
        format!("/api/v1/test-helpers/checkout-sessions/{}/{what}", session["id"].as_str().unwrap())
    };
    let path = |session: &Value| format!("/pay/s/{}", session["id"].as_str().unwrap());

    let paid = open().await;
    let page = html(&payer.get(&path(&paid)).await, 200);
    let uri = format!("ethereum:{}@8453/transfer?address={RECIPIENT}&amp;uint256=10000000", crate::USDC_ON_BASE);
    for shown in [
        "10.00 USDC",
        RECIPIENT,
        "role=\"img\"",
        uri.as_str(),
        "Waiting for your payment",
        "11:00 UTC",
        "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>",
        "Do not send real money",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    merchant.post(&helper(&paid, "pay"), &json!({"amount": "4000000"})).await.expect(200);
    let page = html(&payer.get(&path(&paid)).await, 200);
    assert!(page.contains("4.00 USDC has arrived") && page.contains("uint256=6000000"), "{page}");
    merchant.post(&helper(&paid, "pay"), &json!({})).await.expect(200);
    let page = html(&payer.get(&path(&paid)).await, 200);
    let home = format!("https://example.com/ok/{}", paid["id"].as_str().unwrap());
    assert!(
        page.contains("Payment complete") && page.contains(&format!("href=\"{home}\"")) && page.contains("To the shop")
    );
    assert!(page.contains(&format!("content=\"5;url={home}\"")) && !page.contains(RECIPIENT));

    let failed = open().await;
    merchant.post(&helper(&failed, "fail"), &json!({})).await.expect(200);
    let page = html(&payer.get(&path(&failed)).await, 200);
    assert!(page.contains("did not go through") && page.contains("Start again") && !page.contains(RECIPIENT));

    let late = open().await;
    app.advance_seconds(1_800);
    let page = html(&payer.get(&path(&late)).await, 200);
    assert!(page.contains("has expired") && page.contains("Start again") && !page.contains(RECIPIENT), "{page}");
}

#[tokio::test]
async fn a_session_that_lacks_what_its_link_asks_is_completed_by_its_payer_first() {
    let app = app().await;
    let merchant = app.admin().await;
    let payer = payer(&app);
    let asks = json!({
        "min_amount": "1000000",
        "form_schema": {"fields": [{"id": "note", "type": "text", "label": "Note", "required": true}]},
    });
    let link = merchant.post(LINKS, &open_link_body(asks)).await.expect(201);
    let body = json!({"payment_link_id": link["id"], "cancel_url": "https://shop.example/{SESSION_ID}"});
    let session = merchant.post("/api/v1/checkout-sessions", &body).await.expect(201);
    let path = format!("/pay/s/{}", session["id"].as_str().unwrap());
    let page = html(&payer.get(&path).await, 200);
    assert!(page.contains("Your details") && page.contains("name=\"amount\"") && page.contains("Note"), "{page}");
    assert!(page.contains(&format!("https://shop.example/{}", session["id"].as_str().unwrap())));
    assert!(!page.contains(RECIPIENT));
    let refused = html(&send(&payer, &path, "amount=0.5").await, 400);
    assert!(refused.contains("at least 1.00 USDC") && refused.contains("Note is required"), "{refused}");
    let sent = send(&payer, &path, "amount=3&form_data[note]=hello").await;
    let session = session_behind(&sent, &merchant).await;
    assert_eq!((&session["amount_due"], &session["form_data"]), (&json!("3000000"), &json!({"note": "hello"})));
    assert!(html(&payer.get(&path).await, 200).contains("uint256=3000000"));
    // Sent again, nothing changes.
    let again = session_behind(&send(&payer, &path, "amount=9&form_data[note]=other").await, &merchant).await;
    assert_eq!(again, session);
}

#[tokio::test]
async fn a_discount_code_typed_on_the_page_lowers_what_is_owed_or_is_refused_beside_its_input() {
    let app = app().await;
    let merchant = app.admin().await;
    let payer = payer(&app);
    let link = create_link(&merchant, json!({})).await;
    let code = json!({"code": "SAVE10", "type": "percentage", "value": "10"});
    merchant.post("/api/v1/discount-codes", &code).await.expect(201);
    assert!(html(&payer.get(&page_of(&link)).await, 200).contains("name=\"discount_code\""));
    let refused = html(&send(&payer, &page_of(&link), "discount_code=SAVE99").await, 400);
    assert!(refused.contains("Invalid discount code.") && refused.contains("value=\"SAVE99\""), "{refused}");
    assert_eq!(app.count("SESSION#").await, 0);
    let sent = send(&payer, &page_of(&link), "discount_code=+save10+").await;
    let session = session_behind(&sent, &merchant).await;
    assert_eq!((&session["discount_code"], &session["discount_amount"]), (&json!("SAVE10"), &json!("1000000")));
    let page = html(&payer.get(sent.header("location")).await, 200);
    assert!(page.contains("Discount SAVE10") && page.contains("−1.00 USDC") && page.contains("9.00 USDC"), "{page}");
}

#[tokio::test]
async fn a_wallet_is_asked_for_the_transfer_with_the_sessions_reference_behind_it_where_the_chain_is_followed() {
    let app = App::start_with(anyspend_local::groups, |config| {
        let access = ChainAccess { rpc_urls: vec!["http://127.0.0.1:9".to_owned()], confirmations: None };
        config.chains = Chains::new([(8453, access)].into());
    })
    .await;
    let merchant = app.admin().await;
    let payer = payer(&app);
    for (token, to, value, begin) in [
        (crate::USDC_ON_BASE, crate::USDC_ON_BASE.to_lowercase(), "0x0", "0xa9059cbb"),
        ("0x0000000000000000000000000000000000000000", RECIPIENT.to_owned(), "the amount", "0x"),
    ] {
        let link = create_link(&merchant, json!({"token_address": token})).await;
        let sent = send(&payer, &page_of(&link), "").await;
        let path = sent.header("location").to_owned();
        let page = html(&payer.get(&path).await, 200);
        let attribute = page.split_once("data-transaction=\"").unwrap_or_else(|| panic!("{page}")).1;
        let transaction = attribute.split('"').next().unwrap().replace("&quot;", "\"");
        let transaction: Value = serde_json::from_str(&transaction).unwrap();
        let seen = payer.get(&path.replace("/pay/s/", "/api/v1/checkout/sessions/")).await.expect(200);
        let reference = seen["payment_reference"].as_str().unwrap();
        let due: u64 = seen["amount_due"].as_str().unwrap().parse().unwrap();
        let (amount, value) = if value == "0x0" {
            (format!("{:0>64}{due:064x}", RECIPIENT.trim_start_matches("0x")), value.to_owned())
        } else {
            (String::new(), format!("{due:#x}"))
        };
        assert_eq!(transaction["to"], to);
        assert_eq!(transaction["value"], value);
        assert_eq!(transaction["data"], format!("{begin}{amount}{}", reference.trim_start_matches("0x")));
        assert!(!page.contains("Do not send real money"));
    }
}

#[tokio::test]
async fn the_style_sheet_carries_the_accent_and_is_kept_for_good_under_its_hash() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({"theme_color": "#FFD400"})).await;
    let page = html(&payer(&app).get(&page_of(&link)).await, 200);
    for (ending, kind, shown) in [
        (".css", "text/css; charset=utf-8", "--accent:#ffd400;--on-accent:#000000"),
        (".js", "text/javascript; charset=utf-8", "use strict"),
        (".svg", "image/svg+xml", "<svg"),
    ] {
        let end = page.find(&format!("{ending}\"")).unwrap_or_else(|| panic!("{page}")) + ending.len();
        let begin = page[..end].rfind('"').unwrap() + 1;
        let reply = payer(&app).get(&page[begin..end]).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, kind));
        assert_eq!(reply.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert!(String::from_utf8_lossy(&reply.body).contains(shown));
        assert_eq!(reply.cost().calls, 0);
    }
    let old = payer(&app).get("/pay/assets/000000000000-112233.css").await;
    assert_eq!((old.status.as_u16(), old.header("cache-control")), (200, "public, max-age=60"));
    for name in ["x", "x.css", "000000000000-zzzzzz.css", "000000000000.html", "..%2f..%2fCargo.toml"] {
        html(&payer(&app).get(&format!("/pay/assets/{name}")).await, 404);
    }
}

#[tokio::test]
async fn a_page_is_limited_per_address_and_says_so_as_a_page() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let payer = app.anonymous("192.0.2.9");
    for _ in 0..60 {
        html(&payer.get(&page_of(&link)).await, 200);
    }
    let views = app.count("FACT#").await;
    let refused = payer.get(&page_of(&link)).await;
    assert!(html(&refused, 429).contains("Too many requests"));
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(views, 60);
    assert_eq!(app.count("FACT#").await, 60, "a refused request leaves no visit");
    let cold = app.another_instance();
    html(&payer.through(&cold).get(&page_of(&link)).await, 429);
    assert_eq!(app.count("FACT#").await, 60);
}

#[tokio::test]
async fn opening_the_page_is_one_visit_and_looking_ahead_is_none() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let payer = payer(&app);
    let page = page_of(&link);
    html(&payer.get(&page).await, 200);
    assert_eq!(app.count("FACT#").await, 1);
    assert_eq!(payer.raw(Method::HEAD, &page, Vec::new()).await.status.as_u16(), 200);
    payer.raw(Method::OPTIONS, &page, Vec::new()).await;
    for (name, value) in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")] {
        html(&payer.clone().with(name, value).get(&page).await, 200);
    }
    html(&payer.get("/pay/Nothing1").await, 404);
    assert_eq!(app.count("FACT#").await, 1);
    // A visit that cannot be recorded does not fail the page, and is not tried twice.
    app.faults.plan(|_, operation| (operation == "PutItem").then_some(Fault::CutAfter));
    html(&payer.get(&page).await, 200);
    app.faults.heal();
    assert_eq!(app.count("FACT#").await, 2);
    let cold = app.another_instance();
    html(&payer.through(&cold).get(&page).await, 200);
    assert_eq!(app.count("FACT#").await, 3);
}

#[tokio::test]
async fn the_visit_of_the_page_is_tied_to_the_session_it_led_to() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    let payer = payer(&app);
    let page = html(&payer.get(&page_of(&link)).await, 200);
    let visitor = page.split_once("name=\"visitor_id\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
    assert!(visitor.starts_with("vis_"));
    session_behind(&send(&payer, &page_of(&link), &format!("visitor_id={visitor}")).await, &merchant).await;
    // The visit, its mark, and the session.
    assert_eq!(app.count("FACT#").await, 3);
    // A visit that was made up, or is of another link, fails nobody's payment.
    session_behind(&send(&payer, &page_of(&link), "visitor_id=vis_x").await, &merchant).await;
}

#[tokio::test]
async fn a_table_that_is_away_is_a_page_too() {
    let app = app().await;
    let merchant = app.admin().await;
    let link = create_link(&merchant, json!({})).await;
    app.faults.plan(|_, _| Some(Fault::Throttle));
    let reply = payer(&app).get(&page_of(&link)).await;
    assert!(html(&reply, 503).contains("Nothing was charged"));
    assert_eq!(reply.header("retry-after"), "1");
}
