//! `/analytics/overview`

use crate::budgets::within;
use crate::lists::Dice;
use crate::{LINKS, RECIPIENT, USDC_ON_BASE, app, create_link, open_link_body, path_of};
use anyspend_domain::Timestamp;
use anyspend_domain::api_key::Permission;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const OVERVIEW: &str = "/api/v1/analytics/overview";
const SESSIONS: &str = "/api/v1/checkout-sessions";
const USDT_ON_ETHEREUM: &str = "0xdAC17F958D2ee523a2206206994597C13D831ec7";
const NATIVE: &str = "0x0000000000000000000000000000000000000000";
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// A payment that arrived, as the model knows it.
struct Paid {
    at: Timestamp,
    cents: u64,
    link: Option<String>,
    token: &'static str,
    chain: u64,
}

fn dollars(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// What a group of payments came to: most first, and of equals the first.
fn top<K: Ord + Clone>(paid: &[&Paid], key: impl Fn(&Paid) -> Option<K>) -> Vec<(K, u64, u64)> {
    let mut sums: BTreeMap<K, (u64, u64)> = BTreeMap::new();
    for one in paid {
        if let Some(key) = key(one) {
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + one.cents, sum.1 + 1);
        }
    }
    let mut all: Vec<_> = sums.into_iter().map(|(key, (cents, count))| (key, cents, count)).collect();
    all.sort_by_key(|(_, cents, count)| std::cmp::Reverse((*cents, *count)));
    all.truncate(5);
    all
}

#[tokio::test]
async fn the_overview_is_what_a_naive_sum_of_all_payments_says_in_every_period() {
    let app = app().await;
    let owner = app.admin().await.owner;
    let client = async || app.key(&owner, Permission::Admin).await;
    let mut dice = Dice::new(41);
    let mut links = Vec::new();
    for n in 0..3 {
        let body = open_link_body(json!({"name": format!("Link {n}")}));
        links.push(client().await.post(LINKS, &body).await.expect(201));
    }
    let (mut paid, mut opened, mut customers) = (Vec::new(), Vec::new(), BTreeMap::new());
    for _ in 0..60 {
        app.advance_seconds(u64::try_from(dice.roll(2 * 24 * 60 * 60)).unwrap());
        let client = client().await;
        let link = (dice.roll(3) > 0).then(|| links[dice.roll(links.len())].clone());
        let (token, chain, units) = match &link {
            Some(_) => (USDC_ON_BASE, 8453, 10_000),
            None => [(USDC_ON_BASE, 8453, 10_000), (USDT_ON_ETHEREUM, 1, 10_000), (NATIVE, 1, 0)][dice.roll(3)],
        };
        let cents = 1 + u64::try_from(dice.roll(5_000)).unwrap();
        let amount = (cents * 10_000).to_string();
        let mut body = json!({"amount": amount});
        match &link {
            Some(link) => body["payment_link_id"] = link["id"].clone(),
            None => {
                body["token_address"] = json!(token);
                body["chain_id"] = json!(chain);
                body["recipient_address"] = json!(RECIPIENT);
            }
        }
        let session = client.post(SESSIONS, &body).await.expect(201);
        let helper = format!("/api/v1/test-helpers/checkout-sessions/{}", session["id"].as_str().unwrap());
        let completes = match dice.roll(4) {
            0 => {
                client.post(&format!("{helper}/fail"), &json!({})).await.expect(200);
                false
            }
            1 => false,
            _ => {
                let wallet = format!("0x{:040x}", 1 + dice.roll(9));
                client.post(&format!("{helper}/pay"), &json!({"payer_address": wallet})).await.expect(200);
                customers.entry(wallet).or_insert(app.now());
                let link = link.map(|link| link["id"].as_str().unwrap().to_owned());
                paid.push(Paid { at: app.now(), cents: if units > 0 { cents } else { 0 }, link, token, chain });
                true
            }
        };
        opened.push((app.now(), completes));
    }
    // A link that is gone keeps its place, without a name.
    client().await.delete(&path_of(&links[0])).await.expect(200);
    for (period, days) in [("7d", Some(7)), ("30d", Some(30)), ("90d", Some(90)), ("all", None)] {
        let overview = client().await.get(&format!("{OVERVIEW}?period={period}")).await.expect(200);
        let midnight = Timestamp::parse_filter(&app.now().to_iso8601()[..10], false).unwrap();
        let from =
            days.map_or(Timestamp::from_millis(0).unwrap(), |days| midnight.minus_seconds((days - 1) * DAY_SECONDS));
        let within: Vec<&Paid> = paid.iter().filter(|one| one.at >= from).collect();
        let sum = |all: &[&Paid]| dollars(all.iter().map(|one| one.cents).sum());
        assert_eq!((&overview["object"], &overview["period"]), (&json!("analytics_overview"), &json!(period)));
        let revenue = json!({
            "period_usd": sum(&within), "period_transactions": within.len(),
            "all_time_usd": sum(&paid.iter().collect::<Vec<_>>()), "all_time_transactions": paid.len(),
        });
        assert_eq!(overview["revenue"], revenue, "{period}");
        let new = customers.values().filter(|first| **first >= from).count();
        assert_eq!(overview["customers"], json!({"total": customers.len(), "new_in_period": new}), "{period}");
        assert_eq!(overview["payment_links"], json!({"total": 2, "active": 2}));
        let sessions: Vec<_> = opened.iter().filter(|(at, _)| *at >= from).collect();
        let completed = sessions.iter().filter(|(_, completes)| *completes).count();
        let rate = (completed * 10_000 * 2 + sessions.len()) / (sessions.len() * 2);
        assert_eq!(overview["conversion_rate"], format!("{}.{:04}", rate / 10_000, rate % 10_000), "{period}");
        let daily = overview["daily"].as_array().unwrap();
        assert!(days.is_none_or(|days| daily.len() == usize::try_from(days).unwrap()), "{}", daily.len());
        assert_eq!(daily.last().unwrap()["date"], app.now().to_iso8601()[..10]);
        for day in daily {
            let of_day: Vec<&Paid> =
                within.iter().filter(|one| day["date"] == one.at.to_iso8601()[..10]).copied().collect();
            assert_eq!(day["transactions"], of_day.len());
            assert_eq!(
                day["revenue_usd"].as_f64().unwrap().to_string(),
                sum(&of_day).parse::<f64>().unwrap().to_string()
            );
        }
        let counted: u64 = daily.iter().map(|day| day["transactions"].as_u64().unwrap()).sum();
        assert_eq!(counted, u64::try_from(within.len()).unwrap(), "{period}");
        let tops: Vec<Value> = top(&within, |one| one.link.clone())
            .into_iter()
            .map(|(id, cents, count)| {
                let link = links.iter().skip(1).find(|link| link["id"] == id);
                let name = link.map_or(Value::Null, |link| link["name"].clone());
                json!({"payment_link_id": id, "name": name, "transactions": count, "revenue_usd": dollars(cents)})
            })
            .collect();
        assert_eq!(overview["top_payment_links"], json!(tops), "{period}");
        let tokens = top(&within, |one| Some((one.chain, one.token.to_lowercase())));
        for ((chain, token), shown) in
            tokens.iter().map(|(key, ..)| key).zip(overview["top_tokens"].as_array().unwrap())
        {
            assert_eq!(shown["token_address"].as_str().unwrap().to_lowercase(), *token);
            let symbol = [(USDC_ON_BASE, "USDC"), (USDT_ON_ETHEREUM, "USDT"), (NATIVE, "ETH")];
            let symbol = symbol.iter().find(|(address, _)| address.to_lowercase() == *token).unwrap().1;
            assert_eq!((&shown["chain_id"], &shown["symbol"]), (&json!(chain), &json!(symbol)));
        }
        assert_eq!(overview["top_tokens"].as_array().unwrap().len(), tokens.len());
        let chains: Vec<Value> = top(&within, |one| Some(one.chain))
            .into_iter()
            .map(|(chain, cents, count)| {
                let name = if chain == 1 { "Ethereum" } else { "Base" };
                json!({"chain_id": chain, "name": name, "transactions": count, "revenue_usd": dollars(cents)})
            })
            .collect();
        assert_eq!(overview["top_chains"], json!(chains), "{period}");
    }
}

#[tokio::test]
async fn an_overview_of_nothing_is_all_zeros_and_knows_its_periods() {
    let app = app().await;
    let other = app.admin().await;
    create_link(&other, json!({})).await;
    let client = app.admin().await;
    let overview = client.get(OVERVIEW).await.expect(200);
    assert_eq!((&overview["period"], &overview["conversion_rate"]), (&json!("30d"), &json!("0.0000")));
    assert_eq!(
        overview["payment_links"],
        json!({"total": 0, "active": 0}),
        "another organization's links are not ours"
    );
    assert_eq!(overview["daily"].as_array().unwrap().len(), 30);
    assert_eq!(overview["daily"][29], json!({"date": "2026-02-27", "transactions": 0, "revenue_usd": 0.0}));
    let all = client.get(&format!("{OVERVIEW}?period=all")).await.expect(200);
    assert_eq!(all["daily"].as_array().unwrap().len(), 1, "today");
    let error = client.get(&format!("{OVERVIEW}?period=1d")).await.expect_error(400, "invalid_field_value");
    assert_eq!(error["param"], "period");
    let reply = client.get(OVERVIEW).await;
    within("overview", &reply, 200, 1, 1.0, 14.0);
}
