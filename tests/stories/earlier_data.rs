//! A data directory that version 0.1 wrote, with one of everything the API can make, opens, and says and does what it did.
//!
//! `tests/fixtures/earlier_data/make.py` wrote it, beside what every GET answered. Most of this is about one moment, so the
//! clock stands at it; the runner opens the same directory whatever the time is now.

mod chain;
mod directory;

use crate::local_runner::start;
use crate::webhook_receivers::{Receivers, Seen, deliver};
use anyspend_api::job::Job;
use anyspend_store::list::Tuning;
use anyspend_testing::{App, Reply};
use chain::Chain;
use directory::{Earlier, body, differences, holder};
use http::Method;
use serde_json::{Value, json};
use settle::Settler;

const SESSIONS: &str = "/api/v1/checkout-sessions";
/// An address nobody listens at.
const NOBODY: &str = "http://127.0.0.1:9";
/// Names of fields that tell of the moment of asking, or what only leads to another answer.
const OF_THE_MOMENT: &[&str] = &["as_of", "last_used_at", "lag_seconds", "next_cursor"];
/// Names of fields that tell what time alone has changed.
const OF_TIME: &[&str] = &["active", "is_active"];
/// Requests of one key, below what it may ask a minute.
const PER_KEY: usize = 110;

/// Asks what was asked, each key and each network no more often than it may.
async fn ask(app: &App, earlier: &Earlier, number: usize, said: &Value) -> Reply {
    let client = match said["whose"].as_str().unwrap() {
        "anybody" => app.anonymous(&format!("198.51.{}.{}", 100 + number / 200, number % 200)),
        "live" => holder(app, earlier.text("live_key")),
        _ => {
            let keys = ["reading_keys", "changing_keys"].map(|name| earlier.told[name].as_array().unwrap());
            let key = keys
                .iter()
                .flat_map(|keys| keys.iter())
                .nth(number / PER_KEY)
                .unwrap_or_else(|| panic!("too few keys are left"));
            holder(app, key.as_str().unwrap())
        }
    };
    let client = match said["version"].as_str() {
        Some(version) => client.with("anyspend-version", version),
        None => client,
    };
    client.get(said["path"].as_str().unwrap()).await
}

#[tokio::test]
async fn every_answer_is_what_it_was_in_either_version() {
    let earlier = Earlier::unpack("answers");
    let app = earlier.open(NOBODY);
    let (mut asked, mut of_test, mut found) = (0, 0, Vec::new());
    // Pages last: who opens one is counted.
    let (pages, others): (Vec<_>, Vec<_>) = earlier.answers().iter().partition(|said| said["version"].is_null());
    for said in others.into_iter().chain(pages) {
        let number = if said["whose"] == "test" { of_test } else { asked };
        of_test += usize::from(said["whose"] == "test");
        asked += 1;
        let reply = ask(&app, &earlier, number, said).await;
        let place = format!("{} {}", said["path"].as_str().unwrap(), said["version"].as_str().unwrap_or("page"));
        assert_eq!(
            (json!(reply.status.as_u16()), reply.header("content-type")),
            (said["status"].clone(), said["type"].as_str().unwrap()),
            "{place}: {}",
            String::from_utf8_lossy(&reply.body)
        );
        if !said["version"].is_null() {
            let is = body(reply.header("content-type"), &reply.body);
            differences(&place, &said["body"], &is, OF_THE_MOMENT, &mut found);
        }
    }
    assert!(asked > 400, "only {asked} answers were written down");
    assert!(found.is_empty(), "{} differences, such as:\n{}", found.len(), found[..found.len().min(20)].join("\n"));
}

#[tokio::test]
async fn a_cursor_that_was_given_out_leads_on() {
    let earlier = Earlier::unpack("cursors");
    let app = earlier.open(NOBODY);
    let client = holder(&app, earlier.text("test_key"));
    let mut walked = 0;
    for said in earlier.answers() {
        let (path, cursor) = (said["path"].as_str().unwrap(), &said["body"]["next_cursor"]);
        let numbered = path.contains("page=") || said["whose"] != "test" || said["version"] != "2026-02-27";
        let (Some(cursor), false) = (cursor.as_str(), numbered) else { continue };
        let join = if path.contains('?') { '&' } else { '?' };
        let by_cursor = client.get(&format!("{path}{join}cursor={cursor}")).await.expect(200);
        let by_number = client.get(&format!("{path}{join}page=2")).await.expect(200);
        assert!(!by_cursor["data"].as_array().unwrap().is_empty(), "{path}");
        assert_eq!(by_cursor["data"], by_number["data"], "{path}");
        walked += 1;
    }
    assert!(walked >= 8, "only {walked} lists had a second page");
}

#[tokio::test]
async fn an_answer_that_was_kept_is_replayed_byte_for_byte() {
    let earlier = Earlier::unpack("kept");
    let app = earlier.open(NOBODY);
    let kept = earlier.told["kept"].as_array().unwrap();
    assert_eq!(kept.len(), 6);
    for request in kept {
        let text = |name: &str| request[name].as_str().unwrap();
        let client = match request["address"].as_str() {
            Some(address) => app.anonymous(address),
            None => holder(&app, earlier.text("test_key")),
        };
        let client = client.idempotent(text("idempotency_key"));
        let method: Method = text("method").parse().unwrap();
        let reply = client.raw(method.clone(), text("path"), text("body").into()).await;
        let place = format!("{method} {}", text("path"));
        assert_eq!(reply.header("idempotent-replayed"), "true", "{place}");
        assert_eq!(json!(reply.status.as_u16()), request["status"], "{place}");
        assert_eq!(String::from_utf8_lossy(&reply.body), text("answer"), "{place}");
        let other = client.raw(method, text("path"), b"{}".to_vec()).await;
        other.expect_error(409, "idempotency_conflict");
    }
}

#[tokio::test]
async fn a_key_that_was_revoked_or_has_expired_stays_so() {
    let earlier = Earlier::unpack("keys");
    let app = earlier.open(NOBODY);
    for (name, code) in [("revoked_key", "key_revoked"), ("expired_key", "key_expired")] {
        holder(&app, earlier.named(name).as_str().unwrap()).get(crate::LINKS).await.expect_error(401, code);
    }
    let changing = holder(&app, earlier.told["changing_keys"][0].as_str().unwrap());
    let keys = changing.get(&format!("{}?limit=100", crate::KEYS)).await.expect(200);
    let maker = keys["data"].as_array().unwrap().iter().find(|key| key["name"] == "Reader 3").unwrap();
    changing.delete(&format!("{}/{}", crate::KEYS, maker["id"].as_str().unwrap())).await.expect(200);
    let reader = holder(&app, earlier.told["reading_keys"][1].as_str().unwrap());
    reader.get(crate::LINKS).await.expect_error(401, "key_revoked");
}

#[tokio::test]
async fn each_kind_of_object_that_was_made_can_be_changed() {
    let earlier = Earlier::unpack("changes");
    let app = earlier.open(NOBODY);
    let client = holder(&app, earlier.told["changing_keys"][0].as_str().unwrap());
    let path = |kind: &str, name: &str| format!("/api/v1/{kind}/{}", earlier.id(name));
    let total = async |path: &str| client.get(path).await.expect(200)["total_count"].as_u64().unwrap();

    let links = total(crate::LINKS).await;
    let fixed = path("payment-links", "fixed");
    client.patch(&fixed, &json!({"name": "Zebra", "metadata": {"new": "1"}})).await.expect(200);
    let found = client.get(&format!("{}?search=zebra", crate::LINKS)).await.expect(200);
    assert_eq!((&found["total_count"], &found["data"][0]["id"]), (&json!(1), &json!(earlier.id("fixed"))));
    assert_eq!(found["data"][0]["metadata"], json!({"note": "naïve", "more": "1", "new": "1"}));
    let items = path("payment-links", "items");
    let item = format!("{items}/items/{}", earlier.id("item"));
    client.post(&format!("{items}/items"), &json!({"name": "Hat", "amount": "1"})).await.expect(201);
    client.delete(&item).await.expect(200);
    client.post(&format!("{}/duplicate", path("payment-links", "form")), &json!({})).await.expect(201);
    client.post(&format!("{}/generate-link", path("products", "product_t_shirt")), &json!({})).await.expect(201);
    client.delete(&path("payment-links", "variable")).await.expect(200);
    let ended = client.get(&path("checkout-sessions", "session_by_choice")).await.expect(200);
    assert_eq!((&ended["status"], &ended["failure_reason"]), (&json!("failed"), &json!("link_deleted")));
    assert_eq!(total(crate::LINKS).await, links + 1);

    client.patch(&path("products", "product_plan"), &json!({"name": "Yearly"})).await.expect(200);
    client.delete(&path("products", "product_donation")).await.expect(200);
    let archived = format!("{}?active=false", crate::PRODUCTS);
    let before = earlier.answer("test", &archived)["total_count"].as_u64().unwrap();
    assert_eq!(total(&archived).await, before + 1);

    client.patch(&path("customers", "customer_1"), &json!({"email": "new@example.com"})).await.expect(200);
    assert_eq!(total("/api/v1/customers?search=new@example.com").await, 1);
    assert_eq!(total("/api/v1/customers?search=frank@example.com").await, 0);
    client.delete(&path("customers", "customer_2")).await.expect(200);

    client.patch(&path("discount-codes", "code_five"), &json!({"value": "4000000"})).await.expect(200);
    client.delete(&path("discount-codes", "code_off")).await.expect(200);
    let order = json!({"code": "five", "amount": "9000000"});
    let valid = client.post("/api/v1/discount-codes/validate", &order).await.expect(200);
    assert_eq!((&valid["valid"], &valid["final_amount"]), (&json!(true), &json!("5000000")));

    client.patch("/api/v1/organization", &json!({"description": null})).await.expect(200);
    client.patch(&path("webhooks", "webhook_off"), &json!({"active": true})).await.expect(200);
    client.post(&format!("{}/rotate-secret", path("webhooks", "webhook_off")), &json!({})).await.expect(200);
    client.delete(&path("webhooks", "webhook_failing")).await.expect(200);
    // One was deleted before.
    assert_eq!(total("/api/v1/events?type=webhook.deleted").await, 2);
}

#[tokio::test]
async fn each_session_that_was_open_can_still_be_paid() {
    let earlier = Earlier::unpack("payments");
    let app = earlier.open(NOBODY);
    let client = holder(&app, earlier.told["changing_keys"][0].as_str().unwrap());
    let get = async |path: String| client.get(&path).await.expect(200);
    let of = |name: &str| format!("{SESSIONS}/{}", earlier.id(&format!("session_{name}")));
    let act = async |name: &str, what: &str| {
        let id = earlier.id(&format!("session_{name}"));
        client.post(&format!("/api/v1/test-helpers/checkout-sessions/{id}/{what}"), &json!({})).await.expect(200)
    };
    let completed = format!("{SESSIONS}?status=completed");
    let before = get(completed.clone()).await["total_count"].as_u64().unwrap();
    let link = format!("{}/{}", crate::LINKS, earlier.id("fixed"));
    let (uses, worth) =
        (get(link.clone()).await["uses"].as_u64().unwrap(), get("/api/v1/transactions/stats".to_owned()).await);

    // The rest of what was paid in part; a price that a code has lowered; one of a link that asks an address.
    for name in ["underpaid", "reserving", "details", "open", "by_choice"] {
        let paid = act(name, "pay").await;
        assert_eq!(
            (&paid["status"], &get(of(name)).await["status"]),
            (&json!("completed"), &json!("completed")),
            "{name}"
        );
    }
    assert_eq!(get(completed).await["total_count"], before + 5);
    assert_eq!(get(link).await["uses"], uses + 1);
    let codes = get("/api/v1/discount-codes?limit=100".to_owned()).await;
    let once = codes["data"].as_array().unwrap().iter().find(|code| code["code"] == "ONCE").unwrap();
    assert_eq!((&once["current_uses"], &once["max_uses"]), (&json!(1), &json!(1)));
    let now = get("/api/v1/transactions/stats".to_owned()).await;
    assert_eq!(now["completed_transactions"], worth["completed_transactions"].as_u64().unwrap() + 5);

    assert_eq!(act("reported", "fail").await["status"], "failed");
    let expired = client.post(&format!("{}/expire", of("product")), &json!({})).await.expect(200);
    assert_eq!(expired["status"], "expired");
    // Money that comes too late leaves its trace.
    act("ran_out", "pay").await;
    let all = get("/api/v1/transactions?limit=100".to_owned()).await;
    let late = all["data"].as_array().unwrap().iter().find(|row| row["session_id"] == earlier.id("session_ran_out"));
    assert_eq!(late.unwrap()["exception"], "late");
    let payer = app.anonymous("192.0.2.9");
    let report = format!("/api/v1/checkout/sessions/{}/payment", earlier.id("session_late"));
    payer
        .post(&report, &json!({"tx_hash": format!("0x{}", "cd".repeat(32))}))
        .await
        .expect_error(400, "invalid_status_transition");
}

#[tokio::test]
async fn a_payment_that_waited_for_confirmations_is_completed() {
    let earlier = Earlier::unpack("confirming");
    let url = Chain::serve(earlier.told["chain"].clone(), 100).await;
    let app = earlier.open(&url);
    app.advance_seconds(200);
    let client = holder(&app, earlier.text("live_key"));
    let session = format!("{SESSIONS}/{}", earlier.id("session_live_confirming"));
    assert_eq!(client.get(&session).await.expect(200)["status"], "processing");
    for run in Settler::prepare(app.platform.clone()).unwrap().run_once().await {
        assert_eq!(run.problem, None);
    }
    let paid = client.get(&session).await.expect(200);
    assert_eq!((&paid["status"], &paid["tx_hash"]), (&json!("completed"), earlier.named("confirming_hash")));
    assert_eq!(client.get("/api/v1/transactions?status=confirming").await.expect(200)["total_count"], 0);
    // The one that was completed is not paid again.
    let before = earlier.answer("live", "/api/v1/transactions")["total_count"].as_u64().unwrap();
    assert_eq!(client.get("/api/v1/transactions").await.expect(200)["total_count"], before);
}

#[tokio::test]
async fn what_webhooks_had_yet_to_be_told_is_told_and_signed_with_both_secrets() {
    let earlier = Earlier::unpack("webhooks");
    let app = earlier.open(NOBODY);
    let receivers = Receivers::start().await;
    let client = holder(&app, earlier.told["changing_keys"][0].as_str().unwrap());
    let path = |name: &str| format!("/api/v1/webhooks/{}", earlier.id(name));
    for name in ["webhook_ok", "webhook_gone"] {
        let change = json!({"url": receivers.url(&format!("/{name}")), "active": true});
        client.patch(&path(name), &change).await.expect(200);
    }
    deliver(&app).await;
    let told = receivers.seen_at("/webhook_ok");
    let of_last = |event: &str| {
        let about = |seen: &&Seen| {
            seen.json()["event"] == event && seen.json()["data"]["checkout_session"]["id"] == earlier.id("session_last")
        };
        told.iter().filter(about).count()
    };
    assert_eq!((of_last("payment.completed"), of_last("checkout.completed")), (1, 1));
    let secrets = earlier.named("secrets_of_webhook_ok");
    for (header, secret) in [("x-anyspend-signature", 0), ("x-anyspend-signature-previous", 1)] {
        assert!(told[0].verifies_plainly(header, secrets[secret].as_str().unwrap()), "{header}");
    }

    let failed = format!("{}/deliveries?status=failed", path("webhook_gone"));
    let failed = client.get(&failed).await.expect(200);
    let delivery = failed["data"][0]["id"].as_str().unwrap().to_owned();
    let retry = format!("{}/deliveries/{delivery}/retry", path("webhook_gone"));
    client.post(&retry, &json!({})).await.expect(200);
    deliver(&app).await;
    let again = receivers.seen_at("/webhook_gone");
    assert!(again.iter().any(|seen| seen.header("x-anyspend-delivery-id") == delivery), "{again:?}");
    let log = client.get(&format!("{}/deliveries?status=success", path("webhook_gone"))).await.expect(200);
    assert!(log["data"].as_array().unwrap().iter().any(|row| row["id"] == delivery));
}

#[tokio::test]
async fn the_jobs_go_on_where_they_stopped() {
    let earlier = Earlier::unpack("jobs");
    let app = earlier.open(NOBODY);
    let client = holder(&app, earlier.told["changing_keys"][0].as_str().unwrap());
    let open = format!("{SESSIONS}?status=open");
    assert!(client.get(&open).await.expect(200)["total_count"].as_u64().unwrap() > 0);
    let lists = ["?sort=name&order=asc&limit=30", "?search=110%20is", "?active=false&limit=50", "?limit=30&page=4"];
    let ids =
        |page: &Value| -> Vec<Value> { page["data"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect() };
    // Past the hour in which the day before is counted again, and past every session's time.
    for seconds in [600, 3_600, 24 * 3_600, 3_600] {
        app.advance_seconds(seconds);
        while rollup_stats::rollup(&app.platform.db, app.now()).await.unwrap().buckets > 0 {}
        end_sessions::run(&app.platform).await.unwrap();
        app.platform.db.look_after_lists(app.now(), &Tuning::default()).await.unwrap();
    }
    assert_eq!(client.get(&open).await.expect(200)["total_count"], 0);
    let visited = format!("{}/{}/stats", crate::LINKS, earlier.id("visited"));
    let (was, is) = (earlier.answer("test", &visited), client.get(&visited).await.expect(200));
    for name in ["views", "sessions", "completed", "total_volume", "utm_breakdown"] {
        assert_eq!(was[name], is[name], "{name}");
    }
    for list in lists {
        let path = format!("{}{list}", crate::LINKS);
        let (was, is) = (earlier.answer("test", &path), client.get(&path).await.expect(200));
        // The link whose day is over is no longer active, and nothing else is.
        let more = u64::from(list.contains("active=false"));
        assert_eq!(is["total_count"], was["total_count"].as_u64().unwrap() + more, "{list}");
        let stays = |id: &Value| *id != json!(earlier.id("fixed"));
        let (was, is) = (ids(was), ids(&is));
        let kept: Vec<_> = is.iter().filter(|id| more == 0 || stays(id)).collect();
        assert!(kept.iter().zip(&was).all(|(is, was)| *is == was), "{list}");
    }
}

#[tokio::test]
async fn the_runner_opens_the_directory_and_works_on_it() {
    let earlier = Earlier::unpack("runner");
    let (chain, confirmations) = earlier.chain_settings(NOBODY);
    let key = earlier.text("test_key").to_owned();
    let arguments = [
        "--data",
        earlier.folder.text(),
        "--key",
        &key,
        "--jobs-every",
        "1",
        "--chain",
        &chain,
        "--confirmations",
        &confirmations,
        "--public-url",
        earlier.text("public_url"),
        "--short-url",
        earlier.text("short_url"),
    ];
    let receivers = Receivers::start().await;
    for round in 0..2 {
        let mut runner = start(&arguments);
        let client = reqwest::Client::new();
        let get = async |path: &str| -> Value {
            let answer = client.get(format!("{}{path}", runner.url)).bearer_auth(&key).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            body(&kind, &answer.bytes().await.unwrap())
        };
        let post = async |path: &str, body: Value| -> Value {
            let request = client.post(format!("{}{path}", runner.url)).bearer_auth(&key).json(&body);
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
            answer.json().await.unwrap()
        };
        if round == 0 {
            compare_what_does_not_fade(&earlier, get).await;
        }
        let path = format!("/{round}");
        post("/api/v1/webhooks", json!({"url": receivers.url(&path), "events": ["checkout.completed"]})).await;
        let link = post(&format!("{}/{}/duplicate", crate::LINKS, earlier.id("fixed")), json!({"max_uses": 1})).await;
        let session = post(SESSIONS, json!({"payment_link_id": link["id"]})).await;
        let id = session["id"].as_str().unwrap().to_owned();
        let paid = post(&format!("/api/v1/test-helpers/checkout-sessions/{id}/pay"), json!({})).await;
        assert_eq!(paid["status"], "completed");
        let told = |seen: &[Seen]| seen.iter().any(|seen| seen.path == path && seen.json()["data"]["id"] == id);
        receivers.until(told).await;
        runner.signal("-TERM");
        assert!(runner.wait().success());
    }
}

/// What time alone does not change, whenever this runs.
async fn compare_what_does_not_fade(earlier: &Earlier, get: impl AsyncFn(&str) -> Value) {
    let lasting = |said: &&Value| {
        let path = said["path"].as_str().unwrap();
        let kinds = ["products", "discount-codes", "organization", "customers", "transactions", "payment-links"];
        let fades = ["stats", "visitors", "sessions", "active=", "status="];
        said["whose"] == "test"
            && said["version"] == "2026-02-27"
            && said["status"] == 200
            && kinds.iter().any(|kind| path.starts_with(&format!("/api/v1/{kind}")))
            && !fades.iter().any(|fading| path.contains(fading))
    };
    let left_out: Vec<&str> = OF_THE_MOMENT.iter().chain(OF_TIME).copied().collect();
    let (mut asked, mut found) = (0, Vec::new());
    for said in earlier.answers().iter().filter(lasting).take(PER_KEY - 20) {
        let path = said["path"].as_str().unwrap();
        differences(path, &said["body"], &get(path).await, &left_out, &mut found);
        asked += 1;
    }
    assert!(asked > 50, "only {asked} answers were compared");
    assert!(found.is_empty(), "{found:#?}");
}
