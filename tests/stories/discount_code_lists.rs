//! Lists of discount codes agree with a naive model of them, whatever is made, switched, used, deleted or compacted
//! meanwhile.

use crate::budgets::within;
use crate::discount_codes::CODES;
use crate::lists::{Dice, compare, keeps_nothing_superfluous};
use crate::{app, create_link};
use anyspend_domain::api_key::Permission;
use anyspend_domain::discount_code::{CodeText, DiscountCode, DiscountCodePatch, ReductionType};
use anyspend_domain::{DiscountCodeId, Mode, OrgId, Owner, Patch};
use anyspend_store::discount_codes::{self, DiscountCodeColumns};
use anyspend_store::list::{Compacted, ListId, Tuning};
use anyspend_testing::{App, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const HELPERS: &str = "/api/v1/test-helpers/checkout-sessions";

#[derive(Debug, Clone)]
struct Model {
    code: String,
    active: bool,
    percent: u64,
    uses: u64,
}

/// A merchant with a link whose payers type codes.
struct World {
    app: App,
    other: App,
    owner: Owner,
    link: Value,
    codes: BTreeMap<String, Model>,
    payers: u8,
}

impl World {
    async fn start() -> Self {
        let app = app().await;
        let owner = Owner { org: OrgId::generate(app.now()), mode: Mode::Test };
        app.organization(&owner.org, |_| {}).await;
        let link = create_link(&app.key(&owner, Permission::Admin).await, json!({})).await;
        let other = app.another_instance();
        Self { app, other, owner, link, codes: BTreeMap::new(), payers: 0 }
    }

    /// A client with a key that was not used yet: no rate limit is in the way.
    async fn client(&self) -> Client<'_> {
        self.app.key(&self.owner, Permission::Admin).await
    }

    fn list(&self) -> ListId {
        ListId::all::<DiscountCodeColumns>(&self.owner)
    }

    async fn compact(&self) -> Compacted {
        let (list, tuning) = (self.list(), Tuning::tiny());
        self.other.platform.db.compact_list::<DiscountCodeColumns>(&list, self.app.now(), &tuning).await.unwrap()
    }

    fn keep(&mut self, made: &Value, percent: u64) {
        let (code, active) = (made["code"].as_str().unwrap().to_owned(), made["active"] == true);
        let model = Model { code, active, percent, uses: 0 };
        self.codes.insert(made["id"].as_str().unwrap().to_owned(), model);
    }

    /// Something happens to the codes. Few texts, so that a code is often made again after it was deleted.
    async fn change(&mut self, dice: &mut Dice) {
        let known: Vec<String> = self.codes.keys().cloned().collect();
        let text = |dice: &mut Dice| format!("CODE{}", dice.roll(12));
        let percent = 1 + u64::try_from(dice.roll(50)).unwrap();
        match dice.roll(8) {
            0 | 1 if !known.is_empty() => {
                let (id, active) = (dice.pick(&known), dice.roll(2) == 0);
                let client = self.client().await;
                client.patch(&format!("{CODES}/{id}"), &json!({"active": active})).await.expect(200);
                self.codes.get_mut(&id).unwrap().active = active;
            }
            2 if !known.is_empty() => {
                let id = dice.pick(&known);
                let client = self.client().await;
                client.patch(&format!("{CODES}/{id}"), &json!({"value": percent})).await.expect(200);
                self.codes.get_mut(&id).unwrap().percent = percent;
            }
            3 if !known.is_empty() => {
                let id = dice.pick(&known);
                self.client().await.delete(&format!("{CODES}/{id}")).await.expect(200);
                self.codes.remove(&id);
            }
            4 if self.codes.values().any(|code| code.active) => {
                let active: Vec<String> = known.into_iter().filter(|id| self.codes[id].active).collect();
                let id = dice.pick(&active);
                self.payers += 1;
                let payer = self.app.anonymous(&format!("192.0.2.{}", self.payers));
                let sessions = format!("/api/v1/checkout/{}/sessions", self.link["short_code"].as_str().unwrap());
                let body = json!({"discount_code": self.codes[&id].code});
                let session = payer.post(&sessions, &body).await.expect(201);
                let pay = format!("{HELPERS}/{}/pay", session["id"].as_str().unwrap());
                self.client().await.post(&pay, &json!({})).await.expect(200);
                self.codes.get_mut(&id).unwrap().uses += 1;
            }
            5 => {
                let texts: Vec<String> = (0..3).map(|_| text(dice)).collect();
                let body = json!({"codes": texts, "type": "percentage", "value": percent});
                let made = self.client().await.post(&format!("{CODES}/batch"), &body).await.expect(201);
                for made in made["created"].as_array().unwrap() {
                    self.keep(made, percent);
                }
            }
            _ => {
                let (code, active) = (text(dice), dice.roll(3) > 0);
                let there = self.codes.values().any(|known| known.code == code);
                let body = json!({"code": code, "type": "percentage", "value": percent, "active": active});
                let reply = self.client().await.post(CODES, &body).await;
                if there {
                    reply.expect_error(409, "duplicate_resource");
                } else {
                    self.keep(&reply.expect(201), percent);
                }
            }
        }
    }

    /// Asks for a page of something, and sometimes walks through all of it.
    async fn check(&self, dice: &mut Dice) {
        let client = self.client().await;
        let active = dice.pick(&[None, Some(true), Some(false)]);
        let (descending, limit, page) = (dice.roll(2) == 0, 1 + dice.roll(5), 1 + dice.roll(3));
        let wanted = |code: &Model| active.is_none_or(|active| code.active == active);
        let mut all: Vec<&String> = self.codes.iter().filter(|(_, code)| wanted(code)).map(|(id, _)| id).collect();
        if descending {
            all.reverse();
        }
        let order = if descending { "desc" } else { "asc" };
        let active = active.map_or_else(String::new, |active| format!("&active={active}"));
        let path = format!("{CODES}?order={order}&limit={limit}{active}");
        let shown = compare(&client, &path, (page, limit), &all, dice.roll(4) == 0).await;
        for code in shown {
            let model = &self.codes[code["id"].as_str().unwrap()];
            assert_eq!((&code["code"], &code["active"]), (&json!(model.code), &json!(model.active)), "{path}");
            assert_eq!(code["value"], model.percent.to_string(), "{path}");
            assert_eq!(code["current_uses"], model.uses, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_codes_are_the_models_after_any_changes_uses_deletions_and_compactions() {
    for seed in 41..=43 {
        let mut world = World::start().await;
        let mut dice = Dice::new(seed);
        for _ in 0..20 {
            for _ in 0..dice.roll(8) {
                world.change(&mut dice).await;
            }
            match dice.roll(5) {
                0 => world.app.advance_seconds(u64::try_from(dice.roll(90)).unwrap()),
                1 => world.app.advance_seconds(61),
                2 | 3 => {
                    world.compact().await;
                }
                _ => {}
            }
            for _ in 0..5 {
                world.check(&mut dice).await;
            }
        }
        keeps_nothing_superfluous::<DiscountCodeColumns>(&world.app, &world.list()).await;
        for _ in 0..5 {
            world.check(&mut dice).await;
        }
    }
}

#[tokio::test]
async fn what_was_decided_on_a_code_that_is_gone_is_not_done_to_one_of_the_same_name() {
    let world = World::start().await;
    let (client, platform) = (world.client().await, &*world.app.platform);
    let body = json!({"code": "AGAIN", "type": "percentage", "value": 10});
    let made = client.post(CODES, &body).await.expect(201);
    let id = DiscountCodeId::parse(made["id"].as_str().unwrap()).unwrap();
    let gone = platform.db.find_discount_code_by_id(&id).await.unwrap().unwrap();
    client.delete(&format!("{CODES}/{id}")).await.expect(200);
    let again = client.post(CODES, &body).await.expect(201);
    let found = platform.db.find_discount_code(&world.owner, &gone.code).await.unwrap().unwrap().code;
    assert_eq!((found.version, found.id == gone.id), (gone.version, false), "another one, at the very same version");
    let mut off = gone.clone();
    off.update(DiscountCodePatch { active: Patch::Set(false), ..DiscountCodePatch::default() }, world.app.now())
        .unwrap();
    let update = discount_codes::update(&gone, &off).unwrap();
    for writes in [update, discount_codes::delete(&gone, world.app.now()).unwrap()] {
        platform.db.commit(writes).await.unwrap_err();
        let list = client.get(&format!("{CODES}?active=true")).await.expect(200);
        assert_eq!((&list["data"], &list["total_count"]), (&json!([again]), &json!(1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switches_and_deletions_of_one_code_at_the_same_moment_leave_the_list_as_the_record_is() {
    for round in 0..6 {
        let world = World::start().await;
        let client = world.client().await;
        let body = json!({"code": "BUSY", "type": "percentage", "value": 10});
        let made = client.post(CODES, &body).await.expect(201);
        let path = format!("{CODES}/{}", made["id"].as_str().unwrap());
        let switch = async |app: &App, active: bool| {
            let reply = client.through(app).patch(&path, &json!({"active": active})).await;
            assert!([200, 404].contains(&reply.status.as_u16()), "{}", reply.json());
        };
        let deletion = async {
            if round % 2 == 0 {
                client.delete(&path).await.expect(200);
            }
        };
        let compactions = async {
            for _ in 0..6 {
                world.compact().await;
            }
        };
        tokio::join!(
            switch(&world.app, false),
            switch(&world.other, true),
            switch(&world.app, false),
            deletion,
            compactions
        );
        let id = DiscountCodeId::parse(made["id"].as_str().unwrap()).unwrap();
        let found = world.app.platform.db.find_discount_code_by_id(&id).await.unwrap();
        assert_eq!(found.is_some(), round % 2 == 1);
        for _ in 0..2 {
            for (query, active) in [("", None), ("?active=true", Some(true)), ("?active=false", Some(false))] {
                let wanted = found.iter().filter(|code| active.is_none_or(|active| code.active == active)).count();
                assert_eq!(client.get(&format!("{CODES}{query}")).await.expect(200)["total_count"], wanted, "{query}");
            }
            world.compact().await;
        }
    }
}

#[tokio::test]
async fn a_page_of_codes_costs_the_same_however_many_there_are_whichever_are_wanted() {
    let mut first = None;
    for count in [1_000, 20_000_u64] {
        let world = World::start().await;
        let now = world.app.now();
        let codes = (0..count).map(|at| {
            let text = CodeText::parse(&format!("CODE-{at}")).unwrap();
            let made_at = now.minus_seconds(count - at);
            let id = DiscountCodeId::generate(made_at, &text.locator(&world.owner));
            let patch = DiscountCodePatch {
                reduction_type: Patch::Set(ReductionType::Percentage),
                value: Patch::Set("10".to_owned()),
                active: Patch::Set(!at.is_multiple_of(10)),
                ..DiscountCodePatch::default()
            };
            let code = DiscountCode::create(id, world.owner.clone(), text, patch, made_at).unwrap();
            (code.id.to_string(), DiscountCodeColumns::of(&code))
        });
        let (db, list, codes) = (&world.app.platform.db, world.list(), codes.collect());
        assert_eq!(db.load_list(&list, codes, now, &Tuning::default()).await.unwrap(), Compacted::Published);
        let mut costs = Vec::new();
        for (query, total) in
            [("", count), ("&page=25", count), ("&active=true&page=20", count / 10 * 9), ("&active=false", count / 10)]
        {
            let client = world.client().await;
            client.get(CODES).await.expect(200);
            let reply = client.get(&format!("{CODES}?limit=20{query}")).await;
            assert_eq!(reply.json()["total_count"], total, "{query}");
            costs.push(within(&format!("{count} codes, {query}"), &reply, 200, 3, 1.0, 30.0).rru);
        }
        let before: &Vec<f64> = first.get_or_insert_with(|| costs.clone());
        for (few, many) in before.iter().zip(&costs) {
            assert!(many <= &(few + 8.0), "{before:?} for 1,000, {costs:?} for {count}");
        }
    }
}
