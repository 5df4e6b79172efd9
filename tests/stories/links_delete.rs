//! `DELETE /payment-links/{id}`

use crate::{LINKS, app, create_link, path_of};
use serde_json::json;

#[tokio::test]
async fn a_deleted_link_is_gone_for_good() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"items": [{"name": "a", "amount": "1"}]})).await;
    let path = path_of(&link);
    let deleted = client.delete(&path).await.expect(200);
    assert_eq!(deleted, json!({"object": "payment_link", "id": link["id"], "deleted": true}));
    client.get(&path).await.expect_error(404, "resource_not_found");
    client
        .get(&format!("{LINKS}/{}", link["short_code"].as_str().unwrap()))
        .await
        .expect_error(404, "resource_not_found");
    client.delete(&path).await.expect_error(404, "resource_not_found");
    client.patch(&path, &json!({"name": "x"})).await.expect_error(404, "resource_not_found");
    assert_eq!(client.get(LINKS).await.expect(200)["total_count"], 0);
    assert_eq!(app.count("LINK#").await, 1, "a tombstone, and nothing else");
}

#[tokio::test]
async fn a_link_can_be_deleted_by_its_short_code() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let deleted = client.delete(&format!("{LINKS}/{}", link["short_code"].as_str().unwrap())).await.expect(200);
    assert_eq!(deleted["id"], link["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_changed_while_it_is_deleted_is_gone_all_the_same() {
    let app = app().await;
    let client = app.admin().await;
    let other = app.another_instance();
    for n in 0..10 {
        let link = create_link(&client, json!({"items": [{"name": "a", "amount": "1"}]})).await;
        let path = path_of(&link);
        let through = client.through(&other);
        let change = json!({"name": format!("changed {n}"), "items": [{"name": "b", "amount": "2"}]});
        let (changed, deleted) = tokio::join!(through.patch(&path, &change), client.delete(&path));
        deleted.expect(200);
        assert!(matches!(changed.status.as_u16(), 200 | 404), "{}", changed.status);
        client.get(&path).await.expect_error(404, "resource_not_found");
    }
    assert_eq!(app.count("LINK#").await, 10, "tombstones, and nothing that came back to life");
}
