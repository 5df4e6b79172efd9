//! When a transfer on chain pays a session: what counts as a payment, whose it is, and when it is final.
//!
//! Merchants are paid in public, so knowing a transaction proves nothing. A transfer is a session's only when it is bound
//! to it: by the session's [`Reference`] in the calldata, by a signature of the paying wallet over [`statement`], or by an
//! amount that says whose it is ([`crate::matching`]).
//!
//! What must stay true: nothing here knows where an answer about the chain came from, and no rule turns "not known" into
//! "failed": what is not known never gets here.
//!
//! Known limits. Coins of the chain itself leave no log, so a native payment counts only as the value of the transaction
//! that calls the recipient; what a contract forwards cannot be seen without traces. An amount binds the first transfer of that amount
//! after the session was opened, whoever sent it: a stranger who sees an unrelated transfer to the recipient on its way
//! could open a session of that amount in time, which is why the page's buttons use the reference.

pub use super::finality::{Finality, Head};
pub use super::reference::Reference;
pub use super::signature::{WalletSignature, statement};
pub use super::unique_amount::{AMOUNT_HELD_SECONDS, EXTRA_ATTEMPTS, MOST_EXTRA, extra, most_extra};

use crate::matching::{Meant, Scope};
use crate::transaction::{Block, TxHash};
use crate::{Address, Amount, CheckoutSessionId, Timestamp};

/// How much older than the session, in seconds, a block may say it is when the transfer names the session by itself: the
/// clocks of chains and of this platform differ. A transfer bound by its amount has no such grace, because amounts that
/// were paid before a session existed can be chosen to fit.
pub const CLOCK_TOLERANCE_SECONDS: u64 = 60;
/// How long after its expiry a payment for a session is still found by itself, and recorded as late, in seconds.
pub const LATE_WINDOW_SECONDS: u64 = 7 * 86_400;
/// How long a reported transaction may be unknown to every endpoint before it counts as never sent, in seconds.
pub const UNSEEN_PATIENCE_SECONDS: u64 = 3_600;

/// Money that moved within a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Which log says so; `None` of the chain's own coin, sent by the transaction itself.
    pub log_index: Option<u64>,
    /// The contract that emitted the log: nobody else's word counts for its token. `None` of the chain's own coin.
    pub token: Option<Address>,
    /// Whose money it was.
    pub payer: Address,
    /// Who got it.
    pub recipient: Address,
    /// How much arrived.
    pub amount: Amount,
}

/// A transaction that stands in a block, as the chain's endpoints agree it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The transaction.
    pub tx_hash: TxHash,
    /// Who sent it.
    pub sender: Address,
    /// Whether it did what it set out to.
    pub succeeded: bool,
    /// Every transfer of it.
    pub transfers: Vec<Transfer>,
    /// Every reference in its input.
    pub references: Vec<Reference>,
    /// The block it stands in.
    pub block: Block,
    /// The hash of the chain's block at that height, asked for last.
    pub canonical: TxHash,
    /// When the block says it was made, in whole seconds.
    pub block_time: Timestamp,
}

/// What a session says about the payment it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The session.
    pub session: CheckoutSessionId,
    /// Within which its amount is its own.
    pub scope: Scope,
    /// Its reference.
    pub reference: Reference,
    /// The token it is paid in.
    pub token: Address,
    /// Who is paid.
    pub recipient: Address,
    /// What it asks for, once that is known.
    pub asked: Option<Amount>,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// By what a transfer is a session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// The session's reference in the calldata.
    Reference,
    /// The paying wallet's signature.
    Signature,
    /// An amount by which only this session can be meant.
    Amount,
}

/// Why a transaction pays nothing to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worthless {
    /// It was reverted.
    Reverted,
    /// It moves none of the session's token to the session's recipient.
    NothingForRecipient,
    /// Its block is older than the session.
    OlderThanSession,
    /// Nothing says that it was meant for this session.
    NotBound,
}

/// What a transaction is to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The chain no longer has the block it was seen in: look again.
    Reorganised,
    /// It pays nothing to it.
    Worthless(Worthless),
    /// These transfers of it are payments for the session.
    Pays(Vec<(Transfer, Binding)>),
}

/// Whether and how a transaction pays a session. Says nothing about finality.
///
/// `signer` is the wallet that signed [`statement`] for this session and transaction, if one did; `meant` says whose a
/// transfer of this token to this recipient is by its amount.
pub fn judge(
    evidence: &Evidence,
    expected: &Expected,
    signer: Option<&Address>,
    meant: impl Fn(&Transfer) -> Meant,
) -> Verdict {
    if evidence.block.hash != evidence.canonical {
        return Verdict::Reorganised;
    }
    if !evidence.succeeded {
        return Verdict::Worthless(Worthless::Reverted);
    }
    let for_recipient: Vec<&Transfer> =
        evidence.transfers.iter().filter(|transfer| expected.is_paid_by(transfer)).collect();
    if for_recipient.is_empty() {
        return Verdict::Worthless(Worthless::NothingForRecipient);
    }
    let bound: Vec<(&Transfer, Binding)> = for_recipient
        .into_iter()
        .filter_map(|transfer| {
            let binding = binding(evidence, expected, transfer, signer, &meant(transfer))?;
            Some((transfer, binding))
        })
        .collect();
    if bound.is_empty() {
        return Verdict::Worthless(Worthless::NotBound);
    }
    let in_time: Vec<(Transfer, Binding)> = bound
        .into_iter()
        .filter(|(_, binding)| !expected.is_older(evidence.block_time, *binding))
        .map(|(transfer, binding)| (transfer.clone(), binding))
        .collect();
    if in_time.is_empty() { Verdict::Worthless(Worthless::OlderThanSession) } else { Verdict::Pays(in_time) }
}

impl Expected {
    /// Whether a transfer moves the session's token to its recipient.
    pub fn is_paid_by(&self, transfer: &Transfer) -> bool {
        let in_its_token = match &transfer.token {
            Some(emitter) => !self.token.is_native_coin() && *emitter == self.token,
            None => self.token.is_native_coin(),
        };
        // Who sends money to itself has paid nothing.
        in_its_token && transfer.recipient == self.recipient && transfer.payer != self.recipient
    }

    fn is_older(&self, block_time: Timestamp, binding: Binding) -> bool {
        let tolerance = match binding {
            Binding::Reference | Binding::Signature => CLOCK_TOLERANCE_SECONDS,
            Binding::Amount => 0,
        };
        // Blocks know whole seconds only, so a payment may seem to be up to a second older than it is.
        block_time.seconds().saturating_add(tolerance) < self.opened_at.seconds()
    }
}

fn binding(
    evidence: &Evidence,
    expected: &Expected,
    transfer: &Transfer,
    signer: Option<&Address>,
    meant: &Meant,
) -> Option<Binding> {
    let by_signature = signer == Some(&transfer.payer);
    let by_amount = meant.is(&expected.session);
    let named = evidence.references.contains(&expected.reference);
    // A reference is the word of whoever sent the transaction. The payer's own word binds whatever the amount; a relayer's
    // or a bundler's must not take a transfer from the session that is meant by its amount.
    let own_word = transfer.payer == evidence.sender;
    // One transaction that names several sessions pays each with the transfer that fits it.
    let fits = evidence.references.len() == 1 || expected.asked == Some(transfer.amount);
    let free = own_word || !meant.belongs_to_another(&expected.scope, &expected.session);
    if named && fits && free {
        return Some(Binding::Reference);
    }
    if by_signature {
        return Some(Binding::Signature);
    }
    // Whoever names other sessions with their own transaction does not mean this one.
    let means_another = own_word && !named && !evidence.references.is_empty();
    (by_amount && !means_another).then_some(Binding::Amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ShortCode;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000).unwrap()
    }

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    fn wallet(byte: u8) -> Address {
        Address::from_bytes([byte; 20])
    }

    fn reference(byte: u8) -> Reference {
        Reference::new([byte; Reference::BODY])
    }

    const TOKEN: u8 = 1;
    const MERCHANT: u8 = 2;
    const BUYER: u8 = 3;
    const STRANGER: u8 = 4;

    fn scope() -> Scope {
        Scope::try_from("live:org_1".to_owned()).unwrap()
    }

    fn by_amount(session: Option<CheckoutSessionId>) -> Meant {
        Meant { sessions: session.into_iter().map(|session| (scope(), session)).collect(), is_ambiguous: false }
    }

    fn expected() -> Expected {
        Expected {
            session: CheckoutSessionId::generate(at(1_000), &ShortCode::none()),
            scope: scope(),
            reference: reference(7),
            token: wallet(TOKEN),
            recipient: wallet(MERCHANT),
            asked: Some(amount("500")),
            opened_at: at(1_000),
        }
    }

    fn transfer(token: u8, payer: u8, recipient: u8, units: &str) -> Transfer {
        Transfer {
            log_index: Some(0),
            token: Some(wallet(token)),
            payer: wallet(payer),
            recipient: wallet(recipient),
            amount: amount(units),
        }
    }

    fn evidence(transfers: Vec<Transfer>) -> Evidence {
        Evidence {
            tx_hash: TxHash::new([1; 32]),
            sender: wallet(BUYER),
            succeeded: true,
            transfers,
            references: Vec::new(),
            block: Block { number: 10, hash: TxHash::new([9; 32]) },
            canonical: TxHash::new([9; 32]),
            block_time: at(1_000),
        }
    }

    fn paid(verdict: &Verdict) -> Vec<Binding> {
        match verdict {
            Verdict::Pays(transfers) => transfers.iter().map(|(_, binding)| *binding).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn only_the_sessions_token_to_its_recipient_from_somebody_else_is_a_payment() {
        let expected = expected();
        let mine = Some(expected.session.clone());
        for (what, transfer, is_payment) in [
            ("as asked", transfer(TOKEN, BUYER, MERCHANT, "500"), true),
            ("another token", transfer(STRANGER, BUYER, MERCHANT, "500"), false),
            ("another recipient", transfer(TOKEN, BUYER, STRANGER, "500"), false),
            ("to oneself", transfer(TOKEN, MERCHANT, MERCHANT, "500"), false),
            ("the chain's coin", Transfer { token: None, ..transfer(TOKEN, BUYER, MERCHANT, "500") }, false),
        ] {
            let verdict = judge(&evidence(vec![transfer]), &expected, None, |_| by_amount(mine.clone()));
            assert_eq!(!paid(&verdict).is_empty(), is_payment, "{what}: {verdict:?}");
        }
        let coin = Transfer { token: None, log_index: None, ..transfer(TOKEN, BUYER, MERCHANT, "500") };
        let expected = Expected { token: Address::zero(), ..expected };
        assert_eq!(
            paid(&judge(&evidence(vec![coin]), &expected, None, |_| by_amount(mine.clone()))),
            [Binding::Amount]
        );
        let log_of_nobody = transfer(0, BUYER, MERCHANT, "500");
        assert!(paid(&judge(&evidence(vec![log_of_nobody]), &expected, None, |_| by_amount(mine.clone()))).is_empty());
    }

    #[test]
    fn a_transfer_that_nothing_ties_to_the_session_is_not_its_payment() {
        let expected = expected();
        let other = CheckoutSessionId::generate(at(1_000), &ShortCode::none());
        let buyer = wallet(BUYER);
        let relayed = |references: Vec<Reference>| Evidence {
            sender: wallet(STRANGER),
            references,
            ..evidence(vec![transfer(TOKEN, BUYER, MERCHANT, "500")])
        };
        let direct = |references| Evidence { sender: wallet(BUYER), ..relayed(references) };
        let (mine, theirs) = (Some(expected.session.clone()), Some(other));
        let (named, else_named) = (vec![reference(7)], vec![reference(8)]);
        let none: Vec<Binding> = Vec::new();
        for (what, evidence, signer, holder, bindings) in [
            ("a bare hash", direct(vec![]), None, None, none.clone()),
            ("another buyer's amount", direct(vec![]), None, theirs.clone(), none.clone()),
            ("another's signature", direct(vec![]), Some(wallet(STRANGER)), None, none.clone()),
            ("another's reference", direct(else_named.clone()), None, None, none.clone()),
            ("its amount, another's reference", direct(else_named.clone()), None, mine.clone(), none.clone()),
            ("another's amount in a stranger's bundle", relayed(named.clone()), None, theirs.clone(), none),
            ("its amount", direct(vec![]), None, mine.clone(), vec![Binding::Amount]),
            ("its amount in a stranger's bundle", relayed(else_named), None, mine, vec![Binding::Amount]),
            ("the payer's signature", relayed(vec![]), Some(buyer), None, vec![Binding::Signature]),
            ("the payer's own reference", direct(named.clone()), None, theirs, vec![Binding::Reference]),
            ("the reference in a bundle", relayed(named), None, None, vec![Binding::Reference]),
        ] {
            let verdict = judge(&evidence, &expected, signer.as_ref(), |_| by_amount(holder.clone()));
            assert_eq!(paid(&verdict), bindings, "{what}: {verdict:?}");
        }
    }

    #[test]
    fn a_transaction_that_pays_two_sessions_pays_each_with_its_own_transfer() {
        let expected = expected();
        let both = Evidence {
            references: vec![reference(7), reference(8)],
            ..evidence(vec![transfer(TOKEN, BUYER, MERCHANT, "500"), transfer(TOKEN, BUYER, MERCHANT, "600")])
        };
        let Verdict::Pays(transfers) = judge(&both, &expected, None, |_| Meant::default()) else { panic!("not paid") };
        assert_eq!(transfers.iter().map(|(transfer, _)| transfer.amount).collect::<Vec<_>>(), [amount("500")]);
    }

    #[test]
    fn a_block_older_than_the_session_pays_nothing_and_an_amount_has_no_grace() {
        let expected = Expected { opened_at: Timestamp::from_millis(1_000_900).unwrap(), ..expected() };
        let mine = || Some(expected.session.clone());
        let verdict = |block_time, references| {
            let evidence =
                Evidence { block_time, references, ..evidence(vec![transfer(TOKEN, BUYER, MERCHANT, "500")]) };
            judge(&evidence, &expected, None, |_| by_amount(mine()))
        };
        let old = Verdict::Worthless(Worthless::OlderThanSession);
        assert_eq!(paid(&verdict(at(1_000), vec![])), [Binding::Amount], "blocks know whole seconds only");
        assert_eq!(verdict(at(999), vec![]), old);
        let named = vec![reference(7)];
        assert_eq!(paid(&verdict(at(1_000 - CLOCK_TOLERANCE_SECONDS), named.clone())), [Binding::Reference]);
        assert_eq!(verdict(at(999 - CLOCK_TOLERANCE_SECONDS), named), old);
    }

    #[test]
    fn a_reverted_or_reorganised_transaction_is_told_apart() {
        let expected = expected();
        let fine = evidence(vec![transfer(TOKEN, BUYER, MERCHANT, "500")]);
        let reverted = Evidence { succeeded: false, ..fine.clone() };
        let gone = Evidence { canonical: TxHash::new([8; 32]), ..reverted.clone() };
        assert_eq!(judge(&reverted, &expected, None, |_| Meant::default()), Verdict::Worthless(Worthless::Reverted));
        assert_eq!(judge(&gone, &expected, None, |_| Meant::default()), Verdict::Reorganised);
        assert_eq!(judge(&fine, &expected, None, |_| Meant::default()), Verdict::Worthless(Worthless::NotBound));
    }
}
