//! When a transfer on chain pays a session: what counts as a payment, whose it is, and when it is final.
//!
//! Merchants are paid in public, so knowing a transaction proves nothing. A transfer is a session's only when it is bound
//! to it: by the session's [`Reference`] in the calldata, by a signature of the paying wallet over [`statement`], or by an
//! amount that only this unpaid session of the recipient asks for ([`extra`]).
//!
//! What must stay true: nothing here knows where an answer about the chain came from, and no rule turns "not known" into
//! "failed": what is not known never gets here.
//!
//! Known limits. Coins of the chain itself leave no log, so a native payment counts only as the value of the transaction
//! that calls the recipient; what a contract forwards cannot be seen without traces. Contract wallets cannot sign for
//! themselves here (EIP-1271): they are bound by reference or amount. An amount binds the first transfer of that amount
//! after the session was opened, whoever sent it: a stranger who sees an unrelated transfer to the recipient on its way
//! could open a session of that amount in time, which is why the page's buttons use the reference.

use crate::transaction::{Block, TxHash};
use crate::{Address, Amount, CheckoutSessionId, Invalid, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;

/// How much older than the session, in seconds, a block may say it is when the transfer names the session by itself: the
/// clocks of chains and of this platform differ. A transfer bound by its amount has no such grace, because amounts that
/// were paid before a session existed can be chosen to fit.
pub const CLOCK_TOLERANCE_SECONDS: u64 = 60;
/// The most that is added to a price, in the token's smallest unit, to make the amount unique: with the 6 decimals of USDC
/// and USDT less than a cent.
pub const MOST_EXTRA: u64 = 9_999;
/// Fewest decimals of a known token to whose prices [`MOST_EXTRA`] may be added.
const DECIMALS_FOR_EXTRA: u8 = 6;
/// Of an unknown token, at most this part of the price is added: a hundredth of a percent.
const EXTRA_PART_OF_PRICE: NonZeroU64 = NonZeroU64::new(10_000).unwrap();
/// How often an amount is looked for before a session goes without one of its own.
pub const EXTRA_ATTEMPTS: u32 = 8;
/// How long after a session's expiry its amount stays its own, in seconds: who scanned the code in time may pay too late.
pub const AMOUNT_HELD_SECONDS: u64 = 86_400;
/// How long after its expiry a payment for a session is still found by itself, and recorded as late, in seconds.
pub const LATE_WINDOW_SECONDS: u64 = 7 * 86_400;
/// How long a reported transaction may be unknown to every endpoint before it counts as never sent, in seconds.
pub const UNSEEN_PATIENCE_SECONDS: u64 = 3_600;

// ------------------------------------------------------------------------------------------------------- finality

/// When a block is deep enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finality {
    /// Blocks, the payment's own included.
    pub confirmations: u64,
    /// Whether a block the chain itself calls final is deep enough before it has so many on top.
    pub believes_finalized: bool,
}

/// How many blocks are enough where nothing was configured: past what these chains have reorganised in years. All but the
/// unknown also say which block is `finalized`, which on the quicker ones comes first.
const CONFIRMATIONS: &[(u64, u64)] =
    &[(1, 12), (10, 10), (56, 15), (137, 128), (8453, 10), (42161, 20), (43114, 2), (11_155_111, 3), (84532, 3)];
/// The same for a chain nothing is known about.
const CONFIRMATIONS_ELSEWHERE: u64 = 12;

impl Finality {
    /// The rule of a chain. A configured number is meant: nothing makes it less.
    pub fn of(chain_id: u64, configured: Option<u64>) -> Self {
        let known = || CONFIRMATIONS.iter().find(|(id, _)| *id == chain_id).map(|(_, blocks)| *blocks);
        Self {
            confirmations: configured.or_else(known).unwrap_or(CONFIRMATIONS_ELSEWHERE).max(1),
            believes_finalized: configured.is_none(),
        }
    }

    /// Whether a payment in block `number` is final.
    pub fn reached(self, number: u64, head: Head) -> bool {
        let finalized = self.believes_finalized && head.finalized.is_some_and(|finalized| number <= finalized);
        finalized || head.confirmations(number) >= self.confirmations
    }

    /// The highest block that is final.
    pub fn last_final(self, head: Head) -> Option<u64> {
        let deep = head.latest.checked_sub(self.confirmations - 1);
        let finalized = head.finalized.filter(|_| self.believes_finalized);
        deep.max(finalized)
    }
}

/// How far a chain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its highest block.
    pub latest: u64,
    /// The highest block it calls final, where it has that notion.
    pub finalized: Option<u64>,
}

impl Head {
    /// Blocks from `number` to the highest, both included.
    pub const fn confirmations(self, number: u64) -> u64 {
        match self.latest.checked_sub(number) {
            Some(above) => above.saturating_add(1),
            None => 0,
        }
    }
}

// ------------------------------------------------------------------------------------------------------- bindings

/// What a wallet appends to the calldata to name the session it pays: a marker, and 22 bytes that only this platform can
/// turn into the session's id, because the calldata is public and the id is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference([u8; Self::LENGTH]);

impl Reference {
    /// Bytes in a reference.
    pub const LENGTH: usize = Self::MARKER.len() + Self::BODY;
    /// Bytes after the marker.
    pub const BODY: usize = 22;
    /// What every reference begins with.
    const MARKER: [u8; 4] = *b"asp1";
    /// How many references of one transaction are looked at: more are nobody's payment.
    const MOST_IN_ONE: usize = 32;

    /// The reference with this body.
    pub fn new(body: [u8; Self::BODY]) -> Self {
        let mut bytes = [0; Self::LENGTH];
        bytes[..Self::MARKER.len()].copy_from_slice(&Self::MARKER);
        bytes[Self::MARKER.len()..].copy_from_slice(&body);
        Self(bytes)
    }

    /// What follows the marker.
    pub fn body(&self) -> [u8; Self::BODY] {
        let mut body = [0; Self::BODY];
        body.copy_from_slice(&self.0[Self::MARKER.len()..]);
        body
    }

    /// Every reference in a transaction's input, each once. Wallets that wrap a call move it anywhere.
    pub fn find_all(input: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        for window in input.windows(Self::LENGTH) {
            if window.starts_with(&Self::MARKER) && found.len() < Self::MOST_IN_ONE {
                let mut bytes = [0; Self::LENGTH];
                bytes.copy_from_slice(window);
                if !found.contains(&Self(bytes)) {
                    found.push(Self(bytes));
                }
            }
        }
        found
    }
}

/// `0x…`, to be appended to calldata.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

/// What a wallet signs (EIP-191, `personal_sign`) to say that a transfer of its money was meant for a session.
pub fn statement(session: &CheckoutSessionId, chain_id: u64, transaction: &TxHash) -> String {
    format!("My transaction {transaction} on chain {chain_id} pays the checkout session {session}.")
}

/// Half the order of secp256k1: of the two signatures that mean the same, only the one with the lower `s` is accepted.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// A wallet's signature in its one accepted form: `r`, a low `s`, and `v` of 27 or 28.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WalletSignature([u8; 65]);

impl WalletSignature {
    /// Reads `0x` and 130 hexadecimal digits.
    ///
    /// # Errors
    /// When the text is something else, or a form of a signature wallets do not make.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut bytes = [0; 65];
        text.strip_prefix("0x")
            .and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok())
            .filter(|()| bytes[32..64] <= HALF_ORDER[..] && matches!(bytes[64], 27 | 28))
            .map(|()| Self(bytes))
            .ok_or_else(|| Invalid::new("must be a wallet's signature: 0x and 130 hexadecimal digits"))
    }

    /// `r`, `s` and `v`.
    pub const fn bytes(&self) -> &[u8; 65] {
        &self.0
    }
}

impl TryFrom<String> for WalletSignature {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not a signature")
    }
}

impl From<WalletSignature> for String {
    fn from(signature: WalletSignature) -> Self {
        format!("0x{}", hex::encode(signature.0))
    }
}

/// The most that may be added to a price to make the amount unique, in the token's smallest unit. `decimals` are those of
/// a known token. A token with few of them, or a small price in an unknown one, gets nothing added: a unit may be dear.
pub fn most_extra(price: Amount, decimals: Option<u8>) -> u64 {
    match decimals {
        Some(decimals) if decimals >= DECIMALS_FOR_EXTRA => MOST_EXTRA,
        Some(_) => 0,
        None => price.units_of(EXTRA_PART_OF_PRICE).min(MOST_EXTRA),
    }
}

/// What to add at the n-th attempt, counted from 0: first nothing, then a random number below ever larger powers of ten.
/// `None` when there is nothing left to try.
pub fn extra(attempt: u32, most: u64, random: u64) -> Option<u64> {
    if attempt == 0 {
        return Some(0);
    }
    if attempt >= EXTRA_ATTEMPTS || most == 0 {
        return None;
    }
    let ceiling = 10_u64.saturating_pow(attempt).saturating_sub(1).min(most);
    Some(1 + random % ceiling)
}

// -------------------------------------------------------------------------------------------------------- verdict

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
    /// An amount that only this session asks for.
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
/// `signer` is the wallet that signed [`statement`] for this session and transaction, if one did; `holder` is the session
/// that asks for exactly this amount of this token for this recipient, if one does.
pub fn judge(
    evidence: &Evidence,
    expected: &Expected,
    signer: Option<&Address>,
    holder: impl Fn(Amount) -> Option<CheckoutSessionId>,
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
            let binding = binding(evidence, expected, transfer, signer, holder(transfer.amount).as_ref())?;
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
    fn is_paid_by(&self, transfer: &Transfer) -> bool {
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
    holder: Option<&CheckoutSessionId>,
) -> Option<Binding> {
    let by_signature = signer == Some(&transfer.payer);
    let by_amount = holder == Some(&expected.session);
    let named = evidence.references.contains(&expected.reference);
    // A reference is the word of whoever sent the transaction. The payer's own word binds whatever the amount; a relayer's
    // or a bundler's must not take a transfer from the session that asks for exactly this amount.
    let own_word = transfer.payer == evidence.sender;
    // One transaction that names several sessions pays each with the transfer that fits it.
    let fits = evidence.references.len() == 1 || expected.asked == Some(transfer.amount);
    let free = own_word || holder.is_none() || by_amount;
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
    use proptest::prelude::*;

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

    fn expected() -> Expected {
        Expected {
            session: CheckoutSessionId::generate(at(1_000), &ShortCode::none()),
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
            let verdict = judge(&evidence(vec![transfer]), &expected, None, |_| mine.clone());
            assert_eq!(!paid(&verdict).is_empty(), is_payment, "{what}: {verdict:?}");
        }
        let coin = Transfer { token: None, log_index: None, ..transfer(TOKEN, BUYER, MERCHANT, "500") };
        let expected = Expected { token: Address::zero(), ..expected };
        assert_eq!(paid(&judge(&evidence(vec![coin]), &expected, None, |_| mine.clone())), [Binding::Amount]);
        let log_of_nobody = transfer(0, BUYER, MERCHANT, "500");
        assert!(paid(&judge(&evidence(vec![log_of_nobody]), &expected, None, |_| mine.clone())).is_empty());
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
            let verdict = judge(&evidence, &expected, signer.as_ref(), |_| holder.clone());
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
        let Verdict::Pays(transfers) = judge(&both, &expected, None, |_| None) else { panic!("not paid") };
        assert_eq!(transfers.iter().map(|(transfer, _)| transfer.amount).collect::<Vec<_>>(), [amount("500")]);
    }

    #[test]
    fn a_block_older_than_the_session_pays_nothing_and_an_amount_has_no_grace() {
        let expected = Expected { opened_at: Timestamp::from_millis(1_000_900).unwrap(), ..expected() };
        let mine = || Some(expected.session.clone());
        let verdict = |block_time, references| {
            let evidence =
                Evidence { block_time, references, ..evidence(vec![transfer(TOKEN, BUYER, MERCHANT, "500")]) };
            judge(&evidence, &expected, None, |_| mine())
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
        assert_eq!(judge(&reverted, &expected, None, |_| None), Verdict::Worthless(Worthless::Reverted));
        assert_eq!(judge(&gone, &expected, None, |_| None), Verdict::Reorganised);
        assert_eq!(judge(&fine, &expected, None, |_| None), Verdict::Worthless(Worthless::NotBound));
    }

    #[test]
    fn a_configured_number_of_confirmations_is_meant_and_a_default_believes_the_chain() {
        let head = Head { latest: 100, finalized: Some(98) };
        let configured = Finality::of(8453, Some(5));
        assert!(configured.reached(96, head) && !configured.reached(97, head) && !configured.reached(101, head));
        let default = Finality::of(8453, None);
        assert!(default.reached(98, head) && !default.reached(99, head));
        assert!(!default.reached(98, Head { finalized: None, ..head }));
        assert_eq!((configured.last_final(head), default.last_final(head)), (Some(96), Some(98)));
        assert!(Finality::of(8453, Some(0)).reached(100, head), "one confirmation is the block itself");
        assert_eq!(Finality::of(7, None).confirmations, CONFIRMATIONS_ELSEWHERE);
        assert_eq!(configured.last_final(Head { latest: 3, finalized: None }), None);
    }

    #[test]
    fn a_price_grows_by_less_than_a_cent_and_not_at_all_where_a_unit_may_be_dear() {
        assert_eq!(most_extra(amount("1"), Some(6)), 9_999);
        assert_eq!((most_extra(amount("5"), Some(2)), most_extra(amount("9999"), None)), (0, 0));
        assert_eq!((most_extra(amount("20000"), None), most_extra(Amount::MAX, None)), (2, 9_999));
        assert_eq!((extra(0, 9_999, 5), extra(1, 0, 5), extra(EXTRA_ATTEMPTS, 9_999, 5)), (Some(0), None, None));
    }

    #[test]
    fn only_the_one_form_of_a_signature_that_wallets_make_is_read() {
        let signature = |s: u8, v: u8| format!("0x{}{:02x}{}{v:02x}", "11".repeat(32), s, "22".repeat(31));
        assert!(WalletSignature::parse(&signature(0x7e, 27)).is_ok());
        for (s, v) in [(0x80, 27), (0xff, 28), (0x7e, 0), (0x7e, 1), (0x7e, 37), (0x7e, 26)] {
            assert!(WalletSignature::parse(&signature(s, v)).is_err(), "{s} {v}");
        }
        assert!(WalletSignature::parse("0x").is_err() && WalletSignature::parse(&"1".repeat(132)).is_err());
    }

    proptest! {
        #[test]
        fn a_reference_is_found_wherever_a_wallet_moves_it(
            before in prop::collection::vec(any::<u8>(), 0..300),
            after in prop::collection::vec(any::<u8>(), 0..300),
            body in any::<[u8; Reference::BODY]>(),
        ) {
            let reference = Reference::new(body);
            let appended = hex::decode(&reference.to_string()[2..]).unwrap();
            let found = Reference::find_all(&[before, appended, after].concat());
            prop_assert!(found.contains(&reference));
            prop_assert_eq!(reference.body(), body);
        }

        #[test]
        fn an_extra_never_passes_its_bound(attempt in 1..EXTRA_ATTEMPTS, most in 1_u64..=MOST_EXTRA, random: u64) {
            let extra = extra(attempt, most, random).unwrap();
            prop_assert!((1..=most).contains(&extra));
        }
    }
}
