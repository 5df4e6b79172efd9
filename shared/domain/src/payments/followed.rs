//! Following a transaction on chain that may pay a session: what was recorded of it, and what each finding about it makes of
//! session, record and row.
//!
//! What must stay true: [`step`] is the whole rule. Whoever applies a step writes all of it in one transaction, on the
//! versions it was decided on, or none.

use crate::checkout_session::CheckoutSession;
use crate::payment::{self, Failing, LinkState, Payment, PaymentOutcome, PaymentRecord};
use crate::settlement::WalletSignature;
use crate::transaction::{Block, Transaction, TransactionStatus, TxHash};
use crate::{CheckoutSessionId, CustomerId, Owner, Timestamp, TransactionId};
use serde::{Deserialize, Serialize};

/// A transfer that was seen in a block and recorded, and is not final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedTransfer {
    /// Which log; none of a native transfer.
    pub log_index: Option<u64>,
    /// Its record.
    pub transaction_id: TransactionId,
    /// The block it stood in when it was last looked at; `None` after a reorganisation took it away.
    pub block: Option<Block>,
    /// Confirmations when it was last looked at.
    pub confirmations: u64,
}

/// A transaction on chain that is followed because it may pay a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// The chain.
    pub chain_id: u64,
    /// The transaction.
    pub tx_hash: TxHash,
    /// The session it may pay.
    pub session_id: CheckoutSessionId,
    /// Whose session that is.
    #[serde(flatten)]
    pub owner: Owner,
    /// The paying wallet's word, where it was given.
    pub signature: Option<WalletSignature>,
    /// The pending record, where the payer reported the transaction and no transfer of it has been recorded yet.
    pub reported: Option<TransactionId>,
    /// What was recorded of it.
    #[serde(default)]
    pub seen: Vec<RecordedTransfer>,
    /// Since when.
    pub since: Timestamp,
    /// Counts changes.
    pub version: u64,
}

impl Followed {
    /// A transaction that a payer reports for a session, or that was found to pay one.
    pub fn new(session: &CheckoutSession, tx_hash: TxHash, reported: Option<TransactionId>, now: Timestamp) -> Self {
        Self {
            chain_id: session.chain_id,
            tx_hash,
            session_id: session.id.clone(),
            owner: session.owner.clone(),
            signature: None,
            reported,
            seen: Vec::new(),
            since: now,
            version: 1,
        }
    }

    /// The record a transfer continues: its own, or the one of the payer's report.
    pub fn record_of(&self, log_index: Option<u64>) -> Option<&TransactionId> {
        let own = self.seen.iter().find(|seen| seen.log_index == log_index).map(|seen| &seen.transaction_id);
        own.or(self.reported.as_ref())
    }

    /// Every record of it that is not final: transfers that stood in a block, and last the payer's report.
    pub fn records(&self) -> Vec<TransactionId> {
        self.seen.iter().map(|seen| seen.transaction_id.clone()).chain(self.reported.clone()).collect()
    }

    /// Whether a payment is recorded just where it stands now.
    pub fn has_recorded(&self, payment: &Payment) -> bool {
        let known = self.seen.iter().find(|seen| seen.log_index == payment.log_index);
        known.is_some_and(|seen| seen.block == payment.block && seen.confirmations == payment.confirmations)
    }

    /// The row after a transfer was recorded as it is in `seen`; the report's record belongs to that transfer then.
    fn with(&self, seen: RecordedTransfer) -> Self {
        let mut next = self.clone();
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

    /// The row without what is final now: one of its transfers, and one of its records.
    fn without(&self, is_final: impl Fn(&RecordedTransfer) -> bool, record: Option<&TransactionId>) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next.seen.retain(|seen| !is_final(seen));
        if next.reported.as_ref() == record {
            next.reported = None;
        }
        next
    }
}

/// What the chain says about one transfer, or one record, of a transaction that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It stands in a block that is not final, or in none after a reorganisation.
    Confirming(Payment),
    /// It is final.
    Final(Payment),
    /// It is final, and has paid a session before: in an earlier run that died before it could say so, or another session.
    PaidBefore(Payment),
    /// It came to nothing, for good. `None` where nothing of it was recorded.
    Failed(Option<TransactionId>),
}

impl Finding {
    /// The record of `row` that it is about.
    pub fn record<'a>(&'a self, row: &'a Followed) -> Option<&'a TransactionId> {
        match self {
            Self::Confirming(payment) | Self::Final(payment) | Self::PaidBefore(payment) => {
                row.record_of(payment.log_index)
            }
            Self::Failed(record) => record.as_ref(),
        }
    }
}

/// What a step is decided on.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The row by which the transaction is followed.
    pub row: &'a Followed,
    /// The session.
    pub session: &'a CheckoutSession,
    /// Its link.
    pub link: LinkState,
    /// The record that the finding is about, where there is one.
    pub record: Option<&'a Transaction>,
    /// Who the payer is to the merchant.
    pub customer: Option<CustomerId>,
    /// Whether the run has no other finding about the transaction.
    pub is_last: bool,
}

/// What a finding makes of all three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Session and record, where they change.
    pub outcome: Option<PaymentOutcome>,
    /// The row.
    pub row: RowStep,
}

/// What becomes of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowStep {
    /// It stays as it is.
    Stays,
    /// It becomes this.
    Becomes(Box<Followed>),
    /// It goes: there is nothing left to follow.
    Goes,
}

impl RowStep {
    fn after(next: Followed, is_last: bool) -> Self {
        let is_over = is_last && next.reported.is_none() && next.seen.is_empty();
        if is_over { Self::Goes } else { Self::Becomes(Box::new(next)) }
    }
}

/// The one rule of following. `None` when there is nothing to do about the finding, because somebody else has done more.
/// A record that does not exist yet gets the id `new`.
pub fn step(situation: &Situation<'_>, finding: &Finding, new: TransactionId, now: Timestamp) -> Option<Step> {
    let Situation { row, session, link, record, customer, is_last } = situation;
    let (link, is_last) = (*link, *is_last);
    let continued = record.map_or(PaymentRecord::New(new), |known| PaymentRecord::Existing(Box::new(known.clone())));
    let session = CheckoutSession::clone(session);
    let id = record.map(|record| &record.id);
    let fails = |session| {
        let existing = (*record).map(|known| PaymentRecord::Existing(Box::new(known.clone())));
        let failed = existing.map(|known| payment::fail(session, known, &row.tx_hash, Failing::Transaction, link, now));
        failed.transpose().ok()
    };
    Some(match finding {
        Finding::Confirming(_) if record.is_some_and(|known| known.status == TransactionStatus::Completed) => {
            return None;
        }
        Finding::Confirming(payment) => {
            let outcome = payment::confirming(session, continued, payment, link, now);
            let next = row.with(RecordedTransfer {
                log_index: payment.log_index,
                transaction_id: outcome.transaction.id.clone(),
                block: payment.block.clone(),
                confirmations: payment.confirmations,
            });
            Step { outcome: Some(outcome), row: RowStep::Becomes(Box::new(next)) }
        }
        Finding::Final(payment) => {
            let outcome = payment::settle(session, continued, payment, link, customer.clone(), now);
            let next = row.without(|seen| seen.log_index == payment.log_index, id);
            Step { outcome: Some(outcome), row: RowStep::after(next, is_last) }
        }
        Finding::PaidBefore(payment) => {
            let next = RowStep::after(row.without(|seen| seen.log_index == payment.log_index, id), is_last);
            match (fails(session)?, next) {
                // The row says nothing of this transfer.
                (None, RowStep::Becomes(_)) => Step { outcome: None, row: RowStep::Stays },
                (outcome, next) => Step { outcome, row: next },
            }
        }
        Finding::Failed(which) => {
            let next = row.without(|seen| Some(&seen.transaction_id) == which.as_ref(), which.as_ref());
            Step { outcome: fails(session)?, row: RowStep::after(next, is_last) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chains;
    use crate::checkout_session::{NewCheckoutSession, Source, Status};
    use crate::{Address, Amount, Mode, OrgId, ShortCode};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000).unwrap()
    }

    fn session() -> CheckoutSession {
        let request = NewCheckoutSession {
            token_address: Some(Address::from_bytes([1; 20])),
            chain_id: Some(8453),
            recipient_address: Some(Address::from_bytes([2; 20])),
            amount: Amount::parse("500").ok(),
            ..NewCheckoutSession::default()
        };
        let owner = Owner { org: OrgId::generate(at(1_000)), mode: Mode::Test };
        let id = CheckoutSessionId::generate(at(1_000), &ShortCode::none());
        CheckoutSession::open(id, owner, request, Source::Request, at(1_000), &Chains::default()).unwrap()
    }

    fn payment(log_index: u64, confirmations: u64) -> Payment {
        Payment {
            amount: Amount::parse("500").unwrap(),
            payer_address: Address::from_bytes([3; 20]),
            tx_hash: TxHash::new([4; 32]),
            log_index: Some(log_index),
            block: Some(Block { number: 10, hash: TxHash::new([5; 32]) }),
            confirmations,
        }
    }

    /// What a run knows, with its own copy of everything.
    struct Known {
        row: Followed,
        session: CheckoutSession,
        record: Option<Transaction>,
        is_last: bool,
    }

    impl Known {
        fn found() -> Self {
            let session = session();
            let row = Followed::new(&session, TxHash::new([4; 32]), None, at(1_001));
            Self { row, session, record: None, is_last: true }
        }

        /// After the payer's report.
        fn reported() -> Self {
            let found = Self::found();
            let id = TransactionId::generate(at(1_001));
            let hash = TxHash::new([4; 32]);
            let reported = payment::report(found.session, hash, None, LinkState::None, id.clone(), at(1_001));
            let (session, transaction) = reported.unwrap();
            Self {
                row: Followed { reported: Some(id), ..found.row },
                session,
                record: Some(transaction),
                is_last: true,
            }
        }

        /// After a transfer of it was seen in a block that is not final.
        fn confirming(log_index: u64) -> Self {
            let before = Self::reported();
            let step = before.step(&Finding::Confirming(payment(log_index, 1))).unwrap();
            let (outcome, RowStep::Becomes(row)) = (step.outcome.unwrap(), step.row) else { panic!("not followed") };
            Self { row: *row, session: outcome.session, record: Some(outcome.transaction), is_last: true }
        }

        fn step(&self, finding: &Finding) -> Option<Step> {
            let Self { row, session, record, is_last } = self;
            let (record, is_last) = (record.as_ref(), *is_last);
            let situation = Situation { row, session, link: LinkState::None, record, customer: None, is_last };
            step(&situation, finding, TransactionId::generate(at(1_002)), at(1_002))
        }
    }

    fn statuses(step: &Step) -> Option<(Status, TransactionStatus)> {
        step.outcome.as_ref().map(|outcome| (outcome.session.stored_status, outcome.transaction.status))
    }

    #[test]
    fn a_payment_that_is_not_final_is_noted_and_takes_the_reports_record() {
        let known = Known::reported();
        let step = known.step(&Finding::Confirming(payment(0, 2))).unwrap();
        assert_eq!(statuses(&step), Some((Status::Processing, TransactionStatus::Confirming)));
        let RowStep::Becomes(row) = step.row else { panic!("not followed") };
        assert_eq!((row.version, row.reported.as_ref(), row.seen.len()), (2, None, 1));
        assert_eq!(row.record_of(Some(0)), known.row.reported.as_ref());
        assert!(row.has_recorded(&payment(0, 2)) && !row.has_recorded(&payment(0, 3)));
        assert!(!step.outcome.unwrap().is_final(), "the trail has what is for good");
    }

    #[test]
    fn a_payment_that_is_not_final_changes_nothing_once_its_record_is_completed() {
        let mut known = Known::confirming(0);
        known.record = known.step(&Finding::Final(payment(0, 12))).unwrap().outcome.map(|outcome| outcome.transaction);
        assert_eq!(known.step(&Finding::Confirming(payment(0, 2))), None);
    }

    #[test]
    fn a_final_payment_completes_the_session_and_the_last_one_ends_the_following() {
        let mut known = Known::confirming(0);
        let completed = Some((Status::Completed, TransactionStatus::Completed));
        let step = known.step(&Finding::Final(payment(0, 12))).unwrap();
        assert_eq!((statuses(&step), &step.row), (completed, &RowStep::Goes));
        known.is_last = false;
        let step = known.step(&Finding::Final(payment(0, 12))).unwrap();
        assert_eq!(statuses(&step), completed);
        assert!(matches!(step.row, RowStep::Becomes(row) if row.seen.is_empty() && row.version == 3));
    }

    #[test]
    fn a_final_payment_leaves_other_records_to_be_followed() {
        let known = Known::confirming(1);
        let other = Known { record: None, ..known };
        let step = other.step(&Finding::Final(payment(0, 12))).unwrap();
        assert_eq!(statuses(&step), Some((Status::Completed, TransactionStatus::Completed)));
        assert!(matches!(step.row, RowStep::Becomes(row) if row.records() == other.row.records()));
    }

    #[test]
    fn a_transfer_that_has_paid_before_fails_the_record_of_the_payment_it_was_not() {
        let step = Known::confirming(0).step(&Finding::PaidBefore(payment(0, 12))).unwrap();
        assert_eq!(statuses(&step), Some((Status::Open, TransactionStatus::Failed)));
        assert_eq!(step.row, RowStep::Goes);
    }

    #[test]
    fn a_transfer_that_has_paid_before_and_was_never_recorded_changes_no_session() {
        let mut known = Known::found();
        let finding = Finding::PaidBefore(payment(0, 12));
        assert_eq!(known.step(&finding), Some(Step { outcome: None, row: RowStep::Goes }));
        known.is_last = false;
        assert_eq!(known.step(&finding), Some(Step { outcome: None, row: RowStep::Stays }));
    }

    #[test]
    fn what_came_to_nothing_fails_its_record_and_sets_the_session_free() {
        let known = Known::reported();
        let step = known.step(&Finding::Failed(known.row.reported.clone())).unwrap();
        assert_eq!(statuses(&step), Some((Status::Open, TransactionStatus::Failed)));
        assert_eq!(step.row, RowStep::Goes);
    }

    #[test]
    fn what_came_to_nothing_and_was_never_recorded_is_followed_no_longer() {
        assert_eq!(Known::found().step(&Finding::Failed(None)), Some(Step { outcome: None, row: RowStep::Goes }));
    }

    #[test]
    fn a_record_that_is_gone_is_followed_no_longer_and_the_others_are() {
        let known = Known { record: None, is_last: false, ..Known::confirming(0) };
        let step = known.step(&Finding::Failed(known.row.records().pop())).unwrap();
        assert_eq!(step.outcome, None);
        assert!(matches!(step.row, RowStep::Becomes(row) if row.records().is_empty()));
    }
}
