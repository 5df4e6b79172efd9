//! Counting one bucket.

use anyspend_domain::ShortCode;
use anyspend_domain::statistics::{Counted, Gathered, SHARDS, TimeBucket};
use anyspend_store::{Db, Patience, Step, StoreError};
use futures_util::future::try_join_all;
use std::sync::OnceLock;

/// Counts a bucket of every link in it; how many there are.
pub(crate) async fn bucket(db: &Db, bucket: TimeBucket, patience: Patience) -> Result<u64, StoreError> {
    let shards = (0..SHARDS).map(|number| shard(db, bucket, number, patience));
    Ok(try_join_all(shards).await?.into_iter().sum())
}

/// The facts come link by link, so one link at a time is held in memory.
async fn shard(db: &Db, bucket: TimeBucket, number: u8, patience: Patience) -> Result<u64, StoreError> {
    let mut links = 0;
    let mut from = None;
    let mut at_hand: Option<(ShortCode, Gathered)> = None;
    loop {
        let page = db.facts_of_shard(bucket, number, from.take()).await?;
        for (code, fact) in page.facts {
            match &mut at_hand {
                Some((same, gathered)) if *same == code => gathered.take(&fact),
                _ => {
                    let mut gathered = Gathered::default();
                    gathered.take(&fact);
                    if let Some((code, gathered)) = at_hand.replace((code, gathered)) {
                        Box::pin(link(db, &code, bucket, &gathered, patience)).await?;
                        links += 1;
                    }
                }
            }
        }
        from = page.onward;
        if from.is_none() {
            break;
        }
    }
    if let Some((code, gathered)) = at_hand {
        Box::pin(link(db, &code, bucket, &gathered, patience)).await?;
        links += 1;
    }
    Ok(links)
}

/// Counts a bucket of one link, unless it is counted already.
async fn link(
    db: &Db,
    code: &ShortCode,
    bucket: TimeBucket,
    facts: &Gathered,
    patience: Patience,
) -> Result<(), StoreError> {
    let first_seen = &OnceLock::new();
    let counted = db.decide(patience, |_| async move {
        let mut ledger = db.open_ledger(code, bucket.day(), &[bucket]).await?;
        // Facts that came after this receipt are the recount's.
        if ledger.counted.contains_key(&bucket) {
            return Ok(Step::Done(()));
        }
        let unique = match first_seen.get() {
            Some(unique) => *unique,
            None => {
                let unique = db.count_first_seen(code, bucket, &facts.visitors).await?;
                *first_seen.get_or_init(|| unique)
            }
        };
        let counted = ledger.counts.count(bucket, facts, &Counted::default());
        ledger.note(bucket, counted.map_err(|error| StoreError::Fault(format!("link {code}: {error}")))?);
        let day = ledger.counts.days.entry(bucket.day()).or_default();
        day.unique_visitors = day.unique_visitors.saturating_add(unique);
        Ok(Step::Write(ledger.writes(bucket.day())?, ()))
    });
    counted.await?.ok_or_else(|| kept_changing(code))
}

/// Why a link is left to the next run.
pub(crate) fn kept_changing(code: &ShortCode) -> StoreError {
    StoreError::Unavailable(format!("the statistics of link {code} kept changing"))
}
