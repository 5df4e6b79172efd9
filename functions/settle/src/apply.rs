//! What the chain said, made true: each step of [`followed`] is one transaction of the session, the record, and the row by
//! which the transaction is followed. The latter refuses a second run that took the same step.

use crate::Round;
use anyspend_api::job::Job;
use anyspend_api::settlement::most_extra_of;
use anyspend_domain::checkout_session::Status;
use anyspend_domain::followed::{self, Finding, Followed, RowStep, Situation, Step as Decision};
use anyspend_domain::matching::Scope;
use anyspend_domain::payment::{Payment, PaymentOutcome};
use anyspend_domain::settlement::{Binding, Evidence, Transfer, extra};
use anyspend_domain::transaction::Transaction;
use anyspend_domain::{Address, EventId, OrgId, TransactionId, entropy};
use anyspend_store::audit::AuditEvent;
use anyspend_store::payments::{self, PaymentContext};
use anyspend_store::settlement::{ask, follow_on, still_matched, unfollow};
use anyspend_store::{Patience, Refusal, Step, StoreError, Write, audit};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What became of a transaction that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// Nothing changed.
    Pending,
    /// Its place in the chain changed.
    Confirming,
    /// It is final and pays.
    Settled,
    /// It came to nothing.
    Failed,
}

/// Payments that stand in a block which is not final.
pub(crate) async fn confirming(
    round: &Round<'_>,
    row: Followed,
    evidence: &Evidence,
    transfers: &[(Transfer, Binding)],
) -> Result<Resolution, StoreError> {
    let mut row = row;
    let mut resolution = Resolution::Pending;
    for (transfer, _) in transfers {
        let payment = payment_of(round, evidence, transfer);
        if row.has_recorded(&payment) {
            continue;
        }
        let applied = apply(round, &row, &Finding::Confirming(payment), false).await?;
        let Some(Applied { row: Some(next), .. }) = applied else { return Ok(Resolution::Pending) };
        (row, resolution) = (next, Resolution::Confirming);
    }
    Ok(resolution)
}

/// A reorganisation took the block away: the payments wait for another one.
pub(crate) async fn reorganised(round: &Round<'_>, row: Followed) -> Result<Resolution, StoreError> {
    let mut row = row;
    tracing::warn!(chain_id = row.chain_id, tx_hash = %row.tx_hash, session_id = %row.session_id, "reorganised");
    for seen in row.seen.clone() {
        let Some(record) = round.run.db.find_transaction(&seen.transaction_id, round.platform).await? else { continue };
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
        row.since = round.run.now;
        let applied = apply(round, &row, &Finding::Confirming(payment), false).await?;
        let Some(Applied { row: Some(next), .. }) = applied else { return Ok(Resolution::Pending) };
        row = next;
    }
    Ok(Resolution::Confirming)
}

/// Payments that are final.
pub(crate) async fn settled(
    round: &Round<'_>,
    row: Followed,
    evidence: &Evidence,
    transfers: &[(Transfer, Binding)],
) -> Result<Resolution, StoreError> {
    let mut row = row;
    let mut resolution = Resolution::Pending;
    for (at, (transfer, binding)) in transfers.iter().enumerate() {
        let is_last = at + 1 == transfers.len();
        let finding = Finding::Final(payment_of(round, evidence, transfer));
        let Some(applied) = apply(round, &row, &finding, is_last).await? else { return Ok(resolution) };
        if applied.settled {
            tracing::info!(chain_id = row.chain_id, tx_hash = %row.tx_hash, session_id = %row.session_id, ?binding, "paid");
            resolution = Resolution::Settled;
        }
        let Some(next) = applied.row else { return Ok(resolution) };
        row = next;
    }
    // Records of transfers that a reorganisation changed, or of a report whose transfer had a record of its own.
    if !row.records().is_empty() {
        failed(round, row).await?;
    }
    Ok(resolution)
}

/// A transaction that came to nothing, for good: every record of it fails, and it is followed no longer.
pub(crate) async fn failed(round: &Round<'_>, row: Followed) -> Result<Resolution, StoreError> {
    let mut row = row;
    let mut records = row.records();
    if records.is_empty() {
        // Found on chain, and never recorded.
        apply(round, &row, &Finding::Failed(None), true).await?;
        return Ok(Resolution::Pending);
    }
    let mut resolution = Resolution::Pending;
    while let Some(id) = records.pop() {
        let applied = apply(round, &row, &Finding::Failed(Some(id)), records.is_empty()).await?;
        let Some(applied) = applied else { return Ok(resolution) };
        resolution = Resolution::Failed;
        let Some(next) = applied.row else { return Ok(resolution) };
        row = next;
    }
    Ok(resolution)
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

/// A step that was taken.
struct Applied {
    /// The row afterwards, unless it is followed no longer.
    row: Option<Followed>,
    /// Whether a payment became final by it.
    settled: bool,
}

/// Takes the step that a finding calls for. `None` when another run is at it, or the next one is to try.
async fn apply(
    round: &Round<'_>,
    row: &Followed,
    finding: &Finding,
    is_last: bool,
) -> Result<Option<Applied>, StoreError> {
    let (claimed, reserved) = (&AtomicBool::new(false), &AtomicU32::new(0));
    let decided = round.run.db.decide(Patience::until(round.run.deadline), |refused| async move {
        match refused {
            None => {}
            Some(Refusal::Claimed) => claimed.store(true, Ordering::Relaxed),
            Some(Refusal::Reserved) => {
                reserved.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) if is_mine(round, row).await? => {}
            Some(_) => return Ok(Step::Done(None)),
        }
        let finding = match finding {
            Finding::Final(payment) if claimed.load(Ordering::Relaxed) => &Finding::PaidBefore(payment.clone()),
            finding => finding,
        };
        // Boxed: what a decision holds is too much to be moved about.
        let Some((context, record)) = Box::pin(read(round, row, finding, refused.is_some())).await? else {
            return Ok(Step::Done(None));
        };
        let Some(decision) = decide(round, row, finding, &context, record.as_ref(), is_last) else {
            return Ok(Step::Done(None));
        };
        let settled = matches!(finding, Finding::Final(_));
        let mut decision = decision;
        let rest = match &mut decision.outcome {
            Some(outcome) if settled => ask_for_the_rest(round, outcome, reserved.load(Ordering::Relaxed))?,
            _ => None,
        };
        let mut writes = writes_of(round, row, &context, record.as_ref(), &decision)?;
        writes.extend(rest);
        if let Finding::Final(payment) = finding {
            let scope = Scope::of(&context.session);
            let goes_on = record.as_ref().is_some_and(|record| record.session_id.is_none());
            let (hash, log) = (&row.tx_hash, payment.log_index);
            writes.extend((!goes_on).then(|| still_matched(row.chain_id, hash, log, &scope)));
        }
        let row = match decision.row {
            RowStep::Stays => Some(row.clone()),
            RowStep::Becomes(next) => Some(*next),
            RowStep::Goes => None,
        };
        let applied = Some(Applied { row, settled });
        Ok(if writes.is_empty() { Step::Done(applied) } else { Step::Write(writes, applied) })
    });
    Ok(Box::pin(decided).await?.flatten())
}

/// Whether no other run has taken the row on in the meantime.
async fn is_mine(round: &Round<'_>, row: &Followed) -> Result<bool, StoreError> {
    let stored = round.run.db.find_followed(row.chain_id, &row.tx_hash, &row.session_id).await?;
    Ok(stored.is_some_and(|stored| stored.version == row.version))
}

/// What a step is decided on, and the record it continues; `None` when there is no such session.
async fn read(
    round: &Round<'_>,
    row: &Followed,
    finding: &Finding,
    again: bool,
) -> Result<Option<(PaymentContext, Option<Transaction>)>, StoreError> {
    let db = &round.run.db;
    let context = async |wallet: &Address| {
        // Boxed, like every read of several rows at once.
        Box::pin(db.payment_context(&row.owner, &row.session_id, wallet, round.platform, again)).await
    };
    let record = async {
        let known = finding.record(row).cloned();
        // What was nobody's has a record, which goes on. Where the payer's report has one too, the refusal says so.
        let id = match finding {
            Finding::Final(payment) if again || known.is_none() => {
                let scope = Scope::of_session(&row.owner, &row.session_id);
                db.find_unmatched(row.chain_id, &row.tx_hash, payment.log_index, &scope).await?.or(known)
            }
            _ => known,
        };
        match id {
            Some(id) => db.find_transaction(&id, round.platform).await,
            None => Ok(None),
        }
    };
    let (context, record) = match finding {
        Finding::Confirming(payment) | Finding::Final(payment) | Finding::PaidBefore(payment) => {
            tokio::try_join!(context(&payment.payer_address), record)?
        }
        Finding::Failed(_) => {
            let record = record.await?;
            let wallet = record.as_ref().and_then(|record| record.payer_address.clone());
            (context(&wallet.unwrap_or_else(Address::zero)).await?, record)
        }
    };
    Ok(context.map(|context| (context, record)))
}

fn decide(
    round: &Round<'_>,
    row: &Followed,
    finding: &Finding,
    context: &PaymentContext,
    record: Option<&Transaction>,
    is_last: bool,
) -> Option<Decision> {
    let now = round.run.now;
    let customer = match finding {
        Finding::Final(payment) => context.customer_id(&payment.payer_address, now),
        _ => None,
    };
    let situation = Situation { row, session: &context.session, link: context.link, record, customer, is_last };
    followed::step(&situation, finding, TransactionId::generate(now), now)
}

/// The writes that make a step true.
fn writes_of(
    round: &Round<'_>,
    row: &Followed,
    context: &PaymentContext,
    record: Option<&Transaction>,
    decision: &Decision,
) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    if let Some(outcome) = &decision.outcome {
        writes.extend(payments::writes(context, record, outcome, round.run.now, round.platform)?);
        writes.extend(audited(round, outcome)?);
    }
    match &decision.row {
        RowStep::Stays => {}
        RowStep::Becomes(next) => writes.push(follow_on(next, row.version)?),
        RowStep::Goes => writes.push(unfollow(row)),
    }
    Ok(writes)
}

/// Whoever paid too little is asked for the rest, by an amount of the session's own like the first: with the last digits
/// it has, or with others where those are taken, or at last with none.
fn ask_for_the_rest(
    round: &Round<'_>,
    outcome: &mut PaymentOutcome,
    refused: u32,
) -> Result<Option<Write>, StoreError> {
    let session = &mut outcome.session;
    if session.status(round.run.now, None) != Status::Open || session.amount_received.is_none() {
        return Ok(None);
    }
    if session.extra == 0 || refused > 0 {
        let random = u64::from_be_bytes(entropy::bytes());
        session.extra = extra(refused, most_extra_of(session), random).unwrap_or_default();
        session.by_reference_only = session.extra == 0;
    }
    ask(session, round.run.now)
}

fn audited(round: &Round<'_>, outcome: &PaymentOutcome) -> Result<Option<Write>, StoreError> {
    let owner = &outcome.session.owner;
    // Nobody could ever read the trail of nobody's organization.
    if !outcome.is_final() || owner.org == OrgId::anonymous() {
        return Ok(None);
    }
    let event = AuditEvent {
        id: EventId::generate(round.run.now),
        event_type: outcome.audit_event(),
        resource_id: outcome.session.id.to_string(),
        actor_type: "settlement",
        actor_id: format!("chain {}", round.chain.id),
        ip_address: None,
        ip_hash: None,
        ip_country: None,
        request_method: "RUN".to_owned(),
        request_path: crate::Settler::NAME.to_owned(),
        request_id: round.run.id.clone(),
        status_code: 200,
        created_at: round.run.now,
    };
    audit::record(owner, &event).map(Some)
}
