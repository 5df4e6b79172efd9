//! `GET /payment-links/{id}`

use crate::{LINKS, app, create_link, path_of};
use anyspend_domain::api_key::Permission;
use anyspend_domain::{Mode, Owner};
use serde_json::json;

#[tokio::test]
async fn a_short_code_is_as_good_as_the_id() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"items": [{"name": "a", "amount": "1"}]})).await;
    let by_code = client.get(&format!("{LINKS}/{}", link["short_code"].as_str().unwrap())).await.expect(200);
    assert_eq!(by_code, link);
}

#[tokio::test]
async fn another_organizations_link_is_answered_exactly_like_none() {
    let app = app().await;
    let (owner, stranger) = (app.admin().await, app.admin().await);
    let link = create_link(&owner, json!({})).await;
    let id = link["id"].as_str().unwrap();
    let theirs = stranger.get(&path_of(&link)).await.expect_error(404, "resource_not_found");
    assert_eq!(theirs["message"], format!("No payment_link found with id '{id}'."));
    let (start, end) = id.split_at(10);
    let other = format!("{start}{}{}", if end.starts_with('0') { '1' } else { '0' }, &end[1..]);
    let none = stranger.get(&format!("{LINKS}/{other}")).await.expect_error(404, "resource_not_found");
    assert_eq!(none["message"].as_str().unwrap().replace(&other, id), theirs["message"]);
    owner.get(&format!("{LINKS}/{other}")).await.expect_error(404, "resource_not_found");
}

#[tokio::test]
async fn live_and_test_data_never_mix() {
    let app = app().await;
    let test = app.merchant(Mode::Test, Permission::Admin).await;
    let link = create_link(&test, json!({})).await;
    let live = app.key(&Owner { org: test.owner.org.clone(), mode: Mode::Live }, Permission::Admin).await;
    live.get(&path_of(&link)).await.expect_error(404, "resource_not_found");
    assert_eq!(live.get(LINKS).await.expect(200)["total_count"], 0);
}

#[tokio::test]
async fn a_link_reads_inactive_once_its_expiry_has_passed() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({"expires_at": "2026-02-27T10:30:10Z"})).await;
    app.advance_seconds(9);
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["active"], true);
    app.advance_seconds(1);
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["active"], false);
}

#[tokio::test]
async fn whatever_stands_for_an_id_is_not_found_and_nothing_worse() {
    let app = app().await;
    let client = app.admin().await;
    for id in [
        "x",
        "pl_",
        "pl_x",
        "%00",
        "%F0%9F%92%A9",
        "'%20OR%201=1",
        "..%2F..",
        "pl_01ARZ3NDEKTSV4RRFFQ69G5FAVabcdefgh",
        &"a".repeat(5_000),
    ] {
        client.get(&format!("{LINKS}/{id}")).await.expect_error(404, "resource_not_found");
    }
    client.get(&format!("{LINKS}/%FF")).await.expect_error(404, "route_not_found");
}
