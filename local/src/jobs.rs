//! The jobs, and the one timer that runs them in this process.

use anyspend_api::Platform;
use anyspend_api::job::{NotPrepared, Registered, Repeated};
use futures_util::future::{BoxFuture, join_all, ready};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Every job, in the order the documentation lists them.
pub const JOBS: &[Registered] = &[
    Registered::of::<settle::Settler>(),
    Registered::of::<end_sessions::EndSessions>(),
    Registered::of::<deliver_webhooks::Deliverer>(),
    Registered::of::<compact_lists::CompactLists>(),
    Registered::of::<rollup_stats::RollupStats>(),
];

/// Expired items are looked for no more often than this, because the look goes through the whole table.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Makes every job that has work on this platform.
///
/// # Errors
/// When the configuration does not suffice for one.
pub(crate) fn prepare(platform: &Arc<Platform>) -> Result<Vec<Arc<dyn Repeated>>, NotPrepared> {
    JOBS.iter().filter_map(|job| job.prepare(platform.clone()).transpose()).collect()
}

/// Jobs that run until they are stopped.
pub(crate) struct Running {
    jobs: Vec<Arc<dyn Repeated>>,
    timers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Runs each job now, and every `every` from then on; and looks for expired items, where there is a `sweeper`.
    pub(crate) fn start(jobs: Vec<Arc<dyn Repeated>>, sweeper: Option<Sweeper>, every: Duration) -> Self {
        let mut timers: Vec<_> = jobs.iter().map(|job| tokio::spawn(repeat(job.clone(), every))).collect();
        let every = every.max(SWEEP_EVERY);
        timers.extend(sweeper.map(|sweeper| {
            tokio::spawn(async move {
                // A start is no time to go through the whole table.
                tokio::time::sleep(every).await;
                repeat(Arc::new(sweeper), every).await;
            })
        }));
        Self { jobs, timers }
    }

    /// Stops them wherever they are: what a run has not finished, the next one does.
    pub(crate) async fn stop(self) {
        for timer in self.timers {
            timer.abort();
            // Until it is gone, it holds the platform.
            let _ = timer.await;
        }
        join_all(self.jobs.iter().map(|job| job.stop())).await;
    }
}

/// Runs a job again and again. A run that took long is not made up for by several at once.
async fn repeat(job: Arc<dyn Repeated>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        job.once().await;
    }
}

/// What DynamoDB does by itself, and the embedded engine when it is asked: deletes expired items.
pub(crate) struct Sweeper(Arc<dyn Fn() -> Result<usize, String> + Send + Sync>);

impl Sweeper {
    pub(crate) fn new(sweep: impl Fn() -> Result<usize, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(sweep))
    }
}

impl Repeated for Sweeper {
    fn once(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let sweep = self.0.clone();
            match tokio::task::spawn_blocking(move || sweep()).await {
                Ok(Ok(0)) | Err(_) => {}
                Ok(Ok(deleted)) => tracing::info!(deleted, "expired items deleted"),
                Ok(Err(error)) => tracing::error!(error, "expired items could not be deleted"),
            }
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}
