//! Settlement: a payment becomes true by the chain, and only by it, and once.
//!
//! Each run follows, on every configured chain and side by side, the transactions that were found or reported before
//! ([`follow`]), looks for transfers to recipients of unpaid sessions ([`scan`], [`search`]), and follows what it found.
//! What a payment then makes of
//! its session is decided and written where every payment is: [`anyspend_domain::payment`] and
//! [`anyspend_store::payments`].
//!
//! What must stay true: a run may die at any point, and two may run at once. Each step is one transaction that refuses
//! what has happened already, and progress is remembered after what it stands for. An endpoint that errs, lies or lags
//! delays its own chain, and decides nothing. After completion nothing is undone: a reorganisation deeper than what
//! counted as final is an error in the log, for people to look at.

mod apply;
mod coins;
mod follow;
mod matches;
mod plan;
mod rarely;
mod scan;
mod search;
mod signed;
mod unmatched;

pub use follow::UNSEEN_LOOKS_PER_RUN;

use anyspend_api::Platform;
use anyspend_api::job::{Afterwards, Job, NotPrepared, Run, Summary, demand_secret};
use anyspend_chain::{BlockFacts, Network, Unknown};
use anyspend_domain::Timestamp;
use anyspend_domain::settlement::{Finality, Head};
use anyspend_store::{CommitError, StoreError};
use futures_util::future::join_all;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Transactions looked at side by side, so that one slow answer holds up few.
const AT_ONCE: usize = 8;
/// What is left of a run's time when following ends for the search to begin: an endpoint that stalls must not take it all.
const LEFT_FOR_SEARCHING: Duration = Duration::from_secs(25);
/// After so long without any progress on a chain, in seconds, a run says that it failed, so that somebody is told.
const STALLED_AFTER_SECONDS: u64 = 300;

/// Follows payments on every configured chain.
#[derive(Debug)]
pub struct Settler {
    platform: Arc<Platform>,
    chains: Vec<Chain>,
}

#[derive(Debug)]
struct Chain {
    id: u64,
    network: Network,
    finality: Finality,
    looked_at: matches::LookedAt,
    in_blocks: follow::InBlocks,
    rarely: rarely::Rarely,
    learnt: search::Learnt,
}

impl Chain {
    fn new(id: u64, network: Network, finality: Finality) -> Self {
        let (looked_at, in_blocks) = (matches::LookedAt::default(), follow::InBlocks::default());
        let (rarely, learnt) = (rarely::Rarely::default(), search::Learnt::default());
        Self { id, network, finality, looked_at, in_blocks, rarely, learnt }
    }
}

/// What one run did on one chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ChainRun {
    /// The chain.
    pub chain_id: u64,
    /// Its highest block.
    pub latest: u64,
    /// Transfers that were found and are followed from now on.
    pub found: u32,
    /// Transactions that were followed.
    pub followed: u32,
    /// Payments whose place in the chain changed.
    pub confirming: u32,
    /// Payments that became final.
    pub settled: u32,
    /// Transactions that came to nothing.
    pub refused: u32,
    /// Transfers that wait because no endpoint knows their transactions.
    pub waiting: u32,
    /// Why the run ended early, or could not do all of it. The next run tries again.
    pub problem: Option<String>,
}

/// What one run did on every chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Settlement(pub Vec<ChainRun>);

impl Summary for Settlement {
    fn is_idle(&self) -> bool {
        // What is delayed, or was done, is in a line of its chain's own.
        self.0.iter().all(|run| run.problem.is_none() && run.is_idle())
    }
}

impl ChainRun {
    const fn is_idle(&self) -> bool {
        self.found + self.confirming + self.settled + self.refused == 0
    }
}

/// Why a run on a chain ended early, or could not do all of it. The next run tries again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Delayed {
    /// The chain's endpoints did not say.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// They did not say something about a part of it.
    #[error("{what}: {unknown}")]
    Part {
        /// Which part.
        what: String,
        /// Why it is not known.
        unknown: Unknown,
    },
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something could not be remembered.
    #[error("{what} was not kept: {why}")]
    NotWritten {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// Its time was over.
    #[error("not done after {} s", .0.as_secs())]
    OutOfTime(Duration),
}

impl Delayed {
    fn not_written(what: &str, error: CommitError) -> Self {
        let why = match error {
            CommitError::Refused { refusal, .. } => format!("refused as {refusal:?}"),
            CommitError::Store(error) => error.to_string(),
        };
        Self::NotWritten { what: what.to_owned(), why }
    }
}

/// What everything within one run on one chain shares.
struct Round<'a> {
    platform: &'a Platform,
    run: &'a Run,
    chain: &'a Chain,
    endpoints: anyspend_chain::Trusted,
    head: Head,
    /// When the highest block says it was made.
    latest_time: Timestamp,
}

impl Round<'_> {
    async fn block_at(&self, number: u64) -> Result<BlockFacts, Delayed> {
        let known = self.endpoints.block_at(number).await;
        known.map_err(|unknown| Delayed::Part { what: format!("block {number}"), unknown })
    }
}

/// Chains on which nothing was searched for long: their payments wait, and people must look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no progress on {0}")]
pub struct Stalled(String);

impl Job for Settler {
    const NAME: &'static str = "settle";
    const EVERY: Duration = Duration::from_secs(60);
    const RUN_TIME: Duration = Duration::from_secs(45);
    type Summary = Settlement;
    type Error = Stalled;

    /// Payments are matched with sessions by references that hang on the secret.
    fn prepare(platform: Arc<Platform>) -> Result<Self, NotPrepared> {
        demand_secret::<Self>(&platform)?;
        let settling = platform.config.chains.settling();
        let chains = settling.map(|(id, access)| {
            let network = Network::new(id, &access.rpc_urls);
            let network = network.map_err(|error| NotPrepared::Unusable(format!("chain {id}: {error}")))?;
            let finality = Finality::of(id, access.confirmations);
            Ok(Chain::new(id, network, finality))
        });
        let chains = chains.collect::<Result<_, NotPrepared>>()?;
        Ok(Self { platform, chains })
    }

    fn has_work(&self) -> bool {
        !self.chains.is_empty()
    }

    /// All chains side by side: what goes wrong on one is no matter to the others.
    async fn run(&self, run: &Run) -> Result<Settlement, Stalled> {
        let runs = self.run_all(run).await;
        let stalled = self.stalled(run, &runs).await;
        if stalled.is_empty() { Ok(Settlement(runs)) } else { Err(Stalled(stalled.join("; "))) }
    }
}

impl Settler {
    /// One run, as a host would make it.
    pub async fn run_once(&self) -> Vec<ChainRun> {
        self.run_all(&Run::of::<Self>(&self.platform, Afterwards::GoesOn)).await
    }

    async fn run_all(&self, run: &Run) -> Vec<ChainRun> {
        join_all(self.chains.iter().map(|chain| self.run_on(chain, run))).await
    }

    /// The chains on which there was no progress for long, and why.
    async fn stalled(&self, run: &Run, runs: &[ChainRun]) -> Vec<String> {
        let delayed: Vec<u64> =
            runs.iter().filter(|on_chain| on_chain.problem.is_some()).map(|on_chain| on_chain.chain_id).collect();
        // A table that does not answer is told of where it matters.
        let Ok(progress) = run.db.progress_of(&delayed).await else { return Vec::new() };
        let is_stalled = |id: u64| {
            let kept = progress.iter().find(|progress| progress.chain_id == id);
            kept.is_none_or(|kept| run.now > kept.as_of.plus_seconds(STALLED_AFTER_SECONDS))
        };
        let stalled =
            runs.iter().filter(|on_chain| delayed.contains(&on_chain.chain_id) && is_stalled(on_chain.chain_id));
        stalled
            .map(|on_chain| format!("chain {}: {}", on_chain.chain_id, on_chain.problem.as_deref().unwrap_or_default()))
            .collect()
    }

    async fn run_on(&self, chain: &Chain, run: &Run) -> ChainRun {
        let mut on_chain = ChainRun { chain_id: chain.id, ..ChainRun::default() };
        // Dropped in the middle, it is as if the process had died there.
        let done = tokio::time::timeout(run.remaining(), Box::pin(self.round(chain, run, &mut on_chain))).await;
        let problem = match done {
            Ok(Ok(())) => on_chain.problem.take(),
            Ok(Err(delayed)) => Some(delayed.to_string()),
            Err(_) => Some(Delayed::OutOfTime(Self::RUN_TIME).to_string()),
        };
        on_chain.problem = problem;
        match &on_chain.problem {
            Some(problem) => tracing::warn!(chain_id = chain.id, problem, run = ?on_chain, "settlement is delayed"),
            None if !on_chain.is_idle() => tracing::info!(chain_id = chain.id, run = ?on_chain, "settlement"),
            None => tracing::debug!(chain_id = chain.id, run = ?on_chain, "settlement"),
        }
        on_chain
    }

    async fn round(&self, chain: &Chain, run: &Run, on_chain: &mut ChainRun) -> Result<(), Delayed> {
        let endpoints = chain.network.trusted(run.deadline).await?;
        let sighting = endpoints.head().await?;
        let (head, latest_time) = (sighting.head, sighting.latest.time);
        let round = Round { platform: &self.platform, run, chain, endpoints, head, latest_time };
        on_chain.latest = round.head.latest;
        let mut followings = follow::Followings::default();
        // What is known is followed before anything is searched, and whatever comes of the search.
        let followed = followings.follow_all(&round, on_chain, LEFT_FOR_SEARCHING).await;
        if let Err(delayed) = Box::pin(scan::scan(&round, on_chain)).await {
            on_chain.problem = Some(delayed.to_string());
        }
        followings.follow_all(&round, on_chain, Duration::ZERO).await.and(followed)
    }
}
