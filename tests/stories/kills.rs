//! Processes that are killed anywhere, thousands of times: one effect each, nothing lost, nothing doubled.
//!
//! A round is a merchant of its own: links, codes, endpoints, and then a number of steps. In each, payments and other
//! requests, a delivery or a rollup run, alone or at once, and are killed at a point the seed chooses: by dropping their
//! futures at an await, by dying before or after a call to DynamoDB, or by losing the call or its answer. Clients try
//! some of their requests again. Then everything runs undisturbed until there is nothing left to do, and what the table
//! holds must agree with itself, with the API and with what receivers saw.

use crate::discount_codes::{CODES, create_code};
use crate::traffic::{Dice, skip_quiet_time};
use crate::webhook_receivers::{HANG_UP, Receivers, sender};
use crate::webhooks::{create_webhook, webhook_path};
use crate::{LINKS, RECIPIENT, USDC_ON_BASE, app, create_link, path_of};
use anyspend_domain::Owner;
use anyspend_domain::api_key::Permission;
use anyspend_domain::statistics::TimeBucket;
use anyspend_sender::Sender;
use anyspend_store::db::Item;
use anyspend_testing::death::{Death, Mortal, kill};
use anyspend_testing::{App, Client, Reply};
use aws_sdk_dynamodb::types::AttributeValue;
use deliver_webhooks::Deliverer;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rollup_stats::{GRACE_SECONDS, rollup};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// The rounds: each is told by its seed alone, as far as the order in which calls are answered does not matter.
const SEEDS: std::ops::Range<u64> = 0..30;
/// Rounds that run side by side, each on an engine of its own.
const THREADS: u64 = 2;
/// What happens in a round before it comes to rest.
const STEPS: u64 = 50;
/// Fewest kills of all rounds together. How many there are varies a little, because some points come after the end.
const LEAST_KILLS: usize = 2_000;
/// Requests of one key before another one is taken, well below the limit of a minute.
const REQUESTS_PER_KEY: u32 = 90;
/// Longer than any lease and any pause between two attempts at a delivery.
const LONGEST_PAUSE_SECONDS: u64 = 4_000;
/// Sweeps after which a round must be at rest.
const MOST_SWEEPS: u32 = 40;
/// How often a client tries a request again before the test gives it up.
const MOST_TRIES: u32 = 20;
const PRICE: u64 = 1_000_000;
const SESSIONS: &str = "/api/v1/checkout-sessions";

#[test]
fn wherever_processes_are_killed_a_completed_session_has_one_transaction_its_uses_facts_and_events_and_all_are_told() {
    let rounds = |thread: u64| async move {
        let mut kills = Kills::new();
        for seed in SEEDS.filter(|seed| seed % THREADS == thread) {
            let _said = SaidOnPanic(seed);
            for (how, times) in Box::pin(round(seed)).await {
                *kills.entry(how).or_default() += times;
            }
        }
        kills
    };
    let run = |thread| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(rounds(thread))
    };
    let all = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || run(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let kills = all.into_iter().flatten().fold(Kills::new(), |mut sum, (how, times)| {
        *sum.entry(how).or_default() += times;
        sum
    });
    println!("{kills:#?}");
    let count = kills.values().sum::<usize>();
    assert!(count >= LEAST_KILLS, "{count} kills: {kills:?}");
    assert_eq!(kills.len(), 5 * 3, "each way of dying was died by each job: {kills:?}");
}

/// How often what was killed in which way.
type Kills = BTreeMap<(&'static str, &'static str), usize>;

/// Tells the seed of a round that fails.
struct SaidOnPanic(u64);

impl Drop for SaidOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the round of seed {} failed", self.0);
        }
    }
}

/// What a client wants to happen, once.
#[derive(Debug, Clone)]
struct Wish {
    kind: &'static str,
    path: String,
    body: Value,
    /// The session it is about; empty where one is opened.
    session: String,
    /// Its idempotency key: the same however often it is sent.
    key: String,
    /// Where an anonymous payer calls from; merchants have a key.
    payer: Option<String>,
}

/// What became of it, as far as the client knows.
#[derive(Debug)]
struct Told {
    wish: Wish,
    /// `None` where no answer arrived, and the client did not ask again.
    reply: Option<Reply>,
}

/// The answers to some wishes, each as soon as it is there.
struct Replies(Mutex<Vec<Option<Reply>>>);

impl Replies {
    fn of(wishes: &[Wish]) -> Self {
        Self(Mutex::new(vec![None; wishes.len()]))
    }

    async fn take(&self, place: usize, request: impl Future<Output = Reply>) {
        let reply = request.await;
        self.0.lock().unwrap()[place] = Some(reply);
    }
}

struct Round<'a> {
    dice: Dice,
    app: &'a App,
    /// The instance that is killed.
    dying: App,
    /// What no wish may be sent by more often than the limit allows.
    key: Client<'a>,
    requests: u32,
    sender: Sender,
    receivers: Receivers,
    owner: Owner,
    links: Vec<Value>,
    codes: Vec<Value>,
    webhooks: Vec<Value>,
    sessions: Vec<String>,
    wishes: u64,
    told: Vec<Told>,
    kills: Kills,
}

async fn round(seed: u64) -> Kills {
    let app = app().await;
    let mut round = Round::begin(seed, &app).await;
    for _ in 0..STEPS {
        round.step().await;
    }
    round.come_to_rest().await;
    round.check(&format!("seed {seed}")).await;
    round.kills
}

impl<'a> Round<'a> {
    async fn begin(seed: u64, app: &'a App) -> Self {
        let mut dice = Dice(seed);
        let client = app.admin().await;
        let receivers = Receivers::start().await;
        let mut webhooks = Vec::new();
        for events in [json!(["*"]), json!(["payment.completed", "payment.exception"]), json!(["checkout.completed"])] {
            let path = format!("/{}", webhooks.len());
            let answers: Vec<u16> = (0..20).map(|_| [200, 200, 204, 500, HANG_UP, 200][dice.below(6)]).collect();
            receivers.script(&path, &[answers, vec![200]].concat());
            webhooks.push(create_webhook(&client, &receivers.url(&path), events).await);
        }
        let few = 1 + dice.roll(4);
        let links = vec![
            create_link(&client, json!({"amount": PRICE.to_string()})).await,
            create_link(&client, json!({"amount": PRICE.to_string(), "max_uses": few})).await,
            create_link(&client, json!({"amount": PRICE.to_string(), "name": "Another"})).await,
        ];
        let codes = vec![
            create_code(&client, json!({"code": "MANY"})).await,
            create_code(&client, json!({"code": "FEW", "max_uses": 1 + dice.roll(3)})).await,
        ];
        skip_quiet_time(app).await;
        let (owner, sender, dying) = (client.owner.clone(), sender(), app.another_instance());
        let (sessions, told, kills) = (Vec::new(), Vec::new(), Kills::new());
        Self {
            dice,
            app,
            dying,
            key: client,
            requests: 0,
            sender,
            receivers,
            owner,
            links,
            codes,
            webhooks,
            sessions,
            wishes: 0,
            told,
            kills,
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(20) {
            0..=11 => self.requests_are_killed().await,
            12..=14 => self.delivery_is_killed().await,
            15..=18 => self.rollup_is_killed().await,
            _ => self.all_jobs_are_killed_at_once().await,
        }
        let pauses = [0, 0, 1, 20, 61, 61, 130];
        self.app.advance_seconds(pauses[self.dice.below(pauses.len())]);
    }

    fn death(&mut self, awaits: u64, calls: u64) -> Death {
        Death::at(self.dice.roll(9), 1 + self.dice.roll(awaits), 1 + self.dice.roll(calls))
    }

    fn died(&mut self, job: &'static str, death: Death, times: usize) {
        if times > 0 {
            *self.kills.entry((job, death.name())).or_default() += times;
        }
    }

    /// Has a client's requests of this step counted against a key that has enough left.
    async fn take_key(&mut self, requests: usize) {
        self.requests += u32::try_from(requests).unwrap();
        if self.requests > REQUESTS_PER_KEY {
            self.key = self.app.key(&self.owner, Permission::Admin).await;
            self.requests = u32::try_from(requests).unwrap();
        }
    }

    fn wish(&mut self) -> Wish {
        self.wishes += 1;
        let key = format!("wish-{}", self.wishes);
        let kind = self.dice.roll(20);
        if self.sessions.is_empty() || kind < 6 {
            return self.opening(key);
        }
        let session = self.sessions[self.dice.below(self.sessions.len())].clone();
        let helper = |what: &str| format!("/api/v1/test-helpers/checkout-sessions/{session}/{what}");
        let (kind, path, body, payer) = match kind {
            6 => ("expire", format!("{SESSIONS}/{session}/expire"), json!({}), None),
            7 => ("fail", helper("fail"), json!({}), None),
            8 => {
                let code = &self.codes[self.dice.below(2)]["code"];
                let path = format!("/api/v1/checkout/sessions/{session}/discount");
                ("discount", path, json!({"code": code}), Some(self.payer()))
            }
            _ => {
                let wallet = format!("0x{:040x}", 0xa0_u64 + self.dice.roll(4));
                let mut body = json!({"payer_address": wallet});
                let amount = [None, None, Some(PRICE / 3), Some(PRICE / 2), Some(PRICE), Some(PRICE * 2)];
                if let Some(amount) = amount[self.dice.below(amount.len())] {
                    body["amount"] = json!(amount.to_string());
                }
                ("pay", helper("pay"), body, None)
            }
        };
        Wish { kind, path, body, session, key, payer }
    }

    /// A session of a link with a code or without, opened by its payer; or of no link, opened by the merchant.
    fn opening(&mut self, key: String) -> Wish {
        let (mut path, mut body, mut payer) = (SESSIONS.to_owned(), json!({}), None);
        match self.dice.roll(8) {
            0 => {
                body = json!({"token_address": USDC_ON_BASE, "chain_id": 8453, "recipient_address": RECIPIENT,
                              "amount": PRICE.to_string(), "expires_in": 300});
            }
            1 => body = json!({"payment_link_id": self.links[self.dice.below(3)]["id"], "utm_source": "email"}),
            with_code => {
                let link = &self.links[self.dice.below(3)];
                path = format!("/api/v1/checkout/{}/sessions", link["short_code"].as_str().unwrap());
                if with_code < 5 {
                    body["discount_code"] = self.codes[self.dice.below(2)]["code"].clone();
                }
                payer = Some(self.payer());
            }
        }
        Wish { kind: "open", path, body, session: String::new(), key, payer }
    }

    /// Another network for each request, because few are allowed to one.
    fn payer(&self) -> String {
        format!("198.51.{}.{}", self.wishes / 250, self.wishes % 250)
    }

    async fn wishes(&mut self) -> Vec<Wish> {
        let wishes: Vec<Wish> = (0..1 + self.dice.roll(6)).map(|_| self.wish()).collect();
        self.take_key(wishes.len()).await;
        wishes
    }

    async fn requests_are_killed(&mut self) {
        let wishes = self.wishes().await;
        let (death, replies) = (self.death(1, 2 + 4 * wishes.len() as u64), Replies::of(&wishes));
        let requests = wishes.iter().enumerate().map(|(place, wish)| {
            let request = replies.take(place, send(&self.key, &self.dying, wish));
            // Clients hang up, and functions run into their deadline: each at an await of its own.
            let awaits = if matches!(death, Death::Dropped(_)) { 1 + self.dice.roll(9) } else { u64::MAX };
            Mortal::new(request, awaits)
        });
        let requests: FuturesUnordered<_> = requests.collect();
        let all = requests.collect::<Vec<_>>();
        let disturbed = match death {
            Death::Dropped(_) => all.await.contains(&None),
            Death::AtCall(..) => kill(&self.dying.faults, death, all).await.is_none(),
        };
        self.hear(wishes, replies, death, disturbed).await;
    }

    /// What clients make of answers, and of none: they may send the same again, with its key, until they know.
    async fn hear(&mut self, wishes: Vec<Wish>, replies: Replies, death: Death, disturbed: bool) {
        let replies = replies.0.into_inner().unwrap();
        let unanswered = replies.iter().filter(|reply| reply.is_none()).count();
        // A call that was lost is one request's.
        self.died("requests", death, if death.is_survived() { usize::from(disturbed) } else { unanswered });
        for (wish, reply) in wishes.into_iter().zip(replies) {
            let mut reply = reply.filter(|reply| !reply.status.is_server_error());
            if reply.is_none() && self.dice.roll(2) == 0 {
                reply = Some(self.insist(&wish).await);
            }
            if let Some(reply) = reply.as_ref().filter(|reply| wish.kind == "open" && reply.status == 201) {
                self.sessions.push(reply.json()["id"].as_str().unwrap().to_owned());
            }
            self.told.push(Told { wish, reply });
        }
    }

    async fn insist(&mut self, wish: &Wish) -> Reply {
        for _ in 0..MOST_TRIES {
            self.take_key(1).await;
            let reply = send(&self.key, self.app, wish).await;
            if !reply.status.is_server_error() {
                return reply;
            }
        }
        panic!("{wish:?} is never answered");
    }

    /// A new process that delivers.
    fn deliverer(&self, on: &App) -> Deliverer {
        Deliverer::new(on.platform.clone(), self.sender.clone())
    }

    async fn delivery_is_killed(&mut self) {
        let death = self.death(50, 50);
        let deliverer = self.deliverer(&self.dying);
        let disturbed = kill(&self.dying.faults, death, deliver(&deliverer)).await.is_none();
        deliverer.abort().await;
        self.died("delivery", death, usize::from(disturbed));
    }

    async fn rollup_is_killed(&mut self) {
        close_bucket(self.app);
        let death = self.death(40, 50);
        let disturbed =
            kill(&self.dying.faults, death, rollup(&self.dying.platform.db, self.app.now())).await.is_none();
        self.died("rollup", death, usize::from(disturbed));
    }

    /// One process answers requests, delivers and counts, and dies of all of it at once, while another one may live.
    async fn all_jobs_are_killed_at_once(&mut self) {
        if self.dice.roll(3) == 0 {
            close_bucket(self.app);
        }
        let wishes = self.wishes().await;
        let (death, replies) = (self.death(60, 60), Replies::of(&wishes));
        let (dying, living) = (self.deliverer(&self.dying), self.deliverer(self.app));
        let (delivered, counted) = (Cell::new(false), Cell::new(false));
        let requests = wishes.iter().enumerate();
        let requests = requests.map(|(place, wish)| replies.take(place, send(&self.key, &self.dying, wish)));
        let job = async {
            let delivery = async {
                deliver(&dying).await;
                delivered.set(true);
            };
            let count = async {
                let _ = Box::pin(rollup(&self.dying.platform.db, self.app.now())).await;
                counted.set(true);
            };
            tokio::join!(join_all(requests), delivery, count)
        };
        let living_too = self.dice.roll(2) == 0;
        let other = async {
            if living_too {
                let (_, counted) =
                    tokio::join!(deliver(&living), Box::pin(rollup(&self.app.platform.db, self.app.now())));
                counted.unwrap();
            }
        };
        let (killed, ()) = tokio::join!(kill(&self.dying.faults, death, job), other);
        dying.abort().await;
        if !death.is_survived() {
            self.died("delivery", death, usize::from(!delivered.get()));
            self.died("rollup", death, usize::from(!counted.get()));
        }
        self.hear(wishes, replies, death, killed.is_none()).await;
    }

    /// Runs every job until there is nothing left to do.
    async fn come_to_rest(&mut self) {
        close_bucket(self.app);
        assert!(rollup(&self.app.platform.db, self.app.now()).await.unwrap().buckets > 0);
        let deliverer = self.deliverer(self.app);
        for _ in 0..MOST_SWEEPS {
            // Whatever is not settled is due by then.
            self.app.advance_seconds(LONGEST_PAUSE_SECONDS);
            let begun = deliverer.sweep().await.unwrap();
            deliverer.finished().await;
            if begun == 0 {
                return;
            }
        }
        panic!("there is always something left to deliver");
    }

    async fn check(&mut self, what: &str) {
        let table = Table::read(self.app).await;
        table.check_payments(what);
        table.check_events(what, &self.webhooks, &self.receivers);
        self.check_answers(&table, what);
        self.take_key(2 + self.links.len() + self.webhooks.len() + self.codes.len()).await;
        self.check_api(&table, what).await;
    }

    /// What clients were told has happened, and what they were not told has happened at most once.
    fn check_answers(&self, table: &Table, what: &str) {
        let done = |told: &Told| told.reply.as_ref().map(|reply| reply.status.is_success());
        for session in table.of("SESSION") {
            let id = text(session, "id");
            let about = |kind: &str, known: Option<bool>| {
                let told = self.told.iter().filter(|told| told.wish.session == id && told.wish.kind == kind);
                told.filter(|told| done(told) == known).count()
            };
            for (kind, status) in [("pay", "completed"), ("fail", "failed")] {
                let (sure, unsure) = (about(kind, Some(true)), about(kind, None));
                let seen = table.transactions(&id).filter(|row| text(row, "status") == status).count();
                assert!((sure..=sure + unsure).contains(&seen), "{what}: {kind} {id}: {seen}, {sure} + {unsure}");
            }
            let (sure, unsure) = (about("expire", Some(true)), about("expire", None));
            assert!(sure <= 1, "{what}: {id} was expired {sure} times");
            let audited = table.audited("checkout_session.expired", &id);
            assert!((sure..=1.min(sure + unsure)).contains(&audited), "{what}: {id} was expired {audited} times");
        }
        let opened: Vec<_> = self.told.iter().filter(|told| told.wish.kind == "open").collect();
        let sure = opened.iter().filter(|told| done(told) == Some(true)).count();
        let unsure = opened.iter().filter(|told| done(told).is_none()).count();
        let sessions = table.of("SESSION").count();
        assert!((sure..=sure + unsure).contains(&sessions), "{what}: {sessions} sessions, {sure} + {unsure}");
        for told in opened.iter().filter(|told| done(told) == Some(true)) {
            let id = told.reply.as_ref().unwrap().json()["id"].as_str().unwrap().to_owned();
            assert!(table.of("SESSION").any(|row| text(row, "id") == id), "{what}: {id} is lost");
        }
    }

    /// What the API shows is what the table holds.
    async fn check_api(&self, table: &Table, what: &str) {
        let list = self.key.get(LINKS).await.expect(200);
        for link in &self.links {
            let (id, code) = (link["id"].as_str().unwrap(), link["short_code"].as_str().unwrap());
            let completed = table.completed(|session| text(session, "payment_link_id") == id);
            let listed = list["data"].as_array().unwrap().iter().find(|listed| listed["id"] == id).unwrap();
            assert_eq!(listed["uses"], completed, "{what}: the list's {id}");
            let stats = self.key.get(&format!("{}/stats", path_of(link))).await.expect(200);
            let facts =
                |kind: &str| table.facts(kind).filter(|row| text(row, "sk").starts_with(code)).collect::<Vec<_>>();
            let volume: u64 = facts("completed").iter().map(|row| number(row, "amount")).sum();
            assert_eq!(
                (&stats["sessions"], &stats["completed"], &stats["total_volume"]),
                (&json!(facts("session").len()), &json!(completed), &json!(volume.to_string())),
                "{what}: the statistics of {id}"
            );
            let counted = table.one("STATS", |row| text(row, "pk").ends_with(code) && text(row, "sk") == "TOTALS");
            assert_eq!(counted.is_some(), !facts("session").is_empty(), "{what}: the rollup passed {id} by");
        }
        for webhook in &self.webhooks {
            let log = self.key.get(&format!("{}/deliveries", webhook_path(webhook))).await.expect(200);
            let id = webhook["id"].as_str().unwrap();
            let rows = table.of("DELIVERY").filter(|row| text(row, "webhook_id") == id).count();
            assert_eq!(log["total_count"], rows, "{what}: the log of {id}");
        }
        let shown = self.key.get("/api/v1/transactions").await.expect(200);
        assert_eq!(shown["total_count"], table.of("TX").count(), "{what}");
        let shown = self.key.get(CODES).await.expect(200);
        for code in shown["data"].as_array().unwrap() {
            let uses = table.completed(|session| discount(session) == code["id"].as_str());
            assert_eq!(code["current_uses"], uses, "{what}: {code}");
        }
    }
}

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll(sides as u64)).unwrap()
    }
}

/// Sends a wish through an instance.
async fn send(key: &Client<'_>, through: &App, wish: &Wish) -> Reply {
    let client = match &wish.payer {
        Some(ip) => through.anonymous(ip),
        None => key.through(through),
    };
    client.idempotent(&wish.key).post(&wish.path, &wish.body).await
}

/// One look at everything there is to deliver, to its end. A look that failed is followed by another one.
async fn deliver(deliverer: &Deliverer) {
    let _ = deliverer.sweep().await;
    deliverer.finished().await;
}

/// Moves the clock to where the present bucket is over and closed.
fn close_bucket(app: &App) {
    let closed = TimeBucket::of(app.now()).end().plus_seconds(GRACE_SECONDS);
    app.platform.clock.advance_millis(closed.millis_since(app.now()));
}

/// Everything a table holds.
struct Table(Vec<Item>);

/// An attribute as text; empty where there is none.
fn text(row: &Item, name: &str) -> String {
    match row.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
        _ => String::new(),
    }
}

fn number(row: &Item, name: &str) -> u64 {
    text(row, name).parse().unwrap_or(0)
}

fn discount(session: &Item) -> Option<&str> {
    let discount = session.get("discount").and_then(|discount| discount.as_m().ok())?;
    Some(discount["id"].as_s().unwrap())
}

impl Table {
    async fn read(app: &App) -> Self {
        let (client, table) = app.table();
        let (mut rows, mut from) = (Vec::new(), None);
        loop {
            let page = client.scan().table_name(table).set_exclusive_start_key(from).send().await.unwrap();
            rows.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                return Self(rows);
            }
        }
    }

    /// The rows whose partitions begin so.
    fn of(&self, kind: &str) -> impl Iterator<Item = &Item> {
        self.0.iter().filter(move |row| text(row, "pk").split('#').next() == Some(kind))
    }

    fn one(&self, kind: &str, is: impl Fn(&Item) -> bool) -> Option<&Item> {
        self.of(kind).find(|row| is(row))
    }

    fn facts(&self, kind: &str) -> impl Iterator<Item = &Item> {
        self.of("FACT").filter(move |row| text(row, "sk").split('#').nth(1) == Some(kind))
    }

    fn transactions(&self, session: &str) -> impl Iterator<Item = &Item> {
        self.of("TX").filter(move |row| text(row, "session_id") == session)
    }

    /// How many completed sessions are like this.
    fn completed(&self, like: impl Fn(&Item) -> bool) -> usize {
        self.of("SESSION").filter(|row| text(row, "status") == "completed" && like(row)).count()
    }

    fn audited(&self, event_type: &str, about: &str) -> usize {
        let is = |row: &&Item| text(row, "event_type") == event_type && text(row, "resource_id") == about;
        self.of("AUDIT").filter(is).count()
    }

    /// Completed session ⟺ one transaction that completed it ⟺ one use ⟺ one fact ⟺ one line of the trail.
    fn check_payments(&self, what: &str) {
        let mut completing = BTreeSet::new();
        for session in self.of("SESSION") {
            let (id, link) = (text(session, "id"), text(session, "payment_link_id"));
            let arrived: Vec<_> = self.transactions(&id).filter(|row| text(row, "status") == "completed").collect();
            let received: u64 = arrived.iter().map(|row| number(row, "amount")).sum();
            assert_eq!(number(session, "amount_received"), received, "{what}: {id} received");
            let named: Vec<_> = arrived.iter().filter(|row| text(row, "tx_hash") == text(session, "tx_hash")).collect();
            let is_completed = text(session, "status") == "completed";
            if is_completed {
                assert_eq!(named.len(), 1, "{what}: {id} completed by one transaction");
                assert_eq!(text(named[0], "completed_at"), text(session, "completed_at"), "{what}: {id}");
                assert!(["", "overpaid"].contains(&&*text(named[0], "exception")), "{what}: {:?}", named[0]);
                if !link.is_empty() {
                    completing.insert(text(named[0], "id"));
                }
            }
            let audited = self.audited("checkout_session.completed", &id);
            assert_eq!(audited, usize::from(is_completed), "{what}: the trail of {id}");
            let exceptions = self.audited("checkout_session.payment_exception", &id);
            assert_eq!(audited + exceptions, arrived.len(), "{what}: the trail of what arrived for {id}");
            let facts = self.facts("session").filter(|row| text(row, "sk").ends_with(&id)).count();
            assert_eq!(facts, usize::from(!link.is_empty()), "{what}: the fact that {id} was opened");
            let held = self.of("DC").filter(|row| text(row, "sk") == format!("RES#{id}")).count();
            let holds = discount(session).is_some() && text(session, "status") == "open";
            assert_eq!(held, usize::from(holds), "{what}: what {id} holds of a code");
        }
        let facts: Vec<_> =
            self.facts("completed").map(|row| text(row, "sk").rsplit('#').next().unwrap().to_owned()).collect();
        assert_eq!(facts.len(), completing.len(), "{what}: each completion is one fact");
        assert_eq!(facts.into_iter().collect::<BTreeSet<_>>(), completing, "{what}: the facts of completions");
        let claims: Vec<_> = self.of("CLAIM").map(|row| text(row, "transaction_id")).collect();
        let arrived: BTreeSet<_> =
            self.of("TX").filter(|row| text(row, "status") == "completed").map(|row| text(row, "id")).collect();
        assert_eq!(claims.len(), arrived.len(), "{what}: each transfer is claimed once");
        assert_eq!(claims.into_iter().collect::<BTreeSet<_>>(), arrived, "{what}: the claims");
        for link in self.of("LINK").filter(|row| text(row, "sk") == "HEAD") {
            let id = text(link, "id");
            let completed = self.completed(|session| text(session, "payment_link_id") == id);
            assert_eq!(number(link, "uses"), completed as u64, "{what}: the uses of {id}");
            let most = link.get("max_uses").map_or(u64::MAX, |_| number(link, "max_uses"));
            assert!(completed as u64 <= most, "{what}: {id} has {most} uses and {completed} completed");
        }
        for code in self.of("DC").filter(|row| text(row, "sk") == "HEAD") {
            let id = text(code, "id");
            let completed = self.completed(|session| discount(session) == Some(&id));
            assert_eq!(number(code, "uses"), completed as u64, "{what}: the uses of {id}");
            let most = code.get("max_uses").map_or(u64::MAX, |_| number(code, "max_uses"));
            assert!(completed as u64 <= most, "{what}: {id} has {most} uses and {completed} completed");
        }
        let mut paid: BTreeMap<(String, String), u64> = BTreeMap::new();
        for row in self.of("TX").filter(|row| text(row, "status") == "completed") {
            *paid.entry((text(row, "payer_address"), text(row, "customer_id"))).or_default() += 1;
        }
        let customers: BTreeMap<_, _> = self
            .of("CUST")
            .map(|row| ((text(row, "wallet_address"), text(row, "id")), number(row, "transaction_count")))
            .collect();
        assert_eq!(customers, paid, "{what}: who has paid how often");
    }

    /// What endpoints must have been told: what happened to which transaction and session.
    fn happened(&self) -> BTreeSet<[String; 3]> {
        let mut happened = BTreeSet::new();
        let mut tell = |event: &str, transaction: String, session: String| {
            assert!(happened.insert([event.to_owned(), transaction, session]));
        };
        for row in self.of("TX") {
            let (id, session) = (text(row, "id"), text(row, "session_id"));
            let of = self.one("SESSION", |row| text(row, "id") == session).unwrap();
            let completes = text(row, "status") == "completed"
                && text(of, "status") == "completed"
                && text(of, "tx_hash") == text(row, "tx_hash");
            if completes {
                tell("payment.completed", id.clone(), session.clone());
                tell("checkout.completed", id.clone(), session.clone());
            }
            if text(row, "status") == "failed" {
                tell("payment.failed", id.clone(), session.clone());
            }
            if !text(row, "exception").is_empty() {
                tell("payment.exception", id, session);
            }
        }
        for session in self.of("SESSION") {
            let id = text(session, "id");
            if self.audited("checkout_session.expired", &id) > 0 {
                tell("checkout.expired", String::new(), id);
            }
        }
        happened
    }

    /// Empty outbox ⟺ every subscribed endpoint has one finished delivery of every event, and nothing else; and what its
    /// receiver saw is what the deliveries say.
    fn check_events(&self, what: &str, webhooks: &[Value], receivers: &Receivers) {
        assert_eq!(self.of("OUTBOX").count(), 0, "{what}: the outbox");
        let happened = self.happened();
        let mut ids: BTreeMap<[String; 3], BTreeSet<String>> = BTreeMap::new();
        for (place, webhook) in webhooks.iter().enumerate() {
            let (id, secret) = (webhook["id"].as_str().unwrap(), webhook["secret"].as_str().unwrap());
            let wants = |event: &str| webhook["events"].as_array().unwrap().iter().any(|w| w == "*" || *w == event);
            let rows: Vec<_> = self.of("DELIVERY").filter(|row| text(row, "webhook_id") == id).collect();
            let about = |row: &&Item| ["event", "transaction_id", "session_id"].map(|name| text(row, name));
            let told: Vec<_> = rows.iter().map(about).collect();
            let wanted: BTreeSet<_> = happened.iter().filter(|[event, ..]| wants(event)).cloned().collect();
            assert_eq!(told.len(), wanted.len(), "{what}: {id} is told of everything once: {told:?} {wanted:?}");
            assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), wanted, "{what}: what {id} is told of");
            let seen = receivers.seen_at(&format!("/{place}"));
            assert!(seen.iter().all(|seen| seen.verifies_plainly("x-anyspend-signature", secret)), "{what}");
            let mut attempts = 0;
            for row in &rows {
                ids.entry(about(row)).or_default().insert(text(row, "event_id"));
                let delivery = text(row, "id");
                let arrived = seen.iter().filter(|seen| seen.header("x-anyspend-delivery-id") == delivery);
                let arrived: Vec<_> = arrived.collect();
                assert!(arrived.iter().all(|seen| seen.header("webhook-id") == text(row, "event_id")), "{what}");
                let (least, most) = (1, usize::try_from(number(row, "attempts")).unwrap());
                assert!((least..=most).contains(&arrived.len()), "{what}: {delivery} arrived {} times", arrived.len());
                attempts += arrived.len();
            }
            assert_eq!(attempts, seen.len(), "{what}: nothing was sent to {id} but deliveries");
            let row = self.one("WEBHOOKS", |row| text(row, "sk") == id).unwrap();
            for (status, counter) in [("success", "success_count"), ("failed", "failure_count")] {
                let ended = rows.iter().filter(|row| text(row, "status") == status).count();
                assert_eq!(number(row, counter), ended as u64, "{what}: {counter} of {id}");
            }
            assert!(rows.iter().all(|row| text(row, "status") != "pending"), "{what}: {id} waits for nothing");
        }
        assert!(ids.values().all(|ids| ids.len() == 1), "{what}: one event, one id, whoever is told: {ids:?}");
        let all: BTreeSet<_> = ids.values().flatten().collect();
        assert_eq!(all.len(), ids.len(), "{what}: two events, two ids");
    }
}
