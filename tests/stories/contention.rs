//! Changes that meet are all made, one after the other: 64 at once on one object all succeed, on one instance and on many,
//! and nothing of any is lost.

use crate::{LINKS, app, create_link, link_body, path_of};
use anyspend_testing::faults::Fault;
use anyspend_testing::{App, Client, Reply};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A field, and what the n-th change sets it to.
type Field = fn(usize) -> (&'static str, Value);

/// Changes at once, as the contract says.
const AT_ONCE: usize = 64;
/// Instances they arrive at, where there are several.
const INSTANCES: usize = 4;

/// Instances whose transactions also meet others, one in three of them: the embedded database must be told to.
fn instances(app: &App, number: usize) -> Vec<App> {
    let instance = |seed: usize| {
        let (instance, seed) = (app.another_instance(), u32::try_from(seed).unwrap());
        instance.faults.plan(move |call, operation| {
            let meets = (call.wrapping_mul(2_654_435_761) ^ seed).is_multiple_of(3);
            (operation == "TransactWriteItems" && meets).then_some(Fault::Conflict)
        });
        instance
    };
    (0..number).map(instance).collect()
}

/// Sends 64 changes of one object at once, dealt out to the instances.
async fn all_at_once<'a, F, Fut>(client: &Client<'_>, instances: &'a [App], send: F) -> Vec<Reply>
where
    F: Fn(Client<'a>, usize) -> Fut,
    Fut: Future<Output = Reply>,
{
    join_all((0..AT_ONCE).map(|n| send(client.through(&instances[n % instances.len()]), n))).await
}

/// Adds 64 items to a link at once, and demands that each is there once and the total counts them all.
async fn add_items(app: &App, instances: &[App]) {
    let client = app.admin().await;
    let mut body = link_body(json!({"items": [{"name": "first", "amount": "1"}]}));
    body.as_object_mut().unwrap().remove("amount");
    let link = client.post(LINKS, &body).await.expect(201);
    let items = format!("{}/items", path_of(&link));
    let replies = all_at_once(&client, instances, |client, n| {
        let items = items.clone();
        async move { client.post(&items, &json!({"name": format!("item {n}"), "amount": "1000"})).await }
    })
    .await;
    let ids: BTreeSet<String> =
        replies.iter().map(|reply| reply.expect(201)["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), AT_ONCE);
    let link = client.get(&path_of(&link)).await.expect(200);
    assert_eq!(link["amount"], json!((1 + 1_000 * AT_ONCE).to_string()));
    let names: BTreeSet<&str> =
        link["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), AT_ONCE + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_items_added_at_once_through_a_few_instances_are_all_there() {
    let app = app().await;
    add_items(&app, &instances(&app, INSTANCES)).await;
}

/// On Lambda an instance has one request at a time, so nothing but the loop keeps them apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_items_added_at_once_through_an_instance_each_are_all_there() {
    let app = app().await;
    add_items(&app, &instances(&app, AT_ONCE)).await;
}

/// Patches one key of the metadata of an object each, at once, and demands that all are there.
async fn patch_metadata(client: &Client<'_>, instances: &[App], path: &str) {
    let replies = all_at_once(client, instances, |client, n| {
        let key = format!("key{}", n % 32);
        async move { client.patch(path, &json!({"metadata": {key: n.to_string()}})).await }
    })
    .await;
    for reply in &replies {
        reply.expect(200);
    }
    let metadata = client.get(path).await.expect(200)["metadata"].clone();
    for key in 0..32 {
        let value: usize = metadata[format!("key{key}")].as_str().unwrap().parse().unwrap();
        assert_eq!(value % 32, key, "{metadata}");
    }
}

/// Patches other fields of one object at once, `fields` of them one after the other, and demands that each has the value
/// of one of those who set it. The object is shown at a place of what another path answers.
async fn patch_fields(
    client: &Client<'_>,
    instances: &[App],
    path: &str,
    (shown_at, place): (&str, &str),
    fields: &[Field],
) {
    let replies = all_at_once(client, instances, |client, n| {
        let (name, value) = fields[n % fields.len()](n);
        async move { client.patch(path, &json!({name: value})).await }
    })
    .await;
    for reply in &replies {
        reply.expect(200);
    }
    let shown = client.get(shown_at).await.expect(200);
    let object = shown.pointer(place).unwrap();
    for (first, field) in fields.iter().enumerate() {
        let name = field(0).0;
        let set = (first..AT_ONCE).step_by(fields.len()).any(|n| field(n).1 == object[name]);
        assert!(set, "'{name}' of {object} was lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_patches_of_a_link_a_customer_and_a_discount_code_at_once_are_all_made() {
    let app = app().await;
    let instances = instances(&app, INSTANCES);
    let client = app.admin().await;
    let link = create_link(&client, json!({"metadata": {"kept": "yes"}})).await;
    patch_metadata(&client, &instances, &path_of(&link)).await;
    assert_eq!(client.get(&path_of(&link)).await.expect(200)["metadata"]["kept"], "yes");

    let client = app.admin().await;
    let wallet = json!({"wallet_address": crate::RECIPIENT});
    let customer = client.post("/api/v1/customers", &wallet).await.expect(201);
    let path = format!("/api/v1/customers/{}", customer["id"].as_str().unwrap());
    patch_metadata(&client, &instances, &path).await;

    let client = app.admin().await;
    let code = json!({"code": "SAVE", "type": "percentage", "value": 10});
    let code = client.post("/api/v1/discount-codes", &code).await.expect(201);
    let path = format!("/api/v1/discount-codes/{}", code["id"].as_str().unwrap());
    let shown = ("/api/v1/discount-codes", "/data/0");
    let fields: [Field; 3] = [
        |n| ("max_uses", json!(1_000 + n)),
        |n| ("min_order_amount", json!((1_000 + n).to_string())),
        |n| ("value", json!((11 + n).to_string())),
    ];
    patch_fields(&client, &instances, &path, shown, &fields).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_patches_of_an_endpoint_and_of_an_organization_at_once_are_all_made() {
    let app = app().await;
    let instances = instances(&app, INSTANCES);
    let client = app.admin().await;
    let webhook = json!({"url": "https://hooks.example.com/0", "events": ["*"]});
    let webhook = client.post("/api/v1/webhooks", &webhook).await.expect(201);
    let path = format!("/api/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let fields: [Field; 2] = [
        |n| ("url", json!(format!("https://hooks.example.com/{}", n + 1))),
        |n| ("events", if n % 4 == 1 { json!(["payment.completed"]) } else { json!(["payment.failed"]) }),
    ];
    patch_fields(&client, &instances, &path, (&path, ""), &fields).await;

    let client = app.admin().await;
    let fields: [Field; 4] = [
        |n| ("name", json!(format!("Merchant {n}"))),
        |n| ("description", json!(format!("Number {n}"))),
        |n| ("logo_url", json!(format!("https://example.com/{n}.png"))),
        |n| ("website_url", json!(format!("https://example.com/{n}"))),
    ];
    let organization = "/api/v1/organization";
    patch_fields(&client, &instances, organization, (organization, ""), &fields).await;
}
