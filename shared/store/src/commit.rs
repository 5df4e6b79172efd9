//! The only write besides the rate limiter's and the deliveries': one `TransactWriteItems` with everything a fact changes.

use crate::db::{Db, Item, StoreError, describe, store_error};
use crate::meter::Units;
use crate::write::{Refusal, Write};
use anyspend_domain::entropy;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnConsumedCapacity};

/// Why a transaction was cancelled that met another one.
const CONFLICT: &str = "TransactionConflict";
/// Why a transaction was cancelled that the table had no capacity for.
const THROTTLED: [&str; 2] = ["ThrottlingError", "ProvisionedThroughputExceeded"];

/// Why nothing was written.
#[derive(Debug)]
pub enum CommitError {
    /// A condition did not hold. `old` is the item that stood in the way, where there is one.
    Refused {
        /// What the condition was about.
        refusal: Refusal,
        /// The item as it is.
        old: Option<Item>,
    },
    /// The table did not answer, or a fault of ours. After [`StoreError::Unavailable`] the writes may or may not
    /// have happened: with an idempotency key, a retry finds out.
    Store(StoreError),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl CommitError {
    /// The error of writes that have no condition to be refused by.
    pub(crate) fn without_refusal(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Refused { refusal, .. } => StoreError::Fault(format!("refused as {refusal:?}")),
        }
    }
}

impl Db {
    /// Writes everything or nothing.
    ///
    /// A transaction that meets another one on the same item is tried again after a pause, until the deadline of
    /// [`Db::until`], and one that is throttled for a shorter time. The SDK's own retries of one try carry one client
    /// token, so a lost answer cannot make it happen twice.
    ///
    /// # Errors
    /// [`CommitError::Refused`] with the first refusal in rank, [`CommitError::Store`] otherwise.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let refusals: Vec<Refusal> = writes.iter().map(|write| write.refusal).collect();
        let items = writes.into_iter().map(|write| write.into_sdk(self.table())).collect::<Result<Vec<_>, _>>()?;
        let (mut conflicts, mut throttles) = (self.backoff(), None);
        loop {
            let call = self.meter().begin();
            let answer = self
                .client()
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .client_request_token(entropy::base62(32))
                .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
                .send()
                .await;
            let error = match answer {
                Ok(answer) => {
                    call.finish(Units::Write, answer.consumed_capacity());
                    return Ok(());
                }
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(store_error(&error).into());
            };
            let reasons = cancelled.cancellation_reasons();
            call.finish_refused(u64::try_from(items.len()).unwrap_or(u64::MAX).saturating_mul(2));
            if let Some(refused) = first_refusal(reasons, &refusals) {
                return Err(refused);
            }
            let is_because_of =
                |codes: &[&str]| reasons.iter().filter_map(|reason| reason.code()).any(|code| codes.contains(&code));
            let (backoff, why) = if is_because_of(&THROTTLED) {
                (throttles.get_or_insert_with(|| self.throttled_backoff()), "the transaction was throttled")
            } else if is_because_of(&[CONFLICT]) {
                (&mut conflicts, "the transaction kept meeting others")
            } else {
                return Err(StoreError::Fault(describe(&error)).into());
            };
            if !backoff.pause().await {
                return Err(StoreError::Unavailable(why.to_owned()).into());
            }
        }
    }
}

fn first_refusal(reasons: &[CancellationReason], refusals: &[Refusal]) -> Option<CommitError> {
    let refused = reasons.iter().zip(refusals).filter(|(reason, _)| reason.code() == Some("ConditionalCheckFailed"));
    // The first of the highest rank.
    let (reason, refusal) = refused.min_by_key(|(_, refusal)| **refusal != Refusal::Answered)?;
    Some(CommitError::Refused { refusal: *refusal, old: reason.item().cloned() })
}
