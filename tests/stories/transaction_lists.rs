//! Lists of transactions agree with a naive model of them, whatever is paid, fails, is asked for or compacted meanwhile.

use crate::budgets::within;
use crate::lists::{Dice, compare};
use crate::transactions::{TRANSACTIONS, pay};
use crate::{LINKS, app, create_link, open_link_body};
use anyspend_domain::api_key::Permission;
use anyspend_domain::transaction::TransactionStatus;
use anyspend_domain::{Mode, OrgId, Owner, Timestamp, TransactionId};
use anyspend_store::list::{Compacted, ListId, Tuning};
use anyspend_store::transactions::TransactionColumns;
use anyspend_testing::{App, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SESSIONS: &str = "/api/v1/checkout-sessions";
const CHAINS: [u64; 2] = [8453, 1];

/// A merchant, and every transaction as the API first showed it.
struct World {
    app: App,
    owner: Owner,
    links: Vec<Value>,
    transactions: BTreeMap<String, (Value, Timestamp)>,
}

impl World {
    async fn start() -> Self {
        let app = app().await;
        let owner = Owner { org: OrgId::generate(app.now()), mode: Mode::Test };
        app.organization(&owner.org, |_| {}).await;
        Self { app, owner, links: Vec::new(), transactions: BTreeMap::new() }
    }

    /// A client with a key that was not used yet: no rate limit is in the way.
    async fn client(&self) -> Client<'_> {
        self.app.key(&self.owner, Permission::Admin).await
    }

    async fn compact(&self) {
        let list = ListId::all::<TransactionColumns>(&self.owner);
        self.app.platform.db.compact_list::<TransactionColumns>(&list, self.app.now(), &Tuning::tiny()).await.unwrap();
    }

    /// Something is paid, or comes to nothing.
    async fn change(&mut self, dice: &mut Dice) {
        let (app, now) = (&self.app, self.app.now());
        let client = app.key(&self.owner, Permission::Admin).await;
        if self.links.len() < 3 && dice.roll(4) == 0 {
            self.links.push(client.post(LINKS, &open_link_body(json!({}))).await.expect(201));
        }
        let mut body = json!({"amount": "5", "token_address": crate::USDC_ON_BASE, "chain_id": CHAINS[dice.roll(2)],
                              "recipient_address": crate::RECIPIENT});
        if dice.roll(3) > 0 && !self.links.is_empty() {
            body = json!({"amount": "5", "payment_link_id": self.links[dice.roll(self.links.len())]["id"]});
        }
        let session = client.post(SESSIONS, &body).await.expect(201);
        let id = session["id"].as_str().unwrap();
        let end = if dice.roll(4) == 0 { "fail" } else { "pay" };
        let wallet = format!("0x{:040x}", 1 + dice.roll(3));
        let body = if end == "pay" { json!({"payer_address": wallet}) } else { json!({}) };
        client.post(&format!("/api/v1/test-helpers/checkout-sessions/{id}/{end}"), &body).await.expect(200);
        let newest = client.get(&format!("{TRANSACTIONS}?limit=100&from={}", now.millis())).await.expect(200);
        for transaction in newest["data"].as_array().unwrap() {
            self.transactions.insert(transaction["id"].as_str().unwrap().to_owned(), (transaction.clone(), now));
        }
    }

    /// Asks for a page of something, and sometimes walks through all of it.
    async fn check(&self, dice: &mut Dice) {
        let client = self.client().await;
        let now = self.app.now();
        let past = |seconds: usize| now.minus_seconds(u64::try_from(seconds).unwrap());
        let customers: Vec<&Value> =
            self.transactions.values().map(|(one, _)| &one["customer_id"]).filter(|id| id.is_string()).collect();
        let status = Some(TransactionStatus::NAMES[dice.roll(4)]).filter(|_| dice.roll(2) > 0);
        let customer = (dice.roll(3) == 0 && !customers.is_empty()).then(|| customers[dice.roll(customers.len())]);
        let link =
            (dice.roll(3) == 0 && !self.links.is_empty()).then(|| &self.links[dice.roll(self.links.len())]["id"]);
        let chain = (dice.roll(3) == 0).then(|| CHAINS[dice.roll(2)]);
        let from = (dice.roll(3) == 0).then(|| past(dice.roll(600)));
        let to = (dice.roll(3) == 0).then(|| past(dice.roll(300)));
        let (descending, limit, page) = (dice.roll(2) == 0, 1 + dice.roll(8), 1 + dice.roll(3));
        let mut all: Vec<&String> = self
            .transactions
            .iter()
            .filter(|(_, (one, seen))| {
                status.is_none_or(|status| one["status"] == status)
                    && customer.is_none_or(|customer| one["customer_id"] == *customer)
                    && link.is_none_or(|link| one["payment_link_id"] == *link)
                    && chain.is_none_or(|chain| one["chain_id"] == chain)
                    && from.is_none_or(|from| *seen >= from)
                    && to.is_none_or(|to| *seen <= to)
            })
            .map(|(id, _)| id)
            .collect();
        if descending {
            all.reverse();
        }
        let mut query = format!("order={}&limit={limit}", if descending { "desc" } else { "asc" });
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={value}"));
            }
        };
        add("status", status.map(str::to_owned));
        add("payment_link_id", link.map(|link| link.as_str().unwrap().to_owned()));
        add("chain_id", chain.map(|chain| chain.to_string()));
        add("from", from.map(|from| from.millis().to_string()));
        add("to", to.map(|to| to.millis().to_string()));
        let path = match customer {
            Some(customer) if dice.roll(2) == 0 => {
                format!("/api/v1/customers/{}/transactions?{query}", customer.as_str().unwrap())
            }
            Some(customer) => format!("{TRANSACTIONS}?{query}&customer_id={}", customer.as_str().unwrap()),
            None => format!("{TRANSACTIONS}?{query}"),
        };
        let shown = compare(&client, &path, (page, limit), &all, dice.roll(4) == 0).await;
        for transaction in shown {
            assert_eq!(transaction, self.transactions[transaction["id"].as_str().unwrap()].0);
        }
        let stats = client.get(&format!("{TRANSACTIONS}/stats")).await.expect(200);
        for status in TransactionStatus::NAMES.iter().copied() {
            let count = self.transactions.values().filter(|(one, _)| one["status"] == status).count();
            assert_eq!(stats["status_breakdown"][status], count, "{status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_counts_of_transactions_are_the_models_however_they_are_narrowed() {
    for seed in 31..=33 {
        let mut world = World::start().await;
        let mut dice = Dice::new(seed);
        for _ in 0..20 {
            for _ in 0..dice.roll(5) {
                world.change(&mut dice).await;
            }
            match dice.roll(4) {
                0 => world.app.advance_seconds(61),
                1 => world.app.advance_seconds(1 + u64::try_from(dice.roll(30)).unwrap()),
                _ => world.compact().await,
            }
            for _ in 0..5 {
                world.check(&mut dice).await;
            }
        }
    }
}

#[tokio::test]
async fn a_page_of_transactions_costs_the_same_however_many_there_are_whatever_it_is_narrowed_to() {
    let mut first = None;
    for count in [1_000_u64, 20_000] {
        let world = World::start().await;
        let now = world.app.now();
        let client = world.client().await;
        pay(&client, &create_link(&client, json!({})).await, json!({})).await;
        let shown = client.get(TRANSACTIONS).await.expect(200)["data"][0].clone();
        let platform = &world.app.platform;
        let id = TransactionId::parse(shown["id"].as_str().unwrap()).unwrap();
        let pattern = platform.db.find_transaction(&id, &**platform).await.unwrap().unwrap();
        // Straight into the base: a tenth failed, half of the chain's own.
        let rows = (0..count).map(|at| {
            let mut transaction = pattern.clone();
            transaction.status = if at % 10 == 0 { TransactionStatus::Failed } else { TransactionStatus::Completed };
            transaction.chain_id = CHAINS[usize::from(at.is_multiple_of(2))];
            let id = TransactionId::generate(now.minus_seconds(count - at));
            (id.to_string(), TransactionColumns::of(&transaction))
        });
        let list = ListId::all::<TransactionColumns>(&world.owner);
        let loaded = platform.db.load_list(&list, rows.collect(), now, &Tuning::default()).await.unwrap();
        assert_eq!(loaded, Compacted::Published);
        let mut costs = Vec::new();
        let customer = format!("&customer_id={}", shown["customer_id"].as_str().unwrap());
        for query in [
            String::new(),
            format!("&page={}", count / 40),
            "&status=failed&page=3".to_owned(),
            format!("{customer}&page=4"),
            format!("{customer}&status=failed"),
            "&chain_id=1&status=completed&page=2".to_owned(),
            format!("&from={}&page=5", now.minus_seconds(count / 2).millis()),
        ] {
            let client = world.client().await;
            client.get(TRANSACTIONS).await.expect(200);
            let reply = client.get(&format!("{TRANSACTIONS}?limit=20{query}")).await;
            costs.push(within(&format!("{count} transactions, {query}"), &reply, 200, 3, 1.0, 35.0).rru);
        }
        let before: &Vec<f64> = first.get_or_insert_with(|| costs.clone());
        for (few, many) in before.iter().zip(&costs) {
            assert!(many <= &(few + 12.0), "{before:?} for 1,000, {costs:?} for {count}");
        }
        let client = world.client().await;
        client.get(TRANSACTIONS).await.expect(200);
        let stats = client.get(&format!("{TRANSACTIONS}/stats")).await;
        let linear = if count == 1_000 { 20.0 } else { 150.0 };
        within(&format!("stats of {count}"), &stats, 200, 3, 1.0, linear);
    }
}
