//! What lists of large catalogues cost: asserted for some thousands of links, and measured for as many as
//! `cargo xtask catalogue` is told to.

use crate::lists::Dice;
use crate::{LINKS, RECIPIENT, USDC_ON_BASE, app, create_link};
use anyspend_domain::api_key::Permission;
use anyspend_domain::chain::Chains;
use anyspend_domain::payment_link::{PaymentLink, Surroundings, TermsPatch};
use anyspend_domain::text::{Description, Name};
use anyspend_domain::{Address, Amount, Mode, OrgId, Owner, Patch, PaymentLinkId, ShortCode, Timestamp};
use anyspend_store::list::{Compacted, ListId, Tuning};
use anyspend_store::payment_links::{self, LinkColumns};
use anyspend_testing::{App, SeenCost};
use serde_json::json;

/// Links per page.
const PAGE: usize = 20;
/// Links whose rows are stored at once.
const LOADED: usize = 10_000;
/// Requests per key: fewer than it may send in a minute.
const REQUESTS: usize = 50;
/// Changes that wait for a compaction in the last questions; with more than 64 the list would be compacted.
const PENDING: usize = 60;
/// Read units of a page of the long list, apart from its rows; of a million it may be 25.
const MOST_RRU_OF_A_PAGE: f64 = 10.0;
/// Read units of a search of the long list: as for a list of a million, 6,200 for which are allowed.
const MOST_RRU_OF_A_SEARCH: f64 = 124.0;
/// How much more a page may cost in a list ten times as long: an entry in the directory for each further block.
const MOST_GROWTH: f64 = 1.2;
const DAY_SECONDS: u64 = 86_400;

const KINDS: &[&str] = &["Ticket", "Membership", "Course", "Donation", "Invoice", "Poster", "License", "Workshop"];
const QUALITIES: &[&str] = &["Early", "Premium", "Weekly", "Signed", "Annual", "Small", "Large", "Trial"];
const PLACES: &[&str] = &["Lisbon", "Nairobi", "Osaka", "Quito", "Tallinn", "Hanoi", "Bergen", "Austin"];
/// What descriptions are made of.
const WORDS: &[&str] = &[
    "valid",
    "for",
    "one",
    "person",
    "sent",
    "by",
    "mail",
    "within",
    "two",
    "days",
    "no",
    "refunds",
    "after",
    "first",
    "use",
    "includes",
    "lunch",
    "and",
    "a",
    "seat",
    "near",
    "the",
    "stage",
    "every",
    "month",
    "until",
    "cancelled",
    "with",
    "access",
    "to",
    "all",
    "rooms",
    "printed",
    "on",
    "heavy",
    "paper",
    "in",
    "blue",
    "or",
    "green",
    "please",
    "bring",
    "your",
    "own",
];
/// Words of a description.
const DESCRIPTION: usize = 8;

/// A question and what its answer costs.
struct Asked {
    what: String,
    cost: SeenCost,
    /// Objects shown.
    shown: usize,
    /// Whether they all changed so lately that their rows are read consistently.
    recent: bool,
}

impl Asked {
    /// Read units of the rows shown: the head and the terms of each link.
    fn rows_rru(&self) -> f64 {
        f64::from(u32::try_from(if self.recent { 2 * self.shown } else { self.shown }).unwrap())
    }

    /// Read units of the list itself.
    #[expect(clippy::float_arithmetic, reason = "units are shown as decimals")]
    fn list_rru(&self) -> f64 {
        self.cost.rru - self.rows_rru()
    }
}

/// A link to change into others.
fn pattern(owner: &Owner, now: Timestamp) -> PaymentLink {
    let patch = TermsPatch {
        name: Patch::Set(Name::parse("Pattern").unwrap()),
        amount: Patch::Set(Amount::parse("10000000").unwrap()),
        token_address: Patch::Set(Address::parse(USDC_ON_BASE).unwrap()),
        chain_id: Patch::Set(8453),
        recipient_address: Patch::Set(Address::parse(RECIPIENT).unwrap()),
        ..TermsPatch::default()
    };
    let around = Surroundings { now, chains: &Chains::default() };
    PaymentLink::create(PaymentLinkId::generate(now, &ShortCode::generate()), owner.clone(), patch, around).unwrap()
}

/// Fills an organization's list with links made over two years: of sixteen one is switched off, one has expired, one
/// will expire, and one is used up; every other one has a description.
async fn fill(app: &App, owner: &Owner, links: usize) {
    let now = app.now();
    let mut link = pattern(owner, now);
    let mut dice = Dice::new(u64::try_from(links).unwrap());
    let mut objects = Vec::with_capacity(links);
    let mut rows = Vec::with_capacity(3 * LOADED);
    for number in 0..links {
        let age = 1 + u64::try_from(links - number).unwrap() * 730 * DAY_SECONDS / u64::try_from(links).unwrap();
        link.created_at = Timestamp::from_millis(now.millis() - age * 1_000).unwrap();
        link.id = PaymentLinkId::generate(link.created_at, &ShortCode::generate());
        link.updated_at =
            link.created_at.plus_seconds(u64::try_from(dice.roll(usize::try_from(age).unwrap())).unwrap());
        let mut word = |from: &[&'static str]| from[dice.roll(from.len())];
        let name = format!("{} {} {} {number}", word(QUALITIES), word(KINDS), word(PLACES));
        link.terms.name = Name::parse(&name).unwrap();
        let description: Vec<_> = (0..DESCRIPTION).map(|_| word(WORDS)).collect();
        link.terms.description = (number % 2 == 0).then(|| Description::parse(&description.join(" ")).unwrap());
        link.uses = u64::try_from(dice.roll(40)).unwrap();
        let kind = dice.roll(16);
        link.terms.switched_on = kind != 0;
        let later = u64::try_from(dice.roll(1_000)).unwrap() * DAY_SECONDS / 4;
        link.terms.expires_at = match kind {
            1 => Some(link.created_at.plus_seconds(1)),
            2 => Some(now.plus_seconds(DAY_SECONDS + later)),
            _ => None,
        };
        link.terms.max_uses = (kind == 3).then_some(link.uses.max(1));
        rows.extend(payment_links::rows(&link).unwrap());
        objects.push((link.id.to_string(), LinkColumns::of(&link)));
        if rows.len() >= LOADED || number + 1 == links {
            app.load(std::mem::take(&mut rows));
        }
    }
    let list = ListId::all::<LinkColumns>(owner);
    let loaded = app.platform.db.load_list(&list, objects, now, &Tuning::default()).await.unwrap();
    assert_eq!(loaded, Compacted::Published);
}

/// Asks all there is to ask of a list of so many links.
async fn measure(links: usize) -> Vec<Asked> {
    let app = app().await;
    let owner = Owner { org: OrgId::generate(app.now()), mode: Mode::Test };
    app.organization(&owner.org, |_| {}).await;
    fill(&app, &owner, links).await;
    let middle = links.div_ceil(PAGE).div_ceil(2);
    let last = links.div_ceil(PAGE);
    let mut questions = vec![
        ("page 1".to_owned(), String::new()),
        ("middle page".to_owned(), format!("&page={middle}")),
        ("last page".to_owned(), format!("&page={last}")),
    ];
    for sort in ["created_at", "updated_at", "name", "uses"] {
        for order in ["desc", "asc"] {
            let query = format!("&sort={sort}&order={order}");
            questions.push((format!("by `{sort}` {order}, page 1"), query.clone()));
            questions.push((format!("by `{sort}` {order}, middle page"), format!("{query}&page={middle}")));
        }
    }
    for active in ["true", "false"] {
        // One in four or five takes no payments.
        let middle = if active == "true" { middle / 2 } else { middle / 8 + 1 };
        questions.push((format!("`active={active}`, page 1"), format!("&active={active}")));
        questions.push((format!("`active={active}`, page in its midst"), format!("&active={active}&page={middle}")));
    }
    questions.push(("search, found in 1 of 8".to_owned(), "&search=LISBON".to_owned()));
    questions.push(("search, found once".to_owned(), format!("&search=%20{}", links - 1)));

    let mut asked = ask(&app, &owner, &questions, links).await;
    let client = app.key(&owner, Permission::Write).await;
    for _ in 0..PENDING {
        create_link(&client, json!({})).await;
    }
    app.advance_seconds(1);
    let pending = |what: &str, query: String| (format!("{what}, {PENDING} changes pending"), query);
    let questions = [pending("page 1", String::new()), pending("middle page", format!("&page={middle}"))];
    asked.extend(ask(&app, &owner, &questions, links + PENDING).await);
    asked
}

/// Asks questions and, of each page that has a next one, that one by its cursor if the question is about page numbers.
async fn ask(app: &App, owner: &Owner, questions: &[(String, String)], links: usize) -> Vec<Asked> {
    let mut asked = Vec::new();
    for some in questions.chunks(REQUESTS / 2) {
        let client = app.key(owner, Permission::Read).await;
        // The first use of a key costs a round trip more, whatever it asks.
        client.get(&format!("{LINKS}?limit=1")).await.expect(200);
        for (what, query) in some {
            let path = format!("{LINKS}?limit={PAGE}{query}");
            let reply = client.get(&path).await;
            let list = reply.expect(200);
            let shown = list["data"].as_array().unwrap().len();
            if !query.contains("active") && !query.contains("search") {
                assert_eq!(list["total_count"], links, "{what}");
            }
            assert!(shown > 0, "{what}");
            let made_at = list["data"][0]["created_at"].as_str().map(|at| Timestamp::parse(at).unwrap());
            let recent = made_at.is_some_and(|made_at| made_at.plus_seconds(1) == app.now());
            asked.push(Asked { what: what.clone(), cost: reply.cost(), shown, recent });
            if let Some(cursor) = list["next_cursor"].as_str().filter(|_| what == "middle page") {
                let reply = client.get(&format!("{LINKS}?limit={PAGE}&cursor={cursor}")).await;
                let shown = reply.expect(200)["data"].as_array().unwrap().len();
                asked.push(Asked {
                    what: format!("after the {what}, by cursor"),
                    cost: reply.cost(),
                    shown,
                    recent: false,
                });
            }
        }
    }
    asked
}

#[tokio::test]
async fn a_page_costs_as_much_wherever_it_is_and_hardly_more_in_a_list_ten_times_as_long() {
    let [short, long] = [measure(2_000).await, measure(20_000).await];
    let first = long.iter().find(|asked| asked.what == "page 1").unwrap();
    for (short, long) in short.iter().zip(&long) {
        let (what, cost) = (&long.what, &long.cost);
        assert!(cost.depth <= 3 && cost.calls <= 5, "{what}: {cost:?}");
        if what.starts_with("search") {
            assert!(long.list_rru() <= MOST_RRU_OF_A_SEARCH, "{what}: {cost:?}");
            continue;
        }
        assert!(long.list_rru() <= MOST_RRU_OF_A_PAGE, "{what}: {cost:?}");
        assert!(cost.rru <= MOST_GROWTH * short.cost.rru, "{what}: {cost:?} after {:?}", short.cost);
        assert!(long.recent || cost.rru <= 2.0 * first.cost.rru, "{what}: {cost:?}, and page 1 {:?}", first.cost);
    }
}

#[tokio::test]
#[ignore = "minutes; `cargo xtask catalogue` runs it and prints a table"]
async fn the_costs_of_catalogues_of_the_sizes_asked_for() {
    let sizes: Vec<usize> = sizes_asked().split_whitespace().map(|size| size.parse().unwrap()).collect();
    let mut columns = Vec::new();
    for size in &sizes {
        columns.push(measure(*size).await);
        // So far: the largest may take minutes yet.
        print_table(&sizes, &columns);
    }
}

fn print_table(sizes: &[usize], columns: &[Vec<Asked>]) {
    let heads: Vec<_> = sizes.iter().zip(columns).map(|(size, _)| format!(" {size} links |")).collect();
    println!("\n| {PAGE} links a page |{}", heads.concat());
    println!("|---|{}", "---|".repeat(heads.len()));
    for (row, question) in columns[0].iter().enumerate() {
        let cells = columns.iter().map(|column| {
            let asked = &column[row];
            let SeenCost { calls, depth, .. } = asked.cost;
            format!(" {calls} calls, depth {depth}, {} + {} RRU |", asked.list_rru(), asked.rows_rru())
        });
        println!("| {} |{}", question.what, cells.collect::<String>());
    }
}

#[expect(clippy::disallowed_methods, reason = "a developer's switch, not a deployment's")]
fn sizes_asked() -> String {
    std::env::var("CATALOGUE").unwrap_or_else(|_| "1000".to_owned())
}
