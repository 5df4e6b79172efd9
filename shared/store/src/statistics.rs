//! What was counted of links: rows that the rollup keeps from facts.
//!
//! A link has one row of totals, one per dimension, one per day, and one receipt per bucket that says what was counted of
//! it. Counting is one transaction: the receipt and every row it changes, each on the version it was read at.
//!
//! What must stay true:
//! - the rows are the sum of the receipts, because nothing else changes them, and all of it changes together;
//! - a receipt was decided on facts that were read after the receipt (or its absence) was: since facts are never taken
//!   back, a receipt can only grow, and writing it again on older knowledge is refused;
//! - so a count that dies, is repeated, or meets another one, counts each fact once or not yet.

use crate::Write;
use crate::db::{Db, Item, StoreError, read, row, string};
use crate::schema::{self, Key, statistics_partition};
use crate::single::Expected;
use crate::{CommitError, Refusal};
use anyspend_domain::ShortCode;
use anyspend_domain::statistics::{
    Breakdown, Counted, Day, DayCounts, Dimension, LinkCounts, Tally, TimeBucket, ViewsByBucket, VisitorHash,
};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How long a day's row is kept: longer than anybody may ask for.
const DAYS_KEPT_SECONDS: u64 = 400 * 86_400;
/// How long a receipt outlives the facts it is about, so that facts without a receipt are facts that were not counted.
const RECEIPT_MARGIN_SECONDS: u64 = 7 * 86_400;
/// How long it is known when a visitor was first seen, after the day. Only buckets of that day are counted by it.
const SEEN_KEPT_SECONDS: u64 = 3 * 86_400;
/// How many visitors are noted side by side.
const SEEN_AT_ONCE: usize = 16;
/// How often a link's rows are read again when a count went on between them.
const READ_ATTEMPTS: u32 = 6;

#[derive(Debug, Serialize, Deserialize)]
struct StoredTotals {
    tally: Tally,
    /// The highest bucket counted.
    applied: TimeBucket,
    /// The day that was counted last.
    day: Day,
    version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredBreakdown {
    values: Breakdown,
    version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredDay {
    day: Day,
    tally: Tally,
    unique_visitors: u64,
    views_by_bucket: ViewsByBucket,
    version: u64,
    ttl: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredCounted {
    bucket: TimeBucket,
    tally: Tally,
    sources: Breakdown,
    mediums: Breakdown,
    campaigns: Breakdown,
    version: u64,
    ttl: u64,
}

/// A link's statistics as they were read, to be changed.
#[derive(Debug, Clone)]
pub struct Ledger {
    code: ShortCode,
    day: Day,
    /// What is counted, of the day at hand too.
    pub counts: LinkCounts,
    /// The highest bucket counted.
    pub applied: Option<TimeBucket>,
    /// What was counted of each bucket at hand; those of which nothing was are absent.
    pub counted: BTreeMap<TimeBucket, Counted>,
    /// Receipts that are new.
    changed: BTreeSet<TimeBucket>,
    versions: HashMap<Key, u64>,
    version: u64,
}

/// How moving a mark ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is written.
    Done,
    /// Somebody else changed it since it was read: nothing is written; read and decide again.
    MetAnother,
}

impl Ledger {
    pub(crate) fn empty(code: &ShortCode, day: Day) -> Self {
        Self {
            code: code.clone(),
            day,
            counts: LinkCounts::default(),
            applied: None,
            counted: BTreeMap::new(),
            changed: BTreeSet::new(),
            versions: HashMap::new(),
            version: 0,
        }
    }

    /// Takes a row in.
    pub(crate) fn enter(&mut self, item: Item) -> Result<(), StoreError> {
        let key = Key { pk: string(&item, schema::PK).to_owned(), sk: string(&item, schema::SK).to_owned() };
        let version = if key.pk != statistics_partition(&self.code) {
            let stored: StoredCounted = read(item)?;
            let breakdowns = [stored.sources, stored.mediums, stored.campaigns];
            self.counted.insert(stored.bucket, Counted { tally: stored.tally, breakdowns });
            stored.version
        } else if let Some(dimension) = key.sk.strip_prefix("VALUES#") {
            let stored: StoredBreakdown = read(item)?;
            for (breakdown, _) in
                self.counts.breakdowns.iter_mut().zip(Dimension::ALL).filter(|(_, known)| known.as_str() == dimension)
            {
                breakdown.clone_from(&stored.values);
            }
            stored.version
        } else if key.sk.starts_with("DAY#") {
            let stored: StoredDay = read(item)?;
            let counts = DayCounts {
                tally: stored.tally,
                unique_visitors: stored.unique_visitors,
                views_by_bucket: stored.views_by_bucket,
            };
            self.counts.days.insert(stored.day, counts);
            stored.version
        } else {
            let stored: StoredTotals = read(item)?;
            self.counts.totals = stored.tally;
            self.applied = Some(stored.applied);
            self.day = stored.day;
            self.version = stored.version;
            stored.version
        };
        self.versions.insert(key, version);
        Ok(())
    }

    /// Notes what was counted of a bucket.
    pub fn note(&mut self, bucket: TimeBucket, counted: Counted) {
        self.counted.insert(bucket, counted);
        self.changed.insert(bucket);
        self.applied = self.applied.max(Some(bucket));
    }

    /// How many receipts are new.
    pub fn changes(&self) -> usize {
        self.changed.len()
    }

    /// Whether the rows were read while none of them changed: they are written together, on one version.
    fn is_whole(&self, with_values: bool, from: Day) -> bool {
        let of = |key: &Key| self.versions.get(key).copied().unwrap_or_default();
        let mut values = Dimension::ALL.iter().map(|dimension| of(&Key::statistics_breakdown(&self.code, *dimension)));
        let last_day = of(&Key::statistics_day(&self.code, self.day));
        (!with_values || values.all(|version| version == self.version))
            && (self.day < from || last_day == self.version)
            && self.versions.values().all(|version| *version <= self.version)
    }

    /// The writes of a changed ledger, whose changes are all of buckets of `day`. Each is refused where somebody else has
    /// changed the ledger since it was read.
    pub fn writes(self, day: Day) -> Result<Vec<Write>, StoreError> {
        let version = self.version + 1;
        let write = |key: Key, item: Item| match self.versions.get(&key) {
            Some(read_at) => Write::put(item).at_version(*read_at),
            None => Write::put(item).if_new(),
        };
        let mut writes = Vec::with_capacity(self.changed.len() + 5);
        for bucket in &self.changed {
            let key = Key::counted(&self.code, *bucket);
            let counted = self.counted.get(bucket).cloned().unwrap_or_default();
            let [sources, mediums, campaigns] = counted.breakdowns;
            let ttl = bucket.facts_expire_at().plus_seconds(RECEIPT_MARGIN_SECONDS).seconds();
            let stored =
                StoredCounted { bucket: *bucket, tally: counted.tally, sources, mediums, campaigns, version, ttl };
            let item = row(&key, &stored)?;
            writes.push(write(key, item));
        }
        let key = Key::statistics_totals(&self.code);
        let applied = self.applied.unwrap_or(day.first_bucket());
        let item = row(&key, &StoredTotals { tally: self.counts.totals, applied, day, version })?;
        writes.push(write(key, item));
        for (values, dimension) in self.counts.breakdowns.iter().zip(Dimension::ALL) {
            let key = Key::statistics_breakdown(&self.code, *dimension);
            let item = row(&key, &StoredBreakdown { values: values.clone(), version })?;
            writes.push(write(key, item));
        }
        let key = Key::statistics_day(&self.code, day);
        let counts = self.counts.days.get(&day).cloned().unwrap_or_default();
        let stored = StoredDay {
            day,
            tally: counts.tally,
            unique_visitors: counts.unique_visitors,
            views_by_bucket: counts.views_by_bucket,
            version,
            ttl: day.last_bucket().end().plus_seconds(DAYS_KEPT_SECONDS).seconds(),
        };
        let item = row(&key, &stored)?;
        writes.push(write(key, item));
        Ok(writes)
    }
}

/// How far counting came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Every bucket up to this one is counted, of every link.
    Through(TimeBucket),
    /// The rollup has never run.
    Nothing,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredMark {
    /// A bucket's or a day's number, which is also what the next write is conditioned on.
    version: u64,
}

impl Db {
    async fn mark(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        Ok(self.find::<StoredMark>(key).await?.map(|mark| mark.version))
    }

    async fn move_mark(&self, key: &Key, from: Option<u64>, to: u64) -> Result<Kept, StoreError> {
        let item = row(key, &StoredMark { version: to })?;
        let write = match from {
            Some(from) => Write::put(item).at_version(from),
            None => Write::put(item).if_new(),
        };
        kept(self.commit(vec![write]).await)
    }

    /// How far the rollup came.
    pub async fn rollup_progress(&self) -> Result<Progress, StoreError> {
        let through = self.mark(&Key::rollup_through()).await?;
        Ok(through.map_or(Progress::Nothing, |number| Progress::Through(TimeBucket::numbered(number))))
    }

    /// Says that every bucket up to `to` is counted, if so far it was up to `from`.
    pub async fn advance_rollup(&self, from: Progress, to: TimeBucket) -> Result<Kept, StoreError> {
        let from = match from {
            Progress::Through(bucket) => Some(bucket.number()),
            Progress::Nothing => None,
        };
        self.move_mark(&Key::rollup_through(), from, to.number()).await
    }

    /// The last day that was recounted as a matter of routine.
    pub async fn recounted_day(&self) -> Result<Option<Day>, StoreError> {
        Ok(self.mark(&Key::rollup_recounted()).await?.map(Day::numbered))
    }

    /// Says that a day was recounted, if `from` was the last one so far.
    pub async fn advance_recount(&self, from: Option<Day>, to: Day) -> Result<Kept, StoreError> {
        self.move_mark(&Key::rollup_recounted(), from.map(Day::number), to.number()).await
    }

    /// A link's statistics, with a day of them and the receipts of these buckets, to be changed.
    pub async fn open_ledger(&self, code: &ShortCode, day: Day, buckets: &[TimeBucket]) -> Result<Ledger, StoreError> {
        let mut keys = vec![Key::statistics_totals(code), Key::statistics_day(code, day)];
        keys.extend(Dimension::ALL.iter().map(|dimension| Key::statistics_breakdown(code, *dimension)));
        keys.extend(buckets.iter().map(|bucket| Key::counted(code, *bucket)));
        let mut ledger = Ledger::empty(code, day);
        for item in self.batch_get_consistent(&keys).await? {
            ledger.enter(item)?;
        }
        Ok(ledger)
    }

    /// A link's statistics, with a day of them and all receipts of that day, to be changed.
    pub async fn open_day(&self, code: &ShortCode, day: Day) -> Result<Ledger, StoreError> {
        let (first, last) = (Key::counted(code, day.first_bucket()), Key::counted(code, day.last_bucket()));
        let receipts = self.query_all(self.span(&first, &last));
        let (ledger, receipts) = futures_util::future::try_join(self.open_ledger(code, day, &[]), receipts).await?;
        let mut ledger = ledger;
        for item in receipts {
            ledger.enter(item)?;
        }
        Ok(ledger)
    }

    /// A query of the rows from one key to another one of its partition.
    fn span(&self, first: &Key, last: &Key) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.query_between(&first.pk, &first.sk, &last.sk)
    }

    /// What is counted of a link: its totals, its days from `from` on, and its values if they are wanted. A count that
    /// goes on meanwhile is seen whole or not at all.
    ///
    /// # Errors
    /// When the table does not answer, or the rows keep changing.
    pub async fn link_statistics(&self, code: &ShortCode, from: Day, with_values: bool) -> Result<Ledger, StoreError> {
        let last =
            if with_values { Key::statistics_breakdown(code, Dimension::Source) } else { Key::statistics_totals(code) };
        let query = self.span(&Key::statistics_day(code, from), &last);
        for _ in 0..READ_ATTEMPTS {
            let mut ledger = Ledger::empty(code, from);
            for item in self.query_all(query.clone()).await? {
                ledger.enter(item)?;
            }
            if ledger.is_whole(with_values, from) {
                return Ok(ledger);
            }
        }
        Err(StoreError::Unavailable("a link's statistics kept changing".to_owned()))
    }

    /// In which bucket each of these visitors was first seen on a day; those that were not are absent.
    pub async fn first_seen(
        &self,
        code: &ShortCode,
        day: Day,
        visitors: &BTreeSet<VisitorHash>,
    ) -> Result<HashMap<String, TimeBucket>, StoreError> {
        let keys: Vec<Key> = visitors.iter().map(|visitor| Key::seen(code, day, visitor)).collect();
        let items = self.batch_get_consistent(&keys).await?;
        let seen = items.into_iter().map(|item| {
            let visitor = string(&item, schema::SK).to_owned();
            read::<StoredSeen>(item).map(|seen| (visitor, seen.bucket))
        });
        seen.collect()
    }

    /// Notes these visitors as first seen in a bucket, unless they were seen before on its day, and counts those whose
    /// first bucket this is. Asked again, it says the same.
    pub async fn count_first_seen(
        &self,
        code: &ShortCode,
        bucket: TimeBucket,
        visitors: &BTreeSet<VisitorHash>,
    ) -> Result<u64, StoreError> {
        let known = self.first_seen(code, bucket.day(), visitors).await?;
        let again = known.values().filter(|first| **first == bucket).count();
        let unknown: Vec<VisitorHash> =
            visitors.iter().filter(|visitor| !known.contains_key(visitor.as_str())).cloned().collect();
        stream::iter(unknown)
            .map(|visitor| async move { self.see(code, bucket, &visitor).await })
            .buffer_unordered(SEEN_AT_ONCE)
            .try_filter(|first| std::future::ready(*first == bucket))
            .try_fold(u64::try_from(again).unwrap_or(u64::MAX), |count, _| std::future::ready(Ok(count + 1)))
            .await
    }

    /// Notes a visitor as first seen in a bucket, unless it was seen before on that day; the first bucket.
    async fn see(&self, code: &ShortCode, bucket: TimeBucket, visitor: &VisitorHash) -> Result<TimeBucket, StoreError> {
        let day = bucket.day();
        let ttl = day.last_bucket().end().plus_seconds(SEEN_KEPT_SECONDS).seconds();
        let item = row(&Key::seen(code, day, visitor), &StoredSeen { bucket, ttl })?;
        match self.put_row(item, Expected::Absent).await? {
            Ok(()) => Ok(bucket),
            Err(old) => read::<StoredSeen>(old).map(|seen| seen.bucket),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredSeen {
    bucket: TimeBucket,
    ttl: u64,
}

fn kept(committed: Result<(), CommitError>) -> Result<Kept, StoreError> {
    match committed {
        Ok(()) => Ok(Kept::Done),
        Err(CommitError::Refused { refusal: Refusal::Taken | Refusal::Changed, .. }) => Ok(Kept::MetAnother),
        Err(CommitError::Refused { refusal, .. }) => Err(StoreError::Fault(format!("refused as {refusal:?}"))),
        Err(CommitError::Store(error)) => Err(error),
    }
}
