//! The audit trail: one event per change, in the change's own transaction.

use crate::Write;
use crate::audit_days::{DAY_MILLIS, DAYS_AT_ONCE, SettledDays};
use crate::db::{Db, StoreError, read, row, string};
use crate::schema::{self, Key, audit_partition};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::{EventId, Owner, RequestId, Timestamp};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize, Serializer};

/// How long an event is kept.
pub const KEPT_SECONDS: u64 = 90 * 24 * 60 * 60;
/// Events that one read of a page looks at.
const READ_AT_ONCE: i32 = 200;

/// Who did what, when and by which request.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEvent {
    /// `evt_…`
    pub id: EventId,
    /// What happened.
    #[serde(serialize_with = "by_name")]
    pub event_type: AuditEventType,
    /// The object that changed.
    pub resource_id: String,
    /// `api_key`, `session` or `anonymous`.
    pub actor_type: &'static str,
    /// The credential's public id.
    pub actor_id: String,
    /// Where a request with a credential came from. Without one it came from a payer, whose address is kept nowhere.
    pub ip_address: Option<String>,
    /// A keyed hash of the network a payer's request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_hash: Option<String>,
    /// The country a payer's request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_country: Option<String>,
    /// The request's method.
    pub request_method: String,
    /// The request's path.
    pub request_path: String,
    /// The request.
    pub request_id: RequestId,
    /// What it was answered with.
    pub status_code: u16,
    /// When.
    pub created_at: Timestamp,
}

impl AuditEvent {
    /// What a job did by itself, without a request: `actor` is its kind and name, `run` names the run.
    pub fn by_job(
        event_type: AuditEventType,
        resource_id: &str,
        (actor_type, actor_id): (&'static str, &str),
        run: &RequestId,
        now: Timestamp,
    ) -> Self {
        Self {
            id: EventId::generate(now),
            event_type,
            resource_id: resource_id.to_owned(),
            actor_type,
            actor_id: actor_id.to_owned(),
            ip_address: None,
            ip_hash: None,
            ip_country: None,
            request_method: String::new(),
            request_path: String::new(),
            request_id: run.clone(),
            status_code: 0,
            created_at: now,
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    event: &'a AuditEvent,
    resource_type: &'static str,
    ttl: u64,
}

fn by_name<S: Serializer>(event_type: &AuditEventType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(event_type.as_str())
}

/// The write that records an event.
pub fn record(owner: &Owner, event: &AuditEvent) -> Result<Write, StoreError> {
    let ttl = event.created_at.plus_seconds(KEPT_SECONDS).seconds();
    Ok(Write::put(row(
        &Key::audit(owner, event.created_at, &event.id),
        &Row { event, resource_type: event.event_type.resource_type(), ttl },
    )?))
}

/// An event as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedEvent {
    /// `evt_…`
    pub id: EventId,
    /// E.g. `payment_link.created`.
    pub event_type: String,
    /// E.g. `payment_link`.
    pub resource_type: String,
    /// The object that changed.
    pub resource_id: String,
    /// What kind of credential, or `anonymous`, or which job.
    pub actor_type: String,
    /// The credential's public id.
    pub actor_id: String,
    /// Where a request with a credential came from; earlier versions kept it of payers, too.
    pub ip_address: Option<String>,
    /// A keyed hash of the network a payer's request came from.
    #[serde(default)]
    pub ip_hash: Option<String>,
    /// The country a payer's request came from.
    #[serde(default)]
    pub ip_country: Option<String>,
    /// The request's method.
    pub request_method: String,
    /// The request's path.
    pub request_path: String,
    /// The request.
    pub request_id: String,
    /// What it was answered with.
    pub status_code: u16,
    /// When.
    pub created_at: Timestamp,
}

/// Which events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailFilter {
    /// Only of this type.
    pub event_type: Option<String>,
    /// Only about objects of this type.
    pub resource_type: Option<String>,
    /// Only about this object.
    pub resource_id: Option<String>,
    /// Only those of this moment or later.
    pub from: Option<Timestamp>,
    /// Only those of this moment or earlier.
    pub to: Option<Timestamp>,
}

/// Where a page of the trail begins, the newest event being the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrailStart {
    /// After so many events.
    Skip(u64),
    /// After this event.
    After(EventId),
}

/// A page of the trail.
#[derive(Debug, PartialEq, Eq)]
pub struct TrailPage {
    /// Its events, newest first.
    pub events: Vec<RecordedEvent>,
    /// Events in the whole list.
    pub total: u64,
    /// Events before the page.
    pub skipped: u64,
}

/// One day's part of a list: its partition, and between which sort keys.
#[derive(Debug, Clone)]
pub(crate) struct Day {
    pub(crate) partition: String,
    /// Days since 1970.
    pub(crate) number: u64,
    pub(crate) first: String,
    pub(crate) last: String,
    /// Whether the list reaches over the whole of it.
    pub(crate) is_whole: bool,
    /// Whether events may just have been added.
    pub(crate) is_today: bool,
}

/// The days a list reaches over, newest first, none of them older than events are kept.
fn days(owner: &Owner, filter: &TrailFilter, now: Timestamp) -> Vec<Day> {
    let kept = Timestamp::from_millis(now.millis().saturating_sub(KEPT_SECONDS * 1_000)).unwrap_or(now);
    let from = filter.from.map_or(kept, |from| from.max(kept));
    let to = filter.to.map_or(now, |to| to.min(now));
    let (first, last) = EventId::range(Some(from), Some(to));
    let (oldest, newest) = (from.millis() / DAY_MILLIS, to.millis() / DAY_MILLIS);
    let day = |number: u64| {
        let partition = audit_partition(owner, Timestamp::from_millis(number * DAY_MILLIS)?);
        let is_today = number == now.millis() / DAY_MILLIS;
        let is_whole = from.millis() <= number * DAY_MILLIS && (number + 1) * DAY_MILLIS - 1 <= to.millis();
        Some(Day { partition, number, first: first.clone(), last: last.clone(), is_whole, is_today })
    };
    (oldest..=newest).rev().filter_map(day).collect()
}

impl Db {
    /// A page of an owner's trail: counts the days that are not settled, side by side, then reads the days the page lies
    /// in.
    pub async fn read_trail(
        &self,
        owner: &Owner,
        filter: &TrailFilter,
        start: &TrailStart,
        limit: usize,
        now: Timestamp,
    ) -> Result<TrailPage, StoreError> {
        let mut days = days(owner, filter, now);
        let settled = self.settled_days(owner, now).await?;
        let mut counts = Vec::with_capacity(days.len());
        for some in days.chunks(DAYS_AT_ONCE) {
            counts.extend(try_join_all(some.iter().map(|day| self.count(day, filter, &settled))).await?);
        }
        let total = counts.iter().sum();
        let (mut skip, skipped) = match start {
            TrailStart::Skip(skip) => (*skip, *skip),
            TrailStart::After(last) => {
                let partition = audit_partition(owner, last.made_at());
                let newer = days.iter().take_while(|day| day.partition > partition).count();
                days.drain(..newer);
                let mut skipped = counts.drain(..newer).sum();
                if let Some(day) = days.first_mut().filter(|day| day.partition == partition) {
                    let seen = Day { first: last.as_str().to_owned(), ..day.clone() };
                    skipped += self.count_all(self.events_of(&seen, filter)).await?;
                    day.last = last.as_str().to_owned();
                }
                (0, skipped)
            }
        };
        let mut events = Vec::new();
        for (day, count) in days.iter().zip(counts) {
            if skip >= count {
                skip -= count;
                continue;
            }
            self.read_day(day, filter, start, std::mem::take(&mut skip), limit, &mut events).await?;
            if events.len() >= limit {
                break;
            }
        }
        Ok(TrailPage { events, total, skipped })
    }

    /// Adds the events of a day, newest first, without the first `skip` of them, until there are `limit`.
    async fn read_day(
        &self,
        day: &Day,
        filter: &TrailFilter,
        start: &TrailStart,
        mut skip: u64,
        limit: usize,
        events: &mut Vec<RecordedEvent>,
    ) -> Result<(), StoreError> {
        let query = self.events_of(day, filter).scan_index_forward(false).limit(READ_AT_ONCE);
        let mut from = None;
        loop {
            let (items, next) = self.query_page_from(query.clone(), from).await?;
            for item in items {
                let is_last_seen =
                    matches!(start, TrailStart::After(last) if last.as_str() == string(&item, schema::SK));
                if is_last_seen {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                if events.len() >= limit {
                    return Ok(());
                }
                events.push(read(item)?);
            }
            from = next;
            if from.is_none() || events.len() >= limit {
                return Ok(());
            }
        }
    }

    async fn count(&self, day: &Day, filter: &TrailFilter, settled: &SettledDays) -> Result<u64, StoreError> {
        match settled.count(day, filter) {
            Some(count) => Ok(count),
            None => self.count_all(self.events_of(day, filter)).await,
        }
    }

    /// The events of a day that are wanted.
    pub(crate) fn events_of(&self, day: &Day, filter: &TrailFilter) -> QueryFluentBuilder {
        let mut query = self
            .query_between(&day.partition, &day.first, &day.last)
            // What was answered a moment ago is there; of other days, all is settled.
            .consistent_read(day.is_today);
        let mut wanted = Vec::new();
        for (name, value) in [
            ("event_type", &filter.event_type),
            ("resource_type", &filter.resource_type),
            ("resource_id", &filter.resource_id),
        ] {
            if let Some(value) = value {
                wanted.push(format!("#{name} = :{name}"));
                query = query
                    .expression_attribute_names(format!("#{name}"), name)
                    .expression_attribute_values(format!(":{name}"), AttributeValue::S(value.clone()));
            }
        }
        query.set_filter_expression((!wanted.is_empty()).then(|| wanted.join(" AND ")))
    }
}
