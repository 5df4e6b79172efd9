//! What a link's statistics are at this moment: what the rollup counted, and the facts it has not come to yet.
//!
//! What must stay true: the mark of the rollup is read before the link's rows are, so that each fact is either in the rows
//! or in a bucket behind the mark; buckets that the rows have already are left out of the tail.

use crate::stored;
use anyspend_api::{ApiError, Call};
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::statistics::{BUCKETS_PER_DAY, Day, Gathered, TimeBucket};
use anyspend_domain::{ShortCode, Timestamp};
use anyspend_store::statistics::{Ledger, Progress};
use anyspend_store::{Db, StoreError};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most buckets of a tail: where the rollup is further behind, the numbers are those of an earlier moment, and say so.
const MAX_TAIL: u64 = BUCKETS_PER_DAY;
/// How many buckets of a tail are read side by side.
const READS_AT_ONCE: usize = 64;

/// The link the path names, and how far the rollup came, read beside the check of the caller.
pub(crate) async fn find(call: Arc<Call>) -> Result<(Option<PaymentLink>, Progress), ApiError> {
    let progress = async { Ok::<_, ApiError>(call.db.rollup_progress().await?) };
    tokio::try_join!(stored::find(call.clone()), progress)
}

/// The rows of a link and the facts behind them.
pub(crate) struct Counted {
    /// The rows.
    pub(crate) ledger: Ledger,
    /// The facts of the buckets that the rows do not have, of those that have any.
    pub(crate) tail: BTreeMap<TimeBucket, Gathered>,
    /// The last bucket that the rows have, if any.
    pub(crate) covered: Option<TimeBucket>,
    /// The moment of which all this is true.
    pub(crate) as_of: Timestamp,
}

/// Reads a link's rows from a day on, and the facts behind them.
pub(crate) async fn read(
    call: &Call,
    link: &PaymentLink,
    progress: Progress,
    from: Day,
    with_values: bool,
) -> Result<Counted, ApiError> {
    let code = link.id.short_code();
    // A link has no facts from before it was made, as far as clocks agree.
    let born = TimeBucket::of(link.created_at).minus(1);
    let first = match progress {
        Progress::Through(bucket) => bucket.next().max(born),
        Progress::Nothing => born,
    };
    let present = TimeBucket::of(call.now);
    let last = present.min(TimeBucket::numbered(first.number().saturating_add(MAX_TAIL - 1)));
    let as_of = if last < present { last.end() } else { call.now };
    let (ledger, mut tail) =
        tokio::try_join!(call.db.link_statistics(&code, from, with_values), tail(&call.db, &code, first, last))?;
    let through = match progress {
        Progress::Through(bucket) => Some(bucket),
        Progress::Nothing => None,
    };
    let covered = through.max(ledger.applied);
    tail.retain(|bucket, _| Some(*bucket) > covered);
    Ok(Counted { ledger, tail, covered, as_of })
}

async fn tail(
    db: &Db,
    code: &ShortCode,
    first: TimeBucket,
    last: TimeBucket,
) -> Result<BTreeMap<TimeBucket, Gathered>, StoreError> {
    stream::iter((first.number()..=last.number()).map(TimeBucket::numbered))
        .map(|bucket| async move { Ok::<_, StoreError>((bucket, db.facts_of_link(code, bucket).await?)) })
        .buffer_unordered(READS_AT_ONCE)
        .try_filter(|(_, gathered)| std::future::ready(*gathered != Gathered::default()))
        .try_collect()
        .await
}
