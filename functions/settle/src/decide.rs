//! What the chain said, made true: each step is one transaction of the session, the record, and the row by which the
//! transaction is followed. The latter refuses a second run that took the same step.

use crate::Round;
use anyspend_domain::payment::{self, Failing, Outcome, Payment, Seen};
use anyspend_domain::settlement::{Binding, Evidence, Transfer};
use anyspend_domain::transaction::{Transaction, TransactionStatus};
use anyspend_domain::{Address, EventId, OrgId, TransactionId};
use anyspend_store::audit::AuditEvent;
use anyspend_store::commit::pause;
use anyspend_store::payments::{self, Ground};
use anyspend_store::settlement::{Followed, SeenTransfer, follow_on, reserve, unfollow};
use anyspend_store::{CommitError, Refusal, StoreError, Write, audit, checkout_sessions, transactions};

/// How often a step is decided anew in one run because another change came first. After that it is the next run's.
const DECISIONS: u32 = 20;

/// What became of a transaction that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decided {
    /// Nothing changed.
    Waits,
    /// Its place in the chain changed.
    Confirming,
    /// It is final and pays.
    Settled,
    /// It came to nothing.
    Refused,
}

/// What a commit came to.
enum Tried {
    Done,
    /// The transfer has paid a session already.
    Claimed,
    /// The rest of an underpaid price is asked for by another session.
    Reserved,
    /// Something else changed: decide anew.
    Again,
}

async fn attempt(round: &Round<'_>, writes: Vec<Write>) -> Result<Tried, StoreError> {
    match round.db.commit(writes).await {
        Ok(()) => Ok(Tried::Done),
        Err(CommitError::Refused { refusal: Refusal::Claimed, .. }) => Ok(Tried::Claimed),
        Err(CommitError::Refused { refusal: Refusal::Reserved, .. }) => Ok(Tried::Reserved),
        Err(CommitError::Refused { .. }) => Ok(Tried::Again),
        Err(CommitError::Store(error)) => Err(error),
    }
}

/// Whether another run has taken the row on in the meantime.
async fn is_mine(round: &Round<'_>, row: &Followed) -> Result<bool, StoreError> {
    let now = round.db.find_followed(row.chain_id, &row.tx_hash, &row.session_id).await?;
    Ok(now.as_ref() == Some(row))
}

async fn ground(
    round: &Round<'_>,
    row: &Followed,
    wallet: &Address,
    again: bool,
) -> Result<Option<Ground>, StoreError> {
    // Boxed, like every read of several rows at once.
    Box::pin(round.db.payment_ground(&row.owner, &row.session_id, wallet, round.platform, again)).await
}

fn payment_of(round: &Round<'_>, evidence: &Evidence, transfer: &Transfer) -> Payment {
    Payment {
        amount: transfer.amount,
        payer_address: transfer.payer.clone(),
        tx_hash: evidence.tx_hash.clone(),
        log_index: transfer.log_index,
        block: Some(evidence.block.clone()),
        confirmations: round.head.confirmations(evidence.block.number),
    }
}

/// The record a transfer continues: its own, or the one of the payer's report, or a new one.
async fn record(
    round: &Round<'_>,
    row: &Followed,
    log_index: Option<u64>,
) -> Result<(Seen, Option<Transaction>), StoreError> {
    let own = row.seen.iter().find(|seen| seen.log_index == log_index).map(|seen| &seen.transaction_id);
    let found = match own.or(row.reported.as_ref()) {
        Some(id) => round.db.find_transaction(id, round.platform).await?,
        None => None,
    };
    Ok(match found {
        Some(transaction) => (Seen::Before(Box::new(transaction.clone())), Some(transaction)),
        None => (Seen::New(TransactionId::generate(round.now)), None),
    })
}

/// What a payment is decided on and the record it continues, read side by side; `None` when there is no such session.
async fn ground_and_record(
    round: &Round<'_>,
    row: &Followed,
    payment: &Payment,
    again: bool,
) -> Result<Option<(Ground, Seen, Option<Transaction>)>, StoreError> {
    let (ground, (seen, before)) =
        tokio::try_join!(ground(round, row, &payment.payer_address, again), record(round, row, payment.log_index))?;
    Ok(ground.map(|ground| (ground, seen, before)))
}

/// The row after one of its transfers was recorded as it is in `seen`; the report's record belongs to that transfer then.
fn noted(row: &Followed, seen: SeenTransfer) -> Followed {
    let mut next = row.clone();
    next.version += 1;
    if next.reported.as_ref() == Some(&seen.transaction_id) {
        next.reported = None;
    }
    match next.seen.iter_mut().find(|known| known.log_index == seen.log_index) {
        Some(known) => *known = seen,
        None => next.seen.push(seen),
    }
    next
}

/// The row without one of its transfers, which needs following no longer.
fn without(row: &Followed, log_index: Option<u64>, record: Option<&Transaction>) -> Followed {
    let mut next = row.clone();
    next.version += 1;
    next.seen.retain(|seen| seen.log_index != log_index);
    if next.reported.as_ref() == record.map(|record| &record.id) {
        next.reported = None;
    }
    next
}

/// Payments that stand in a block which is not final.
pub(crate) async fn confirming(
    round: &Round<'_>,
    row: Followed,
    evidence: &Evidence,
    transfers: &[(Transfer, Binding)],
) -> Result<Decided, StoreError> {
    let mut row = row;
    let mut decided = Decided::Waits;
    for (transfer, _) in transfers {
        let payment = payment_of(round, evidence, transfer);
        let known = row.seen.iter().find(|seen| seen.log_index == payment.log_index);
        if known.is_some_and(|seen| seen.block == payment.block && seen.confirmations == payment.confirmations) {
            continue;
        }
        let Some(next) = shown(round, &row, &payment).await? else { return Ok(Decided::Waits) };
        row = next;
        decided = Decided::Confirming;
    }
    Ok(decided)
}

/// A reorganisation took the block away: the payments wait for another one.
pub(crate) async fn reorganised(round: &Round<'_>, row: Followed) -> Result<Decided, StoreError> {
    let mut row = row;
    tracing::warn!(chain_id = row.chain_id, tx_hash = %row.tx_hash, session_id = %row.session_id, "reorganised");
    for seen in row.seen.clone() {
        let Some(record) = round.db.find_transaction(&seen.transaction_id, round.platform).await? else { continue };
        let Some(payer_address) = record.payer_address else { continue };
        let payment = Payment {
            amount: record.amount,
            payer_address,
            tx_hash: record.tx_hash,
            log_index: seen.log_index,
            block: None,
            confirmations: 0,
        };
        // Patience begins anew: it was there a moment ago.
        row.since = round.now;
        let Some(next) = shown(round, &row, &payment).await? else { return Ok(Decided::Waits) };
        row = next;
    }
    Ok(Decided::Confirming)
}

/// Records where a payment stands; `None` when another run has done so.
async fn shown(round: &Round<'_>, row: &Followed, payment: &Payment) -> Result<Option<Followed>, StoreError> {
    for decision in 0..DECISIONS {
        if decision > 0 {
            tokio::time::sleep(pause(decision)).await;
        }
        let found = Box::pin(ground_and_record(round, row, payment, decision > 0)).await?;
        let Some((ground, seen, before)) = found else { return Ok(None) };
        if before.as_ref().is_some_and(|record| record.status == TransactionStatus::Completed) {
            return Ok(None);
        }
        let (session, transaction) = payment::confirming(ground.session.clone(), seen, payment, ground.link, round.now);
        let next = noted(
            row,
            SeenTransfer {
                log_index: payment.log_index,
                transaction_id: transaction.id.clone(),
                block: payment.block.clone(),
                confirmations: payment.confirmations,
            },
        );
        let mut writes = transactions::record(&transaction, before.as_ref(), round.platform)?;
        writes.push(follow_on(&next, row.version)?);
        if session.version != ground.session.version {
            writes.extend(checkout_sessions::update(&ground.session, &session, round.platform)?);
        }
        match attempt(round, writes).await? {
            Tried::Done => return Ok(Some(next)),
            Tried::Claimed | Tried::Reserved | Tried::Again => {
                let stored = round.db.find_followed(row.chain_id, &row.tx_hash, &row.session_id).await?;
                if stored.is_none_or(|stored| stored.version != row.version) {
                    return Ok(None);
                }
            }
        }
    }
    Ok(None)
}

/// Payments that are final.
pub(crate) async fn settled(
    round: &Round<'_>,
    row: Followed,
    evidence: &Evidence,
    transfers: &[(Transfer, Binding)],
) -> Result<Decided, StoreError> {
    let mut row = row;
    let mut decided = Decided::Waits;
    for (at, (transfer, binding)) in transfers.iter().enumerate() {
        let is_last = at + 1 == transfers.len();
        let payment = payment_of(round, evidence, transfer);
        // Boxed: what a decision holds is too much to be moved about.
        match Box::pin(settle_one(round, &row, &payment, is_last)).await? {
            Some((next, true)) => {
                tracing::info!(chain_id = row.chain_id, tx_hash = %row.tx_hash, session_id = %row.session_id, ?binding, "paid");
                (row, decided) = (next, Decided::Settled);
            }
            Some((next, false)) => row = next,
            None => return Ok(decided),
        }
    }
    // Records of transfers that a reorganisation changed, or of a report whose transfer had a record of its own.
    if row.reported.is_some() || !row.seen.is_empty() {
        refused(round, row).await?;
    }
    Ok(decided)
}

/// Settles one transfer. `None` when another run is at it or the step must wait; otherwise the row afterwards, and whether
/// this is what settled it.
async fn settle_one(
    round: &Round<'_>,
    row: &Followed,
    payment: &Payment,
    is_last: bool,
) -> Result<Option<(Followed, bool)>, StoreError> {
    let mut asks_for_rest = true;
    for decision in 0..DECISIONS {
        if decision > 0 {
            tokio::time::sleep(pause(decision)).await;
        }
        let found = Box::pin(ground_and_record(round, row, payment, decision > 0)).await?;
        let Some((ground, seen, before)) = found else { return Ok(None) };
        let next = without(row, payment.log_index, before.as_ref());
        let is_over = is_last && next.reported.is_none() && next.seen.is_empty();
        let followed = || if is_over { Ok(unfollow(row)) } else { follow_on(&next, row.version) };
        let customer = ground.customer_id(&payment.payer_address, round.now);
        let outcome = payment::settle(ground.session.clone(), seen, payment, ground.link, customer, round.now);
        let mut writes = payments::writes(&ground, before.as_ref(), &outcome, round.now, round.platform)?;
        writes.push(followed()?);
        writes.extend(audited(round, &outcome)?);
        if asks_for_rest {
            writes.extend(asks_for_the_rest(round, &outcome)?);
        }
        match attempt(round, writes).await? {
            Tried::Done => return Ok(Some((next, true))),
            // By an earlier run that died before it could say so, or by another session.
            Tried::Claimed => return already_claimed(round, row, payment, is_last).await,
            Tried::Reserved => asks_for_rest = false,
            Tried::Again if is_mine(round, row).await? => {}
            Tried::Again => return Ok(None),
        }
    }
    Ok(None)
}

/// The transfer has paid a session. Its record here, if there is one, is of a payment that was not.
async fn already_claimed(
    round: &Round<'_>,
    row: &Followed,
    payment: &Payment,
    is_last: bool,
) -> Result<Option<(Followed, bool)>, StoreError> {
    let (_, before) = record(round, row, payment.log_index).await?;
    let next = without(row, payment.log_index, before.as_ref());
    if let Some(before) = before {
        return Ok(fail_record(round, row, &next, before, is_last).await?.map(|next| (next, false)));
    }
    if !(is_last && next.reported.is_none() && next.seen.is_empty()) {
        // Nothing to write: the row says nothing of this transfer.
        return Ok(Some((row.clone(), false)));
    }
    match attempt(round, vec![unfollow(row)]).await? {
        Tried::Done => Ok(Some((next, false))),
        _ => Ok(None),
    }
}

/// A transaction that came to nothing, for good: every record of it fails, and it is followed no longer.
pub(crate) async fn refused(round: &Round<'_>, row: Followed) -> Result<Decided, StoreError> {
    let mut row = row;
    let mut records: Vec<TransactionId> = row.seen.iter().map(|seen| seen.transaction_id.clone()).collect();
    records.extend(row.reported.clone());
    let mut decided = Decided::Waits;
    while let Some(id) = records.pop() {
        let mut next = row.clone();
        next.version += 1;
        next.seen.retain(|seen| seen.transaction_id != id);
        next.reported = next.reported.filter(|reported| *reported != id);
        let Some(before) = round.db.find_transaction(&id, round.platform).await? else { continue };
        match fail_record(round, &row, &next, before, records.is_empty()).await? {
            Some(next) => (row, decided) = (next, Decided::Refused),
            None => return Ok(decided),
        }
    }
    if decided == Decided::Waits {
        // Found on chain, and never recorded.
        attempt(round, vec![unfollow(&row)]).await?;
    }
    Ok(decided)
}

/// Fails one record; `None` when another run is at it.
async fn fail_record(
    round: &Round<'_>,
    row: &Followed,
    next: &Followed,
    before: Transaction,
    is_last: bool,
) -> Result<Option<Followed>, StoreError> {
    let is_over = is_last && next.reported.is_none() && next.seen.is_empty();
    let mut before = before;
    for decision in 0..DECISIONS {
        if decision > 0 {
            tokio::time::sleep(pause(decision)).await;
        }
        let wallet = before.payer_address.clone().unwrap_or_else(Address::zero);
        let Some(ground) = ground(round, row, &wallet, decision > 0).await? else { return Ok(None) };
        let seen = Seen::Before(Box::new(before.clone()));
        let hash = &row.tx_hash;
        let failed = payment::fail(ground.session.clone(), seen, hash, Failing::Transaction, ground.link, round.now);
        let Ok(outcome) = failed else { return Ok(None) };
        let mut writes = payments::writes(&ground, Some(&before), &outcome, round.now, round.platform)?;
        writes.push(if is_over { unfollow(row) } else { follow_on(next, row.version)? });
        writes.extend(audited(round, &outcome)?);
        match attempt(round, writes).await? {
            Tried::Done => return Ok(Some(next.clone())),
            _ if !is_mine(round, row).await? => return Ok(None),
            _ => {
                let again = round.db.find_transaction(&before.id, round.platform).await?;
                let Some(again) = again else { return Ok(None) };
                before = again;
            }
        }
    }
    Ok(None)
}

/// Whoever paid too little is asked for the rest, by an amount of the session's own like the first.
fn asks_for_the_rest(round: &Round<'_>, outcome: &Outcome) -> Result<Option<Write>, StoreError> {
    let session = &outcome.session;
    let is_open = session.status(round.now, None) == anyspend_domain::checkout_session::Status::Open;
    let rest = match (session.amount_due(), session.amount_received) {
        (Some(due), Some(received)) if is_open => due.checked_sub(received),
        _ => None,
    };
    rest.map(|rest| reserve(session, rest, round.now)).transpose()
}

fn audited(round: &Round<'_>, outcome: &Outcome) -> Result<Option<Write>, StoreError> {
    let owner = &outcome.session.owner;
    // Nobody could ever read the trail of nobody's organization.
    if owner.org == OrgId::anonymous() {
        return Ok(None);
    }
    let event = AuditEvent {
        id: EventId::generate(round.now),
        event_type: outcome.audit_event(),
        resource_id: outcome.session.id.to_string(),
        actor_type: "settlement",
        actor_id: format!("chain {}", round.chain.id),
        ip_address: None,
        request_method: "RUN".to_owned(),
        request_path: "settle".to_owned(),
        request_id: round.request_id.clone(),
        status_code: 200,
        created_at: round.now,
    };
    audit::record(owner, &event).map(Some)
}
