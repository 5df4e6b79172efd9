//! Settlement: a payment becomes true by the chain, and only by it, and once.
//!
//! Each run looks, on every configured chain and side by side, for transfers to recipients of unpaid sessions ([`scan`]),
//! and follows every transaction that was found or reported until it is final ([`follow`]). What a payment then makes of
//! its session is decided and written where every payment is: [`anyspend_domain::payment`] and
//! [`anyspend_store::payments`].
//!
//! What must stay true: a run may die at any point, and two may run at once. Each step is one transaction that refuses
//! what has happened already, and progress is remembered after what it stands for. An endpoint that errs, lies or lags
//! delays its own chain, and decides nothing. After completion nothing is undone: a reorganisation deeper than the chain's
//! finality is logged by nobody but the chain.

mod decide;
mod follow;
mod scan;

use anyspend_api::Platform;
use anyspend_chain::Network;
use anyspend_domain::settlement::{Finality, Head};
use anyspend_domain::{RequestId, Timestamp};
use anyspend_store::Db;
use futures_util::future::join_all;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// How long a run may spend on a chain. What it has not reached by then is the next run's.
const RUN_TIME: Duration = Duration::from_secs(45);
/// Transactions looked at side by side, so that one slow answer holds up few.
const AT_ONCE: usize = 8;

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
    looked_at: scan::LookedAt,
}

/// What one run did on one chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Run {
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
    /// Why the run ended early, or could not do all of it. The next run tries again.
    pub problem: Option<String>,
}

/// What everything within one run on one chain shares.
struct Round<'a> {
    platform: &'a Platform,
    db: Db,
    chain: &'a Chain,
    endpoints: anyspend_chain::Trusted,
    head: Head,
    /// When the highest block says it was made.
    latest_time: Timestamp,
    now: Timestamp,
    /// Names the run in the audit trail.
    request_id: RequestId,
}

impl Settler {
    /// A settler for the chains of the platform's configuration. Nothing is asked yet.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn new(platform: Arc<Platform>) -> Result<Self, String> {
        if platform.config.secret.is_none() {
            return Err("PLATFORM_SECRET is not set, so payments cannot be matched with sessions".to_owned());
        }
        let chains = platform
            .config
            .chains
            .settling()
            .map(|(id, access)| {
                let network = Network::new(id, &access.rpc_urls).map_err(|error| format!("chain {id}: {error}"))?;
                let finality = Finality::of(id, access.confirmations);
                Ok(Chain { id, network, finality, looked_at: scan::LookedAt::default() })
            })
            .collect::<Result<_, String>>()?;
        Ok(Self { platform, chains })
    }

    /// Whether there is any chain to follow.
    pub const fn has_work(&self) -> bool {
        !self.chains.is_empty()
    }

    /// One run over all chains, side by side: what goes wrong on one is no matter to the others.
    pub async fn run(&self) -> Vec<Run> {
        join_all(self.chains.iter().map(|chain| self.run_on(chain))).await
    }

    async fn run_on(&self, chain: &Chain) -> Run {
        let mut run = Run { chain_id: chain.id, ..Run::default() };
        // Dropped in the middle, it is as if the process had died there.
        let done = tokio::time::timeout(RUN_TIME, Box::pin(self.round(chain, &mut run))).await;
        let problem = match done {
            Ok(Ok(())) => run.problem.take(),
            Ok(Err(problem)) => Some(problem),
            Err(_) => Some(format!("not done after {} s", RUN_TIME.as_secs())),
        };
        run.problem = problem;
        match &run.problem {
            Some(problem) => tracing::warn!(chain_id = chain.id, problem, ?run, "settlement is delayed"),
            None if run.found + run.confirming + run.settled + run.refused > 0 => {
                tracing::info!(chain_id = chain.id, ?run, "settlement");
            }
            None => tracing::debug!(chain_id = chain.id, ?run, "settlement"),
        }
        run
    }

    async fn round(&self, chain: &Chain, run: &mut Run) -> Result<(), String> {
        let endpoints = chain.network.trusted().await.map_err(|unknown| unknown.to_string())?;
        let sighting = endpoints.head().await.map_err(|unknown| unknown.to_string())?;
        let now = self.platform.clock.now();
        let round = Round {
            platform: &self.platform,
            db: self.platform.db.metered(),
            chain,
            endpoints,
            head: sighting.head,
            latest_time: sighting.latest.time,
            now,
            request_id: RequestId::generate(now),
        };
        run.latest = round.head.latest;
        // What was reported is followed even where the logs cannot be searched.
        if let Err(problem) = scan::scan(&round, run).await {
            run.problem = Some(problem);
        }
        follow::follow_all(&round, run).await
    }
}

/// The scheduled job: what `serve::on_events` runs. What the event says does not matter.
///
/// # Errors
/// When the configuration cannot be used.
pub fn job(platform: Arc<Platform>) -> Result<impl AsyncFn(serde_json::Value) -> Result<Vec<Run>, String>, String> {
    let settler = Settler::new(platform)?;
    Ok(async move |_: serde_json::Value| Ok(settler.run().await))
}
