//! Follows transactions from the moment they are reported or found until they are final, or come to nothing.

use crate::apply::{self, Resolution};
use crate::rarely::in_turns;
use crate::unmatched::{self, Nobodys};
use crate::{AT_ONCE, ChainRun, Delayed, Round, signed};
use anyspend_chain::Unknown;
use anyspend_domain::followed::Followed;
use anyspend_domain::matching::{Scope, meant};
use anyspend_domain::settlement::{Evidence, Expected, UNSEEN_PATIENCE_SECONDS, Verdict, Worthless, judge};
use anyspend_domain::transaction::TxHash;
use anyspend_domain::{CheckoutSessionId, OrgId};
use anyspend_store::settlement::unfollow;
use anyspend_store::{CommitError, StoreError};
use futures_util::stream::{self, StreamExt};
use std::collections::HashSet;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Reports in one run of transactions that nobody has seen in a block: each costs every endpoint a question, and anybody
/// can make them up.
pub const UNSEEN_LOOKS_PER_RUN: usize = 120;
/// How many transactions an instance remembers to stand in a block.
const REMEMBERED: usize = 20_000;

/// Transactions that an instance has seen in a block.
#[derive(Debug, Default)]
pub(crate) struct InBlocks(Mutex<HashSet<TxHash>>);

impl InBlocks {
    fn known(&self) -> MutexGuard<'_, HashSet<TxHash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn learn(&self, hash: &TxHash) {
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(hash.clone());
    }

    /// Whether a transaction was seen in a block, by this instance or by whoever wrote its row.
    fn has(&self, row: &Followed) -> bool {
        row.reported.is_none() || !row.seen.is_empty() || self.known().contains(&row.tx_hash)
    }
}

/// Which transactions were looked at in this run.
#[derive(Debug, Default)]
pub(crate) struct Followings(HashSet<(TxHash, CheckoutSessionId)>);

impl Followings {
    /// Looks at every transaction that is followed on the chain and was not looked at in this run: first those that are
    /// in a block, then what was reported, in turns and as far as the run's budget goes.
    /// None is begun when less than `leaving` is left of the run.
    pub(crate) async fn follow_all(
        &mut self,
        round: &Round<'_>,
        run: &mut ChainRun,
        leaving: Duration,
    ) -> Result<(), Delayed> {
        let rows = round.run.db.followed_transactions(round.chain.id).await?;
        run.followed = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let new = rows.into_iter().filter(|row| !self.0.contains(&(row.tx_hash.clone(), row.session_id.clone())));
        let (in_blocks, unseen): (Vec<Followed>, Vec<Followed>) = new.partition(|row| round.chain.in_blocks.has(row));
        // What is too large to be read is asked for ever more rarely.
        let in_blocks: Vec<Followed> =
            in_blocks.into_iter().filter(|row| round.chain.rarely.is_due(&receipt(row), round.run.now).0).collect();
        // Reports are looked at once in a run, before the search.
        let unseen = if self.0.is_empty() { due(round, unseen) } else { Vec::new() };
        let rows: Vec<Followed> = in_turns(in_blocks, |row| row.owner.org.clone()).into_iter().chain(unseen).collect();
        let begun = |row: &Followed| {
            let in_time = round.run.remaining() > leaving;
            if in_time {
                self.0.insert((row.tx_hash.clone(), row.session_id.clone()));
            }
            ready(in_time)
        };
        // Boxed: what is held while a transaction is looked at is too much to be moved about.
        let mut looks =
            stream::iter(rows).take_while(begun).map(|row| Box::pin(look(round, row))).buffer_unordered(AT_ONCE);
        let mut problem = None;
        while let Some(done) = looks.next().await {
            match done {
                Ok(resolution) => {
                    run.confirming += u32::from(resolution == Resolution::Confirming);
                    run.settled += u32::from(resolution == Resolution::Settled);
                    run.refused += u32::from(resolution == Resolution::Failed);
                }
                Err(error) => problem = Some(error.into()),
            }
        }
        problem.map_or(Ok(()), Err)
    }
}

fn name(row: &Followed) -> String {
    format!("{}#{}", row.tx_hash, row.session_id)
}

fn receipt(row: &Followed) -> String {
    format!("receipt of {}", row.tx_hash)
}

/// The reports that it is time to look at: live ones first, then each organization, in it each link, and in that each
/// session in its turn. What was never looked at comes before what was.
fn due(round: &Round<'_>, rows: Vec<Followed>) -> Vec<Followed> {
    let mut known: Vec<(bool, Followed)> = Vec::new();
    for row in rows {
        let (is_due, is_new) = round.chain.rarely.is_due(&name(&row), round.run.now);
        // At the end of the patience with it, it is looked at whenever that is.
        if is_due || round.run.now >= row.since.plus_seconds(UNSEEN_PATIENCE_SECONDS) {
            known.push((!is_new, row));
        }
    }
    known.sort_by_key(|(was_asked, row)| (*was_asked, row.since));
    let rows: Vec<Followed> = known.into_iter().map(|(_, row)| row).collect();
    let rows = in_turns(rows, |row| row.session_id.clone());
    let rows = in_turns(rows, |row| row.session_id.short_code());
    let mut rows = in_turns(rows, |row| row.owner.org.clone());
    rows.sort_by_key(|row| !row.owner.mode.is_live() || row.owner.org == OrgId::anonymous());
    rows.truncate(UNSEEN_LOOKS_PER_RUN);
    rows
}

async fn look(round: &Round<'_>, row: Followed) -> Result<Resolution, StoreError> {
    let hash = row.tx_hash.clone();
    if !round.chain.in_blocks.has(&row) {
        round.chain.rarely.asked(&name(&row), row.since, round.run.now);
        // One question, where a made-up report would cost two and more.
        if matches!(round.endpoints.is_unheard_of(&hash).await, Ok(true)) {
            return unheard_of(round, row).await;
        }
    }
    match round.endpoints.evidence(&hash).await {
        Ok(evidence) => {
            round.chain.in_blocks.learn(&hash);
            Box::pin(in_a_block(round, row, evidence)).await
        }
        Err(Unknown::Absent) => in_no_block(round, row).await,
        Err(Unknown::TooLarge(_)) => {
            round.chain.in_blocks.learn(&hash);
            round.chain.rarely.asked(&receipt(&row), row.since, round.run.now);
            tracing::error!(chain_id = round.chain.id, tx_hash = %hash, session_id = %row.session_id, "too large to read");
            Ok(Resolution::Pending)
        }
        Err(unknown) => {
            tracing::info!(chain_id = round.chain.id, tx_hash = %hash, %unknown, "not known yet");
            Ok(Resolution::Pending)
        }
    }
}

async fn in_a_block(round: &Round<'_>, row: Followed, evidence: Evidence) -> Result<Resolution, StoreError> {
    let session = round.run.db.find_checkout_session(&row.session_id, round.platform).await?;
    let reference = round.platform.payment_reference(&row.session_id);
    let (Some(session), Some(reference)) = (session, reference) else { return forget(round, &row).await };
    let expected = Expected {
        asked: session.amount_asked(),
        scope: Scope::of(&session),
        session: session.id,
        reference,
        token: session.token_address,
        recipient: session.recipient_address,
        opened_at: session.created_at,
    };
    let moved: Vec<_> = evidence.transfers.iter().filter(|transfer| expected.is_paid_by(transfer)).collect();
    let signed = signed::by(round, &row, &evidence, &moved).await;
    let signer = signed.as_ref().ok().and_then(Option::as_ref);
    let pair = (&expected.token, &expected.recipient);
    let asks = round.run.db.asks_for(row.chain_id, pair, &moved, round.platform).await?;
    let verdict = judge(&evidence, &expected, signer, |transfer| meant(&asks, transfer, evidence.block_time));
    let is_final = round.chain.finality.reached(evidence.block.number, round.head);
    match verdict {
        Verdict::Reorganised => in_no_block(round, row).await,
        Verdict::Pays(transfers) if is_final => apply::settled(round, row, &evidence, &transfers).await,
        Verdict::Pays(transfers) => apply::confirming(round, row, &evidence, &transfers).await,
        // What is not known is no refusal.
        Verdict::Worthless(Worthless::NotBound) if signed.is_err() => Ok(Resolution::Pending),
        Verdict::Worthless(_) if !is_final => Ok(Resolution::Pending),
        Verdict::Worthless(why) => {
            log_refusal(&row.tx_hash, &row, why);
            if why != Worthless::NotBound {
                return apply::failed(round, row).await;
            }
            let nobodys: Vec<Nobodys<'_>> = moved
                .into_iter()
                .filter(|transfer| meant(&asks, transfer, evidence.block_time).sessions.is_empty())
                .map(|transfer| Nobodys {
                    tx_hash: &evidence.tx_hash,
                    transfer,
                    block: &evidence.block,
                    block_time: evidence.block_time,
                })
                .collect();
            not_bound(round, row, &nobodys).await
        }
    }
}

/// Ends the following of what nothing binds to its session, and records what is nobody's. While another session is
/// looked at for the transaction, that one may be bound: whichever comes last records it.
async fn not_bound(round: &Round<'_>, row: Followed, nobodys: &[Nobodys<'_>]) -> Result<Resolution, StoreError> {
    let (chain_id, tx_hash, session) = (row.chain_id, row.tx_hash.clone(), row.session_id.clone());
    let is_last = async || {
        let followers = round.run.db.followers(chain_id, &tx_hash).await?;
        Ok::<_, StoreError>(followers.iter().all(|follower| *follower == session))
    };
    let was_last = is_last().await?;
    if was_last {
        unmatched::record_all(round, nobodys).await?;
    }
    let resolution = apply::failed(round, row).await?;
    if !was_last && is_last().await? {
        unmatched::record_all(round, nobodys).await?;
    }
    Ok(resolution)
}

fn log_refusal(hash: &TxHash, row: &Followed, why: Worthless) {
    tracing::info!(chain_id = row.chain_id, tx_hash = %hash, session_id = %row.session_id, ?why, "pays nothing");
}

/// No block has it: it waits for one, or was never sent, or a reorganisation took its block away.
async fn in_no_block(round: &Round<'_>, row: Followed) -> Result<Resolution, StoreError> {
    if row.seen.iter().any(|seen| seen.block.is_some()) {
        return apply::reorganised(round, row).await;
    }
    match round.endpoints.is_unheard_of(&row.tx_hash).await {
        Ok(true) => unheard_of(round, row).await,
        Ok(false) | Err(_) => Ok(Resolution::Pending),
    }
}

/// No endpoint knows of it: after some patience it counts as never sent.
async fn unheard_of(round: &Round<'_>, row: Followed) -> Result<Resolution, StoreError> {
    let until = row.since.plus_seconds(UNSEEN_PATIENCE_SECONDS);
    // The chain's own clock must have passed, too: an endpoint that has stood still knows nothing new.
    if round.run.now < until || round.latest_time < until {
        return Ok(Resolution::Pending);
    }
    apply::failed(round, row).await
}

/// Ends the following of what nothing can come of.
async fn forget(round: &Round<'_>, row: &Followed) -> Result<Resolution, StoreError> {
    match round.run.db.commit(vec![unfollow(row)]).await {
        Ok(()) | Err(CommitError::Refused { .. }) => Ok(Resolution::Pending),
        Err(CommitError::Store(error)) => Err(error),
    }
}
