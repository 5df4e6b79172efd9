//! How many events each day of a trail has, once the day is over: counted by whoever first asks afterwards, and kept in
//! one row of the owner, so that a page of the trail does not count three months of it again.
//!
//! What must stay true: a day is counted only when nothing can be added to it any more. So its count never changes, and
//! it does not matter who writes the row, or how often.

use crate::audit::{Day, KEPT_SECONDS, TrailFilter};
use crate::db::{Db, StoreError, read, row, string};
use crate::schema::{Key, audit_partition};
use crate::single::Expected;
use anyspend_domain::{EventId, Owner, Timestamp};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A day's length.
pub(crate) const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;
/// How long after its end a day is settled. An event bears the moment at which its request or its job's run began, and is
/// written before that ends: at most a quarter of an hour later, on a clock that may differ.
const SETTLES_AFTER_MILLIS: u64 = 60 * 60 * 1_000;
/// Days that are counted side by side.
pub(crate) const DAYS_AT_ONCE: usize = 16;

/// The days of a trail that are counted for good.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SettledDays {
    /// The last of them, in days since 1970.
    through: u64,
    /// The events of each that has any, by what they are: `{event type} {resource type}`.
    days: BTreeMap<String, BTreeMap<String, u64>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    days: &'a SettledDays,
    ttl: u64,
}

impl SettledDays {
    /// How many events of a whole day are wanted; `None` where only looking at them tells.
    pub(crate) fn count(&self, day: &Day, filter: &TrailFilter) -> Option<u64> {
        if !day.is_whole || day.number > self.through || filter.resource_id.is_some() {
            return None;
        }
        let wanted = |kind: &str| {
            let (event, resource) = kind.split_once(' ').unwrap_or((kind, ""));
            filter.event_type.as_deref().is_none_or(|wanted| wanted == event)
                && filter.resource_type.as_deref().is_none_or(|wanted| wanted == resource)
        };
        let counts = self.days.get(&day.number.to_string()).into_iter().flatten();
        Some(counts.filter(|(kind, _)| wanted(kind)).map(|(_, count)| count).sum())
    }
}

impl Db {
    /// The settled days of an owner's trail, those since the last look included.
    ///
    /// # Errors
    /// When the table does not answer.
    pub(crate) async fn settled_days(&self, owner: &Owner, now: Timestamp) -> Result<SettledDays, StoreError> {
        let key = Key::audit_days(owner);
        let stored = self.get(&key, false).await?.map(read::<SettledDays>).transpose()?;
        let oldest = now.millis().saturating_sub(KEPT_SECONDS * 1_000) / DAY_MILLIS;
        let last = (now.millis().saturating_sub(SETTLES_AFTER_MILLIS) / DAY_MILLIS).saturating_sub(1);
        let mut settled =
            stored.unwrap_or_else(|| SettledDays { through: oldest.saturating_sub(1), days: BTreeMap::new() });
        let missing: Vec<u64> = (oldest.max(settled.through + 1)..=last).collect();
        if missing.is_empty() {
            return Ok(settled);
        }
        for some in missing.chunks(DAYS_AT_ONCE) {
            let counted = try_join_all(some.iter().map(|&number| self.count_day(owner, number))).await?;
            let counted = some.iter().zip(counted).filter(|(_, counts)| !counts.is_empty());
            settled.days.extend(counted.map(|(number, counts)| (number.to_string(), counts)));
        }
        settled.through = last;
        settled.days.retain(|number, _| number.parse::<u64>().is_ok_and(|number| number >= oldest));
        let ttl = now.plus_seconds(KEPT_SECONDS).seconds();
        let kept = self.put_row(row(&key, &Row { days: &settled, ttl })?, Expected::Anything).await;
        // The next reader would count again: no reason to refuse this one.
        if let Err(error) = kept {
            tracing::warn!(?error, "the counted days of a trail were not kept");
        }
        Ok(settled)
    }

    /// What a day's events are, and how many of each there are.
    async fn count_day(&self, owner: &Owner, number: u64) -> Result<BTreeMap<String, u64>, StoreError> {
        let begins = Timestamp::from_millis(number * DAY_MILLIS);
        let Some(begins) = begins else { return Ok(BTreeMap::new()) };
        let (first, last) = EventId::range(Some(begins), None);
        let day =
            Day { partition: audit_partition(owner, begins), number, first, last, is_whole: true, is_today: true };
        let query = self.events_of(&day, &TrailFilter::default()).projection_expression("event_type, resource_type");
        let mut counts = BTreeMap::new();
        for event in self.query_all(query).await? {
            let kind = format!("{} {}", string(&event, "event_type"), string(&event, "resource_type"));
            *counts.entry(kind).or_default() += 1;
        }
        Ok(counts)
    }
}
