//! `/payment-links/{id}/items`

use crate::{app, create_link, open_link_body, path_of};
use serde_json::{Value, json};

fn names(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn items_are_listed_by_position() {
    let app = app().await;
    let client = app.admin().await;
    let link = client
        .post(
            crate::LINKS,
            &open_link_body(json!({"items": [{"name": "a", "amount": "1"}, {"name": "b", "amount": "2"}]})),
        )
        .await
        .expect(201);
    let path = format!("{}/items", path_of(&link));
    client.post(&path, &json!({"name": "first", "amount": "4", "quantity": 2, "sort_order": 0})).await.expect(201);
    client.post(&path, &json!({"name": "last", "amount": "8", "quantity": 1})).await.expect(201);
    let list = client.get(&path).await.expect(200);
    assert_eq!(names(&list), ["a", "first", "b", "last"]);
    assert_eq!((&list["object"], &list["total_count"], &list["url"]), (&json!("list"), &json!(4), &json!(path)));
    assert_eq!(list["data"][0]["object"], "payment_link_item");
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["amount"], "19");
    let second = client.get(&format!("{path}?limit=2&page=2")).await.expect(200);
    assert_eq!(names(&second), ["b", "last"]);
}

#[tokio::test]
async fn a_link_with_an_amount_keeps_it_when_items_change() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"amount": "77"})).await;
    let path = path_of(&link);
    client.post(&format!("{path}/items"), &json!({"name": "a", "amount": "5"})).await.expect(201);
    assert_eq!(client.get(&path).await.expect(200)["amount"], "77");
}

#[tokio::test]
async fn the_hundred_and_first_item_is_refused() {
    let app = app().await;
    let client = app.admin().await;
    let items: Vec<_> = (0..100).map(|n| json!({"name": format!("{n}"), "amount": "1"})).collect();
    let link = create_link(&client, json!({"items": items})).await;
    let path = format!("{}/items", path_of(&link));
    let one = json!({"name": "one too many", "amount": "1"});
    assert_eq!(client.post(&path, &one).await.expect_error(400, "invalid_field_value")["param"], "items");
    let some = link["items"][50]["id"].as_str().unwrap();
    client.delete(&format!("{path}/{some}")).await.expect(200);
    client.post(&path, &one).await.expect(201);
}

#[tokio::test]
async fn an_item_is_removed_once_and_only_from_its_own_link() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"items": [{"name": "a", "amount": "1"}]})).await;
    let other = create_link(&client, json!({})).await;
    let item = link["items"][0]["id"].as_str().unwrap();
    let error =
        client.delete(&format!("{}/items/{item}", path_of(&other))).await.expect_error(404, "resource_not_found");
    assert_eq!(error["message"], format!("No payment_link_item found with id '{item}'."));
    let path = format!("{}/items/{item}", path_of(&link));
    let removed = client.delete(&path).await.expect(200);
    assert_eq!(removed, json!({"object": "payment_link_item", "id": item, "deleted": true}));
    client.delete(&path).await.expect_error(404, "resource_not_found");
    client.delete(&format!("{}/items/nonsense", path_of(&link))).await.expect_error(404, "resource_not_found");
    assert_eq!(app.count("LINK#").await, 4, "an empty items row is left behind");
}

#[tokio::test]
async fn items_of_a_link_that_is_not_mine_do_not_exist() {
    let app = app().await;
    let (owner, stranger) = (app.admin().await, app.admin().await);
    let link = create_link(&owner, json!({"items": [{"name": "a", "amount": "1"}]})).await;
    let path = format!("{}/items", path_of(&link));
    stranger.get(&path).await.expect_error(404, "resource_not_found");
    stranger.post(&path, &json!({"name": "x", "amount": "1"})).await.expect_error(404, "resource_not_found");
    let item = link["items"][0]["id"].as_str().unwrap();
    stranger.delete(&format!("{path}/{item}")).await.expect_error(404, "resource_not_found");
}

#[tokio::test]
async fn a_variable_link_with_bounds_takes_no_items() {
    let app = app().await;
    let client = app.admin().await;
    let link = client.post(crate::LINKS, &open_link_body(json!({"min_amount": "5"}))).await.expect(201);
    let reply = client.post(&format!("{}/items", path_of(&link)), &json!({"name": "a", "amount": "1"})).await;
    assert_eq!(reply.expect_error(400, "invalid_field_value")["param"], "min_amount");
}

#[tokio::test]
async fn all_items_of_a_link_are_listed_unless_a_smaller_page_is_asked_for() {
    let app = app().await;
    let client = app.admin().await;
    let items: Vec<_> = (0..100).map(|n| json!({"name": format!("{n}"), "amount": "1"})).collect();
    let path = format!("{}/items", path_of(&create_link(&client, json!({"items": items})).await));
    let list = client.get(&path).await.expect(200);
    assert_eq!((names(&list).len(), &list["has_more"]), (100, &json!(false)));
    assert_eq!(names(&client.get(&format!("{path}?limit=30&page=4")).await.expect(200)).len(), 10);
}
