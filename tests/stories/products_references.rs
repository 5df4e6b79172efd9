//! Links and items that name the product they sell.

use crate::{LINKS, app, create_link, create_product, link_body, path_of, product_path};
use anyspend_domain::api_key::Permission;
use anyspend_domain::{Mode, Owner};
use serde_json::json;

#[tokio::test]
async fn a_link_and_its_items_may_name_products_of_their_own_organization() {
    let app = app().await;
    let client = app.admin().await;
    let product = create_product(&client, json!({})).await["id"].clone();
    let archived = create_product(&client, json!({})).await;
    client.delete(&product_path(&archived)).await.expect(200);
    let items = json!([{"name": "a", "amount": "1", "product_id": archived["id"]}, {"name": "b", "amount": "1"}]);
    let link = create_link(&client, json!({"product_id": product, "items": items})).await;
    assert_eq!((&link["product_id"], &link["items"][0]["product_id"]), (&product, &archived["id"]));
    let item = json!({"name": "c", "amount": "1", "product_id": product});
    let added = client.post(&format!("{}/items", path_of(&link)), &item).await.expect(201);
    assert_eq!(added["product_id"], product);
    let changed = client.patch(&path_of(&link), &json!({"product_id": archived["id"]})).await.expect(200);
    assert_eq!(changed["product_id"], archived["id"]);
    let copy = client.post(&format!("{}/duplicate", path_of(&link)), &json!({"product_id": product})).await.expect(201);
    assert_eq!((&copy["product_id"], &copy["items"][2]["product_id"]), (&product, &product));
    assert_eq!(
        client.patch(&path_of(&link), &json!({"product_id": null})).await.expect(200)["product_id"],
        json!(null)
    );
}

#[tokio::test]
async fn every_reference_to_a_product_that_does_not_exist_for_the_caller_is_told_with_its_place() {
    let app = app().await;
    let client = app.admin().await;
    let mine = create_product(&client, json!({})).await["id"].clone();
    let stranger = app.admin().await;
    let live = app.key(&Owner { org: client.owner.org.clone(), mode: Mode::Live }, Permission::Write).await;
    let theirs = create_product(&stranger, json!({})).await["id"].clone();
    let link = create_link(&client, json!({})).await;
    let item = |id: &serde_json::Value| json!({"name": "a", "amount": "1", "product_id": id});
    let body = json!({"product_id": theirs, "items": [item(&mine), item(&theirs), item(&json!("prod_01ARZ3NDEKTSV4RRFFQ69G5FAV"))]});
    let replies = [
        client.post(LINKS, &link_body(body.clone())).await,
        client.patch(&path_of(&link), &body).await,
        client.post(&format!("{}/duplicate", path_of(&link)), &body).await,
    ];
    for reply in replies {
        let error = reply.expect_error(404, "resource_not_found");
        assert_eq!((error["type"].as_str(), error["param"].as_str()), (Some("not_found_error"), Some("product_id")));
        assert_eq!(error["message"], format!("No product found with id '{}'.", theirs.as_str().unwrap()));
        let params: Vec<_> = error["errors"].as_array().unwrap().iter().map(|e| e["param"].as_str().unwrap()).collect();
        assert_eq!(params, ["product_id", "items[1].product_id", "items[2].product_id"]);
    }
    let reply = client.post(&format!("{}/items", path_of(&link)), &item(&theirs)).await;
    assert_eq!(reply.expect_error(404, "resource_not_found")["param"], "product_id");
    live.post(LINKS, &link_body(json!({"product_id": mine}))).await.json()["error"]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|error| error["param"] == "product_id" && error["code"] == "resource_not_found")
        .unwrap();
    client.post(LINKS, &link_body(json!({"product_id": "nonsense"}))).await.expect_error(400, "invalid_field_value");
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 1);
    assert_eq!(client.get(&path_of(&link)).await.expect(200), link);
}

#[tokio::test]
async fn a_hundred_items_may_name_a_hundred_products() {
    let app = app().await;
    let client = app.admin().await;
    let owner = client.owner.clone();
    let mut items = Vec::new();
    for n in 0..100 {
        let product = create_product(&client, json!({"name": format!("{n}")})).await;
        items.push(json!({"name": "a", "amount": "1", "product_id": product["id"]}));
    }
    let client = app.key(&owner, Permission::Write).await;
    let product = create_product(&client, json!({})).await["id"].clone();
    let reply = client.post(LINKS, &link_body(json!({"product_id": product, "items": items}))).await;
    assert_eq!(reply.expect(201)["items"].as_array().unwrap().len(), 100);
    // The check of the key; the products in two batches, side by side; the commit.
    assert_eq!((reply.cost().calls, reply.cost().depth), (4, 3));
}
