//! Follows transactions from the moment they are reported or found until they are final, or come to nothing.

use crate::apply::{self, Resolution};
use crate::{AT_ONCE, ChainRun, Delayed, Round};
use anyspend_chain::{Unknown, signer};
use anyspend_domain::followed::Followed;
use anyspend_domain::matching::{Scope, meant};
use anyspend_domain::settlement::{Evidence, Expected, UNSEEN_PATIENCE_SECONDS, Verdict, Worthless, judge, statement};
use anyspend_domain::transaction::TxHash;
use anyspend_store::settlement::unfollow;
use anyspend_store::{CommitError, StoreError};
use futures_util::stream::{self, StreamExt};
use std::hash::{BuildHasher, RandomState};

/// Looks at every transaction that is followed on the chain.
pub(crate) async fn follow_all(round: &Round<'_>, run: &mut ChainRun) -> Result<(), Delayed> {
    let rows = round.run.db.followed_transactions(round.chain.id).await?;
    run.followed = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    // In another order each time: a flood of made-up reports slows the others down, and starves none.
    let order = RandomState::new();
    let mut rows = rows;
    rows.sort_by_cached_key(|row| order.hash_one((row.tx_hash.to_string(), row.session_id.as_str())));
    // Boxed: what is held while a transaction is looked at is too much to be moved about.
    let mut looks = stream::iter(rows).map(|row| Box::pin(look(round, row))).buffer_unordered(AT_ONCE);
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

async fn look(round: &Round<'_>, row: Followed) -> Result<Resolution, StoreError> {
    let hash = row.tx_hash.clone();
    match round.endpoints.evidence(&hash).await {
        Ok(evidence) => Box::pin(in_a_block(round, row, evidence)).await,
        Err(Unknown::Absent) => in_no_block(round, row).await,
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
    let text = statement(&row.session_id, row.chain_id, &row.tx_hash);
    let signer = row.signature.as_ref().and_then(|signature| signer(&text, signature));
    let moved: Vec<_> = evidence.transfers.iter().filter(|transfer| expected.is_paid_by(transfer)).collect();
    let pair = (&expected.token, &expected.recipient);
    let asks = round.run.db.asks_for(row.chain_id, pair, &moved, round.platform).await?;
    let verdict =
        judge(&evidence, &expected, signer.as_ref(), |transfer| meant(&asks, transfer, evidence.block_time));
    let is_final = round.chain.finality.reached(evidence.block.number, round.head);
    match verdict {
        Verdict::Reorganised => in_no_block(round, row).await,
        Verdict::Pays(transfers) if is_final => apply::settled(round, row, &evidence, &transfers).await,
        Verdict::Pays(transfers) => apply::confirming(round, row, &evidence, &transfers).await,
        Verdict::Worthless(_) if !is_final => Ok(Resolution::Pending),
        Verdict::Worthless(why) => {
            log_refusal(&row.tx_hash, &row, why);
            apply::failed(round, row).await
        }
    }
}

fn log_refusal(hash: &TxHash, row: &Followed, why: Worthless) {
    tracing::info!(chain_id = row.chain_id, tx_hash = %hash, session_id = %row.session_id, ?why, "pays nothing");
}

/// No block has it: it waits for one, or was never sent, or a reorganisation took its block away.
async fn in_no_block(round: &Round<'_>, row: Followed) -> Result<Resolution, StoreError> {
    if row.seen.iter().any(|seen| seen.block.is_some()) {
        return apply::reorganised(round, row).await;
    }
    let until = row.since.plus_seconds(UNSEEN_PATIENCE_SECONDS);
    // The chain's own clock must have passed, too: an endpoint that has stood still knows nothing new.
    if round.run.now < until || round.latest_time < until {
        return Ok(Resolution::Pending);
    }
    match round.endpoints.is_unheard_of(&row.tx_hash).await {
        Ok(true) => apply::failed(round, row).await,
        Ok(false) | Err(_) => Ok(Resolution::Pending),
    }
}

/// Ends the following of what nothing can come of.
async fn forget(round: &Round<'_>, row: &Followed) -> Result<Resolution, StoreError> {
    match round.run.db.commit(vec![unfollow(row)]).await {
        Ok(()) | Err(CommitError::Refused { .. }) => Ok(Resolution::Pending),
        Err(CommitError::Store(error)) => Err(error),
    }
}
