//! Lists of checkout sessions agree with a naive model of them, whatever time, deletions of links, payments, compactions
//! and the job that ends sessions do meanwhile.

use crate::budgets::within;
use crate::lists::{Dice, compare};
use crate::{LINKS, app, create_link, open_link_body, path_of};
use anyspend_domain::api_key::Permission;
use anyspend_domain::checkout_session::Status;
use anyspend_domain::{CheckoutSessionId, Mode, OrgId, Owner, PaymentLinkId, ShortCode, Timestamp};
use anyspend_store::checkout_sessions::SessionColumns;
use anyspend_store::list::{Compacted, ListId, Tuning};
use anyspend_testing::faults::Fault;
use anyspend_testing::{App, Client};
use end_sessions::Done;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SESSIONS: &str = "/api/v1/checkout-sessions";
const HELPERS: &str = "/api/v1/test-helpers/checkout-sessions";

#[derive(Debug, Clone)]
struct Model {
    link: Option<String>,
    /// What it is as long as neither time nor a deletion ends it.
    status: &'static str,
    made_at: Timestamp,
    expires_at: Timestamp,
}

/// A merchant with links and sessions.
struct World {
    app: App,
    owner: Owner,
    sessions: BTreeMap<String, Model>,
    links: Vec<String>,
    deleted: BTreeMap<String, Timestamp>,
}

impl World {
    async fn start() -> Self {
        let app = app().await;
        let owner = Owner { org: OrgId::generate(app.now()), mode: Mode::Test };
        app.organization(&owner.org, |_| {}).await;
        Self { app, owner, sessions: BTreeMap::new(), links: Vec::new(), deleted: BTreeMap::new() }
    }

    /// A client with a key that was not used yet: no rate limit is in the way.
    async fn client(&self) -> Client<'_> {
        self.app.key(&self.owner, Permission::Admin).await
    }

    async fn compact(&self) {
        let list = ListId::all::<SessionColumns>(&self.owner);
        self.app.platform.db.compact_list::<SessionColumns>(&list, self.app.now(), &Tuning::tiny()).await.unwrap();
    }

    fn status(&self, model: &Model) -> &'static str {
        let gone = model.link.as_ref().and_then(|link| self.deleted.get(link));
        match model.status {
            "open" if gone.is_some_and(|gone| *gone < model.expires_at) => "failed",
            "open" if self.app.now() >= model.expires_at => "expired",
            status => status,
        }
    }

    /// Something happens to the sessions.
    async fn change(&mut self, dice: &mut Dice) {
        let (now, app) = (self.app.now(), &self.app);
        let client = app.key(&self.owner, Permission::Admin).await;
        let ids: Vec<String> = self.sessions.keys().cloned().collect();
        let open: Vec<&String> = ids.iter().filter(|id| self.status(&self.sessions[*id]) == "open").collect();
        match dice.roll(12) {
            0 if self.links.len() < 5 => {
                let link = client.post(LINKS, &open_link_body(json!({}))).await.expect(201);
                self.links.push(link["id"].as_str().unwrap().to_owned());
            }
            1 if !self.links.is_empty() => {
                let link = self.links.remove(dice.roll(self.links.len()));
                client.delete(&format!("{LINKS}/{link}")).await.expect(200);
                self.deleted.insert(link, now);
            }
            2 | 3 if !open.is_empty() => {
                let id = open[dice.roll(open.len())].clone();
                let path = match dice.roll(3) {
                    0 => format!("{SESSIONS}/{id}/expire"),
                    1 => format!("{HELPERS}/{id}/pay"),
                    _ => format!("{HELPERS}/{id}/fail"),
                };
                let session = client.post(&path, &json!({})).await.expect(200);
                let status = Status::NAMES.iter().find(|name| session["status"] == **name).unwrap();
                self.sessions.get_mut(&id).unwrap().status = status;
            }
            _ => {
                let link = (dice.roll(5) > 0 && !self.links.is_empty())
                    .then(|| self.links[dice.roll(self.links.len())].clone());
                let lifetime = 300 + 60 * u64::try_from(dice.roll(20)).unwrap();
                let mut body = json!({"expires_in": lifetime, "amount": "5"});
                match &link {
                    Some(link) => body["payment_link_id"] = json!(link),
                    None => {
                        body["token_address"] = json!(crate::USDC_ON_BASE);
                        body["chain_id"] = json!(8453);
                        body["recipient_address"] = json!(crate::RECIPIENT);
                    }
                }
                let session = client.post(SESSIONS, &body).await.expect(201);
                let (made_at, expires_at) = (now, now.plus_seconds(lifetime));
                let model = Model { link, status: "open", made_at, expires_at };
                self.sessions.insert(session["id"].as_str().unwrap().to_owned(), model);
            }
        }
    }

    /// The job runs, or dies while it does.
    async fn end(&self, dice: &mut Dice) {
        let victim = self.app.another_instance();
        let at = 1 + u32::try_from(dice.roll(60)).unwrap();
        let fault = if dice.roll(2) == 0 { Fault::DieBefore } else { Fault::DieAfter };
        victim.faults.plan(move |call, _| (call == at).then_some(fault));
        Box::pin(victim.faults.until_death(end_sessions::run(&victim.platform))).await;
    }

    /// Asks for a page of something, and sometimes walks through all of it.
    async fn check(&self, dice: &mut Dice) {
        let client = self.client().await;
        let now = self.app.now();
        let status = Some(Status::NAMES[dice.roll(5)]).filter(|_| dice.roll(4) > 0);
        let known: Vec<&String> = self.links.iter().chain(self.deleted.keys()).collect();
        let link = (dice.roll(2) == 0 && !known.is_empty()).then(|| known[dice.roll(known.len())].as_str());
        let past = |seconds: usize| now.minus_seconds(u64::try_from(seconds).unwrap());
        let from = (dice.roll(3) == 0).then(|| past(dice.roll(4_000)));
        let to = (dice.roll(3) == 0).then(|| past(dice.roll(2_000)));
        let (descending, limit, page) = (dice.roll(2) == 0, 1 + dice.roll(8), 1 + dice.roll(4));
        let mut all: Vec<&String> = self
            .sessions
            .iter()
            .filter(|(_, model)| {
                status.is_none_or(|status| self.status(model) == status)
                    && link.is_none_or(|link| model.link.as_deref() == Some(link))
                    && from.is_none_or(|from| model.made_at >= from)
                    && to.is_none_or(|to| model.made_at <= to)
            })
            .map(|(id, _)| id)
            .collect();
        if descending {
            all.reverse();
        }
        let order = if descending { "desc" } else { "asc" };
        let status = status.map_or_else(String::new, |status| format!("&status={status}"));
        let query = format!("order={order}&limit={limit}{status}");
        // The list of a link that is there is the same; of a deleted one, the filter still has it.
        let path = match link {
            Some(link) if from.is_none() && to.is_none() && self.links.iter().any(|there| there == link) => {
                format!("{LINKS}/{link}/sessions?{query}")
            }
            _ => {
                let moment = |name: &str, moment: Option<Timestamp>| {
                    moment.map_or_else(String::new, |moment| format!("&{name}={}", moment.millis()))
                };
                let link = link.map_or_else(String::new, |link| format!("&payment_link_id={link}"));
                format!("{SESSIONS}?{query}{link}{}{}", moment("from", from), moment("to", to))
            }
        };
        let shown = compare(&client, &path, (page, limit), &all, dice.roll(4) == 0).await;
        for session in shown {
            let model = &self.sessions[session["id"].as_str().unwrap()];
            assert_eq!(session["status"], self.status(model), "{path}: {model:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_sessions_are_the_models_whatever_ends_them_and_wherever_the_job_dies() {
    for seed in 21..=24 {
        let mut world = World::start().await;
        let mut dice = Dice::new(seed);
        for _ in 0..30 {
            for _ in 0..dice.roll(8) {
                world.change(&mut dice).await;
            }
            match dice.roll(8) {
                0 => world.app.advance_seconds(u64::try_from(dice.roll(90)).unwrap()),
                1 => world.app.advance_seconds(61),
                2 => world.app.advance_seconds(300),
                3 | 4 => world.compact().await,
                5 | 6 => world.end(&mut dice).await,
                _ => {}
            }
            for _ in 0..5 {
                world.check(&mut dice).await;
            }
        }
        // In the end the job has nothing left to do, and no deletion is remembered.
        for _ in 0..4 {
            end_sessions::run(&world.app.platform).await.unwrap();
            world.app.advance_seconds(61);
        }
        for shard in 0..anyspend_store::schema::SHARDS {
            assert!(world.app.platform.db.lists_with_endings(shard).await.unwrap().is_empty());
        }
        for _ in 0..10 {
            world.check(&mut dice).await;
        }
    }
}

#[tokio::test]
async fn a_page_of_sessions_costs_the_same_however_many_there_are_whatever_it_is_narrowed_to() {
    let mut first = None;
    for count in [1_000, 20_000] {
        let world = World::start().await;
        let (client, now) = (world.client().await, world.app.now());
        let link = create_link(&client, json!({})).await;
        let pattern = client.post(SESSIONS, &json!({"payment_link_id": link["id"]})).await.expect(201);
        let id = CheckoutSessionId::parse(pattern["id"].as_str().unwrap()).unwrap();
        let platform = &world.app.platform;
        let pattern = platform.db.find_checkout_session(&id, &**platform).await.unwrap().unwrap();
        // Straight into the base: half of a link's and half of many links', a tenth of each status that lasts.
        let sessions = (0..count).map(|at: u64| {
            let mut session = pattern.clone();
            let of_the_link = at.is_multiple_of(2);
            let code = if of_the_link { id.short_code() } else { ShortCode::generate() };
            session.id = CheckoutSessionId::generate(now.minus_seconds(count - at), &code);
            session.payment_link_id = Some(if of_the_link {
                pattern.payment_link_id.clone().unwrap()
            } else {
                PaymentLinkId::generate(now, &code)
            });
            session.stored_status = if at % 10 < 2 { Status::Failed } else { Status::Completed };
            (session.id.to_string(), SessionColumns::of(&session))
        });
        let list = ListId::all::<SessionColumns>(&world.owner);
        let (db, tuning) = (&platform.db, Tuning::default());
        let loaded = db.load_list(&list, sessions.collect(), now, &tuning).await.unwrap();
        assert_eq!(loaded, Compacted::Published);
        let mut costs = Vec::new();
        let half = now.minus_seconds(count / 2).millis();
        for (query, total) in [
            (String::new(), count + 1),
            (format!("&page={}", count / 40), count + 1),
            ("&status=failed&page=3".to_owned(), count / 5),
            (format!("&payment_link_id={}&page=4", link["id"].as_str().unwrap()), count / 2 + 1),
            (format!("&payment_link_id={}&status=failed", link["id"].as_str().unwrap()), count / 10),
            (format!("&from={half}&page=5"), count / 2 + 1),
        ] {
            let client = world.client().await;
            client.get(SESSIONS).await.expect(200);
            let reply = client.get(&format!("{SESSIONS}?limit=20{query}")).await;
            assert_eq!(reply.json()["total_count"], total, "{query}");
            let cost = within(&format!("{count} sessions, {query}"), &reply, 200, 3, 1.0, 35.0);
            costs.push(cost.rru);
        }
        let before: &Vec<f64> = first.get_or_insert_with(|| costs.clone());
        for (few, many) in before.iter().zip(&costs) {
            assert!(many <= &(few + 8.0), "{before:?} for 1,000, {costs:?} for {count}");
        }
    }
}

/// What the outbox, all told, says of a session.
async fn told(app: &App) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for shard in 0..anyspend_store::schema::SHARDS {
        for row in app.platform.db.outbox_rows(shard, 100).await.unwrap() {
            let event = anyspend_store::outbox::event(row).unwrap();
            told.push((event.event.as_str().to_owned(), event.session_id.unwrap().to_string()));
        }
    }
    told
}

#[tokio::test]
async fn a_session_that_runs_out_is_told_of_once_wherever_the_job_dies_and_however_often_it_runs() {
    for at in 1.. {
        let app = app().await;
        let client = app.admin().await;
        let link = create_link(&client, json!({})).await;
        let opened = client.post(SESSIONS, &json!({"payment_link_id": link["id"]})).await.expect(201);
        let paid = client.post(SESSIONS, &json!({"payment_link_id": link["id"]})).await.expect(201);
        client.post(&format!("{HELPERS}/{}/pay", paid["id"].as_str().unwrap()), &json!({})).await.expect(200);
        let id = opened["id"].as_str().unwrap();
        app.advance_seconds(1_799);
        assert_eq!(end_sessions::run(&app.platform).await.unwrap(), Done::default());
        app.advance_seconds(1);
        let victim = app.another_instance();
        victim.faults.plan(move |call, _| (call == at).then_some(Fault::DieAfter));
        let died = Box::pin(victim.faults.until_death(end_sessions::run(&victim.platform))).await.is_none();
        let (one, other) = tokio::join!(end_sessions::run(&app.platform), end_sessions::run(&victim.platform));
        assert!(one.unwrap().expired + other.unwrap().expired <= 1);
        assert_eq!(end_sessions::run(&app.platform).await.unwrap(), Done::default(), "nothing is left");
        let expired: Vec<_> = told(&app).await.into_iter().filter(|(event, _)| event == "checkout.expired").collect();
        assert_eq!(expired, [("checkout.expired".to_owned(), id.to_owned())]);
        let session = client.get(&format!("{SESSIONS}/{id}")).await.expect(200);
        assert_eq!((&session["status"], &session["updated_at"]), (&json!("expired"), &opened["expires_at"]));
        let trail = client.get("/api/v1/events?type=checkout_session.expired").await.expect(200);
        assert_eq!((&trail["total_count"], &trail["data"][0]["actor"]["type"]), (&json!(1), &json!("system")));
        if !died {
            return;
        }
    }
}

#[tokio::test]
async fn a_session_that_fails_with_its_link_lets_go_of_its_discount_and_says_why_it_failed() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let code = json!({"code": "ONCE", "type": "percentage", "value": 10, "max_uses": 1});
    client.post("/api/v1/discount-codes", &code).await.expect(201);
    let payer = app.anonymous("192.0.2.1");
    let sessions = format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap());
    let session = payer.post(&sessions, &json!({"discount_code": "ONCE"})).await.expect(201);
    let path = format!("{SESSIONS}/{}", session["id"].as_str().unwrap());
    client.delete(&path_of(&link)).await.expect(200);
    let at_once = client.get(&path).await.expect(200);
    assert_eq!((&at_once["status"], &at_once["failure_reason"]), (&json!("failed"), &json!("link_deleted")));
    assert_eq!(end_sessions::run(&app.platform).await.unwrap(), Done { expired: 0, failed: 1 });
    let mut written_down = client.get(&path).await.expect(200);
    assert_eq!(written_down["updated_at"], "2026-02-27T10:30:00Z", "when the link was deleted");
    written_down["updated_at"] = at_once["updated_at"].clone();
    assert_eq!(written_down, at_once);
    assert!(told(&app).await.iter().all(|(event, _)| event != "checkout.expired"));
    // Another session can have the code.
    let other = create_link(&client, json!({})).await;
    let sessions = format!("/api/v1/checkout/{}/sessions", other["short_code"].as_str().unwrap());
    let session = payer.post(&sessions, &json!({"discount_code": "ONCE"})).await.expect(201);
    assert_eq!(session["discount_amount"], Value::from(session["discount_amount"].as_str().unwrap()));
}
