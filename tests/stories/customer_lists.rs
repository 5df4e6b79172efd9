//! Lists of customers agree with a naive model of them, whatever is recorded, changed, paid, erased or compacted meanwhile.

use crate::budgets::within;
use crate::customers::CUSTOMERS;
use crate::lists::{Dice, compare, ids, keeps_nothing_superfluous};
use crate::transactions::pay;
use crate::{app, create_link};
use anyspend_domain::api_key::Permission;
use anyspend_domain::customer::{Customer, CustomerPatch};
use anyspend_domain::pasted::fold_case;
use anyspend_domain::{Address, CustomerId, Mode, OrgId, Owner, Timestamp};
use anyspend_store::customers::{self, CustomerColumns};
use anyspend_store::list::{Compacted, ListId, Tuning};
use anyspend_testing::{App, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SORTS: &[&str] = &["created_at", "updated_at", "total_spent", "transaction_count"];
const NAMES: &[&str] = &["Zoë Straße", "Bob", "0xabcd", "Ann"];
const EMAILS: &[&str] = &["Zoe@Example.com", "bob@example.com", "ann@example.com"];

#[derive(Debug, Clone)]
struct Model {
    wallet: String,
    name: Option<String>,
    email: Option<String>,
    dollars: u64,
    payments: u64,
    made_at: Timestamp,
    updated_at: Timestamp,
}

impl Model {
    fn sort_key(&self, sort: &str) -> u64 {
        match sort {
            "updated_at" => self.updated_at.millis(),
            "total_spent" => self.dollars,
            "transaction_count" => self.payments,
            _ => 0,
        }
    }

    fn is_found(&self, search: &str) -> bool {
        let same = |text: &Option<String>| text.as_ref().is_some_and(|text| fold_case(text) == fold_case(search));
        let wallet = search.chars().count() >= 6 && self.wallet.starts_with(&search.to_ascii_lowercase());
        same(&self.name) || same(&self.email) || wallet
    }
}

/// A merchant with a link that is paid, seen through two instances.
struct World {
    app: App,
    other: App,
    owner: Owner,
    link: Value,
    customers: BTreeMap<String, Model>,
    /// Wallets that were seen, of customers who are there and of erased ones.
    wallets: Vec<String>,
}

impl World {
    async fn start() -> Self {
        let app = app().await;
        let owner = Owner { org: OrgId::generate(app.now()), mode: Mode::Test };
        app.organization(&owner.org, |_| {}).await;
        let link = create_link(&app.key(&owner, Permission::Admin).await, json!({})).await;
        let other = app.another_instance();
        Self { app, other, owner, link, customers: BTreeMap::new(), wallets: Vec::new() }
    }

    /// A client with a key that was not used yet: no rate limit is in the way.
    async fn client(&self) -> Client<'_> {
        self.app.key(&self.owner, Permission::Admin).await
    }

    fn list(&self) -> ListId {
        ListId::all::<CustomerColumns>(&self.owner)
    }

    async fn compact(&self) -> Compacted {
        let (list, tuning) = (self.list(), Tuning::tiny());
        self.other.platform.db.compact_list::<CustomerColumns>(&list, self.app.now(), &tuning).await.unwrap()
    }

    /// A wallet nobody has a record of; perhaps one of somebody who was erased.
    fn free_wallet(&mut self, dice: &mut Dice) -> String {
        let taken = |wallet: &String| self.customers.values().any(|customer| customer.wallet == *wallet);
        let free: Vec<String> = self.wallets.iter().filter(|wallet| !taken(wallet)).cloned().collect();
        if !free.is_empty() && dice.roll(2) == 0 {
            return dice.pick(&free);
        }
        let wallet = format!("0xab{:02x}{:04x}{}", dice.roll(3), self.wallets.len(), "cd".repeat(16));
        self.wallets.push(wallet.clone());
        wallet
    }

    /// Something happens to the customers.
    async fn change(&mut self, dice: &mut Dice) {
        let now = self.app.now();
        let known: Vec<String> = self.customers.keys().cloned().collect();
        let some = |dice: &mut Dice, texts: &[&str]| (dice.roll(3) > 0).then(|| dice.pick(texts).to_owned());
        match dice.roll(10) {
            0 | 1 if !known.is_empty() => {
                let id = dice.pick(&known);
                let (name, email) = (some(dice, NAMES), some(dice, EMAILS));
                let body = json!({"name": name, "email": email});
                self.client().await.patch(&format!("{CUSTOMERS}/{id}"), &body).await.expect(200);
                let model = self.customers.get_mut(&id).unwrap();
                (model.name, model.email, model.updated_at) = (name, email, now);
            }
            2 if !known.is_empty() => {
                let id = dice.pick(&known);
                self.client().await.delete(&format!("{CUSTOMERS}/{id}")).await.expect(200);
                self.customers.remove(&id);
            }
            3..=6 => {
                let wallet = if known.is_empty() || dice.roll(3) == 0 {
                    self.free_wallet(dice)
                } else {
                    self.customers[&dice.pick(&known)].wallet.clone()
                };
                let dollars = dice.pick(&[2, 3, 10, 1_000_000]);
                let body = json!({"payer_address": wallet, "amount": (dollars * 1_000_000).to_string()});
                let session = pay(&self.client().await, &self.link, body).await;
                let id = session["customer_id"].as_str().unwrap().to_owned();
                let (name, email, made_at) = (None, None, now);
                let new = Model { wallet, name, email, dollars: 0, payments: 0, made_at, updated_at: now };
                let model = self.customers.entry(id).or_insert(new);
                model.dollars += dollars;
                model.payments += 1;
                model.updated_at = now;
            }
            _ => {
                let wallet = self.free_wallet(dice);
                let (name, email) = (some(dice, NAMES), some(dice, EMAILS));
                let body = json!({"wallet_address": wallet, "name": name, "email": email});
                let made = self.client().await.post(CUSTOMERS, &body).await.expect(201);
                let model = Model { wallet, name, email, dollars: 0, payments: 0, made_at: now, updated_at: now };
                self.customers.insert(made["id"].as_str().unwrap().to_owned(), model);
            }
        }
    }

    fn search(&self, dice: &mut Dice) -> String {
        let wallet = if self.wallets.is_empty() { format!("0x{}", "ab".repeat(20)) } else { dice.pick(&self.wallets) };
        match dice.roll(9) {
            0 => dice
                .pick(&["zoë strasse", "BOB", "bo", "0xABCD", "ZOE@EXAMPLE.COM", "ann@example.com", "nobody"])
                .into(),
            1 => wallet.to_uppercase().replace("0X", dice.pick(&["0x", "0X"])),
            2 => wallet[..4 + dice.roll(8)].to_owned(),
            3 => format!("{wallet}0"),
            _ => String::new(),
        }
    }

    /// Asks for a page of something, sometimes walks through all of it, and sometimes has it exported.
    async fn check(&self, dice: &mut Dice) {
        let client = self.client().await;
        let (sort, search) = (dice.pick(SORTS), self.search(dice));
        let (descending, limit, page) = (dice.roll(2) == 0, 1 + dice.roll(8), 1 + dice.roll(4));
        let mut all: Vec<&String> =
            self.customers.keys().filter(|id| search.is_empty() || self.customers[*id].is_found(&search)).collect();
        all.sort_by_key(|id| (self.customers[*id].sort_key(sort), *id));
        if descending {
            all.reverse();
        }
        let sent: String = search.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let order = if descending { "desc" } else { "asc" };
        let path = format!("{CUSTOMERS}?sort={sort}&order={order}&limit={limit}&search={sent}");
        let shown = compare(&client, &path, (page, limit), &all, dice.roll(4) == 0).await;
        for customer in shown {
            let model = &self.customers[customer["id"].as_str().unwrap()];
            assert_eq!((&customer["name"], &customer["email"]), (&json!(model.name), &json!(model.email)), "{path}");
            assert_eq!(customer["total_spent"], format!("{}.00", model.dollars), "{path}");
            assert_eq!(customer["transaction_count"], model.payments, "{path}");
        }
        if dice.roll(4) == 0 {
            self.check_export(&client, dice).await;
        }
    }

    async fn check_export(&self, client: &Client<'_>, dice: &mut Dice) {
        let past = |seconds: usize| self.app.now().minus_seconds(u64::try_from(seconds).unwrap());
        let from = (dice.roll(2) == 0).then(|| past(dice.roll(2_000)));
        let to = (dice.roll(2) == 0).then(|| past(dice.roll(1_000)));
        let of_span =
            |model: &Model| from.is_none_or(|from| model.made_at >= from) && to.is_none_or(|to| model.made_at <= to);
        let wanted: Vec<&String> =
            self.customers.iter().filter(|(_, model)| of_span(model)).map(|(id, _)| id).rev().collect();
        let moment = |name: &str, moment: Option<Timestamp>| {
            moment.map_or_else(String::new, |moment| format!("&{name}={}", moment.millis()))
        };
        let path = format!("{CUSTOMERS}/export?format=json{}{}", moment("from", from), moment("to", to));
        let export = client.get(&path).await.expect(200);
        assert_eq!(ids(&export).iter().collect::<Vec<_>>(), wanted, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_customers_are_the_models_after_any_changes_payments_erasures_and_compactions() {
    for seed in 31..=33 {
        let mut world = World::start().await;
        let mut dice = Dice::new(seed);
        for _ in 0..20 {
            for _ in 0..dice.roll(8) {
                world.change(&mut dice).await;
            }
            match dice.roll(6) {
                0 => world.app.advance_seconds(u64::try_from(dice.roll(90)).unwrap()),
                1 => world.app.advance_seconds(61),
                2..=4 => {
                    world.compact().await;
                }
                _ => {}
            }
            for _ in 0..5 {
                world.check(&mut dice).await;
            }
        }
        keeps_nothing_superfluous::<CustomerColumns>(&world.app, &world.list()).await;
        for _ in 0..5 {
            world.check(&mut dice).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_meets_payments_and_changes_leaves_the_list_as_the_records_are() {
    for round in 0..6_u32 {
        let world = World::start().await;
        let (client, db) = (world.client().await, &world.app.platform.db);
        let wallet = format!("0x{round:08x}{}", "ab".repeat(16));
        let body = json!({"wallet_address": wallet, "name": "Zoe"});
        let made = client.post(CUSTOMERS, &body).await.expect(201);
        let path = format!("{CUSTOMERS}/{}", made["id"].as_str().unwrap());
        let payment = async |app: &App| {
            let client = client.through(app);
            pay(&client, &world.link, json!({"payer_address": wallet})).await;
        };
        let change = async |n: u32| {
            let reply = client.patch(&path, &json!({"metadata": {format!("k{n}"): "v"}})).await;
            assert!([200, 404].contains(&reply.status.as_u16()), "{}", reply.json());
        };
        let erasure = async |app: &App| client.through(app).delete(&path).await.status.as_u16();
        let compactions = async {
            for _ in 0..10 {
                world.compact().await;
            }
        };
        let (_, _, (), (), one, other, ()) = tokio::join!(
            payment(&world.app),
            payment(&world.other),
            change(1),
            change(2),
            erasure(&world.app),
            erasure(&world.other),
            compactions
        );
        let mut statuses = [one, other];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 404], "one of two erasures erases");
        // Who paid after being erased is a new customer.
        let address = Address::parse(&wallet).unwrap();
        let found = db.find_customer_by_wallet(&world.owner, &address, &*world.app.platform).await.unwrap();
        let expected: Vec<String> = found.iter().map(|customer| customer.id.to_string()).collect();
        assert!(!expected.contains(&made["id"].as_str().unwrap().to_owned()));
        for _ in 0..2 {
            for query in ["", "?sort=transaction_count", "?sort=total_spent", &format!("?search={wallet}")] {
                let list = client.get(&format!("{CUSTOMERS}{query}")).await.expect(200);
                assert_eq!((ids(&list), &list["total_count"]), (expected.clone(), &json!(expected.len())), "{query}");
                for (shown, kept) in list["data"].as_array().unwrap().iter().zip(&found) {
                    assert_eq!(shown["transaction_count"], kept.transaction_count);
                }
            }
            world.compact().await;
        }
    }
}

#[tokio::test]
async fn an_erasure_decided_before_a_payment_is_decided_anew() {
    let world = World::start().await;
    let (client, platform) = (world.client().await, &*world.app.platform);
    let wallet = format!("0x{}", "ab".repeat(20));
    let made = client.post(CUSTOMERS, &json!({"wallet_address": wallet})).await.expect(201);
    let id = CustomerId::parse(made["id"].as_str().unwrap()).unwrap();
    let before: Customer = platform.db.find_customer(&id, platform).await.unwrap().unwrap();
    pay(&client, &world.link, json!({"payer_address": wallet})).await;
    let stale = customers::erase(&before, platform, world.app.now()).unwrap();
    platform.db.commit(stale).await.unwrap_err();
    let list = client.get(&format!("{CUSTOMERS}?sort=transaction_count")).await.expect(200);
    assert_eq!((&list["total_count"], &list["data"][0]["transaction_count"]), (&json!(1), &json!(1)));
    client.delete(&format!("{CUSTOMERS}/{id}")).await.expect(200);
    assert_eq!(client.get(CUSTOMERS).await.expect(200)["total_count"], 0);
}

#[tokio::test]
async fn a_page_of_customers_costs_the_same_however_many_there_are_whatever_it_is_sorted_by() {
    let mut first = None;
    for count in [1_000, 20_000_u64] {
        let world = World::start().await;
        let (platform, now) = (&*world.app.platform, world.app.now());
        let columns = (0..count).map(|at| {
            let mut wallet = [0xab; 20];
            wallet[..8].copy_from_slice(&at.to_be_bytes());
            let wallet = Address::from_bytes(wallet);
            let made_at = now.minus_seconds(count - at);
            let id = CustomerId::generate(made_at, &customers::locator(&world.owner, &wallet));
            let patch = CustomerPatch::default();
            let mut customer = Customer::create(id, world.owner.clone(), wallet, patch, made_at).unwrap();
            for _ in 0..at % 7 {
                customer.count_payment(None, (None, None), made_at.plus_millis(at % 13));
            }
            (customer.id.to_string(), CustomerColumns::of(&customer, platform).unwrap())
        });
        let loaded = platform.db.load_list(&world.list(), columns.collect(), now, &Tuning::default()).await.unwrap();
        assert_eq!(loaded, Compacted::Published);
        let mut costs = Vec::new();
        for query in ["", "&page=20", "&sort=updated_at&page=3", "&sort=total_spent&page=25", "&sort=transaction_count"]
        {
            let client = world.client().await;
            client.get(CUSTOMERS).await.expect(200);
            let reply = client.get(&format!("{CUSTOMERS}?limit=20{query}")).await;
            assert_eq!(reply.json()["total_count"], count, "{query}");
            costs.push(within(&format!("{count} customers, {query}"), &reply, 200, 3, 1.0, 30.0).rru);
        }
        // A search looks at everybody, squeezed: some 35 bytes each here, where wallets are alike, and at most 90.
        let reply = world.client().await.get(&format!("{CUSTOMERS}?search=nobody@example.com")).await;
        assert_eq!(reply.json()["total_count"], 0);
        let all = if count == 1_000 { 8.0 } else { 90.0 };
        within(&format!("a search of {count} customers"), &reply, 200, 3, 1.0, all);
        let before: &Vec<f64> = first.get_or_insert_with(|| costs.clone());
        for (few, many) in before.iter().zip(&costs) {
            assert!(many <= &(few + 8.0), "{before:?} for 1,000, {costs:?} for {count}");
        }
    }
}
