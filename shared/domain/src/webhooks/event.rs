//! What can be told, and what of it an endpoint wants to be told.

use crate::Invalid;
use crate::values::named::named;
use serde::{Deserialize, Serialize};
use strum::{EnumMessage, EnumString, IntoStaticStr, VariantArray, VariantNames};

/// What can happen that a merchant may want to be told: the table of webhook events. The comment of each, which stands in
/// the documentation too, says when it is told.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumMessage,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(into = "&'static str", try_from = "String")]
pub enum WebhookEvent {
    /// a payment has completed its session
    #[strum(serialize = "payment.completed")]
    PaymentCompleted,
    /// a payment came to nothing
    #[strum(serialize = "payment.failed")]
    PaymentFailed,
    /// a payment arrived that is not what was asked for; `data.exception` says how; `unmatched` is nobody's yet, and has no session
    #[strum(serialize = "payment.exception")]
    PaymentException,
    /// a checkout session is completed
    #[strum(serialize = "checkout.completed")]
    CheckoutCompleted,
    /// a checkout session ran out, or the merchant expired it
    #[strum(serialize = "checkout.expired")]
    CheckoutExpired,
    /// you asked for it: `POST /webhooks/{id}/test`
    #[strum(serialize = "test.ping")]
    TestPing,
}

named!(WebhookEvent);

/// What an event carries as its `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventData {
    /// The transaction.
    Transaction,
    /// The checkout session.
    CheckoutSession,
    /// Nothing in particular.
    Ping,
}

impl WebhookEvent {
    /// What it carries.
    pub const fn data(self) -> EventData {
        match self {
            Self::PaymentCompleted | Self::PaymentFailed | Self::PaymentException => EventData::Transaction,
            Self::CheckoutCompleted | Self::CheckoutExpired => EventData::CheckoutSession,
            Self::TestPing => EventData::Ping,
        }
    }

    /// When it is told.
    pub fn when(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }
}

impl TryFrom<String> for WebhookEvent {
    type Error = strum::ParseError;

    fn try_from(name: String) -> Result<Self, strum::ParseError> {
        name.parse()
    }
}

/// One entry of what an endpoint wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Wish {
    /// One kind of event.
    One(WebhookEvent),
    /// Everything, events that do not exist yet included.
    Everything(Star),
}

/// `*`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Star {
    /// `*`
    #[serde(rename = "*")]
    Star,
}

impl Wish {
    /// Every wish there is, by name.
    pub const NAMES: &'static [&'static str] = &{
        let mut names = ["*"; WebhookEvent::NAMES.len() + 1];
        let mut at = 0;
        while at < WebhookEvent::NAMES.len() {
            names[at + 1] = WebhookEvent::NAMES[at];
            at += 1;
        }
        names
    };

    /// Reads a wish by name.
    ///
    /// # Errors
    /// `invalid_field_value` that lists the names.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text == "*" {
            return Ok(Self::Everything(Star::Star));
        }
        WebhookEvent::named(text)
            .map(Self::One)
            .ok_or_else(|| Invalid::new(format!("must be one of: {}", Self::NAMES.join(", "))))
    }

    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::One(event) => event.as_str(),
            Self::Everything(Star::Star) => "*",
        }
    }
}

/// What an endpoint wants to be told: at least one wish, none twice, in the order they were sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subscription(Vec<Wish>);

impl Subscription {
    /// Most entries of a list of wishes as it may be sent, repetitions included.
    pub const MAX: usize = 32;

    /// A subscription to these; repetitions are left out. `None` for no wish at all.
    pub fn new(wishes: Vec<Wish>) -> Option<Self> {
        let mut kept: Vec<Wish> = Vec::new();
        for wish in wishes {
            if !kept.contains(&wish) {
                kept.push(wish);
            }
        }
        (!kept.is_empty()).then_some(Self(kept))
    }

    /// Whether an event is wanted.
    pub fn wants(&self, event: WebhookEvent) -> bool {
        self.0.iter().any(|wish| match wish {
            Wish::Everything(_) => true,
            Wish::One(one) => *one == event,
        })
    }

    /// The wishes by name.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|wish| wish.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_stored_under_the_name_it_is_told_by() {
        for event in WebhookEvent::ALL.iter().copied() {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
            assert_eq!(WebhookEvent::named(event.as_str()), Some(event));
        }
        assert_eq!(WebhookEvent::named("*"), None);
        let wishes: Vec<Wish> = Wish::NAMES.iter().map(|name| Wish::parse(name).unwrap()).collect();
        assert_eq!(serde_json::to_value(&wishes).unwrap(), serde_json::json!(Wish::NAMES));
        assert_eq!(serde_json::from_value::<Vec<Wish>>(serde_json::json!(Wish::NAMES)).unwrap(), wishes);
    }

    #[test]
    fn a_subscription_wants_what_it_names_and_a_star_wants_all() {
        let wish = |name| Wish::parse(name).unwrap();
        let two = Subscription::new(vec![wish("payment.failed"), wish("test.ping"), wish("payment.failed")]).unwrap();
        assert_eq!(two.names(), ["payment.failed", "test.ping"]);
        assert!(two.wants(WebhookEvent::PaymentFailed) && !two.wants(WebhookEvent::PaymentCompleted));
        let all = Subscription::new(vec![wish("*")]).unwrap();
        assert!(WebhookEvent::ALL.iter().copied().all(|event| all.wants(event)));
        assert!(Subscription::new(Vec::new()).is_none());
        assert!(Wish::parse("payment.*").is_err());
    }
}
