//! Jobs: what runs by itself, on a schedule, and on the table's stream where it listens to it.
//!
//! What must stay true: a run may die anywhere, and two runs may go on at once. Whatever a run has not done, the next one
//! does; so nothing is lost with a run, and a failed one is only logged.

use crate::platform::Platform;
use anyspend_domain::{RequestId, Timestamp};
use anyspend_store::Db;
use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::streams::DynamoDbEventResponse;
use futures_util::future::BoxFuture;
use serde::Serialize;
use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A job, made once per process and run again and again.
pub trait Job: Sized + Send + Sync + 'static {
    /// The name of its folder in `functions/`, which is also its function's.
    const NAME: &'static str;
    /// How often its function is started.
    const EVERY: Duration;
    /// How long a run goes on beginning new work. Its function's timeout is longer.
    const RUN_TIME: Duration;
    /// What a run did.
    type Summary: Summary;
    /// Why a run failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Makes the job. Nothing outside the process is asked yet.
    ///
    /// # Errors
    /// When the platform's configuration does not suffice.
    fn prepare(platform: Arc<Platform>) -> Result<Self, NotPrepared>;

    /// Whether there is anything to run for in this deployment.
    fn has_work(&self) -> bool {
        true
    }

    /// One run. What it leaves undone is the next run's.
    fn run(&self, run: &Run) -> impl Future<Output = Result<Self::Summary, Self::Error>> + Send;

    /// Takes a batch of the table's stream; the answer says which records have to come again. A job that does not listen
    /// to the stream runs as on its schedule.
    fn take(
        &self,
        run: &Run,
        _records: Vec<EventRecord>,
    ) -> impl Future<Output = Result<DynamoDbEventResponse, Self::Error>> + Send {
        async { self.run(run).await.map(|_| DynamoDbEventResponse::default()) }
    }

    /// Ends what runs have begun and left behind in this process, before the process ends.
    fn stop(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// What a run did, as its log line and its answer say.
pub trait Summary: Serialize + fmt::Debug + Send {
    /// Whether there was nothing to do.
    fn is_idle(&self) -> bool;
}

/// Why a job cannot run on a platform.
#[derive(Debug, thiserror::Error)]
pub enum NotPrepared {
    /// What it reads is sealed.
    #[error("PLATFORM_SECRET is not set, and {0} cannot work without it")]
    NoSecret(&'static str),
    /// Something else it needs is missing or malformed.
    #[error("{0}")]
    Unusable(String),
}

/// Whether the process goes on after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// The process lives on, so what a run began may end later.
    GoesOn,
    /// The process is frozen, as a Lambda function is: what a run began must end in it.
    Frozen,
}

/// What everything within one run shares.
#[derive(Debug, Clone)]
pub struct Run {
    /// The table, with a meter of its own.
    pub db: Db,
    /// When the run began.
    pub now: Timestamp,
    /// Names the run in the audit trail.
    pub id: RequestId,
    /// From then on it begins nothing new.
    pub deadline: Instant,
    /// What becomes of the process.
    pub afterwards: Afterwards,
}

impl Run {
    /// A run of job `J` that begins now.
    pub fn of<J: Job>(platform: &Platform, afterwards: Afterwards) -> Self {
        let now = platform.clock.now();
        let (db, id) = (platform.db.metered(), RequestId::generate(now));
        Self { db, now, id, deadline: Instant::now() + J::RUN_TIME, afterwards }
    }

    /// Whether its time is over.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// What is left of its time.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Says in the log what came of it. An idle run is worth a line only where somebody pays for each run.
    pub(crate) fn log<S: Summary, E: std::error::Error>(&self, job: &'static str, done: &Result<S, E>) {
        let cost = self.db.cost();
        // A job that counts by itself what it spends has spent nothing here.
        let spent = (cost.calls > 0).then_some((cost.calls, cost.wru, cost.rru_text()));
        let (calls, wru) = (spent.as_ref().map(|spent| spent.0), spent.as_ref().map(|spent| spent.1));
        let rru = spent.as_ref().map(|spent| spent.2.as_str());
        match done {
            Ok(summary) if summary.is_idle() && self.afterwards == Afterwards::GoesOn => {
                tracing::debug!(job, ?summary, calls, wru, rru, "job done");
            }
            Ok(summary) => tracing::info!(job, ?summary, calls, wru, rru, "job done"),
            Err(error) => tracing::error!(job, %error, calls, wru, rru, "job failed"),
        }
    }
}

/// The platform's secret is there, without which `job` can open nothing.
///
/// # Errors
/// [`NotPrepared::NoSecret`]
pub fn demand_secret<J: Job>(platform: &Platform) -> Result<(), NotPrepared> {
    platform.config.secret.is_some().then_some(()).ok_or(NotPrepared::NoSecret(J::NAME))
}

/// A job in a list of jobs: what is known of it before it is made.
#[derive(Debug, Clone, Copy)]
pub struct Registered {
    /// [`Job::NAME`]
    pub name: &'static str,
    /// [`Job::EVERY`]
    pub every: Duration,
    /// [`Job::RUN_TIME`]
    pub run_time: Duration,
    prepare: fn(Arc<Platform>) -> Result<Prepared, NotPrepared>,
}

impl Registered {
    /// The entry of job `J`.
    pub const fn of<J: Job>() -> Self {
        let prepare = |platform: Arc<Platform>| {
            let job = J::prepare(platform.clone())?;
            Ok(Prepared { has_work: job.has_work(), job: Arc::new(OnPlatform { platform, job }) })
        };
        Self { name: J::NAME, every: J::EVERY, run_time: J::RUN_TIME, prepare }
    }

    /// Makes the job; `None` where it has no work in this deployment.
    ///
    /// # Errors
    /// As [`Job::prepare`].
    pub fn prepare(&self, platform: Arc<Platform>) -> Result<Option<Arc<dyn Repeated>>, NotPrepared> {
        let prepared = (self.prepare)(platform)?;
        Ok(prepared.has_work.then_some(prepared.job))
    }
}

struct Prepared {
    has_work: bool,
    job: Arc<dyn Repeated>,
}

/// What one process runs again and again, whichever job it is.
pub trait Repeated: Send + Sync {
    /// One run, whose outcome is in the log.
    fn once(&self) -> BoxFuture<'_, ()>;

    /// As [`Job::stop`].
    fn stop(&self) -> BoxFuture<'_, ()>;
}

struct OnPlatform<J> {
    platform: Arc<Platform>,
    job: J,
}

impl<J: Job> Repeated for OnPlatform<J> {
    fn once(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let run = Run::of::<J>(&self.platform, Afterwards::GoesOn);
            run.log(J::NAME, &self.job.run(&run).await);
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.job.stop())
    }
}
