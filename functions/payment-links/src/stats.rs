//! `GET /payment-links/{id}/stats`

use crate::counted::{self, Counted};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam};
use anyspend_api::versions::Time;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::statistics::{
    Breakdown, Counted as Receipt, Counts, Day, DayCounts, LinkCounts, VisitorHash, rate,
};
use anyspend_store::StoreError;
use anyspend_store::statistics::Progress;
use futures_util::future::try_join_all;
use http::{Method, StatusCode};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::ToSchema;

/// Most values shown of a dimension; the rest is `other`.
const SHOWN_VALUES: usize = 100;
/// Days shown unless another number is asked for.
const DEFAULT_DAYS: u64 = 30;
/// Most days shown.
const MAX_DAYS: u64 = 365;

const QUERY: &[QueryParam] = &[QueryParam {
    name: "days",
    description: "How many days `daily` has, today (UTC) among them; 30 by default. Everything else counts from the \
                  link's beginning.",
    kind: QueryKind::Whole(1, MAX_DAYS),
}];

/// How often each thing happened.
#[derive(Debug, Serialize, ToSchema)]
struct CountsView {
    /// Page views.
    views: u64,
    /// Sessions opened.
    sessions: u64,
    /// Payments completed.
    completed: u64,
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        Self { views: counts.views, sessions: counts.sessions, completed: counts.completed }
    }
}

/// The values of a dimension, largest first.
#[derive(Debug)]
struct ValuesView(Vec<(String, CountsView)>);

impl ValuesView {
    fn new(breakdown: &Breakdown) -> Self {
        let largest = breakdown.largest(SHOWN_VALUES).into_iter();
        Self(largest.map(|(value, counts)| (value, counts.into())).collect())
    }
}

impl Serialize for ValuesView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(value, counts)| (value, counts)))
    }
}

/// By which campaigns visitors came. The 100 largest values of each by views, and `other`.
#[derive(Debug, Serialize, ToSchema)]
struct UtmBreakdownView {
    /// `utm_source`; `direct` where there was none.
    #[schema(value_type = BTreeMap<String, CountsView>)]
    sources: ValuesView,
    /// `utm_medium`; `none` where there was none.
    #[schema(value_type = BTreeMap<String, CountsView>)]
    mediums: ValuesView,
    /// `utm_campaign`; `none` where there was none.
    #[schema(value_type = BTreeMap<String, CountsView>)]
    campaigns: ValuesView,
}

/// One day in UTC.
#[derive(Debug, Serialize, ToSchema)]
struct DailyView {
    /// The date.
    #[schema(examples("2026-02-27"))]
    date: String,
    /// Page views.
    views: u64,
    /// Visitors told apart by network and browser.
    unique_visitors: u64,
    /// Sessions opened.
    sessions: u64,
    /// Payments completed.
    completed: u64,
    /// What was paid, in the token's smallest unit.
    volume: String,
}

/// The link's numbers at a glance, from its beginning.
#[derive(Debug, Serialize, ToSchema)]
struct SummaryView {
    /// Page views.
    total_views: u64,
    /// Sessions opened.
    total_sessions: u64,
    /// Payments completed.
    total_completions: u64,
    /// Payments completed.
    lifetime_completions: u64,
    /// Sessions ÷ views, with four places.
    #[schema(value_type = f64)]
    view_to_session_rate: serde_json::Value,
    /// Completions ÷ sessions, with four places.
    #[schema(value_type = f64)]
    session_to_completion_rate: serde_json::Value,
    /// Completions ÷ views, with four places.
    #[schema(value_type = f64)]
    overall_conversion_rate: serde_json::Value,
}

/// A payment link's statistics.
#[derive(Debug, Serialize, ToSchema)]
struct PaymentLinkStatsView {
    /// `payment_link_stats`
    #[schema(examples("payment_link_stats"))]
    object: &'static str,
    /// The link.
    payment_link_id: String,
    /// Page views, from the link's beginning.
    views: u64,
    /// Sessions opened, from the link's beginning.
    sessions: u64,
    /// Payments completed, from the link's beginning.
    completed: u64,
    /// Completions ÷ sessions, with four places; 0 where there are no sessions.
    #[schema(value_type = f64)]
    conversion_rate: serde_json::Value,
    /// What was paid from the link's beginning, in the token's smallest unit.
    total_volume: String,
    /// By which campaigns visitors came.
    utm_breakdown: UtmBreakdownView,
    /// Day by day, oldest first.
    daily: Vec<DailyView>,
    /// The same numbers at a glance.
    summary: SummaryView,
    /// The moment at which the numbers are exact.
    as_of: Time,
}

pub(crate) fn operation() -> Operation {
    Operation::new::<PaymentLinkStatsView>(
        "retrievePaymentLinkStats",
        Method::GET,
        crate::STATS,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Retrieve a payment link's statistics",
    )
    .described(
        "Views, sessions, completed payments and volume, by campaign and by day. Each event counts exactly once, and at \
         `as_of` the numbers are those of a recount.",
    )
    .query(QUERY)
    .beside(counted::find, stats)
}

async fn stats(
    call: Arc<Call>,
    caller: Caller,
    (found, progress): (Option<PaymentLink>, Progress),
) -> Result<Answer, ApiError> {
    let link = caller.own(found, call.param("id"))?;
    let days = call.query().whole("days", 1..=MAX_DAYS)?.unwrap_or(DEFAULT_DAYS);
    let today = Day::of(call.now);
    let from = today.minus(days - 1);
    let counted = counted::read(&call, &link, progress, from, true).await?;
    let as_of = counted.as_of;
    let counts = with_tail(&call, &link, counted).await?;
    let totals = counts.totals.counts;
    let [sources, mediums, campaigns] = &counts.breakdowns;
    let daily = (0..days).rev().map(|ago| today.minus(ago));
    let view = PaymentLinkStatsView {
        object: "payment_link_stats",
        payment_link_id: link.id.to_string(),
        views: totals.views,
        sessions: totals.sessions,
        completed: totals.completed,
        conversion_rate: number(totals.completed, totals.sessions),
        total_volume: counts.totals.volume.to_string(),
        utm_breakdown: UtmBreakdownView {
            sources: ValuesView::new(sources),
            mediums: ValuesView::new(mediums),
            campaigns: ValuesView::new(campaigns),
        },
        daily: daily.map(|day| daily_view(day, counts.days.get(&day))).collect(),
        summary: SummaryView {
            total_views: totals.views,
            total_sessions: totals.sessions,
            total_completions: totals.completed,
            lifetime_completions: totals.completed,
            view_to_session_rate: number(totals.sessions, totals.views),
            session_to_completion_rate: number(totals.completed, totals.sessions),
            overall_conversion_rate: number(totals.completed, totals.views),
        },
        as_of: Time(as_of),
    };
    call.answer(StatusCode::OK, &view)
}

/// Adds the facts that the rows do not have yet.
async fn with_tail(call: &Call, link: &PaymentLink, counted: Counted) -> Result<LinkCounts, ApiError> {
    let mut counts = counted.ledger.counts;
    let mut visitors: BTreeMap<Day, BTreeSet<VisitorHash>> = BTreeMap::new();
    for (bucket, gathered) in counted.tail {
        counts.count(bucket, &gathered, &Receipt::default()).map_err(|error| ApiError::internal(error.to_string()))?;
        visitors.entry(bucket.day()).or_default().extend(gathered.visitors);
    }
    let code = link.id.short_code();
    let first_seen = visitors.iter().filter(|(_, visitors)| !visitors.is_empty()).map(async |(day, visitors)| {
        let seen = call.db.first_seen(&code, *day, visitors).await?;
        // Who was noted for a bucket that is being counted at this moment is not in the rows yet.
        let before =
            |visitor: &&VisitorHash| seen.get(visitor.as_str()).is_some_and(|bucket| Some(*bucket) <= counted.covered);
        let new = visitors.len() - visitors.iter().filter(before).count();
        Ok::<_, StoreError>((*day, u64::try_from(new).unwrap_or(u64::MAX)))
    });
    for (day, new) in try_join_all(first_seen).await? {
        let day = counts.days.entry(day).or_default();
        day.unique_visitors = day.unique_visitors.saturating_add(new);
    }
    Ok(counts)
}

fn daily_view(day: Day, counts: Option<&DayCounts>) -> DailyView {
    let tally = counts.map(|counts| counts.tally).unwrap_or_default();
    DailyView {
        date: day.date(),
        views: tally.counts.views,
        unique_visitors: counts.map_or(0, |counts| counts.unique_visitors),
        sessions: tally.counts.sessions,
        completed: tally.counts.completed,
        volume: tally.volume.to_string(),
    }
}

/// A rate as a JSON number.
fn number(part: u64, whole: u64) -> serde_json::Value {
    serde_json::from_str(&rate(part, whole)).unwrap_or_default()
}
