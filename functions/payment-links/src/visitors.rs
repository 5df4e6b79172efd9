//! `GET /payment-links/{id}/visitors`
//!
//! The day rows say how many visits each bucket had, so any page is found by adding up, and read from the few buckets it
//! lies in: what it costs does not depend on how many visitors there were.

use crate::counted;
use anyspend_api::list::{CURSOR, LIMIT, Order, PAGE, PageRequest, Start};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::query::{QueryKind, QueryParam, invalid_cursor};
use anyspend_api::versions::Time;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::VisitorId;
use anyspend_domain::api_key::Permission;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::statistics::{Day, FACTS_KEPT_SECONDS, TimeBucket, Visitor};
use anyspend_domain::text::UtmTag;
use anyspend_store::StoreError;
use anyspend_store::statistics::Progress;
use futures_util::future::try_join_all;
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Most days back that may be asked for; visits are kept for 90.
const MAX_DAYS: u64 = 365;

const QUERY: &[QueryParam] = &[
    QueryParam {
        name: "days",
        description: "Only visits of so many days, today (UTC) among them; by default all that are kept, 90 days.",
        kind: QueryKind::Whole(1, MAX_DAYS),
    },
    PAGE,
    LIMIT,
    CURSOR,
];

/// One visit to a link's page.
#[derive(Debug, Serialize, ToSchema)]
struct VisitorView {
    /// `vis_…`
    id: String,
    /// `visitor`
    #[schema(examples("visitor"))]
    object: &'static str,
    /// The link.
    payment_link_id: String,
    /// The country, where the deployment knows it.
    #[schema(examples("US"))]
    ip_country: Option<String>,
    /// The page before.
    referrer: Option<String>,
    /// The browser's name for itself.
    user_agent: Option<String>,
    /// The campaign's source.
    utm_source: Option<String>,
    /// The campaign's medium.
    utm_medium: Option<String>,
    /// The campaign.
    utm_campaign: Option<String>,
    /// Whether the visitor began to pay.
    started_session: bool,
    /// When the page was opened.
    visited_at: Time,
}

impl From<&Visitor> for VisitorView {
    fn from(visitor: &Visitor) -> Self {
        let tag = |tag: &Option<UtmTag>| tag.as_ref().map(|tag| tag.as_str().to_owned());
        Self {
            id: visitor.id.to_string(),
            object: VisitorId::OBJECT,
            payment_link_id: visitor.payment_link_id.to_string(),
            ip_country: visitor.ip_country.as_ref().map(|country| country.as_str().to_owned()),
            referrer: visitor.referrer.clone(),
            user_agent: visitor.user_agent.clone(),
            utm_source: tag(&visitor.attribution.source),
            utm_medium: tag(&visitor.attribution.medium),
            utm_campaign: tag(&visitor.attribution.campaign),
            started_session: visitor.started_session,
            visited_at: Time(visitor.visited_at()),
        }
    }
}

pub(crate) fn operation() -> Operation {
    Operation::list_of::<VisitorView>(
        "listPaymentLinkVisitors",
        crate::VISITORS,
        Access::Needs(Permission::Read),
        "List a payment link's visitors",
    )
    .described("Newest first. A visit is kept for 90 days; the visitor's IP address is never stored.")
    .query(QUERY)
    .beside(counted::find, visitors)
}

/// Part of a page: visits of one bucket.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    bucket: TimeBucket,
    /// Newer visits of the bucket that belong to an earlier page.
    skip: u64,
    take: u64,
}

async fn visitors(
    call: Arc<Call>,
    caller: Caller,
    (found, progress): (Option<PaymentLink>, Progress),
) -> Result<Answer, ApiError> {
    let link = caller.own(found, call.param("id"))?;
    let days = call.query().whole("days", 1..=MAX_DAYS)?;
    let request = PageRequest::read(&call, Order::Descending, &format!("{days:?}"))?;
    let oldest = oldest_kept(&call, days);
    let counted = counted::read(&call, &link, progress, oldest.day(), false).await?;
    // Visits per bucket, oldest first.
    let mut views: BTreeMap<TimeBucket, u64> = BTreeMap::new();
    for (day, counts) in &counted.ledger.counts.days {
        let buckets = day.buckets().map(|bucket| (bucket, counts.views_by_bucket.get(bucket)));
        views.extend(buckets.filter(|(_, count)| *count > 0));
    }
    for (bucket, gathered) in &counted.tail {
        *views.entry(*bucket).or_default() += gathered.tally.counts.views;
    }
    views.retain(|bucket, _| *bucket >= oldest);
    let total: u64 = views.values().sum();
    let limit = request.limit();
    let (parts, after, page) = match request.start() {
        Start::Row(skip) => (parts(&views, skip, limit), None, skip / limit + 1),
        Start::After(cursor) => {
            let (id, page) = read_cursor(cursor, &link).ok_or_else(invalid_cursor)?;
            let older: BTreeMap<_, _> = views.range(..TimeBucket::of(id.made_at())).map(|(b, n)| (*b, *n)).collect();
            // How many of the cursor's own bucket are older is not known: as if there were none.
            let mut wanted = vec![Part { bucket: TimeBucket::of(id.made_at()), skip: 0, take: limit + 1 }];
            wanted.extend(parts(&older, 0, limit + 1));
            (wanted, Some(id), page)
        }
    };
    let fresh = counted.covered;
    let reads = parts.iter().map(async |part| {
        let most = usize::try_from(part.skip.saturating_add(part.take)).unwrap_or(usize::MAX);
        let before = after.as_ref().filter(|id| TimeBucket::of(id.made_at()) == part.bucket);
        // What was counted long ago does not change any more, and may be read at half the price.
        let visits = call.db.visits(&link.id, part.bucket, before, most, Some(part.bucket) > fresh).await?;
        Ok::<_, StoreError>(visits.into_iter().skip(usize::try_from(part.skip).unwrap_or(usize::MAX)))
    });
    let mut rows: Vec<Visitor> = try_join_all(reads).await?.into_iter().flatten().collect();
    let more = match request.start() {
        Start::Row(skip) => skip.saturating_add(limit) < total,
        Start::After(_) => u64::try_from(rows.len()).is_ok_and(|found| found > limit),
    };
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|last| write_cursor(&last.id, page + 1));
    let page = request.found(rows, total, page, next.as_deref().map(str::as_bytes));
    let data = page.rows.iter().map(VisitorView::from).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}

/// The oldest bucket whose visits are shown.
fn oldest_kept(call: &Call, days: Option<u64>) -> TimeBucket {
    let asked = days.map(|days| Day::of(call.now).minus(days - 1).first_bucket());
    // All visits of a bucket expire at once, so many seconds after its end.
    let kept = TimeBucket::numbered(call.now.seconds().saturating_sub(FACTS_KEPT_SECONDS) / TimeBucket::SECONDS);
    asked.map_or(kept, |asked| asked.max(kept))
}

/// Where so many visits lie after skipping so many, newest first.
fn parts(views: &BTreeMap<TimeBucket, u64>, skip: u64, take: u64) -> Vec<Part> {
    let (mut skip, mut take) = (skip, take);
    let mut parts = Vec::new();
    for (bucket, count) in views.iter().rev() {
        if take == 0 {
            break;
        }
        if skip >= *count {
            skip -= count;
            continue;
        }
        let here = take.min(count - skip);
        parts.push(Part { bucket: *bucket, skip, take: here });
        (skip, take) = (0, take - here);
    }
    parts
}

/// A cursor names the last visit of its page and the number of the next.
fn write_cursor(last: &VisitorId, next_page: u64) -> String {
    format!("{last} {next_page}")
}

fn read_cursor(cursor: &str, link: &PaymentLink) -> Option<(VisitorId, u64)> {
    let (id, page) = cursor.split_once(' ')?;
    let id = VisitorId::parse(id).filter(|id| id.short_code() == link.id.short_code())?;
    Some((id, page.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_all_pages_are_all_visits_once() {
        let views: BTreeMap<TimeBucket, u64> =
            [(1, 3), (2, 7), (5, 1), (9, 40)].map(|(bucket, count)| (TimeBucket::numbered(bucket), count)).into();
        let mut seen: BTreeMap<TimeBucket, u64> = BTreeMap::new();
        for page in 0..8 {
            for part in parts(&views, page * 7, 7) {
                let before = seen.entry(part.bucket).or_default();
                assert_eq!(part.skip, *before, "{part:?}");
                *before += part.take;
            }
        }
        assert_eq!(seen, views);
        assert_eq!(parts(&views, 51, 7), []);
        assert_eq!(parts(&views, u64::MAX, 7), []);
    }
}
