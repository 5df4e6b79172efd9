//! Transfers that are nobody's: recorded once they are final, and told, so that no money is without a trace.

use crate::Round;
use anyspend_domain::Timestamp;
use anyspend_domain::TransactionId;
use anyspend_domain::payment::Payment;
use anyspend_domain::settlement::Transfer;
use anyspend_domain::transaction::{Block, Transaction, TxHash};
use anyspend_store::settlement::{MOST_UNMATCHED_A_DAY, unmatched};
use anyspend_store::{CommitError, Refusal, StoreError};

/// A transfer in a block that is final, which nobody is bound to.
pub(crate) struct Nobodys<'a> {
    pub(crate) tx_hash: &'a TxHash,
    pub(crate) transfer: &'a Transfer,
    pub(crate) block: &'a Block,
    pub(crate) block_time: Timestamp,
}

/// Records each of them.
pub(crate) async fn record_all(round: &Round<'_>, nobodys: &[Nobodys<'_>]) -> Result<(), StoreError> {
    for one in nobodys {
        record(round, one).await?;
    }
    Ok(())
}

/// Records it for each organization that had a session waiting for a payment there.
pub(crate) async fn record(round: &Round<'_>, nobodys: &Nobodys<'_>) -> Result<(), StoreError> {
    let Nobodys { tx_hash, transfer, block, block_time } = nobodys;
    let (db, chain_id, now) = (&round.run.db, round.chain.id, round.run.now);
    let Some(token) = &transfer.token else { return Ok(()) };
    if transfer.payer == transfer.recipient {
        return Ok(());
    }
    let payment = Payment {
        amount: transfer.amount,
        payer_address: transfer.payer.clone(),
        tx_hash: TxHash::clone(tx_hash),
        log_index: transfer.log_index,
        block: Some(Block::clone(block)),
        confirmations: round.head.confirmations(block.number),
    };
    // What would not be recorded need not be looked into.
    if db.unmatched_today(chain_id, (token, &transfer.recipient), now).await? >= MOST_UNMATCHED_A_DAY {
        tracing::warn!(chain_id, %tx_hash, most = MOST_UNMATCHED_A_DAY, "nobody's, and not recorded: too many today");
        return Ok(());
    }
    for scope in db.scopes_waiting(chain_id, (token, &transfer.recipient), *block_time).await? {
        let Some(owner) = scope.owner() else { continue };
        let asset = (chain_id, token.clone(), transfer.recipient.clone());
        let transaction = Transaction::unmatched(TransactionId::generate(now), owner, asset, &payment, now);
        let writes = unmatched(&transaction, &scope, now, round.platform)?;
        match db.commit(writes).await {
            Ok(()) => tracing::info!(chain_id, %tx_hash, %scope, "nobody's"),
            // Recorded before, or somebody's after all, or one too many.
            Err(CommitError::Refused { refusal: Refusal::Taken | Refusal::Claimed | Refusal::Unsupported, .. }) => {}
            Err(CommitError::Refused { refusal, .. }) => {
                return Err(StoreError::Fault(format!("transaction {tx_hash} was refused as {refusal:?}")));
            }
            Err(CommitError::Store(error)) => return Err(error),
        }
    }
    Ok(())
}
