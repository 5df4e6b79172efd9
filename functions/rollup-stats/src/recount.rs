//! Counting a closed day again from its facts, and correcting what was counted of it by the difference.

use crate::count::kept_changing;
use crate::patience;
use anyspend_domain::statistics::{Day, DayCounts, Event, Gathered, SHARDS, Tally, TimeBucket, VisitorHash};
use anyspend_domain::{ShortCode, Timestamp};
use anyspend_store::statistics::Progress;
use anyspend_store::{Db, Patience, Step, StoreError};
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most receipts of one correcting transaction, of which DynamoDB takes 100 items.
const RECEIPTS_AT_ONCE: usize = 80;
/// How many buckets of one link are read side by side.
const READS_AT_ONCE: usize = 16;

/// What a recount found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recounted {
    /// Links that have facts on that day.
    pub links: u64,
    /// Links of which something was not counted, and now is.
    pub corrected: u64,
}

/// Why a day is not recounted.
#[derive(Debug, thiserror::Error)]
pub enum RecountError {
    /// It is not over, or not counted to its end.
    #[error("the day is not counted to its end yet")]
    NotCounted,
    /// Some of its facts have expired.
    #[error("facts of that day are gone")]
    TooOld,
    /// The table does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the facts of a day say about a link, without the values.
#[derive(Debug, Default)]
struct LinkDay {
    buckets: BTreeMap<TimeBucket, Tally>,
    visitors: BTreeSet<VisitorHash>,
}

/// Recounts a day of every link that has facts on it.
///
/// # Errors
/// When the day is not counted to its end, when its facts have begun to expire, or when the table does not answer. What
/// was corrected until then stays, and the next recount goes on.
pub async fn recount(db: &Db, day: Day, now: Timestamp) -> Result<Recounted, RecountError> {
    recount_within(db, day, now, patience()).await
}

/// The same, with the patience of the run it is part of.
pub(crate) async fn recount_within(
    db: &Db,
    day: Day,
    now: Timestamp,
    patience: Patience,
) -> Result<Recounted, RecountError> {
    check(db, day, now).await?;
    let shards = try_join_all((0..SHARDS).map(|number| shard(db, day, number, patience))).await?;
    let sum = |sum: Recounted, shard: Recounted| Recounted {
        links: sum.links + shard.links,
        corrected: sum.corrected + shard.corrected,
    };
    Ok(shards.into_iter().fold(Recounted::default(), sum))
}

/// Recounts a day of one link; whether there was something to correct.
pub async fn recount_link(db: &Db, code: &ShortCode, day: Day, now: Timestamp) -> Result<bool, RecountError> {
    check(db, day, now).await?;
    Ok(correct(db, code, day, patience()).await?)
}

/// A day can be recounted once the rollup is through with it, and while all of its facts are there.
async fn check(db: &Db, day: Day, now: Timestamp) -> Result<(), RecountError> {
    let counted = matches!(db.rollup_progress().await?, Progress::Through(bucket) if bucket >= day.last_bucket());
    if !counted {
        return Err(RecountError::NotCounted);
    }
    if day.first_bucket().facts_expire_at() <= now {
        return Err(RecountError::TooOld);
    }
    Ok(())
}

async fn shard(db: &Db, day: Day, number: u8, patience: Patience) -> Result<Recounted, StoreError> {
    let mut links: HashMap<ShortCode, LinkDay> = HashMap::new();
    for bucket in day.buckets() {
        let mut from = None;
        loop {
            let page = db.facts_of_shard(bucket, number, from.take()).await?;
            for (code, fact) in page.facts {
                let link = links.entry(code).or_default();
                let tally = link.buckets.entry(bucket).or_default();
                *tally = tally.plus(Tally::one(&fact.event));
                if let Event::View(visitor) = fact.event {
                    link.visitors.insert(visitor);
                }
            }
            from = page.onward;
            if from.is_none() {
                break;
            }
        }
    }
    let mut recounted = Recounted::default();
    for (code, link) in links {
        recounted.links += 1;
        if !agrees(db, &code, day, &link).await? {
            recounted.corrected += u64::from(Box::pin(correct(db, &code, day, patience)).await?);
        }
    }
    Ok(recounted)
}

/// Whether what was counted of a link's day is what its facts say.
async fn agrees(db: &Db, code: &ShortCode, day: Day, link: &LinkDay) -> Result<bool, StoreError> {
    let ledger = db.open_day(code, day).await?;
    let receipts = ledger.counted.iter().map(|(bucket, counted)| (*bucket, counted.tally));
    Ok(receipts.eq(link.buckets.iter().map(|(bucket, tally)| (*bucket, *tally)))
        && ledger.counts.days.get(&day) == Some(&of_facts(&link.buckets, link.visitors.len())))
}

/// A day as its facts say it is.
fn of_facts(buckets: &BTreeMap<TimeBucket, Tally>, visitors: usize) -> DayCounts {
    let mut day = DayCounts { unique_visitors: u64::try_from(visitors).unwrap_or(u64::MAX), ..DayCounts::default() };
    for (bucket, tally) in buckets {
        day.add(*bucket, *tally);
    }
    day
}

/// Counts what was not counted of a link's day; whether there was anything.
async fn correct(db: &Db, code: &ShortCode, day: Day, patience: Patience) -> Result<bool, StoreError> {
    let mut corrected = false;
    loop {
        // A transaction takes so many receipts: a day that differs in more is corrected in several.
        let step = db.decide(patience, |_| correction(db, code, day)).await?;
        match step.ok_or_else(|| kept_changing(code))? {
            Corrected::Nothing => return Ok(corrected),
            Corrected::Rest => return Ok(true),
            Corrected::Part => corrected = true,
        }
    }
}

/// What one transaction corrects.
enum Corrected {
    /// Nothing differed.
    Nothing,
    /// All that differed.
    Rest,
    /// As much as it takes.
    Part,
}

async fn correction(db: &Db, code: &ShortCode, day: Day) -> Result<Step<Corrected>, StoreError> {
    // The receipts and the day first, the facts after them: so the facts include all that was counted.
    let mut ledger = db.open_day(code, day).await?;
    let facts = facts_of_day(db, code, day).await?;
    let mut visitors: BTreeSet<&VisitorHash> = BTreeSet::new();
    let mut tallies = BTreeMap::new();
    let mut left = 0;
    for (bucket, gathered) in &facts {
        visitors.extend(&gathered.visitors);
        tallies.insert(*bucket, gathered.tally);
        let before = ledger.counted.get(bucket).cloned().unwrap_or_default();
        if before.tally == gathered.tally {
            continue;
        }
        if ledger.changes() == RECEIPTS_AT_ONCE {
            left += 1;
            continue;
        }
        match ledger.counts.count(*bucket, gathered, &before) {
            Ok(counted) => ledger.note(*bucket, counted),
            // Facts do not vanish while their day is young enough to be recounted: somebody removed them.
            Err(error) => tracing::error!(%code, bucket = bucket.number(), %error, "left as it is"),
        }
    }
    let truth = of_facts(&tallies, visitors.len());
    if ledger.changes() == 0 && ledger.counts.days.get(&day) == Some(&truth) {
        return Ok(Step::Done(Corrected::Nothing));
    }
    if left > 0 {
        return Ok(Step::Write(ledger.writes(day)?, Corrected::Part));
    }
    ledger.counts.days.insert(day, truth);
    Ok(Step::Write(ledger.writes(day)?, Corrected::Rest))
}

/// A link's facts of every bucket of a day that has any.
async fn facts_of_day(db: &Db, code: &ShortCode, day: Day) -> Result<BTreeMap<TimeBucket, Gathered>, StoreError> {
    stream::iter(day.buckets())
        .map(|bucket| async move { Ok::<_, StoreError>((bucket, db.facts_of_link(code, bucket).await?)) })
        .buffer_unordered(READS_AT_ONCE)
        .try_filter(|(_, gathered)| std::future::ready(*gathered != Gathered::default()))
        .try_collect()
        .await
}
