//! What each route may cost in DynamoDB calls and units. Raising a number here is a decision, not a repair.

use crate::customers::CUSTOMERS;
use crate::discount_codes::CODES;
use crate::traffic::Traffic;
use crate::transactions::{TRANSACTIONS, WALLET, pay};
use crate::webhooks::WEBHOOKS;
use crate::{
    LINKS, PRODUCTS, RECIPIENT, USDC_ON_BASE, app, create_link, create_product, link_body, path_of, product_body,
    product_path,
};
use anyspend_store::discount_codes::DiscountCodeColumns;
use anyspend_store::list::{ListId, Tuning};
use anyspend_store::payment_links::LinkColumns;
use anyspend_testing::{App, Reply, SeenCost};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

/// A change of what lists show leaves, once in 32 times, a note that its list is to be looked after.
const NOTE: f64 = 2.0;

#[track_caller]
#[expect(clippy::float_arithmetic, reason = "units are shown as decimals")]
pub(crate) fn within(what: &str, reply: &Reply, status: u16, depth: u32, wru: f64, rru: f64) -> SeenCost {
    reply.expect(status);
    let cost = reply.cost();
    println!("{what}: {cost:?}");
    assert!(
        cost.depth <= depth && (cost.wru <= wru || [wru, wru - 1.0].contains(&(cost.wru - NOTE))) && cost.rru <= rru,
        "{what}: {cost:?}"
    );
    cost
}

#[tokio::test]
async fn every_route_stays_within_its_budget() {
    let app = app().await;
    let client = app.admin().await;
    client.get(LINKS).await.expect(200);

    let create = client.clone().idempotent("k");
    // 1 for the key, 8 for the link, its trail and its answer, 2 for the journal of its list.
    within("create, idempotent", &create.post(LINKS, &link_body(json!({}))).await, 201, 2, 11.0, 0.0);
    within("replay of a create", &create.post(LINKS, &link_body(json!({}))).await, 201, 2, 11.0, 1.0);
    let link = create_link(&client, json!({"items": [{"name": "a", "amount": "1"}]})).await;
    let path = path_of(&link);

    let cost = within("retrieve", &client.get(&path).await, 200, 1, 1.0, 1.0);
    assert_eq!(cost.calls, 2, "the check of the key and the read, side by side");
    let code = format!("{LINKS}/{}", link["short_code"].as_str().unwrap());
    within("retrieve by short code", &client.get(&code).await, 200, 1, 1.0, 1.0);
    within("list", &client.get(LINKS).await, 200, 2, 1.0, 30.0);
    within("list items", &client.get(&format!("{path}/items")).await, 200, 1, 1.0, 1.0);
    within("update", &client.clone().idempotent("u").patch(&path, &json!({"name": "x"})).await, 200, 2, 13.0, 1.0);
    let item = json!({"name": "b", "amount": "1"});
    let added = client.clone().idempotent("i").post(&format!("{path}/items"), &item).await;
    within("add item", &added, 201, 2, 11.0, 1.0);
    let item_path = format!("{path}/items/{}", added.json()["id"].as_str().unwrap());
    let copy = client.clone().idempotent("d").post(&format!("{path}/duplicate"), &json!({})).await;
    // As for a create, and a row of items more.
    within("duplicate", &copy, 201, 2, 13.0, 1.0);
    within("remove item", &client.delete(&item_path).await, 200, 2, 11.0, 1.0);
    // Its tombstone, its rows, the journal, and what ends its sessions however many there are.
    within("delete", &client.delete(&path).await, 200, 2, 13.0, 1.0);

    let nobody = app.anonymous("192.0.2.1");
    let quick = json!({"recipient_address": RECIPIENT});
    within("quick pay", &nobody.post("/api/v1/quick-pay", &quick).await, 201, 2, 7.0, 0.0);
    let key = json!({"name": "k", "permissions": ["read"]});
    within("create key", &client.clone().idempotent("a").post(crate::KEYS, &key).await, 201, 2, 10.0, 0.0);
    // Who asks first counts the days that are over, for good: 90 by tens, consistently, and a row that keeps the counts. From
    // then on a list costs its page, the row of counts, and what is not settled.
    within("events, the first time", &client.get("/api/v1/events").await, 200, 12, 2.0, 93.0);
    within("events", &client.get("/api/v1/events").await, 200, 5, 1.0, 6.0);
    within("events of a day", &client.get("/api/v1/events?from=2026-02-27").await, 200, 4, 1.0, 10.0);
    within("organization", &client.get("/api/v1/organization").await, 200, 2, 1.0, 1.0);
    let renamed = client.clone().idempotent("o").patch("/api/v1/organization", &json!({"name": "Acme"})).await;
    within("change the organization", &renamed, 200, 3, 7.0, 1.0);
    within("openapi", &nobody.get("/api/v1/openapi.json").await, 200, 0, 0.0, 0.0);
}

#[tokio::test]
async fn every_route_of_products_stays_within_its_budget() {
    let app = app().await;
    let client = app.admin().await;
    client.get(PRODUCTS).await.expect(200);

    let create = client.clone().idempotent("k");
    let reply = create.post(PRODUCTS, &product_body(json!({}))).await;
    within("create product", &reply, 201, 2, 9.0, 0.0);
    within("replay of a product", &create.post(PRODUCTS, &product_body(json!({}))).await, 201, 2, 9.0, 1.0);
    let product = reply.json();
    let path = product_path(&product);
    let cost = within("retrieve product", &client.get(&path).await, 200, 1, 1.0, 1.0);
    assert_eq!(cost.calls, 2, "the check of the key and the read, side by side");
    within("list products", &client.get(PRODUCTS).await, 200, 2, 1.0, 30.0);
    let update = client.clone().idempotent("u").patch(&path, &json!({"name": "x"})).await;
    within("update product", &update, 200, 2, 9.0, 1.0);
    let link = client.clone().idempotent("g").post(&format!("{path}/generate-link"), &json!({})).await;
    within("generate link", &link, 201, 2, 11.0, 1.0);
    // A reference is looked up before the commit, and only where there is one.
    let body = link_body(json!({"product_id": product["id"]}));
    within("create link of a product", &client.clone().idempotent("r").post(LINKS, &body).await, 201, 3, 11.0, 1.0);
    within("archive product", &client.delete(&path).await, 200, 2, 7.0, 1.0);
    within("archive product again", &client.delete(&path).await, 200, 1, 1.0, 1.0);

    // Without a recipient the organization is asked for its default.
    let product = create_product(&client, json!({"recipient_address": null})).await;
    let path = format!("{}/generate-link", product_path(&product));
    let body = json!({"recipient_address": RECIPIENT});
    within("generate link, recipient given", &client.post(&path, &body).await, 201, 2, 9.0, 1.0);
    let body = product_body(json!({"recipient_address": null}));
    // A consistent read: money must not go to a default recipient that has just been changed.
    within("create product, no recipient", &client.post(PRODUCTS, &body).await, 201, 3, 7.0, 1.0);
}

#[tokio::test]
async fn every_route_of_transactions_and_customers_stays_within_its_budget() {
    let app = app().await;
    let client = app.admin().await;
    client.get(CUSTOMERS).await.expect(200);
    let link = create_link(&client, json!({})).await;

    let body = json!({"wallet_address": WALLET, "name": "Alice", "email": "alice@example.com"});
    let create = client.clone().idempotent("k");
    let reply = create.post(CUSTOMERS, &body).await;
    // One more than when an index listed it: the journal's row is a write of the transaction, which counts twice.
    within("create customer", &reply, 201, 2, 9.0, 0.0);
    within("replay of a customer", &create.post(CUSTOMERS, &body).await, 201, 2, 9.0, 1.0);
    let path = format!("{CUSTOMERS}/{}", reply.json()["id"].as_str().unwrap());
    pay(&client, &link, json!({"payer_address": WALLET})).await;
    let cost = within("retrieve customer", &client.get(&path).await, 200, 1, 1.0, 1.0);
    assert_eq!(cost.calls, 2, "the check of the key and the read, side by side");
    within("list customers", &client.get(CUSTOMERS).await, 200, 2, 1.0, 30.0);
    app.advance_seconds(1);
    let update = client.clone().idempotent("u").patch(&path, &json!({"metadata": {"k": "v"}})).await;
    within("update customer", &update, 200, 2, 9.0, 1.0);
    // The note that has the list forget the name comes always, and not once in 32 times.
    let rename = client.clone().idempotent("r").patch(&path, &json!({"name": "x"})).await;
    within("rename customer", &rename, 200, 2, 11.0, 1.0);

    let list = client.get(TRANSACTIONS).await;
    within("list transactions", &list, 200, 2, 1.0, 30.0);
    let transaction = format!("{TRANSACTIONS}/{}", list.json()["data"][0]["id"].as_str().unwrap());
    let cost = within("retrieve transaction", &client.get(&transaction).await, 200, 1, 1.0, 1.0);
    assert_eq!(cost.calls, 2, "the check of the key and the read, side by side");
    // The columns of all beside the journal.
    within("transaction stats", &client.get(&format!("{TRANSACTIONS}/stats")).await, 200, 1, 1.0, 2.0);
    let own = client.get(&format!("{path}/transactions")).await;
    within("list a customer's transactions", &own, 200, 2, 1.0, 30.0);
    // The key; the ids, which are a directory and a journal; the rows, for each hundred a call.
    for of in [CUSTOMERS, TRANSACTIONS] {
        let export = client.get(&format!("{of}/export?format=json")).await;
        let cost = within("export", &export, 200, 3, 1.0, 3.0);
        assert_eq!(cost.calls, 4);
    }
    // The key, the row, the journal, the note that has the list forget who it was, the trail.
    within("erase customer", &client.delete(&path).await, 200, 2, 9.0, 1.0);
}

#[tokio::test]
async fn every_route_of_discount_codes_stays_within_its_budget() {
    let app = app().await;
    let client = app.admin().await;
    client.get(CODES).await.expect(200);

    let create = client.clone().idempotent("k");
    let body = json!({"code": "SUMMER", "type": "percentage", "value": 10});
    let reply = create.post(CODES, &body).await;
    within("create code", &reply, 201, 2, 9.0, 0.0);
    within("replay of a code", &create.post(CODES, &body).await, 201, 2, 9.0, 1.0);
    let path = format!("{CODES}/{}", reply.json()["id"].as_str().unwrap());
    within("list codes", &client.get(CODES).await, 200, 2, 1.0, 3.0);
    within("list active codes", &client.get(&format!("{CODES}?active=true")).await, 200, 2, 1.0, 3.0);
    let validated = client.post(&format!("{CODES}/validate"), &json!({"code": "SUMMER"})).await;
    within("validate code", &validated, 200, 2, 1.0, 1.0);
    // Only the switch is told to the list.
    let update = client.clone().idempotent("u").patch(&path, &json!({"value": 20})).await;
    within("update code", &update, 200, 2, 7.0, 1.0);
    let switch = client.clone().idempotent("s").patch(&path, &json!({"active": false})).await;
    within("switch code", &switch, 200, 2, 9.0, 1.0);
    let batch = json!({"codes": ["a", "b", "c"], "type": "fixed", "value": 5});
    let batch = client.clone().idempotent("b").post(&format!("{CODES}/batch"), &batch).await;
    batch.expect(201);
    // Three transactions, each of which may leave a note.
    let cost = batch.cost();
    assert!(cost.depth <= 3 && [17.0, 19.0, 21.0, 23.0].contains(&cost.wru), "batch of three: {cost:?}");
    within("delete code", &client.delete(&path).await, 200, 2, 7.0, 1.0);
}

#[tokio::test]
async fn a_page_of_what_changes_beside_its_columns_is_read_consistently_though_no_journal_tells_of_it() {
    let app = app().await;
    let client = app.admin().await;
    let code = client.post(CODES, &json!({"code": "SUMMER", "type": "percentage", "value": 10})).await.expect(201);
    let list = ListId::all::<DiscountCodeColumns>(&client.owner);
    for _ in 0..3 {
        app.platform.db.compact_list::<DiscountCodeColumns>(&list, app.now(), &Tuning::tiny()).await.unwrap();
        app.advance_seconds(61);
    }
    let path = format!("{CODES}/{}", code["id"].as_str().unwrap());
    client.patch(&path, &json!({"value": 20})).await.expect(200);
    let listed = client.get(CODES).await;
    assert_eq!(listed.json()["data"][0]["value"], "20");
    // One unit each for the directory, the journal and the one row; half of one for a row that may be behind.
    assert_eq!(listed.cost().rru, 3.0);
}

#[tokio::test]
async fn a_page_costs_one_directory_and_its_rows_however_many_links_there_are() {
    let app = app().await;
    let owner = app.admin().await.owner;
    for _ in 0..6 {
        let client = app.key(&owner, anyspend_domain::api_key::Permission::Write).await;
        for _ in 0..100 {
            create_link(&client, json!({})).await;
        }
    }
    let client = app.key(&owner, anyspend_domain::api_key::Permission::Read).await;
    client.get(LINKS).await.expect(200);
    let list = ListId::all::<LinkColumns>(&owner);
    for _ in 0..2 {
        app.platform.db.compact_list::<LinkColumns>(&list, app.now(), &Tuning::default()).await.unwrap();
        app.advance_seconds(60);
    }
    // A head and a terms row a link, half a unit each.
    let reply = client.get(&format!("{LINKS}?limit=20")).await;
    let cost = within("first page of 600", &reply, 200, 2, 1.0, 10.0 + 20.0);
    assert_eq!((cost.calls, reply.json()["total_count"].as_u64()), (4, Some(600)));
    let reply = client.get(&format!("{LINKS}?limit=20&page=15")).await;
    within("a page in the midst of 600", &reply, 200, 3, 1.0, 12.0 + 20.0);
}

#[tokio::test]
async fn the_cold_instance_of_a_busy_key_pays_one_call_more_once() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let cold = app.another_instance();
    let through = client.through(&cold);
    let first = through.get(&path_of(&link)).await;
    within("cold retrieve", &first, 200, 2, 2.0, 1.0);
    within("warm retrieve", &through.get(&path_of(&link)).await, 200, 1, 1.0, 1.0);
}

#[tokio::test]
async fn statistics_and_visitors_stay_within_their_budgets_however_many_visitors_there_are() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    let rollup = async || rollup_stats::rollup(&app.platform.db, app.now()).await.unwrap();
    rollup().await;
    let mut budgets = Vec::new();
    for round in 0..3_u32 {
        for visitor in 0..40 * (1 + round * 4) {
            traffic.visit(app.now(), visitor, [Some("twitter"), None, None]).await;
        }
        app.advance_seconds(600);
        rollup().await;
        let path = &traffic.path;
        // The check of the key beside the link and the mark; then the rows beside the buckets the rollup has not come to.
        let stats = client.get(&format!("{path}/stats")).await;
        budgets.push(within("stats", &stats, 200, 2, 1.0, 8.0));
        // The same, and the buckets of the page: half a unit for each four visits.
        let visitors = client.get(&format!("{path}/visitors")).await;
        budgets.push(within("visitors, page 1", &visitors, 200, 3, 1.0, 10.0));
        let total = visitors.json()["total_count"].as_u64().unwrap();
        let last = client.get(&format!("{path}/visitors?page={}", total.div_ceil(20))).await;
        within("visitors, last page", &last, 200, 3, 1.0, 12.0);
    }
    assert_eq!((budgets[0], budgets[1]), (budgets[4], budgets[5]), "more visitors cost no more");
    // With a visitor in the tail, one look at who was there before today.
    traffic.visit(app.now(), 1, [None; 3]).await;
    within("stats with a live tail", &client.get(&format!("{}/stats", traffic.path)).await, 200, 3, 1.0, 9.0);
}

#[tokio::test]
async fn recording_a_view_is_one_call_of_one_unit_however_much_the_visitor_says() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    let long: &'static str = "é".repeat(200).leak();
    let mut visit = traffic.visit(app.now(), 1, [Some(long), Some(long), Some(long)]).await;
    visit.user_agent = Some("x".repeat(10_000));
    visit.referrer = Some("https://example.com/".repeat(1_000));
    let db = app.platform.db.metered();
    db.record_view(&visit).await.unwrap();
    let cost = db.cost();
    assert_eq!((cost.calls, cost.wru, cost.index_wru, cost.half_rru), (1, 1, 0, 0));
}

#[tokio::test]
async fn every_route_of_the_checkout_stays_within_its_budget() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let code = link["short_code"].as_str().unwrap();
    let (page, payer) = (format!("/pay/{code}"), app.anonymous("192.0.2.1"));
    let within = |what: &str, reply: &Reply, depth: u32, wru: f64, rru: f64| {
        let cost = reply.cost();
        println!("{what}: {cost:?}");
        let wru_with_note = wru + NOTE;
        let written = cost.wru <= wru || cost.wru == wru_with_note;
        assert!(cost.depth <= depth && written && cost.rru <= rru, "{what}: {cost:?}");
        cost
    };
    // The bucket, the visit and the link, side by side.
    let cost = within("page", &payer.get(&page).await, 1, 2.0, 0.5);
    assert!(cost.calls < 33);
    // An instance that meets the link for the first time learns whose it is before it records the visit. Another payer,
    // because it does not know this one's bucket either.
    let cold = app.another_instance();
    let stranger = app.anonymous("192.0.2.2");
    within("page, first on an instance", &stranger.through(&cold).get(&page).await, 2, 2.0, 0.5);
    within("page, then", &stranger.through(&cold).get(&page).await, 1, 2.0, 0.5);
    within("unknown page", &payer.get("/pay/Nothing1").await, 2, 1.0, 1.5);
    within("short link", &payer.get(&format!("/l/{code}")).await, 0, 0.0, 0.0);
    within("asset", &payer.get("/pay/assets/000000000000.js").await, 0, 0.0, 0.0);

    let open = format!("/api/v1/checkout/{code}/sessions");
    let reply = payer.post(&open, &json!({})).await;
    // The bucket; the session, when it is due, the journal of its list, its fact, the trail.
    within("open a session", &reply, 2, 10.0, 1.0);
    let keyed = payer.clone().idempotent("k").post(&open, &json!({"customer_email": "a@b.c"})).await;
    within("open a session, idempotent", &keyed, 2, 12.0, 1.0);
    let form = payer.clone().with("content-type", "application/x-www-form-urlencoded");
    let sent = form.raw(http::Method::POST, &page, Vec::new()).await;
    within("send the page", &sent, 2, 8.0, 1.0);
    let session = reply.json();
    let id = session["id"].as_str().unwrap();
    within("session page", &payer.get(&format!("/pay/s/{id}")).await, 1, 1.0, 2.0);
    within("session status", &payer.get(&format!("/api/v1/checkout/sessions/{id}")).await, 1, 1.0, 2.0);
    let details = format!("/api/v1/checkout/sessions/{id}/details");
    within("add details", &payer.post(&details, &json!({})).await, 2, 8.0, 2.0);
}

#[tokio::test]
async fn every_route_of_webhooks_stays_within_its_budget() {
    let app = app().await;
    let client = app.admin().await;
    client.get(WEBHOOKS).await.expect(200);

    let create = client.clone().idempotent("k");
    let body = json!({"url": "https://example.com/hook", "events": ["*"]});
    let reply = create.post(WEBHOOKS, &body).await;
    within("create webhook", &reply, 201, 2, 9.0, 0.0);
    within("replay of a webhook", &create.post(WEBHOOKS, &body).await, 201, 2, 9.0, 1.0);
    let path = format!("{WEBHOOKS}/{}", reply.json()["id"].as_str().unwrap());
    let cost = within("retrieve webhook", &client.get(&path).await, 200, 1, 1.0, 1.0);
    assert_eq!(cost.calls, 2, "the check of the key and the read, side by side");
    within("list webhooks", &client.get(WEBHOOKS).await, 200, 1, 1.0, 1.0);
    let update = client.clone().idempotent("u").patch(&path, &json!({"active": true})).await;
    within("update webhook", &update, 200, 2, 7.0, 1.0);
    let rotate = client.clone().idempotent("r").post(&format!("{path}/rotate-secret"), &json!({})).await;
    within("rotate secret", &rotate, 200, 2, 7.0, 1.0);
    let test = client.clone().idempotent("t").post(&format!("{path}/test"), &json!({})).await;
    within("test webhook", &test, 200, 2, 9.0, 1.0);
    let delivery = test.json()["delivery_id"].as_str().unwrap().to_owned();
    within("list deliveries", &client.get(&format!("{path}/deliveries")).await, 200, 2, 1.0, 2.0);
    let retry = format!("{path}/deliveries/{delivery}/retry");
    within("retry delivery", &client.clone().idempotent("d").post(&retry, &json!({})).await, 200, 2, 7.0, 2.0);
    within("delete webhook", &client.delete(&path).await, 200, 2, 7.0, 1.0);
}

const SESSIONS: &str = "/api/v1/checkout-sessions";

fn helper(session: &Value, what: &str) -> String {
    format!("/api/v1/test-helpers/checkout-sessions/{}/{what}", session["id"].as_str().unwrap())
}

#[tokio::test]
async fn every_route_of_checkout_sessions_stays_within_its_budget() {
    let app = app().await;
    let client = app.admin().await;
    client.get(SESSIONS).await.expect(200);
    let link = create_link(&client, json!({})).await;
    let create = client.clone().idempotent("k");
    let body = json!({"payment_link_id": link["id"]});
    let reply = create.post(SESSIONS, &body).await;
    // 1 for the key; the session and when it is due, the journal of its list, its fact, the trail, the answer.
    within("create session", &reply, 201, 2, 12.0, 1.0);
    within("replay of a session", &create.post(SESSIONS, &body).await, 201, 2, 11.0, 1.0);
    let by_hand =
        json!({"token_address": USDC_ON_BASE, "chain_id": 8453, "recipient_address": RECIPIENT, "amount": "7"});
    within("create session by hand", &client.post(SESSIONS, &by_hand).await, 201, 2, 8.0, 0.0);
    let session = reply.json();
    let path = format!("{SESSIONS}/{}", session["id"].as_str().unwrap());
    within("retrieve session", &client.get(&path).await, 200, 1, 1.0, 2.0);
    within("list sessions", &client.get(SESSIONS).await, 200, 2, 1.0, 5.0);
    let expire = client.clone().idempotent("e").with("content-type", "application/json");
    let reply = expire.raw(http::Method::POST, &format!("{path}/expire"), vec![]).await;
    within("expire session", &reply, 200, 2, 12.0, 2.0);
    within("chains", &client.get("/api/v1/chains").await, 200, 1, 1.0, 0.0);
}

/// Takes the notes away that lists are to be looked after, and says how many there were.
async fn notes(app: &App) -> u32 {
    let (client, table) = app.table();
    let query = client.query().table_name(table).key_condition_expression("pk = :pk");
    let found = query.expression_attribute_values(":pk", AttributeValue::S("LISTDUE".to_owned())).send().await.unwrap();
    for row in found.items() {
        let delete = client.delete_item().table_name(table).key("pk", row["pk"].clone()).key("sk", row["sk"].clone());
        delete.send().await.unwrap();
    }
    u32::try_from(found.items().len()).unwrap()
}

/// What a request costs that changes several lists, apart from the notes it may leave for each.
#[expect(clippy::float_arithmetic, reason = "units are shown as decimals")]
async fn costs(app: &App, what: &str, request: impl Future<Output = Reply>, depth: u32, wru: f64, rru: f64) {
    notes(app).await;
    let reply = request.await;
    assert!(reply.status.is_success(), "{what}: {}", reply.json());
    let (cost, notes) = (reply.cost(), f64::from(notes(app).await) * NOTE);
    println!("{what}: {cost:?}, notes: {notes}");
    let within = cost.depth <= depth && cost.wru - notes <= wru && cost.rru <= rru;
    assert!(within, "{what}: {cost:?}, notes: {notes}");
}

#[tokio::test]
async fn a_payment_stays_within_its_budget_whatever_it_completes() {
    let app = app().await;
    let client = app.admin().await;
    client.get(SESSIONS).await.expect(200);
    let open = async |link: &Value| client.post(SESSIONS, &json!({"payment_link_id": link["id"]})).await.expect(201);
    let pay = async |session: &Value, body: Value| client.post(&helper(session, "pay"), &body).await;
    let plain = create_link(&client, json!({})).await;
    let session = open(&plain).await;
    let keyed = client.clone().idempotent("pay");
    let paid = async { keyed.post(&helper(&session, "pay"), &json!({})).await };
    costs(&app, "complete, first of a customer", paid, 3, 30.0, 3.0).await;
    let session = open(&plain).await;
    costs(&app, "complete, no idempotency key", pay(&session, json!({})), 3, 28.0, 3.0).await;
    costs(&app, "payment for a completed session", pay(&session, json!({})), 3, 17.0, 3.0).await;

    let few = create_link(&client, json!({"max_uses": 5})).await;
    let code = json!({"code": "ten", "type": "percentage", "value": 10, "max_uses": 5});
    client.post("/api/v1/discount-codes", &code).await.expect(201);
    let payer = app.anonymous("192.0.2.1");
    let opened = format!("/api/v1/checkout/{}/sessions", few["short_code"].as_str().unwrap());
    let discounted = payer.post(&opened, &json!({"discount_code": "TEN"})).await.expect(201);
    costs(&app, "complete, with a discount and few uses", pay(&discounted, json!({})), 3, 32.0, 3.0).await;

    let by_hand =
        json!({"token_address": USDC_ON_BASE, "chain_id": 8453, "recipient_address": RECIPIENT, "amount": "7"});
    let by_hand = client.post(SESSIONS, &by_hand).await.expect(201);
    costs(&app, "complete, by hand", pay(&by_hand, json!({})), 3, 22.0, 2.0).await;
    let part = open(&plain).await;
    costs(&app, "a part of the price", pay(&part, json!({"amount": "1"})), 3, 17.0, 3.0).await;
    let failed = open(&plain).await;
    let fail = async { client.post(&helper(&failed, "fail"), &json!({})).await };
    costs(&app, "fail session", fail, 3, 14.0, 3.0).await;

    let session = payer.post(&opened, &json!({})).await.expect(201);
    let path = format!("/api/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
    let discount = async |code: Value| payer.post(&format!("{path}/discount"), &json!({"code": code})).await;
    costs(&app, "apply a discount", discount(json!("TEN")), 3, 9.0, 3.0).await;
    costs(&app, "take it off", discount(Value::Null), 2, 7.0, 2.0).await;
    let report = json!({"tx_hash": format!("0x{}", "ab".repeat(32))});
    let reported = async || payer.post(&format!("{path}/payment"), &report).await;
    // One read unit more than before: whether the money has arrived already, and is nobody's.
    costs(&app, "report a payment", reported(), 3, 14.0, 4.0).await;
    costs(&app, "report it again", reported(), 2, 1.0, 4.0).await;
}
