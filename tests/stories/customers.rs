//! `/customers`: who has paid, and whom the merchant knows.

use crate::transactions::{TRANSACTIONS, WALLET, pay, simulate};
use crate::{RECIPIENT, app, create_link};
use anyspend_domain::Mode;
use anyspend_domain::api_key::Permission;
use anyspend_domain::pasted::fold_case;
use anyspend_store::customers::CustomerColumns;
use anyspend_store::list::{ListId, Tuning};
use anyspend_store::vault::Vault;
use anyspend_testing::Client;
use futures_util::future::join_all;
use serde_json::{Value, json};

pub(crate) const CUSTOMERS: &str = "/api/v1/customers";

async fn create(client: &Client<'_>, body: Value) -> Value {
    client.post(CUSTOMERS, &body).await.expect(201)
}

pub(crate) fn path(customer: &Value) -> String {
    format!("{CUSTOMERS}/{}", customer["id"].as_str().unwrap())
}

fn wallet(n: u32) -> String {
    format!("0x{n:08x}{}", "ab".repeat(16))
}

async fn found(client: &Client<'_>, query: &str) -> Vec<Value> {
    let list = client.get(&format!("{CUSTOMERS}?{query}")).await.expect(200);
    assert_eq!(list["total_count"], list["data"].as_array().unwrap().len(), "{query}");
    list["data"].as_array().unwrap().iter().map(|customer| customer["id"].clone()).collect()
}

#[tokio::test]
async fn a_customer_is_made_read_changed_and_erased() {
    let app = app().await;
    let client = app.admin().await;
    let sent = json!({"wallet_address": WALLET, "name": "Alice Smith", "email": "alice@example.com",
        "metadata": {"plan": "pro"}});
    let customer = create(&client, sent.clone()).await;
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(customer[name], *value, "{name}");
    }
    for (name, value) in [
        ("object", json!("customer")),
        ("livemode", json!(false)),
        ("total_spent", json!("0.00")),
        ("total_paid", json!("0.00")),
        ("transaction_count", json!(0)),
        ("first_seen_at", Value::Null),
        ("last_payment_at", Value::Null),
        ("created_at", json!("2026-02-27T10:30:00Z")),
    ] {
        assert_eq!(customer[name], value, "{name}");
    }
    assert_eq!(client.get(&path(&customer)).await.expect(200), customer);
    app.advance_seconds(1);
    let body = json!({"name": null, "metadata": {"plan": null, "tier": "2"}});
    let changed = client.patch(&path(&customer), &body).await.expect(200);
    assert_eq!(
        (&changed["name"], &changed["email"], &changed["metadata"], &changed["updated_at"]),
        (&Value::Null, &json!("alice@example.com"), &json!({"tier": "2"}), &json!("2026-02-27T10:30:01Z"))
    );
    assert_eq!(client.get(&path(&customer)).await.expect(200), changed);
    let erased = client.delete(&path(&customer)).await.expect(200);
    assert_eq!(erased, json!({"object": "customer", "id": customer["id"], "deleted": true}));
    client.get(&path(&customer)).await.expect_error(404, "resource_not_found");
    client.delete(&path(&customer)).await.expect_error(404, "resource_not_found");
    client.patch(&path(&customer), &body).await.expect_error(404, "resource_not_found");
    assert!(found(&client, "").await.is_empty());
    let again = create(&client, sent).await;
    assert_ne!(again["id"], customer["id"], "an erased customer does not come back");
}

#[tokio::test]
async fn what_no_customer_can_be_is_refused_with_its_field_named() {
    let app = app().await;
    let client = app.admin().await;
    let invalid = "invalid_field_value";
    let zero = "0x0000000000000000000000000000000000000000";
    for (body, code, param) in [
        (json!({}), "missing_required_field", "wallet_address"),
        (json!({"wallet_address": "0x12"}), "invalid_address", "wallet_address"),
        (json!({"wallet_address": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB49"}), "invalid_address", "wallet_address"),
        (json!({"wallet_address": zero}), invalid, "wallet_address"),
        (json!({"wallet_address": WALLET, "email": "nobody"}), invalid, "email"),
        (json!({"wallet_address": WALLET, "name": ""}), invalid, "name"),
        (json!({"wallet_address": WALLET, "metadata": {"k": 1}}), invalid, "metadata.k"),
        (json!({"wallet_address": WALLET, "mail_address": "a@b.c"}), "unknown_parameter", "mail_address"),
    ] {
        let error = client.post(CUSTOMERS, &body).await.expect_error(400, code);
        assert_eq!(error["param"], param, "{body}");
    }
    let customer = create(&client, json!({"wallet_address": WALLET})).await;
    client.patch(&path(&customer), &json!({})).await.expect_error(400, "no_updates_provided");
    let other = json!({"wallet_address": RECIPIENT});
    let error = client.patch(&path(&customer), &other).await.expect_error(400, "unknown_parameter");
    assert_eq!(error["param"], "wallet_address");
}

#[tokio::test]
async fn a_wallet_is_one_customer_per_merchant_and_mode_however_it_is_written() {
    let app = app().await;
    let client = app.admin().await;
    let mixed = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
    create(&client, json!({"wallet_address": mixed})).await;
    let lower = json!({"wallet_address": mixed.to_lowercase()});
    let error = client.post(CUSTOMERS, &lower).await.expect_error(409, "duplicate_resource");
    assert_eq!(error["param"], "wallet_address");
    let live = anyspend_domain::Owner { mode: Mode::Live, ..client.owner.clone() };
    for other in [app.key(&live, Permission::Write).await, app.admin().await] {
        create(&other, lower.clone()).await;
        assert_eq!(found(&other, "").await.len(), 1);
    }
    let body = json!({"wallet_address": wallet(1)});
    let made = join_all((0..8).map(|_| client.post(CUSTOMERS, &body))).await;
    let mut statuses: Vec<u16> = made.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    let keyed = client.clone().idempotent("once");
    let body = json!({"wallet_address": wallet(2), "name": "Bob"});
    let replies = join_all((0..8).map(|_| keyed.post(CUSTOMERS, &body))).await;
    assert!(replies.iter().all(|reply| reply.expect(201) == replies[0].json()), "one key, one answer");
}

#[tokio::test]
async fn a_payment_makes_a_customer_or_finds_the_one_the_merchant_made() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let known = create(&client, json!({"wallet_address": WALLET, "name": "Alice"})).await;
    app.advance_seconds(60);
    let session =
        json!({"payment_link_id": link["id"], "customer_name": "A. Smith", "customer_email": "a@example.com"});
    let paid = simulate(&client, session, "pay", json!({"payer_address": WALLET})).await;
    assert_eq!(paid["customer_id"], known["id"]);
    app.advance_seconds(60);
    pay(&client, &link, json!({"payer_address": WALLET, "amount": "2000000"})).await;
    let shown = client.get(&path(&known)).await.expect(200);
    for (name, value) in [
        ("name", json!("Alice")),
        ("email", json!("a@example.com")),
        ("total_spent", json!("12.00")),
        ("total_paid", json!("12.00")),
        ("transaction_count", json!(2)),
        ("first_seen_at", json!("2026-02-27T10:31:00Z")),
        ("first_payment_at", json!("2026-02-27T10:31:00Z")),
        ("last_seen_at", json!("2026-02-27T10:32:00Z")),
        ("last_payment_at", json!("2026-02-27T10:32:00Z")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    pay(&client, &link, json!({"payer_address": RECIPIENT})).await;
    assert_eq!(found(&client, "").await.len(), 2);
}

#[tokio::test]
async fn a_customers_transactions_are_its_own_and_outlive_it() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    for payer in [WALLET, RECIPIENT, WALLET] {
        pay(&client, &link, json!({"payer_address": payer})).await;
        app.advance_seconds(1);
    }
    let customers = client.get(&format!("{CUSTOMERS}?search={WALLET}")).await.expect(200);
    let customer = &customers["data"][0];
    let own = format!("{}/transactions", path(customer));
    let list = client.get(&own).await.expect(200);
    assert_eq!((&list["total_count"], &list["url"]), (&json!(2), &json!(own)));
    let of = client.get(&format!("{TRANSACTIONS}?customer_id={}", customer["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(list["data"], of["data"]);
    assert_eq!(client.get(&format!("{own}?status=failed")).await.expect(200)["total_count"], 0);
    assert_eq!(client.get(&format!("{own}?limit=1&page=2")).await.expect(200)["data"], json!([list["data"][1]]));
    client.get(&format!("{own}?customer_id=x")).await.expect_error(400, "unknown_parameter");
    app.admin().await.get(&own).await.expect_error(404, "resource_not_found");

    client.delete(&path(customer)).await.expect(200);
    client.get(&own).await.expect_error(404, "resource_not_found");
    let of = client.get(&format!("{TRANSACTIONS}?customer_id={}", customer["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(of["data"], list["data"]);
    let session = pay(&client, &link, json!({"payer_address": WALLET})).await;
    assert_ne!(session["customer_id"], customer["id"], "whoever pays after being erased is a new customer");
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left_in_the_table_in_the_clear_or_as_an_index() {
    let app = app().await;
    let client = app.admin().await;
    let person = json!({"wallet_address": WALLET, "name": "Zoe Zebra", "email": "zoe@zebra.example"});
    let keyed = client.clone().idempotent("zoe");
    let customer = keyed.post(CUSTOMERS, &person).await.expect(201);
    app.advance_seconds(1);
    client.patch(&path(&customer), &json!({"metadata": {"k": "v"}})).await.expect(200);
    let rows = async || {
        let (client, table) = app.table();
        let items = client.scan().table_name(table).send().await.unwrap().items.unwrap();
        // Bytes in hexadecimal.
        let texts = items.into_iter().map(|item| {
            let bytes = item.values().filter_map(|value| value.as_b().ok()).map(|bytes| hex::encode(bytes.as_ref()));
            format!("{} {item:?}", bytes.collect::<String>())
        });
        texts.collect::<Vec<_>>()
    };
    let hash = |column: &str, text: &str| {
        let scope = format!("{column}\n{}\n{}", client.owner.org, client.owner.mode.as_str());
        hex::encode(app.platform.blind(&scope, &fold_case(text)).unwrap())
    };
    let (name, email) = (hash("name", "Zoe Zebra"), hash("email", "zoe@zebra.example"));
    let hashed = |rows: &[String], hash: &str| rows.iter().filter(|row| row.contains(hash)).count();
    let before = rows().await;
    assert!(before.iter().all(|row| !row.to_lowercase().contains("zebra")), "sealed while it is kept");
    assert_eq!((hashed(&before, &name), hashed(&before, &email)), (2, 2), "the journal has both changes");
    // Other rows than the journal's have them too.
    let list = ListId::all::<CustomerColumns>(&client.owner);
    let tuning = Tuning::tiny();
    app.platform.db.compact_list::<CustomerColumns>(&list, app.now(), &tuning).await.unwrap();
    assert!(hashed(&rows().await, &email) > 2);
    let looked_after = async || {
        for _ in 0..2 {
            app.platform.db.look_after_lists(app.now(), &Tuning::default()).await.unwrap();
            app.advance_seconds(60);
        }
        app.platform.db.look_after_lists(app.now(), &Tuning::default()).await.unwrap();
        rows().await
    };
    client.patch(&path(&customer), &json!({"name": null})).await.expect(200);
    let nameless = looked_after().await;
    assert_eq!((hashed(&nameless, &name), hashed(&nameless, &email)), (0, 1), "a name that is taken back is gone too");

    client.delete(&path(&customer)).await.expect(200);
    let after = rows().await;
    assert!(after.iter().all(|row| !row.to_lowercase().contains("zebra")));
    assert!(after.iter().all(|row| !row.contains("CUST#")), "{after:?}");
    let after = looked_after().await;
    assert_eq!((hashed(&after, &name), hashed(&after, &email)), (0, 0), "though nothing else has changed");
    let wallet = &WALLET[2..];
    assert!(after.iter().filter(|row| row.contains("LISTDIR#")).all(|row| !row.contains(wallet)), "{after:?}");
}

#[tokio::test]
async fn a_search_finds_whole_names_and_addresses_and_beginnings_of_wallets() {
    let app = app().await;
    let client = app.admin().await;
    let zoe = json!({"wallet_address": wallet(0xA1), "name": "Zoë Straße", "email": "Zoe@Example.com"});
    let zoe = create(&client, zoe).await["id"].clone();
    app.advance_seconds(1);
    let bob = json!({"wallet_address": wallet(0xA2), "name": "Bob", "email": "bob@example.com"});
    let bob = create(&client, bob).await["id"].clone();
    let neither: Vec<Value> = vec![];
    for (search, wanted) in [
        ("zoe%40example.com", vec![&zoe]),
        ("ZO%C3%8B%20STRASSE", vec![&zoe]),
        ("bob", vec![&bob]),
        ("bo", neither.iter().collect()),
        ("example.com", neither.iter().collect()),
        (&wallet(0xA2)[..10], vec![&bob]),
        (&wallet(0xA2).to_uppercase().replace("0X", "0x"), vec![&bob]),
        ("0x0000", vec![&bob, &zoe]),
        ("0x000", neither.iter().collect()),
        ("000000", neither.iter().collect()),
        ("", vec![&bob, &zoe]),
    ] {
        assert_eq!(found(&client, &format!("search={search}")).await.iter().collect::<Vec<_>>(), wanted, "{search}");
    }
    let other = app.admin().await;
    create(&other, json!({"wallet_address": wallet(0xA1), "name": "Bob"})).await;
    assert_eq!(found(&client, "search=bob").await, std::slice::from_ref(&bob));
    client.patch(&path(&json!({"id": bob})), &json!({"name": "Robert"})).await.expect(200);
    assert!(found(&client, "search=bob").await.is_empty());
    assert_eq!(found(&client, "search=robert").await, [bob]);
}

#[tokio::test]
async fn every_sort_is_a_total_order_both_ways_and_by_page_and_cursor() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    for (n, amounts) in
        [(1, vec!["9000000"]), (2, vec!["1000000", "2000000"]), (3, vec![]), (4, vec!["9000000"]), (5, vec![])]
    {
        let made = create(&client, json!({"wallet_address": wallet(n)})).await;
        app.advance_seconds(20);
        for amount in amounts {
            pay(&client, &link, json!({"payer_address": made["wallet_address"], "amount": amount})).await;
        }
    }
    client.get(CUSTOMERS).await.expect(200);
    let mut customers = client.get(CUSTOMERS).await.expect(200)["data"].as_array().unwrap().clone();
    for sort in ["created_at", "updated_at", "total_spent", "transaction_count"] {
        app.advance_seconds(60);
        customers.sort_by_key(|customer| {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (format!("{:>20}", text(&customer[sort])), text(&customer["id"]))
        });
        for order in ["asc", "desc"] {
            let mut wanted: Vec<Value> = customers.iter().map(|customer| customer["id"].clone()).collect();
            if order == "desc" {
                wanted.reverse();
            }
            let (mut by_page, mut by_cursor, mut cursor) = (Vec::new(), Vec::new(), String::new());
            for page in 1..=3 {
                let path = format!("{CUSTOMERS}?sort={sort}&order={order}&limit=2&page={page}");
                by_page.extend(client.get(&path).await.expect(200)["data"].as_array().unwrap().clone());
            }
            loop {
                let path = format!("{CUSTOMERS}?sort={sort}&order={order}&limit=2{cursor}");
                let list = client.get(&path).await.expect(200);
                by_cursor.extend(list["data"].as_array().unwrap().clone());
                match list["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
            assert_eq!(ids(&by_page), wanted, "{sort} {order}");
            assert_eq!(ids(&by_cursor), wanted, "{sort} {order}");
        }
    }
    let error = client.get(&format!("{CUSTOMERS}?sort=name")).await.expect_error(400, "invalid_field_value");
    assert_eq!(error["param"], "sort");
}

#[tokio::test]
async fn changes_and_payments_of_one_customer_at_the_same_moment_all_count() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let customer = create(&client, json!({"wallet_address": WALLET})).await;
    let payments = (0..6).map(|_| async { pay(&client, &link, json!({"payer_address": WALLET})).await });
    let changes = (0..6).map(|n| {
        let (client, path) = (client.clone(), path(&customer));
        async move { client.patch(&path, &json!({"metadata": {format!("k{n}"): "v"}})).await.expect(200) }
    });
    tokio::join!(join_all(payments), join_all(changes));
    let shown = client.get(&path(&customer)).await.expect(200);
    assert_eq!((&shown["transaction_count"], &shown["total_spent"]), (&json!(6), &json!("60.00")));
    assert_eq!(shown["metadata"].as_object().unwrap().len(), 6);
}

#[tokio::test]
async fn a_change_that_was_decided_before_an_erasure_does_not_bring_the_person_back() {
    use anyspend_domain::{Address, CustomerId, customer::Customer};
    use anyspend_store::{CommitError, Refusal, customers};
    let app = app().await;
    let client = app.admin().await;
    let body = json!({"wallet_address": WALLET, "name": "Zoe"});
    let id = CustomerId::parse(create(&client, body.clone()).await["id"].as_str().unwrap()).unwrap();
    let platform = &*app.platform;
    let before: Customer = platform.db.find_customer(&id, platform).await.unwrap().unwrap();
    client.delete(&format!("{CUSTOMERS}/{id}")).await.expect(200);
    // Another record has the wallet, at the very same version.
    let now = create(&client, body).await;
    let found = platform.db.find_customer_by_wallet(&client.owner, &Address::parse(WALLET).unwrap(), platform).await;
    assert_eq!(found.unwrap().unwrap().version, before.version);
    let erasure = customers::erase(&before, platform, app.now()).unwrap();
    for writes in [customers::record(&before, Some(&before), platform).unwrap(), erasure] {
        let refused = platform.db.commit(writes).await.unwrap_err();
        assert!(matches!(refused, CommitError::Refused { refusal: Refusal::Changed, .. }), "{refused:?}");
    }
    assert_eq!(client.get(&path(&now)).await.expect(200), now);
    let list = client.get(CUSTOMERS).await.expect(200);
    assert_eq!((&list["data"], &list["total_count"]), (&json!([now]), &json!(1)));
}
