//! Counts the statistics of payment links from facts, on a schedule.
//!
//! # The algorithm
//!
//! Views, sessions and completions are immutable facts in five-minute buckets. A bucket is closed once it is over for
//! longer than any request may take ([`GRACE_SECONDS`]). [`rollup`] counts closed buckets in their order: of each link in
//! the bucket, one transaction writes a receipt of what was counted together with the link's totals, its three tables of
//! values and its day, each on the version it was read at. When every link of a bucket is counted, a mark in the table
//! moves on to it.
//!
//! Unique visitors of a day are those whose first bucket of that day is the one being counted. The first bucket is noted
//! by a put-if-absent per link, day and visitor before the transaction, so that counting again finds the same visitors.
//!
//! A fact can come late: after its bucket was counted. [`recount`] reads a closed day's facts again, compares them with
//! the receipts and the day, and where they differ counts the difference by the same transaction: the receipt is replaced,
//! on its version, by one of all facts. The last day that ended is recounted as a matter of routine.
//!
//! # What must stay true
//!
//! - **Exactly once.** A fact is counted when, and only when, a receipt that includes it commits, and the rows change in
//!   that very transaction. Dying before it counts nothing, dying after it loses nothing, and of two runs that count the
//!   same bucket one meets the other's receipt. No step is undone, and none needs to be.
//! - **A receipt only grows.** It is written on the version that was read *before* the facts were, and facts are never
//!   taken back within their 90 days.
//! - **The mark is behind the receipts.** It moves to a bucket only after every link of it, so a reader that adds to a
//!   link's rows the facts of every bucket after the mark, and after the link's own last bucket, counts each once too.

mod count;
mod recount;

use anyspend_api::Platform;
use anyspend_api::job::{Job, NotPrepared, Run, Summary};
use anyspend_domain::Timestamp;
use anyspend_domain::statistics::{Day, TimeBucket};
use anyspend_store::statistics::{Kept, Progress};
use anyspend_store::{Db, Patience, StoreError};
use recount::recount_within;
pub use recount::{RecountError, Recounted, recount, recount_link};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long after its end a bucket is closed: longer than the 25 seconds a request may take, and than clocks differ.
pub const GRACE_SECONDS: u64 = 120;
/// Where the very first run begins, in buckets before the present: the platform cannot have facts from long before the
/// first run of its schedule, and those it has are found when their day is recounted.
pub const FIRST_LOOK_BACK: u64 = 12;
/// Most buckets of one run: a day of them, so that a run which catches up ends.
pub const MAX_BUCKETS: u64 = 288;
/// How long a count may take that somebody has asked for by hand: until it is done.
const BY_HAND: Duration = Duration::from_secs(86_400);
/// How long after its end a day is recounted.
pub const RECOUNT_AFTER_SECONDS: u64 = 3_600;

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RolledUp {
    /// Buckets counted.
    pub buckets: u64,
    /// Links counted in them.
    pub links: u64,
    /// Days recounted.
    pub days: u64,
    /// Links a recount corrected.
    pub corrected: u64,
}

impl Summary for RolledUp {
    /// A closed bucket without any link in it is no news.
    fn is_idle(&self) -> bool {
        self.links == 0 && self.days == 0
    }
}

/// The scheduled job.
#[derive(Debug)]
pub struct RollupStats;

impl Job for RollupStats {
    const NAME: &'static str = "rollup-stats";
    const EVERY: Duration = Duration::from_secs(300);
    const RUN_TIME: Duration = Duration::from_secs(220);
    type Summary = RolledUp;
    type Error = StoreError;

    fn prepare(_: Arc<Platform>) -> Result<Self, NotPrepared> {
        Ok(Self)
    }

    async fn run(&self, run: &Run) -> Result<RolledUp, StoreError> {
        Box::pin(rollup_until(&run.db, run.now, run.deadline)).await
    }
}

/// When a count that is no part of a run ends.
fn deadline_by_hand() -> Instant {
    Instant::now() + BY_HAND
}

/// The patience of a count that is no part of a run.
pub(crate) fn patience() -> Patience {
    Patience::until(deadline_by_hand())
}

/// Counts the buckets that are closed at `now` and not counted yet, and recounts a day that has ended.
///
/// # Errors
/// When the table does not answer; the next run goes on where this one stopped.
pub async fn rollup(db: &Db, now: Timestamp) -> Result<RolledUp, StoreError> {
    rollup_until(db, now, deadline_by_hand()).await
}

async fn rollup_until(db: &Db, now: Timestamp, deadline: Instant) -> Result<RolledUp, StoreError> {
    let patience = Patience::until(deadline);
    let mut done = RolledUp::default();
    let mut progress = db.rollup_progress().await?;
    while done.buckets < MAX_BUCKETS && Instant::now() < deadline {
        let next = match progress {
            Progress::Through(bucket) => bucket.next(),
            Progress::Nothing => TimeBucket::of(now).minus(FIRST_LOOK_BACK),
        };
        if next.end().plus_seconds(GRACE_SECONDS) > now {
            break;
        }
        done.links += count::bucket(db, next, patience).await?;
        done.buckets += 1;
        // Another run may have come as far, or further, meanwhile.
        progress = match db.advance_rollup(progress, next).await? {
            Kept::Done => Progress::Through(next),
            Kept::MetAnother => db.rollup_progress().await?,
        };
    }
    if let Progress::Through(bucket) = progress {
        recount_if_due(db, bucket, now, patience, &mut done).await?;
    }
    Ok(done)
}

/// Recounts the day after the last one that was, if it has ended and is counted.
async fn recount_if_due(
    db: &Db,
    through: TimeBucket,
    now: Timestamp,
    patience: Patience,
    done: &mut RolledUp,
) -> Result<(), StoreError> {
    let last = db.recounted_day().await?;
    let Some(last) = last else {
        // Nothing is older than the first run, so the day of that run is the first to be recounted.
        db.advance_recount(None, Day::of(now).minus(1)).await?;
        return Ok(());
    };
    let day = last.next();
    let due = day.last_bucket().end().plus_seconds(RECOUNT_AFTER_SECONDS) <= now && day.last_bucket() <= through;
    if !due {
        return Ok(());
    }
    match recount_within(db, day, now, patience).await {
        Ok(recounted) => {
            done.days += 1;
            done.corrected += recounted.corrected;
        }
        // Facts of a day this old are gone: there is nothing to compare with any more.
        Err(RecountError::TooOld) => tracing::warn!(day = day.date(), "too old to be recounted"),
        Err(RecountError::NotCounted) => return Ok(()),
        Err(RecountError::Store(error)) => return Err(error),
    }
    db.advance_recount(Some(last), day).await?;
    Ok(())
}
