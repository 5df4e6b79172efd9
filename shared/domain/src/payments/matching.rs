//! Whose payment a transfer is, where its amount is all that says so.
//!
//! What must stay true: a session asks within its owner's scope only, so nothing a stranger opens shifts what a buyer is
//! asked or takes what he pays. What could be meant by two is nobody's. The order in which sessions were opened decides
//! nothing: [`meant`] is a function of who asks for what, and of the transfer.

use super::unique_amount::AMOUNT_HELD_SECONDS;
use crate::checkout_session::CheckoutSession;
use crate::settlement::Transfer;
use crate::{Address, Amount, CheckoutSessionId, Mode, OrgId, Timestamp};
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
        let owner = &session.owner;
        if owner.org == OrgId::anonymous() {
            return Self { class: Class::Quick, of: session.id.short_code().as_str().to_owned() };
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
    /// From then on it asks for nothing.
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

    /// Whether it stood when the block was made. Blocks know whole seconds only.
    fn stood_at(&self, block_time: Timestamp) -> bool {
        self.opened_at.seconds() <= block_time.seconds() && block_time < self.held_until
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
    pub fn is_anothers(&self, scope: &Scope, session: &CheckoutSessionId) -> bool {
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
    for ask in asks.asks.iter().filter(|ask| ask.stood_at(block_time)) {
        by_scope.entry(&ask.scope).or_default().push(ask);
    }
    let fits: Vec<(&Scope, Fit<'_>)> =
        by_scope.into_iter().filter_map(|(scope, asks)| Some((scope, fit(&asks, transfer)?))).collect();
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

fn fit<'a>(asks: &[&'a Ask], transfer: &Transfer) -> Option<Fit<'a>> {
    let exactly = only(asks, |ask| ask.is_exactly(transfer.amount));
    let rest = || {
        only(asks, |ask| {
            !ask.is_paid && ask.due == transfer.amount && ask.paid_in_part_by.as_ref() == Some(&transfer.payer)
        })
    };
    let bare = || only(asks, |ask| !ask.is_paid && ask.due == transfer.amount);
    exactly.or_else(rest).or_else(bare)
}

/// The one session that fits, or that there are several.
fn only<'a>(asks: &[&'a Ask], fits: impl Fn(&Ask) -> bool) -> Option<Fit<'a>> {
    let mut found = asks.iter().filter(|ask| fits(ask)).map(|ask| &ask.session);
    let first = found.next()?;
    Some(if found.all(|other| other == first) { Fit::One(first) } else { Fit::Several })
}
