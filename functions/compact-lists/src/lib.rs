//! Looks after the lists that have changed: `anyspend_store::list` says what that is and why it may die at any point.

use anyspend_api::Platform;
use anyspend_api::job::{Job, NotPrepared, Run, Summary};
use anyspend_store::StoreError;
use anyspend_store::list::Tuning;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// The scheduled job: follows every note that is due.
#[derive(Debug)]
pub struct CompactLists;

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// Lists that got a new version.
    pub lists: u32,
}

impl Summary for Compacted {
    fn is_idle(&self) -> bool {
        self.lists == 0
    }
}

impl Job for CompactLists {
    const NAME: &'static str = "compact-lists";
    const EVERY: Duration = Duration::from_secs(60);
    // A list of a million objects is compacted whole.
    const RUN_TIME: Duration = Duration::from_secs(280);
    type Summary = Compacted;
    type Error = StoreError;

    fn prepare(_: Arc<Platform>) -> Result<Self, NotPrepared> {
        Ok(Self)
    }

    async fn run(&self, run: &Run) -> Result<Compacted, StoreError> {
        let lists = Box::pin(run.db.look_after_lists(run.now, &Tuning::default())).await?;
        Ok(Compacted { lists })
    }
}
