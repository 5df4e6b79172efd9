//! The time facts are counted by: buckets of five minutes, and days of them, both in UTC.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a fact is kept, counted from the end of its bucket, in seconds: 90 days.
pub const FACTS_KEPT_SECONDS: u64 = 90 * 86_400;
/// Milliseconds in a bucket: five minutes. A day is a whole number of them.
const BUCKET_MILLIS: u64 = 5 * 60 * 1_000;
const DAY_MILLIS: u64 = 86_400_000;
/// Buckets in a day.
pub const BUCKETS_PER_DAY: u64 = DAY_MILLIS / BUCKET_MILLIS;

/// Five minutes of facts, numbered from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeBucket(u64);

impl TimeBucket {
    /// Seconds in a bucket.
    pub const SECONDS: u64 = BUCKET_MILLIS / 1_000;

    /// The bucket a moment lies in.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.millis() / BUCKET_MILLIS)
    }

    /// Its number: buckets since 1970.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The bucket with this number.
    pub const fn numbered(number: u64) -> Self {
        Self(number)
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The one this many before it.
    pub const fn minus(self, buckets: u64) -> Self {
        Self(self.0.saturating_sub(buckets))
    }

    /// The first moment after it.
    pub fn end(self) -> Timestamp {
        Timestamp::from_millis(self.next().0.saturating_mul(BUCKET_MILLIS)).unwrap_or(Timestamp::MAX)
    }

    /// The day it lies in.
    pub const fn day(self) -> Day {
        Day(self.0 / BUCKETS_PER_DAY)
    }

    /// Its place in its day, from 0.
    pub fn place_in_day(self) -> usize {
        usize::try_from(self.0 % BUCKETS_PER_DAY).unwrap_or_default()
    }

    /// When its facts are gone. All facts of a bucket go at once, so that what is left can be counted by buckets.
    pub fn facts_expire_at(self) -> Timestamp {
        self.end().plus_seconds(FACTS_KEPT_SECONDS)
    }
}

/// A day in UTC, numbered from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(u64);

impl Day {
    /// The day a moment lies in.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.millis() / DAY_MILLIS)
    }

    /// Its number: days since 1970.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The day with this number.
    pub const fn numbered(number: u64) -> Self {
        Self(number)
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The one this many before it.
    pub const fn minus(self, days: u64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// Its first bucket.
    pub const fn first_bucket(self) -> TimeBucket {
        TimeBucket(self.0 * BUCKETS_PER_DAY)
    }

    /// Its last bucket.
    pub const fn last_bucket(self) -> TimeBucket {
        TimeBucket(self.next().0 * BUCKETS_PER_DAY - 1)
    }

    /// All of its buckets.
    pub fn buckets(self) -> impl Iterator<Item = TimeBucket> {
        (self.first_bucket().0..=self.last_bucket().0).map(TimeBucket)
    }

    /// Its date, e.g. `2026-02-27`.
    pub fn date(self) -> String {
        let mut text = Timestamp::from_millis(self.0.saturating_mul(DAY_MILLIS)).unwrap_or(Timestamp::MAX).to_iso8601();
        text.truncate("2026-02-27".len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_bucket_is_five_minutes_of_one_day() {
        let bucket = TimeBucket::of(at("2026-02-27T23:55:00Z"));
        assert_eq!(TimeBucket::of(at("2026-02-27T23:59:59.999Z")), bucket);
        assert_eq!(bucket.end(), at("2026-02-28T00:00:00Z"));
        assert_eq!(bucket.day().date(), "2026-02-27");
        assert_eq!((bucket.day().last_bucket(), bucket.next()), (bucket, bucket.day().next().first_bucket()));
        assert_eq!((bucket.place_in_day(), bucket.next().place_in_day()), (287, 0));
    }
}
