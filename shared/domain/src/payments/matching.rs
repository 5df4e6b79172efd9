//! Whose payment a transfer is, where its amount is all that says so.
//!
//! What must stay true: a session asks within its owner's scope only, so nothing a stranger opens shifts what a buyer is
//! asked or takes what he pays. What could be meant by two is nobody's. The order in which sessions were opened decides
//! nothing: [`meant`] is a function of who asks for what, and of the transfer.

use super::unique_amount::AMOUNT_HELD_SECONDS;
use crate::checkout_session::CheckoutSession;
use crate::settlement::Transfer;
use crate::{Address, Amount, CheckoutSessionId, Mode, OrgId, Owner, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use strum::{EnumString, IntoStaticStr};

/// Whose sessions are looked at first. The order is the order of precedence.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Class {
    /// Real money of an organization.
    #[default]
    Live,
    /// An organization's tests.
    Test,
    /// Links of nobody's organization.
    Quick,
}

impl Class {
    /// Its name, as it stands in keys.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Within which an amount is one session's own: an organization and mode, or one quick-pay link.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    class: Class,
    of: String,
}

impl Scope {
    /// The scope a session asks in.
    pub fn of(session: &CheckoutSession) -> Self {
        Self::of_session(&session.owner, &session.id)
    }

    /// The scope in which an owner's session asks.
    pub fn of_session(owner: &Owner, session: &CheckoutSessionId) -> Self {
        if owner.org == OrgId::anonymous() {
            return Self { class: Class::Quick, of: session.short_code().as_str().to_owned() };
        }
        let class = match owner.mode {
            Mode::Live => Class::Live,
            Mode::Test => Class::Test,
        };
        Self { class, of: owner.org.to_string() }
    }

    /// Of which kind it is.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// The owner, where it is an organization's.
    pub fn owner(&self) -> Option<Owner> {
        let mode = if self.class == Class::Live { Mode::Live } else { Mode::Test };
        self.organization().map(|org| Owner { org, mode })
    }

    /// The organization, where it is one's.
    pub fn organization(&self) -> Option<OrgId> {
        (self.class != Class::Quick).then(|| OrgId::parse(&self.of)).flatten()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.class.as_str(), self.of)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (class, of) = text.split_once(':').ok_or("not a scope")?;
        let class = Class::from_str(class).map_err(|_| "not a class of scopes")?;
        Ok(Self { class, of: of.to_owned() })
    }
}

/// What a session asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The session.
    pub session: CheckoutSessionId,
    /// Within which the amount is its own.
    pub scope: Scope,
    /// What its page asks for.
    pub asked: Amount,
    /// What is due: the bare price, or the bare rest.
    pub due: Amount,
    /// Whether the amount asked for is its own. A session without one is meant by its bare price at most.
    pub is_own: bool,
    /// Who has paid a part of it, where what is asked for is the rest.
    pub paid_in_part_by: Option<Address>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// From then on its bare price means it no more, and another session may take its digits.
    pub held_until: Timestamp,
    /// Whether it has been paid.
    pub is_paid: bool,
}

impl Ask {
    /// What a session asks for from now on: its first payment, or the rest that its payer owes.
    /// `None` while its price is not known, or when nothing is owed.
    pub fn of(session: &CheckoutSession) -> Option<Self> {
        let asked = session.amount_owed()?;
        let due = session.amount_due()?;
        let due = session.amount_received.map_or(Some(due), |received| due.checked_sub(received))?;
        Some(Self {
            session: session.id.clone(),
            scope: Scope::of(session),
            asked,
            due,
            is_own: session.extra > 0,
            paid_in_part_by: session.amount_received.and(session.payer_address.clone()),
            opened_at: session.created_at,
            held_until: session.expires_at.plus_seconds(AMOUNT_HELD_SECONDS),
            is_paid: false,
        })
    }

    /// Whether it was there when the block was made. Blocks know whole seconds only.
    const fn was_opened_by(&self, block_time: Timestamp) -> bool {
        self.opened_at.seconds() <= block_time.seconds()
    }

    /// Whether its bare price could be meant when the block was made.
    fn is_waiting_at(&self, block_time: Timestamp) -> bool {
        !self.is_paid && block_time < self.held_until
    }

    /// Whether its session could be paid when the block was made.
    pub fn could_be_paid_at(&self, block_time: Timestamp) -> bool {
        self.was_opened_by(block_time) && block_time.plus_seconds(AMOUNT_HELD_SECONDS) < self.held_until
    }

    fn is_exactly(&self, amount: Amount) -> bool {
        self.is_own && self.asked == amount
    }
}

/// Everything that may say whose a transfer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asks {
    /// What sessions ask for, of one token and recipient.
    pub asks: Vec<Ask>,
    /// When organizations named the recipient first. Matters only where two of them fit.
    pub named: HashMap<OrgId, Timestamp>,
}

/// Whose a transfer is by its amount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meant {
    /// One session of a live organization; or one each of test organizations and quick-pay links, where no live
    /// organization's could be meant.
    pub sessions: Vec<(Scope, CheckoutSessionId)>,
    /// Whether several sessions of a live organization could be meant, so that it is none's.
    pub is_ambiguous: bool,
}

impl Meant {
    /// Whether it is this session's.
    pub fn is(&self, session: &CheckoutSessionId) -> bool {
        self.sessions.iter().any(|(_, meant)| meant == session)
    }

    /// Whether it is a session's that strangers must not take it from: one of a live organization, or of the same scope.
    pub fn belongs_to_another(&self, scope: &Scope, session: &CheckoutSessionId) -> bool {
        let counts = |whose: &Scope| whose.class == Class::Live || whose == scope;
        self.sessions.iter().any(|(whose, meant)| meant != session && counts(whose))
    }
}

/// What a transfer fits in one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit<'a> {
    One(&'a CheckoutSessionId),
    Several,
}

/// Whose a transfer is by its amount, in a block made at `block_time`.
///
/// In a scope, strongest first: the session's own digits; the rest that this very wallet owes; a bare price, while
/// exactly one unpaid session could be meant by it. Among live organizations it is the one's that named the recipient
/// first, and what could be two sessions of that one is nobody's.
pub fn meant(asks: &Asks, transfer: &Transfer, block_time: Timestamp) -> Meant {
    let mut by_scope: BTreeMap<&Scope, Vec<&Ask>> = BTreeMap::new();
    for ask in asks.asks.iter().filter(|ask| ask.was_opened_by(block_time)) {
        by_scope.entry(&ask.scope).or_default().push(ask);
    }
    let fits: Vec<(&Scope, Fit<'_>)> =
        by_scope.into_iter().filter_map(|(scope, asks)| Some((scope, fit(&asks, transfer, block_time)?))).collect();
    let since = |scope: &Scope| {
        let named = scope.organization().and_then(|org| asks.named.get(&org)).copied();
        (named.is_none(), named, scope.clone())
    };
    let live = fits.iter().filter(|(scope, _)| scope.class == Class::Live).min_by_key(|(scope, _)| since(scope));
    match live {
        Some((scope, Fit::One(session))) => {
            Meant { sessions: vec![(Scope::clone(scope), CheckoutSessionId::clone(session))], is_ambiguous: false }
        }
        Some((_, Fit::Several)) => Meant { sessions: Vec::new(), is_ambiguous: true },
        None => {
            let bound = fits.iter().filter_map(|(scope, fit)| match fit {
                Fit::One(session) => Some((Scope::clone(scope), CheckoutSessionId::clone(session))),
                Fit::Several => None,
            });
            Meant { sessions: bound.collect(), is_ambiguous: false }
        }
    }
}

fn fit<'a>(asks: &[&'a Ask], transfer: &Transfer, block_time: Timestamp) -> Option<Fit<'a>> {
    // Digits are a session's own until another one takes them, so that who pays late is found; a bare price is not.
    let is_due = |ask: &Ask| ask.is_waiting_at(block_time) && ask.due == transfer.amount;
    let exactly = only(asks, |ask| ask.is_exactly(transfer.amount));
    let rest = || only(asks, |ask| is_due(ask) && ask.paid_in_part_by.as_ref() == Some(&transfer.payer));
    let bare = || only(asks, is_due);
    exactly.or_else(rest).or_else(bare)
}

/// The one session that fits, or that there are several.
fn only<'a>(asks: &[&'a Ask], fits: impl Fn(&Ask) -> bool) -> Option<Fit<'a>> {
    let mut found = asks.iter().filter(|ask| fits(ask)).map(|ask| &ask.session);
    let first = found.next()?;
    Some(if found.all(|other| other == first) { Fit::One(first) } else { Fit::Several })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ShortCode;
    use proptest::prelude::*;

    const PRICES: [u64; 3] = [1_000, 1_007, 1_500];

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000).unwrap()
    }

    fn amount(units: u64) -> Amount {
        Amount::parse(&units.to_string()).unwrap()
    }

    fn wallet(byte: u8) -> Address {
        Address::from_bytes([byte; 20])
    }

    fn org(number: u64) -> OrgId {
        OrgId::generate(at(number))
    }

    fn scope(class: Class, of: &OrgId) -> Scope {
        Scope { class, of: of.to_string() }
    }

    fn ask(scope: &Scope, due: u64, extra: u64) -> Ask {
        Ask {
            session: CheckoutSessionId::generate(at(100), &ShortCode::none()),
            scope: scope.clone(),
            asked: amount(due + extra),
            due: amount(due),
            is_own: extra > 0,
            paid_in_part_by: None,
            opened_at: at(100),
            held_until: at(10_000),
            is_paid: false,
        }
    }

    fn moved(payer: u8, units: u64) -> Transfer {
        let (token, recipient) = (Some(wallet(1)), wallet(2));
        Transfer { log_index: Some(0), token, payer: wallet(payer), recipient, amount: amount(units) }
    }

    fn whose(asks: &[Ask], named: &[(&OrgId, u64)], transfer: &Transfer) -> Meant {
        let named = named.iter().map(|(org, since)| (OrgId::clone(org), at(*since))).collect();
        meant(&Asks { asks: asks.to_vec(), named }, transfer, at(200))
    }

    fn sessions(meant: &Meant) -> Vec<&CheckoutSessionId> {
        meant.sessions.iter().map(|(_, session)| session).collect()
    }

    #[test]
    fn in_one_scope_digits_come_before_a_wallets_rest_and_that_before_a_bare_price() {
        let live = scope(Class::Live, &org(1));
        let (one, other) = (ask(&live, 1_000, 7), ask(&live, 1_000, 8));
        let rest = Ask { paid_in_part_by: Some(wallet(9)), ..ask(&live, 1_000, 5) };
        let exact = ask(&live, 990, 10);
        let none: Vec<&CheckoutSessionId> = Vec::new();
        let paid = |ask: &Ask| Ask { is_paid: true, ..ask.clone() };
        let young = |ask: &Ask| Ask { opened_at: at(201), ..ask.clone() };
        let over = |ask: &Ask| Ask { held_until: at(200), ..ask.clone() };
        for (what, asks, transfer, must) in [
            ("own digits", vec![one.clone(), other.clone()], moved(3, 1_008), vec![&other.session]),
            ("own digits of one that is paid", vec![paid(&other)], moved(3, 1_008), vec![&other.session]),
            ("a bare price of one", vec![one.clone()], moved(3, 1_000), vec![&one.session]),
            ("a bare price of two", vec![one.clone(), other.clone()], moved(3, 1_000), none.clone()),
            ("own digits long after", vec![over(&other)], moved(3, 1_008), vec![&other.session]),
            ("the other is paid", vec![one.clone(), paid(&other)], moved(3, 1_000), vec![&one.session]),
            ("the other came later", vec![one.clone(), young(&other)], moved(3, 1_000), vec![&one.session]),
            ("the other is long over", vec![one.clone(), over(&other)], moved(3, 1_000), vec![&one.session]),
            ("the wallet that paid a part", vec![one.clone(), rest.clone()], moved(9, 1_000), vec![&rest.session]),
            ("another wallet", vec![one.clone(), rest.clone()], moved(3, 1_000), none.clone()),
            ("digits that make the rest", vec![exact.clone(), rest.clone()], moved(9, 1_000), vec![&exact.session]),
            ("between the digits", vec![one.clone()], moved(3, 1_003), none),
        ] {
            assert_eq!(sessions(&whose(&asks, &[], &transfer)), must, "{what}");
        }
    }

    #[test]
    fn among_live_organizations_it_is_the_one_that_named_the_recipient_first_and_nobodys_where_that_one_has_two() {
        let (early, late) = (org(1), org(2));
        let (mine, theirs) = (scope(Class::Live, &early), scope(Class::Live, &late));
        let (one, two) = (ask(&mine, 1_000, 7), ask(&mine, 1_000, 8));
        // The stranger's price is chosen so that its digits make just what the buyer sends.
        let stranger = ask(&theirs, 995, 5);
        let named = [(&late, 50), (&early, 20)];
        let transfer = moved(3, 1_000);
        let fits = whose(&[one.clone(), stranger.clone()], &named, &transfer);
        assert_eq!(sessions(&fits), [&one.session]);
        let fits = whose(&[one.clone(), two, stranger.clone()], &named, &transfer);
        assert_eq!((sessions(&fits).len(), fits.is_ambiguous), (0, true));
        assert_eq!(sessions(&whose(&[one, stranger.clone()], &[(&late, 5)], &transfer)), [&stranger.session]);
    }

    #[test]
    fn tests_and_quick_pay_take_what_no_live_session_could_be_meant_by_each_for_itself() {
        let live = ask(&scope(Class::Live, &org(1)), 1_000, 7);
        let test = ask(&scope(Class::Test, &org(1)), 1_000, 7);
        let quick = ask(&Scope { class: Class::Quick, of: "abc".to_owned() }, 1_000, 7);
        let all = [live.clone(), test.clone(), quick.clone()];
        assert_eq!(sessions(&whose(&all, &[], &moved(3, 1_007))), [&live.session]);
        let mut bound = whose(&[quick.clone(), test.clone()], &[], &moved(3, 1_007)).sessions;
        bound.sort();
        assert_eq!(bound, [(test.scope, test.session), (quick.scope, quick.session)]);
    }

    fn any_ask() -> impl Strategy<Value = (usize, usize, u64, bool, bool)> {
        (0..5_usize, 0..PRICES.len(), 0..9_u64, any::<bool>(), any::<bool>())
    }

    proptest! {
        #[test]
        fn no_strangers_session_takes_what_a_live_organization_is_meant_by_and_order_decides_nothing(
            drawn in prop::collection::vec(any_ask(), 0..12),
            units in 995..1_015_u64,
            payer in 3..5_u8,
            turn in 0..12_usize,
        ) {
            let (first, second) = (org(1), org(2));
            let scopes = [
                scope(Class::Live, &first),
                scope(Class::Live, &second),
                scope(Class::Test, &first),
                scope(Class::Test, &second),
                Scope { class: Class::Quick, of: "abc".to_owned() },
            ];
            let all: Vec<Ask> = drawn.into_iter().map(|(scope, price, extra, is_paid, part)| Ask {
                is_paid,
                paid_in_part_by: part.then(|| wallet(3)),
                ..ask(&scopes[scope], PRICES[price], extra)
            }).collect();
            let named = [(&first, 10), (&second, 20)];
            let transfer = moved(payer, units);
            let all_in = whose(&all, &named, &transfer);
            let mut turned = all.clone();
            turned.rotate_left(turn.min(all.len()));
            prop_assert_eq!(&whose(&turned, &named, &transfer), &all_in);
            let mine: Vec<Ask> = all.iter().filter(|ask| ask.scope == scopes[0]).cloned().collect();
            let alone = whose(&mine, &named, &transfer);
            if alone != Meant::default() {
                prop_assert_eq!(alone, all_in);
            }
        }
    }
}
