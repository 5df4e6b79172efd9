//! `GET /analytics/overview`

use crate::stats;
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::versions::Addr;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::chain::{known_asset, known_chain};
use anyspend_domain::statistics::{Day, rate};
use anyspend_domain::transaction::TransactionStatus;
use anyspend_domain::{Address, Cents, Owner, PaymentLinkRef, Timestamp};
use anyspend_store::checkout_sessions::{SessionColumns, SessionFacet};
use anyspend_store::customers::{CustomerColumns, CustomerFacet};
use anyspend_store::list::{Columns, KeyRange, ListId, OpenList, Selection};
use anyspend_store::payment_links::{LinkColumns, LinkFacet};
use anyspend_store::transactions::TransactionColumns;
use futures_util::future::try_join_all;
use http::{Method, StatusCode};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// What `period` may be, and how many days of UTC each has, today among them.
const PERIODS: &[&str] = &["7d", "30d", "90d", "all"];
const DEFAULT_PERIOD: &str = "30d";
/// Most days of `daily`, where the period has no length of its own.
const MOST_DAYS: u64 = 365;
/// Most entries of each list of what sold best.
const TOP: usize = 5;

const QUERY: &[QueryParam] = &[QueryParam {
    name: "period",
    description: "The last 7, 30 or 90 days of UTC, today among them, or all time; 30 days by default.",
    kind: QueryKind::OneOf(PERIODS),
}];

/// How business goes.
#[derive(Debug, Serialize, ToSchema)]
struct OverviewView {
    /// `analytics_overview`
    #[schema(examples("analytics_overview"))]
    object: &'static str,
    /// `7d`, `30d`, `90d` or `all`
    period: &'static str,
    /// What has arrived.
    revenue: RevenueView,
    /// Who paid, or is known.
    customers: CustomersView,
    /// The links there are.
    payment_links: LinksView,
    /// Of the sessions opened in the period, the part that completed, with four places.
    #[schema(examples("0.2500"))]
    conversion_rate: String,
    /// Each day of the period, oldest first; of all time, the last 365 days at most.
    daily: Vec<DayView>,
    /// The links that earned most in the period.
    top_payment_links: Vec<TopLinkView>,
    /// The tokens most was paid in.
    top_tokens: Vec<TopTokenView>,
    /// The chains most was paid on.
    top_chains: Vec<TopChainView>,
}

/// Payments that have arrived for good, and their worth in US dollars where it is known.
#[derive(Debug, Serialize, ToSchema)]
struct RevenueView {
    /// In the period, with two places.
    period_usd: String,
    /// How many in the period.
    period_transactions: u64,
    /// Ever, with two places.
    all_time_usd: String,
    /// How many ever.
    all_time_transactions: u64,
}

/// Customers.
#[derive(Debug, Serialize, ToSchema)]
struct CustomersView {
    /// All there are.
    total: u64,
    /// Those first known in the period.
    new_in_period: u64,
}

/// Payment links.
#[derive(Debug, Serialize, ToSchema)]
struct LinksView {
    /// All there are.
    total: u64,
    /// Those that take payments now.
    active: u64,
}

/// A day of UTC.
#[derive(Debug, Serialize, ToSchema)]
struct DayView {
    /// `YYYY-MM-DD`
    date: String,
    /// Payments that have arrived.
    transactions: u64,
    /// Their worth, with two places.
    #[schema(value_type = f64)]
    revenue_usd: serde_json::Value,
}

/// A link that earned.
#[derive(Debug, Serialize, ToSchema)]
struct TopLinkView {
    /// `pl_…`
    payment_link_id: String,
    /// Its name; null when it was deleted.
    name: Option<String>,
    /// Payments of it.
    transactions: u64,
    /// Their worth, with two places.
    revenue_usd: String,
}

/// A token that was paid in.
#[derive(Debug, Serialize, ToSchema)]
struct TopTokenView {
    /// The token.
    token_address: Addr,
    /// Its chain.
    chain_id: u64,
    /// Its symbol, where it is known.
    symbol: Option<&'static str>,
    /// Payments in it.
    transactions: u64,
    /// Their worth, with two places.
    revenue_usd: String,
}

/// A chain that was paid on.
#[derive(Debug, Serialize, ToSchema)]
struct TopChainView {
    /// The chain.
    chain_id: u64,
    /// Its name, where it is known.
    name: Option<&'static str>,
    /// Payments on it.
    transactions: u64,
    /// Their worth, with two places.
    revenue_usd: String,
}

pub(crate) fn operation() -> Operation {
    Operation::new::<OverviewView>(
        "retrieveAnalyticsOverview",
        Method::GET,
        "/api/v1/analytics/overview",
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "See how business goes",
    )
    .described(
        "Of the caller's mode, exact at the moment of the answer. A payment belongs to the day it was first seen on; what it \
         is worth is known for tokens of known price.",
    )
    .query(QUERY)
    .of_owner(open, overview)
}

/// Payments that have arrived, and their worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Sum {
    worth: Cents,
    transactions: u64,
}

impl Sum {
    fn add(&mut self, transaction: &TransactionColumns) {
        self.transactions += 1;
        self.worth = self.worth.plus(transaction.worth.unwrap_or(Cents::ZERO));
    }
}

/// What the lists of an owner say.
struct Opened {
    transactions: OpenList<TransactionColumns>,
    /// Opened in the period, and those of them that completed.
    sessions: (u64, u64),
    /// All, and those first known in the period.
    customers: [u64; 2],
    /// All, and those that take payments now.
    links: (u64, u64),
}

fn period(call: &Call) -> Result<&'static str, ApiError> {
    let asked = call.query().one_of("period", PERIODS)?;
    Ok(PERIODS.iter().find(|known| Some(**known) == asked).unwrap_or(&DEFAULT_PERIOD))
}

/// The first day of a period; `None` of all time.
fn first_day(period: &str, now: Timestamp) -> Option<Day> {
    let days = period.strip_suffix('d')?.parse::<u64>().ok()?;
    Some(Day::of(now).minus(days.saturating_sub(1)))
}

fn start_of(day: Day) -> Option<Timestamp> {
    Timestamp::parse_filter(&day.date(), false).ok()
}

async fn open(shared: Arc<Call>, owner: Owner) -> Result<Opened, ApiError> {
    let call = &*shared;
    call.read_query()?;
    let from = first_day(period(call)?, call.now).and_then(start_of);
    let (transactions, sessions, completed, customers, links, active) = tokio::try_join!(
        Box::pin(stats::open(shared.clone(), owner.clone())),
        Box::pin(count::<SessionColumns, 1>(call, &owner, SessionFacet::All, [from])),
        Box::pin(count::<SessionColumns, 1>(call, &owner, SessionFacet::Completed, [from])),
        Box::pin(count::<CustomerColumns, 2>(call, &owner, CustomerFacet::All, [None, from])),
        Box::pin(count::<LinkColumns, 1>(call, &owner, LinkFacet::All, [None])),
        Box::pin(count::<LinkColumns, 1>(call, &owner, LinkFacet::Active, [None])),
    )?;
    Ok(Opened { transactions, sessions: (sessions[0], completed[0]), customers, links: (links[0], active[0]) })
}

/// How many objects of a kind and facet were made from each of some moments on.
async fn count<T: Columns, const N: usize>(
    call: &Call,
    owner: &Owner,
    facet: T::Facet,
    from: [Option<Timestamp>; N],
) -> Result<[u64; N], ApiError> {
    let select = |from| Selection { range: KeyRange::made::<T>(&[], from, None), limit: 0, ..Selection::of(facet) };
    let open = call.db.open_list::<T>(&ListId::all::<T>(owner), &select(None), call.now).await?;
    let mut counts = [0; N];
    for (count, from) in counts.iter_mut().zip(from) {
        *count = open.page(&call.db, &select(from)).await?.total;
    }
    Ok(counts)
}

/// What is added up of transactions.
#[derive(Debug, Default)]
struct Sums {
    all_time: Sum,
    period: Sum,
    by_day: BTreeMap<Day, Sum>,
    by_link: BTreeMap<String, Sum>,
    by_token: BTreeMap<(u64, [u8; 20]), Sum>,
    by_chain: BTreeMap<u64, Sum>,
}

impl Sums {
    fn add(&mut self, transaction: &TransactionColumns, day: Day, first: Option<Day>) {
        if transaction.status != TransactionStatus::Completed {
            return;
        }
        self.all_time.add(transaction);
        if first.is_some_and(|first| day < first) {
            return;
        }
        self.period.add(transaction);
        self.by_day.entry(day).or_default().add(transaction);
        if let Some(link) = transaction.payment_link_id() {
            self.by_link.entry(link).or_default().add(transaction);
        }
        self.by_token.entry((transaction.chain_id, transaction.token)).or_default().add(transaction);
        self.by_chain.entry(transaction.chain_id).or_default().add(transaction);
    }
}

/// What has most, most first; of equals, the first.
fn top<K: Ord>(sums: &BTreeMap<K, Sum>) -> Vec<(&K, &Sum)> {
    let mut all: Vec<_> = sums.iter().collect();
    all.sort_by(|(_, one), (_, other)| other.cmp(one));
    all.truncate(TOP);
    all
}

async fn overview(call: Arc<Call>, _: Caller, opened: Opened) -> Result<Answer, ApiError> {
    let period = period(&call)?;
    let (first, today) = (first_day(period, call.now), Day::of(call.now));
    let mut sums = Sums::default();
    let adding = opened.transactions.each(&call.db, |_, packed_id, transaction| {
        let seen = TransactionColumns::ID.made_at(packed_id).unwrap_or(call.now);
        sums.add(transaction, Day::of(seen), first);
        Ok(())
    });
    Box::pin(adding).await?;
    let top_links = top(&sums.by_link);
    let names = top_links.iter().map(|(link, _)| name_of(&call, link));
    let names = try_join_all(names).await?;
    let since = first.or_else(|| sums.by_day.keys().next().copied()).unwrap_or(today).max(today.minus(MOST_DAYS - 1));
    let days = std::iter::successors(Some(since), |day| Some(day.next())).take_while(|day| *day <= today);
    let view = OverviewView {
        object: "analytics_overview",
        period,
        revenue: RevenueView {
            period_usd: sums.period.worth.to_string(),
            period_transactions: sums.period.transactions,
            all_time_usd: sums.all_time.worth.to_string(),
            all_time_transactions: sums.all_time.transactions,
        },
        customers: CustomersView { total: opened.customers[0], new_in_period: opened.customers[1] },
        payment_links: LinksView { total: opened.links.0, active: opened.links.1 },
        conversion_rate: rate(opened.sessions.1, opened.sessions.0),
        daily: days
            .map(|day| {
                let sum = sums.by_day.get(&day).copied().unwrap_or_default();
                let revenue_usd = serde_json::from_str(&sum.worth.to_string()).unwrap_or_default();
                DayView { date: day.date(), transactions: sum.transactions, revenue_usd }
            })
            .collect(),
        top_payment_links: top_links
            .into_iter()
            .zip(names)
            .map(|((link, sum), name)| TopLinkView {
                payment_link_id: link.to_string(),
                name,
                transactions: sum.transactions,
                revenue_usd: sum.worth.to_string(),
            })
            .collect(),
        top_tokens: top(&sums.by_token)
            .into_iter()
            .map(|((chain_id, token), sum)| {
                let token = Address::from_bytes(*token);
                TopTokenView {
                    symbol: known_asset(&token, *chain_id).map(|asset| asset.symbol),
                    token_address: Addr(token),
                    chain_id: *chain_id,
                    transactions: sum.transactions,
                    revenue_usd: sum.worth.to_string(),
                }
            })
            .collect(),
        top_chains: top(&sums.by_chain)
            .into_iter()
            .map(|(chain_id, sum)| TopChainView {
                chain_id: *chain_id,
                name: known_chain(*chain_id).map(|chain| chain.name),
                transactions: sum.transactions,
                revenue_usd: sum.worth.to_string(),
            })
            .collect(),
    };
    call.answer(StatusCode::OK, &view)
}

async fn name_of(call: &Call, link: &str) -> Result<Option<String>, ApiError> {
    let Some(wanted) = PaymentLinkRef::parse(link) else { return Ok(None) };
    let found = call.db.find_payment_link(&wanted).await?;
    Ok(found.map(|link| link.terms.name.as_str().to_owned()))
}
