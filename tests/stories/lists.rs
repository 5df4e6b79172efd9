//! Lists agree with a naive model of them, whatever is created, changed, used, deleted, expires, or is compacted
//! meanwhile, and wherever a compaction dies.

use crate::{LINKS, app, link_body};
use anyspend_domain::api_key::Permission;
use anyspend_domain::pasted::fold_case;
use anyspend_domain::{Mode, OrgId, Owner, PaymentLinkId, Timestamp};
use anyspend_store::list::{Columns, Compacted, ListId, Tuning};
use anyspend_store::payment_links::{self, LinkColumns};
use anyspend_testing::faults::Fault;
use anyspend_testing::{App, Client};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Draws the same numbers on every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }
}

/// A link as the model knows it.
#[derive(Debug, Clone)]
struct Model {
    name: String,
    description: Option<String>,
    active: bool,
    uses: u64,
    max_uses: Option<u64>,
    expires_at: Option<Timestamp>,
    updated_at: Timestamp,
}

impl Model {
    fn is_active(&self, now: Timestamp) -> bool {
        self.active
            && self.expires_at.is_none_or(|expiry| now < expiry)
            && self.max_uses.is_none_or(|most| self.uses < most)
    }

    fn is_found(&self, id: &str, search: &str) -> bool {
        let texts = [Some(self.name.as_str()), self.description.as_deref(), Some(&id[id.len() - 8..])];
        texts.into_iter().flatten().any(|text| fold_case(text).contains(&fold_case(search)))
    }

    fn sort_key(&self, id: &str, sort: &str) -> (u64, String, String) {
        let (number, text) = match sort {
            "updated_at" => (self.updated_at.millis(), String::new()),
            "uses" => (self.uses, String::new()),
            "name" => (0, fold_case(&self.name)),
            _ => (0, String::new()),
        };
        (number, text, id.to_owned())
    }
}

type Models = BTreeMap<String, Model>;

const NAMES: &[&str] = &["Apple", "apple", "Banane", "Éclair", "éclair", "Straße", "STRASSE", "Zebra", "a", "Ω mega"];
const SEARCHES: &[&str] = &["", "a", "APP", "strasse", "ÉCL", "zebra", "nowhere", "ω", "note", "0"];
const SORTS: &[&str] = &["created_at", "updated_at", "name", "uses"];

/// What a list is asked for.
#[derive(Debug, Clone)]
struct Question {
    active: Option<bool>,
    search: &'static str,
    sort: &'static str,
    descending: bool,
    limit: usize,
}

impl Question {
    fn roll(dice: &mut Dice) -> Self {
        Self {
            active: dice.pick(&[None, Some(true), Some(false)]),
            search: if dice.roll(3) == 0 { dice.pick(SEARCHES) } else { "" },
            sort: dice.pick(SORTS),
            descending: dice.roll(2) == 0,
            limit: dice.pick(&[1, 2, 3, 7, 20]),
        }
    }

    fn path(&self) -> String {
        let active = self.active.map_or_else(String::new, |active| format!("&active={active}"));
        let search: String = self.search.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let order = if self.descending { "desc" } else { "asc" };
        format!("{LINKS}?sort={}&order={order}&limit={}&search={search}{active}", self.sort, self.limit)
    }

    /// The answer of the model.
    fn answer(&self, models: &Models, now: Timestamp) -> Vec<String> {
        let mut ids: Vec<_> = models
            .iter()
            .filter(|(id, link)| {
                self.active.is_none_or(|active| link.is_active(now) == active) && link.is_found(id, self.search)
            })
            .map(|(id, link)| (link.sort_key(id, self.sort), id.clone()))
            .collect();
        ids.sort();
        if self.descending {
            ids.reverse();
        }
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// Asks for a page of it, and then follows the cursors to the end.
    async fn check(&self, client: &Client<'_>, models: &Models, now: Timestamp, page: usize, walk: bool) {
        let all = self.answer(models, now);
        let list = client.get(&format!("{}&page={page}", self.path())).await.expect(200);
        let shown: Vec<_> = all.iter().skip((page - 1) * self.limit).take(self.limit).collect();
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), shown, "page {page} of {self:?}");
        assert_eq!(list["total_count"], all.len(), "{self:?}");
        for link in list["data"].as_array().unwrap() {
            let model = &models[link["id"].as_str().unwrap()];
            assert_eq!((&link["active"], &link["uses"]), (&json!(model.is_active(now)), &json!(model.uses)));
            assert_eq!((&link["name"], &link["description"]), (&json!(model.name), &json!(model.description)));
        }
        // No key is asked more often than it may be.
        if walk && all.len() < 50 * self.limit {
            assert_eq!(self.walk(client).await, all, "the walk of {self:?}");
        }
    }

    async fn walk(&self, client: &Client<'_>) -> Vec<String> {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let list = client.get(&format!("{}{cursor}", self.path())).await.expect(200);
            assert_eq!(list["pagination"]["page"], seen.len() / self.limit + 1, "{self:?}");
            seen.extend(ids(&list));
            match list["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return seen,
            }
        }
    }
}

pub(crate) fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|link| link["id"].as_str().unwrap().to_owned()).collect()
}

/// Asks for a page of a list, which must be that of `all`; and then, if it is not too far, follows the cursors through all
/// of it. Comes back with what the page shows.
pub(crate) async fn compare(
    client: &Client<'_>,
    path: &str,
    (page, limit): (usize, usize),
    all: &[&String],
    walk: bool,
) -> Vec<Value> {
    let list = client.get(&format!("{path}&page={page}")).await.expect(200);
    let shown: Vec<&String> = all.iter().skip((page - 1) * limit).take(limit).copied().collect();
    assert_eq!(ids(&list).iter().collect::<Vec<_>>(), shown, "page {page} of {path}");
    assert_eq!(list["total_count"], all.len(), "{path}");
    if walk && all.len() < 30 * limit {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let list = client.get(&format!("{path}{cursor}")).await.expect(200);
            seen.extend(ids(&list));
            match list["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.iter().collect::<Vec<_>>(), all, "the walk of {path}");
    }
    list["data"].as_array().unwrap().clone()
}

/// The notes that compactions left are enough for nothing superfluous to be left of a list in the end.
pub(crate) async fn keeps_nothing_superfluous<T: Columns>(app: &App, list: &ListId) {
    let db = &app.platform.db;
    for _ in 0..3 {
        app.advance_seconds(61);
        db.look_after_lists(app.now(), &Tuning::tiny()).await.unwrap();
    }
    let measured = db.measure_list::<T>(list).await.unwrap();
    assert_eq!((measured.journal_rows, app.count(&format!("LISTBLK#{list}#")).await), (0, measured.blocks));
}

/// One merchant's links, seen through several instances and keys.
struct World {
    app: App,
    other: App,
    owner: Owner,
}

impl World {
    async fn start() -> Self {
        let app = app().await;
        let owner = Owner { org: OrgId::generate(app.now()), mode: Mode::Test };
        let other = app.another_instance();
        app.organization(&owner.org, |_| {}).await;
        Self { app, other, owner }
    }

    fn list(&self) -> ListId {
        ListId::all::<LinkColumns>(&self.owner)
    }

    /// A client with a key that was not used yet: no rate limit is in the way.
    async fn client(&self) -> Client<'_> {
        self.app.key(&self.owner, Permission::Admin).await
    }

    async fn compact(&self, app: &App) -> Compacted {
        app.platform.db.compact_list::<LinkColumns>(&self.list(), self.app.now(), &Tuning::tiny()).await.unwrap()
    }

    /// Changes a link of `models`, or makes one.
    async fn change(&self, client: &Client<'_>, dice: &mut Dice, models: &mut Models) {
        let now = self.app.now();
        let ids: Vec<String> = models.keys().cloned().collect();
        let choice = dice.roll(10);
        if ids.is_empty() || choice < 4 {
            let mut body = link_body(json!({"name": dice.pick(NAMES)}));
            if dice.roll(3) == 0 {
                body["description"] = json!(format!("note {}", dice.pick(NAMES)));
            }
            if dice.roll(3) == 0 {
                body["expires_at"] = json!(now.plus_seconds(1 + 40 * u64::try_from(dice.roll(10)).unwrap()).millis());
            }
            if dice.roll(3) == 0 {
                body["max_uses"] = json!(1 + dice.roll(2));
            }
            if dice.roll(5) == 0 {
                body["active"] = json!(false);
            }
            if dice.roll(4) == 0 {
                body["items"] = json!([{"name": "a", "amount": "1"}]);
            }
            let link = client.post(LINKS, &body).await.expect(201);
            let model = Model {
                name: body["name"].as_str().unwrap().to_owned(),
                description: body["description"].as_str().map(str::to_owned),
                active: body["active"] != json!(false),
                uses: 0,
                max_uses: body["max_uses"].as_u64(),
                expires_at: body["expires_at"].as_u64().and_then(Timestamp::from_millis),
                updated_at: now,
            };
            models.insert(link["id"].as_str().unwrap().to_owned(), model);
            return;
        }
        let id = dice.pick(&ids);
        let path = format!("{LINKS}/{id}");
        let model = models.get_mut(&id).unwrap();
        match choice {
            4 | 5 => {
                let db = &client.app().platform.db;
                let code = PaymentLinkId::parse(&id).unwrap().short_code();
                let (_, head) = db.link_state(&code).await.unwrap();
                db.commit(payment_links::count_use(&head.unwrap(), now).unwrap()).await.unwrap();
                model.uses += 1;
            }
            6 => {
                client.delete(&path).await.expect(200);
                models.remove(&id);
            }
            7 => {
                let description = (dice.roll(2) == 0).then(|| format!("note {}", dice.pick(NAMES)));
                client.patch(&path, &json!({"description": description})).await.expect(200);
                (model.description, model.updated_at) = (description, now);
            }
            8 => {
                let active = dice.roll(2) == 0;
                client.patch(&path, &json!({"active": active, "max_uses": null})).await.expect(200);
                (model.active, model.max_uses, model.updated_at) = (active, None, now);
            }
            _ => {
                let name = dice.pick(NAMES);
                let expiry = (dice.roll(2) == 0).then(|| now.plus_seconds(1 + u64::try_from(dice.roll(300)).unwrap()));
                let expires_at = expiry.map(Timestamp::millis);
                client.patch(&path, &json!({"name": name, "expires_at": expires_at})).await.expect(200);
                (model.name, model.expires_at, model.updated_at) = (name.to_owned(), expiry, now);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_the_models_after_any_changes_expiries_and_compactions() {
    for seed in 1..=4 {
        let world = World::start().await;
        let mut dice = Dice::new(seed);
        let mut models = Models::new();
        for _ in 0..25 {
            let client = world.client().await;
            for _ in 0..dice.roll(12) {
                world.change(&client, &mut dice, &mut models).await;
            }
            match dice.roll(5) {
                0 => world.app.advance_seconds(u64::try_from(dice.roll(90)).unwrap()),
                1 | 2 => {
                    world.compact(&world.app).await;
                }
                3 => world.app.advance_seconds(61),
                _ => {}
            }
            for _ in 0..6 {
                let question = Question::roll(&mut dice);
                let walk = dice.roll(4) == 0;
                question.check(&client, &models, world.app.now(), 1 + dice.roll(6), walk).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_the_models_while_several_tasks_change_and_two_compact() {
    for seed in 11..=12 {
        let world = World::start().await;
        let mut parts: Vec<Models> = vec![Models::new(); 4];
        for phase in 0..5 {
            let running = AtomicUsize::new(parts.len());
            let tasks = parts.iter_mut().enumerate().map(|(task, models)| {
                let (world, running) = (&world, &running);
                async move {
                    let client = world.client().await;
                    let client = if task % 2 == 0 { client } else { client.through(&world.other) };
                    let mut dice = Dice::new(seed * 1_000 + phase * 10 + u64::try_from(task).unwrap());
                    for _ in 0..25 {
                        world.change(&client, &mut dice, models).await;
                    }
                    running.fetch_sub(1, Ordering::SeqCst);
                }
            });
            // What a walk begins with and does not lose, it sees once; nothing is seen twice.
            let walker = async {
                let mut walks = 0;
                while running.load(Ordering::SeqCst) > 0 && walks < 8 {
                    let client = world.client().await;
                    let before: BTreeSet<String> = all_ids(&client).await;
                    let question = Question {
                        active: None,
                        search: "",
                        sort: "created_at",
                        descending: walks % 2 == 0,
                        limit: 20,
                    };
                    let seen = question.walk_loosely(&client).await;
                    let after: BTreeSet<String> = all_ids(&client).await;
                    let unique: BTreeSet<String> = seen.iter().cloned().collect();
                    assert_eq!(unique.len(), seen.len(), "nothing is seen twice");
                    let survivors: Vec<_> = before.intersection(&after).filter(|id| !unique.contains(*id)).collect();
                    assert!(survivors.is_empty(), "a walk missed {survivors:?}");
                    walks += 1;
                }
            };
            let compactions = Mutex::new(Vec::new());
            let compactor = |app| {
                let (world, running, compactions) = (&world, &running, &compactions);
                async move {
                    while running.load(Ordering::SeqCst) > 0 {
                        let compacted = world.compact(app).await;
                        compactions.lock().unwrap().push(compacted);
                        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    }
                }
            };
            let tasks = futures_util::future::join_all(tasks);
            tokio::join!(tasks, walker, compactor(&world.app), compactor(&world.other));
            assert!(compactions.lock().unwrap().contains(&Compacted::Published));
            let models: Models = parts.iter().flatten().map(|(id, model)| (id.clone(), model.clone())).collect();
            let mut dice = Dice::new(seed + phase);
            for _ in 0..12 {
                let client = world.client().await;
                Question::roll(&mut dice).check(&client, &models, world.app.now(), 1 + dice.roll(9), true).await;
                if dice.roll(4) == 0 {
                    world.app.advance_seconds(u64::try_from(dice.roll(100)).unwrap());
                    world.compact(&world.other).await;
                }
            }
        }
    }
}

/// Every link there is, read in pages of a hundred by number while nothing shifts: the newest page first, so that what
/// is made meanwhile moves links to later pages and hides none.
async fn all_ids(client: &Client<'_>) -> BTreeSet<String> {
    let mut ids_seen = BTreeSet::new();
    for page in 1.. {
        let list = client.get(&format!("{LINKS}?limit=100&page={page}")).await.expect(200);
        ids_seen.extend(ids(&list));
        if list["has_more"] == false {
            break;
        }
    }
    ids_seen
}

impl Question {
    /// A walk during which things change.
    async fn walk_loosely(&self, client: &Client<'_>) -> Vec<String> {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let list = client.get(&format!("{}{cursor}", self.path())).await.expect(200);
            seen.extend(ids(&list));
            match list["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return seen,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_compaction_dies_lists_stay_exact_and_nothing_is_left_behind() {
    let world = World::start().await;
    let mut dice = Dice::new(5);
    let mut models = Models::new();
    let mut deaths = 0;
    for fault in
        [Fault::DieBefore, Fault::DieAfter, Fault::CutBefore, Fault::CutAfter, Fault::Throttle, Fault::Conflict]
    {
        // A process may die at any call; what merely fails is told to the compaction, and is tried at some.
        let step = if matches!(fault, Fault::DieBefore | Fault::DieAfter) { 1 } else { 9 };
        for at in (1..).step_by(step) {
            let client = world.client().await;
            for _ in 0..6 {
                world.change(&client, &mut dice, &mut models).await;
            }
            let victim = world.app.another_instance();
            // The SDK tries a broken call again: only one that stays broken is felt.
            victim.faults.plan(move |call, _| {
                let hit = if matches!(fault, Fault::DieBefore | Fault::DieAfter) { call == at } else { call >= at };
                hit.then_some(fault)
            });
            let list = world.list();
            let tuning = Tuning::tiny();
            let compaction = victim.platform.db.compact_list::<LinkColumns>(&list, world.app.now(), &tuning);
            let ended = victim.faults.until_death(compaction).await;
            let reached = victim.faults.calls() >= at && !matches!(ended, Some(Ok(_)));
            for _ in 0..3 {
                Question::roll(&mut dice).check(&client, &models, world.app.now(), 1 + dice.roll(4), false).await;
            }
            if dice.roll(3) == 0 {
                world.app.advance_seconds(if dice.roll(2) == 0 { 61 } else { 1_000 });
            }
            if !reached {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths > 25, "{deaths}");
    // Everything given up and superseded is cleared away in the end, and nothing that is needed.
    let client = world.client().await;
    world.change(&client, &mut dice, &mut models).await;
    for _ in 0..5 {
        world.app.advance_seconds(1_000);
        world.compact(&world.app).await;
    }
    let measured = world.app.platform.db.measure_list::<LinkColumns>(&world.list()).await.unwrap();
    assert_eq!(world.app.count("LISTBLK#").await, measured.blocks);
    assert_eq!(measured.journal_rows, 0);
    for _ in 0..20 {
        let client = world.client().await;
        Question::roll(&mut dice).check(&client, &models, world.app.now(), 1 + dice.roll(4), true).await;
    }
}

#[tokio::test]
async fn lists_that_changed_leave_a_note_and_are_looked_after() {
    let world = World::start().await;
    let client = world.client().await;
    for _ in 0..100 {
        client
            .post(LINKS, &link_body(json!({"expires_at": world.app.now().plus_seconds(200).millis()})))
            .await
            .expect(201);
    }
    // That none of 100 changes leaves a note happens once in 24 times; then one more does not matter.
    while world.app.count("LISTDUE").await == 0 {
        world.client().await.post(LINKS, &link_body(json!({}))).await.expect(201);
    }
    let db = &world.app.platform.db;
    assert_eq!(db.look_after_lists(world.app.now(), &Tuning::default()).await.unwrap(), 1);
    assert_eq!(db.look_after_lists(world.app.now(), &Tuning::default()).await.unwrap(), 0, "the note is gone");
    let journal = world.app.count("JOURNAL#").await;
    assert!(journal >= 100, "readers may still be on their way");
    world.app.advance_seconds(60);
    db.look_after_lists(world.app.now(), &Tuning::default()).await.unwrap();
    assert_eq!(world.app.count("JOURNAL#").await, 0, "the version left a note of its own to clear up after it");
    let client = world.client().await;
    let active = client.get(&format!("{LINKS}?active=true")).await.expect(200);
    assert!(active["total_count"].as_u64() >= Some(100));
    world.app.advance_seconds(140);
    let expired = client.get(&format!("{LINKS}?active=false")).await;
    assert_eq!(expired.expect(200)["total_count"], 100);
    assert!(world.app.count("LISTDUE").await > 0, "more will expire than a directory repeats");
    db.look_after_lists(world.app.now(), &Tuning::default()).await.unwrap();
    let settled = client.get(&format!("{LINKS}?active=false")).await;
    assert_eq!(settled.expect(200)["total_count"], 100);
    assert!(settled.cost().depth < expired.cost().depth, "{:?} {:?}", settled.cost(), expired.cost());
}
