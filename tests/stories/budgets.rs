//! What each route may cost in DynamoDB calls and units. Raising a number here is a decision, not a repair.

use crate::customers::CUSTOMERS;
use crate::transactions::{TRANSACTIONS, WALLET, pay};
use crate::{LINKS, PRODUCTS, app, create_link, create_product, link_body, path_of, product_body, product_path};
use anyspend_testing::{Reply, SeenCost};
use serde_json::json;

#[track_caller]
fn within(what: &str, reply: &Reply, status: u16, depth: u32, wru: f64, rru: f64) -> SeenCost {
    reply.expect(status);
    let cost = reply.cost();
    println!("{what}: {cost:?}");
    assert!(cost.depth <= depth && cost.wru <= wru && cost.rru <= rru, "{what}: {cost:?}");
    cost
}

#[tokio::test]
async fn every_route_stays_within_its_budget() {
    let app = app().await;
    let client = app.admin().await;
    client.get(LINKS).await.expect(200);

    let create = client.clone().idempotent("k");
    // 12 on the table and 1 on the list index.
    within("create, idempotent", &create.post(LINKS, &link_body(json!({}))).await, 201, 2, 13.0, 0.0);
    within("replay of a create", &create.post(LINKS, &link_body(json!({}))).await, 201, 2, 13.0, 1.0);
    let link = create_link(&client, json!({"items": [{"name": "a", "amount": "1"}]})).await;
    let path = path_of(&link);

    let cost = within("retrieve", &client.get(&path).await, 200, 1, 1.0, 1.0);
    assert_eq!(cost.calls, 2, "the check of the key and the read, side by side");
    let code = format!("{LINKS}/{}", link["short_code"].as_str().unwrap());
    within("retrieve by short code", &client.get(&code).await, 200, 1, 1.0, 1.0);
    within("list", &client.get(LINKS).await, 200, 2, 1.0, 30.0);
    within("list items", &client.get(&format!("{path}/items")).await, 200, 1, 1.0, 1.0);
    within("update", &client.clone().idempotent("u").patch(&path, &json!({"name": "x"})).await, 200, 2, 16.0, 1.0);
    let item = json!({"name": "b", "amount": "1"});
    let added = client.clone().idempotent("i").post(&format!("{path}/items"), &item).await;
    within("add item", &added, 201, 2, 15.0, 1.0);
    let item_path = format!("{path}/items/{}", added.json()["id"].as_str().unwrap());
    let copy = client.clone().idempotent("d").post(&format!("{path}/duplicate"), &json!({})).await;
    // As for a create, and a row of items more.
    within("duplicate", &copy, 201, 2, 15.0, 1.0);
    within("remove item", &client.delete(&item_path).await, 200, 2, 11.0, 1.0);
    within("delete", &client.delete(&path).await, 200, 2, 11.0, 1.0);

    let nobody = app.anonymous("192.0.2.1");
    let quick = json!({"recipient_address": crate::RECIPIENT});
    within("quick pay", &nobody.post("/api/v1/quick-pay", &quick).await, 201, 2, 7.0, 0.0);
    let key = json!({"name": "k", "permissions": ["read"]});
    within("create key", &client.clone().idempotent("a").post(crate::KEYS, &key).await, 201, 2, 12.0, 0.0);
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
    within("update product", &update, 200, 2, 10.0, 1.0);
    let link = client.clone().idempotent("g").post(&format!("{path}/generate-link"), &json!({})).await;
    within("generate link", &link, 201, 2, 13.0, 1.0);
    // A reference is looked up before the commit, and only where there is one.
    let body = link_body(json!({"product_id": product["id"]}));
    within("create link of a product", &client.clone().idempotent("r").post(LINKS, &body).await, 201, 3, 13.0, 1.0);
    within("archive product", &client.delete(&path).await, 200, 2, 7.0, 1.0);
    within("archive product again", &client.delete(&path).await, 200, 1, 1.0, 1.0);

    // Without a recipient the organization is asked for its default.
    let product = create_product(&client, json!({"recipient_address": null})).await;
    let path = format!("{}/generate-link", product_path(&product));
    let body = json!({"recipient_address": crate::RECIPIENT});
    within("generate link, recipient given", &client.post(&path, &body).await, 201, 2, 9.0, 1.0);
    let body = product_body(json!({"recipient_address": null}));
    within("create product, no recipient", &client.post(PRODUCTS, &body).await, 201, 3, 7.0, 0.5);
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
    within("create customer", &reply, 201, 2, 8.0, 0.0);
    within("replay of a customer", &create.post(CUSTOMERS, &body).await, 201, 2, 8.0, 1.0);
    let path = format!("{CUSTOMERS}/{}", reply.json()["id"].as_str().unwrap());
    pay(&client, &link, json!({"payer_address": WALLET})).await;
    let cost = within("retrieve customer", &client.get(&path).await, 200, 1, 1.0, 1.0);
    assert_eq!(cost.calls, 2, "the check of the key and the read, side by side");
    within("list customers", &client.get(CUSTOMERS).await, 200, 2, 1.0, 30.0);
    let update = client.clone().idempotent("u").patch(&path, &json!({"name": "x"})).await;
    within("update customer", &update, 200, 2, 8.0, 1.0);

    let list = client.get(TRANSACTIONS).await;
    within("list transactions", &list, 200, 2, 1.0, 30.0);
    let transaction = format!("{TRANSACTIONS}/{}", list.json()["data"][0]["id"].as_str().unwrap());
    let cost = within("retrieve transaction", &client.get(&transaction).await, 200, 1, 1.0, 1.0);
    assert_eq!(cost.calls, 2, "the check of the key and the read, side by side");
    within("transaction stats", &client.get(&format!("{TRANSACTIONS}/stats")).await, 200, 1, 1.0, 1.0);
    let own = client.get(&format!("{path}/transactions")).await;
    within("list a customer's transactions", &own, 200, 2, 1.0, 30.0);
    within("erase customer", &client.delete(&path).await, 200, 2, 6.0, 1.0);
}

#[tokio::test]
async fn a_page_of_many_links_costs_one_index_read_and_one_batch() {
    let app = app().await;
    let owner = app.admin().await.owner;
    for _ in 0..3 {
        let client = app.key(&owner, anyspend_domain::api_key::Permission::Write).await;
        for _ in 0..100 {
            create_link(&client, json!({})).await;
        }
    }
    let client = app.key(&owner, anyspend_domain::api_key::Permission::Read).await;
    client.get(LINKS).await.expect(200);
    let reply = client.get(&format!("{LINKS}?limit=20&page=10")).await;
    // A head and a terms row a link, half a unit each.
    let cost = within("list of 300", &reply, 200, 2, 1.0, 30.0 + 20.0);
    assert_eq!((cost.calls, reply.json()["total_count"].as_u64()), (3, Some(300)));
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
