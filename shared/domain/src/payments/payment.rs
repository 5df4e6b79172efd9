//! What a payment makes of a session: the one rule for the chain, the test helpers and every retry.
//!
//! What must stay true: money that arrived is never without a trace. Whatever the session has become in the meantime, the
//! outcome has a transaction that says what was unusual about it; and a session completes exactly when what arrived for it
//! suffices, it had not ended, and its link had a use left.

use crate::audit::AuditEventType;
use crate::checkout_session::{CheckoutSession, FailureReason, Status};
use crate::transaction::{Block, PaymentException, Transaction, TransactionStatus, TxHash};
use crate::webhook::WebhookEvent;
use crate::{Address, Amount, Code, CustomerId, Owner, Problem, Rejection, Sealed, Timestamp, TransactionId};

/// Most transactions a payer may report for one session: whoever replaces a stuck one needs a few, and each is followed.
pub const MAX_REPORTS: u64 = 10;

/// A transfer to a session's recipient in the session's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// What arrived.
    pub amount: Amount,
    /// Whose money it was: the log's `from`.
    pub payer_address: Address,
    /// Its transaction.
    pub tx_hash: TxHash,
    /// Which log of the transaction it is; none of a native transfer.
    pub log_index: Option<u64>,
    /// The block it stands in; none in test mode.
    pub block: Option<Block>,
    /// Blocks on top, its own included.
    pub confirmations: u64,
}

/// A session's link, as far as a payment depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// The session has none.
    None,
    /// It was deleted.
    Deleted(Timestamp),
    /// It is there.
    Present {
        /// Completed payments so far.
        uses: u64,
        /// The most it takes.
        max_uses: Option<u64>,
        /// The version the merchant's terms are at.
        version: u64,
    },
}

impl LinkState {
    /// When it was deleted, if it was.
    pub const fn deleted_at(self) -> Option<Timestamp> {
        match self {
            Self::Deleted(at) => Some(at),
            Self::None | Self::Present { .. } => None,
        }
    }

    fn has_a_use_left(self) -> bool {
        match self {
            Self::Present { uses, max_uses, .. } => max_uses.is_none_or(|max| uses < max),
            Self::None | Self::Deleted(_) => true,
        }
    }
}

/// What becomes of a session and its transaction, and what else follows. All of it happens together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOutcome {
    /// The session afterwards.
    pub session: CheckoutSession,
    /// The transaction afterwards.
    pub transaction: Transaction,
    /// Whether the link's uses grow by one.
    pub counts_use: bool,
    /// Whether money has arrived for good, so that the payer is a customer who has paid.
    pub counts_payment: bool,
    /// What the merchant's endpoints are told.
    pub events: Vec<WebhookEvent>,
}

impl PaymentOutcome {
    /// Whether this is what completed the session.
    pub fn completes(&self) -> bool {
        self.events.contains(&WebhookEvent::CheckoutCompleted)
    }

    /// Whether it is for good. What is not is no matter for the audit trail.
    pub fn is_final(&self) -> bool {
        self.transaction.status != TransactionStatus::Confirming
    }

    /// What the audit trail calls it.
    pub fn audit_event(&self) -> AuditEventType {
        match (self.completes(), self.counts_payment) {
            (true, _) => AuditEventType::CheckoutSessionCompleted,
            (false, true) => AuditEventType::CheckoutSessionPaymentException,
            (false, false) => AuditEventType::CheckoutSessionFailed,
        }
    }
}

/// The record that a payment continues.
#[derive(Debug, Clone)]
pub enum PaymentRecord {
    /// Nothing was recorded of it: a new one, with this id.
    New(TransactionId),
    /// It was reported, or seen in a block.
    Existing(Box<Transaction>),
}

impl PaymentRecord {
    fn continued(self, session: &CheckoutSession, hash: &TxHash, amount: Amount, now: Timestamp) -> Transaction {
        match self {
            Self::Existing(transaction) => transaction.of_session(session),
            Self::New(id) => Transaction {
                id,
                owner: session.owner.clone(),
                status: TransactionStatus::Pending,
                amount,
                token_address: session.token_address.clone(),
                chain_id: session.chain_id,
                recipient_address: session.recipient_address.clone(),
                payer_address: None,
                tx_hash: hash.clone(),
                log_index: None,
                block: None,
                confirmations: 0,
                customer_id: None,
                payment_link_id: session.payment_link_id.clone(),
                session_id: Some(session.id.clone()),
                exception: None,
                buyer: session.buyer.clone(),
                shipping_option: session.shipping_option.clone(),
                metadata: session.metadata.clone(),
                created_at: now,
                confirmed_at: None,
                completed_at: None,
                updated_at: now,
                version: 0,
            },
        }
    }
}

impl Transaction {
    /// Money that has arrived for `owner` in this token at `recipient`, and that nothing ties to a session.
    pub fn unmatched(
        id: TransactionId,
        owner: Owner,
        (chain_id, token, recipient): (u64, Address, Address),
        payment: &Payment,
        now: Timestamp,
    ) -> Self {
        let mut transaction = Self {
            id,
            owner,
            status: TransactionStatus::Completed,
            amount: payment.amount,
            token_address: token,
            chain_id,
            recipient_address: recipient,
            payer_address: None,
            tx_hash: payment.tx_hash.clone(),
            log_index: None,
            block: None,
            confirmations: 0,
            customer_id: None,
            payment_link_id: None,
            session_id: None,
            exception: Some(PaymentException::Unmatched),
            buyer: Sealed::default(),
            shipping_option: None,
            metadata: None,
            created_at: now,
            confirmed_at: None,
            completed_at: Some(now),
            updated_at: now,
            version: 0,
        };
        transaction.show(payment, now);
        transaction
    }

    /// The same record, which goes on as this session's where it was nobody's.
    fn of_session(mut self, session: &CheckoutSession) -> Self {
        if self.session_id.is_none() {
            self.session_id = Some(session.id.clone());
            self.payment_link_id.clone_from(&session.payment_link_id);
            self.buyer = session.buyer.clone();
            self.shipping_option.clone_from(&session.shipping_option);
            self.metadata.clone_from(&session.metadata);
        }
        self
    }

    fn show(&mut self, payment: &Payment, now: Timestamp) {
        self.amount = payment.amount;
        self.payer_address = Some(payment.payer_address.clone());
        self.tx_hash = payment.tx_hash.clone();
        self.log_index = payment.log_index;
        self.block.clone_from(&payment.block);
        self.confirmations = payment.confirmations;
        self.confirmed_at = self.confirmed_at.or(Some(now));
        self.touch(now);
    }

    const fn touch(&mut self, now: Timestamp) {
        self.updated_at = now;
        self.version += 1;
    }
}

/// The payer says which transaction pays. It proves nothing: it is where settlement looks first.
///
/// # Errors
/// `invalid_status_transition` when the session takes no payment any more; `amount` when the price is not chosen yet.
pub fn report(
    session: CheckoutSession,
    hash: TxHash,
    payer: Option<Address>,
    link: LinkState,
    id: TransactionId,
    now: Timestamp,
) -> Result<(CheckoutSession, Transaction), Rejection> {
    let (mut session, due) = reported(session, link, now)?;
    let mut transaction = PaymentRecord::New(id).continued(&session, &hash, due, now);
    transaction.payer_address.clone_from(&payer);
    transaction.version = 1;
    session.stored_status = Status::Processing;
    session.tx_hash = Some(hash);
    session.payer_address = payer.or(session.payer_address);
    Ok((session, transaction))
}

/// The payer says that money which has arrived already, and is nobody's, is for this session. It stays open: whether the
/// payer's word is good is for settlement to judge, and the money has its record.
///
/// # Errors
/// As [`report`].
pub fn report_of_unmatched(
    session: CheckoutSession,
    link: LinkState,
    now: Timestamp,
) -> Result<CheckoutSession, Rejection> {
    reported(session, link, now).map(|(session, _)| session)
}

/// A session with one more report, and what is due.
fn reported(
    mut session: CheckoutSession,
    link: LinkState,
    now: Timestamp,
) -> Result<(CheckoutSession, Amount), Rejection> {
    let status = session.status(now, link.deleted_at());
    if !matches!(status, Status::Open | Status::Processing) {
        let message = format!("Only an open checkout session can be paid, and this one is {}.", status.as_str());
        return Err(Problem::new(Code::InvalidStatusTransition, message).into());
    }
    let Some(due) = session.amount_due() else { return Err(Problem::missing("amount").into()) };
    if session.reports >= MAX_REPORTS {
        let must = format!("must not be reported: this session has {MAX_REPORTS} transactions already");
        return Err(Problem::invalid("tx_hash", must).into());
    }
    session.reports += 1;
    session.touch(now);
    Ok((session, due))
}

/// A payment stands in a block, without enough confirmations yet; or it stood in one that a reorganisation took away.
pub fn confirming(
    mut session: CheckoutSession,
    record: PaymentRecord,
    payment: &Payment,
    link: LinkState,
    now: Timestamp,
) -> PaymentOutcome {
    let mut transaction = record.continued(&session, &payment.tx_hash, payment.amount, now);
    transaction.show(payment, now);
    transaction.status = TransactionStatus::Confirming;
    if matches!(session.status(now, link.deleted_at()), Status::Open | Status::Processing) {
        session.stored_status = Status::Processing;
        session.tx_hash = Some(payment.tx_hash.clone());
        session.payer_address = Some(payment.payer_address.clone());
        session.touch(now);
    }
    PaymentOutcome { session, transaction, counts_use: false, counts_payment: false, events: Vec::new() }
}

/// A payment is final.
pub fn settle(
    mut session: CheckoutSession,
    record: PaymentRecord,
    payment: &Payment,
    link: LinkState,
    customer: Option<CustomerId>,
    now: Timestamp,
) -> PaymentOutcome {
    let mut transaction = record.continued(&session, &payment.tx_hash, payment.amount, now);
    transaction.show(payment, now);
    transaction.status = TransactionStatus::Completed;
    // Money that was nobody's until now has arrived long ago.
    transaction.completed_at = transaction.completed_at.or(Some(now));
    transaction.customer_id.clone_from(&customer);
    let status = session.status(now, link.deleted_at());
    let received = session
        .amount_received
        .map_or(payment.amount, |before| before.checked_add(payment.amount).unwrap_or(Amount::MAX));
    session.amount_received = Some(received);
    session.touch(now);
    let mut counts_use = false;
    let mut events = Vec::new();
    transaction.exception = match status {
        Status::Open | Status::Processing => {
            session.amount = Some(session.price_when_paid(received));
            session.payer_address = Some(payment.payer_address.clone());
            session.tx_hash = Some(payment.tx_hash.clone());
            session.customer_id = customer;
            let due = session.amount_due().unwrap_or(Amount::MAX);
            if received < due {
                session.reopen(link.deleted_at());
                Some(PaymentException::Underpaid)
            } else if !link.has_a_use_left() {
                session.stored_status = Status::Failed;
                session.failure = Some(FailureReason::LinkUsedUp);
                Some(PaymentException::LinkUsedUp)
            } else {
                session.stored_status = Status::Completed;
                session.completed_at = Some(now);
                counts_use = matches!(link, LinkState::Present { .. });
                events.extend([WebhookEvent::PaymentCompleted, WebhookEvent::CheckoutCompleted]);
                // Who pays what was asked has not paid too much.
                let asked = session.amount_asked().unwrap_or(due);
                (received > asked).then_some(PaymentException::Overpaid)
            }
        }
        Status::Completed => Some(PaymentException::Overpaid),
        Status::Failed if session.failure_reason(status) == Some(FailureReason::LinkDeleted) => {
            session.stored_status = Status::Failed;
            session.failure = Some(FailureReason::LinkDeleted);
            Some(PaymentException::LinkDeleted)
        }
        Status::Failed => Some(PaymentException::Late),
        Status::Expired => {
            session.stored_status = Status::Expired;
            Some(PaymentException::Late)
        }
    };
    if transaction.exception.is_some() {
        events.push(WebhookEvent::PaymentException);
    }
    PaymentOutcome { session, transaction, counts_use, counts_payment: true, events }
}

/// How a payment came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// The transaction reverted, or proved not to exist: while time is left, the session can still be paid.
    Transaction,
    /// The session itself fails with it.
    Session,
}

/// A payment came to nothing.
///
/// # Errors
/// `invalid_status_transition` when the session has ended and its transaction was not being followed.
pub fn fail(
    mut session: CheckoutSession,
    record: PaymentRecord,
    hash: &TxHash,
    failing: Failing,
    link: LinkState,
    now: Timestamp,
) -> Result<PaymentOutcome, Rejection> {
    let status = session.status(now, link.deleted_at());
    let in_progress = matches!(status, Status::Open | Status::Processing);
    if !in_progress && matches!(record, PaymentRecord::New(_)) {
        let message = format!("Only a checkout session in progress can fail, and this one is {}.", status.as_str());
        return Err(Problem::new(Code::InvalidStatusTransition, message).into());
    }
    let expected = session.amount_due().or(session.bounds.min).unwrap_or(Amount::ONE);
    let mut transaction = record.continued(&session, hash, expected, now);
    transaction.status = TransactionStatus::Failed;
    transaction.touch(now);
    if in_progress {
        match failing {
            Failing::Session => {
                session.stored_status = Status::Failed;
                session.failure = Some(FailureReason::PaymentFailed);
            }
            // Another transaction may be under way: only the one that is followed sets the session free.
            Failing::Transaction if session.tx_hash.as_ref() == Some(hash) => {
                session.reopen(link.deleted_at());
                session.tx_hash = None;
            }
            Failing::Transaction => {}
        }
        session.touch(now);
    }
    let events = vec![WebhookEvent::PaymentFailed];
    Ok(PaymentOutcome { session, transaction, counts_use: false, counts_payment: false, events })
}
