//! Looks after the lists that have changed: `anyspend_store::list` says what that is and why it may die at any point.

use anyspend_domain::Timestamp;
use anyspend_store::list::Tuning;
use anyspend_store::{Db, StoreError};

/// Follows every note that is due; says how many lists got a new version.
///
/// # Errors
/// When the table does not answer. What was not done is done by the next run.
pub async fn job(db: Db, now: Timestamp) -> Result<u32, StoreError> {
    Box::pin(db.look_after_lists(now, &Tuning::default())).await
}
