//! Webhooks: what can be told, to whom, and what becomes of it.

use serde::{Deserialize, Serialize};

/// What can happen that a merchant may want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WebhookEvent {
    /// A payment is completed.
    #[serde(rename = "payment.completed")]
    PaymentCompleted,
    /// A payment failed for good.
    #[serde(rename = "payment.failed")]
    PaymentFailed,
    /// A payment arrived that is not what was asked for: too little, too much, too late, or for a link that takes none.
    #[serde(rename = "payment.exception")]
    PaymentException,
    /// A checkout session is completed.
    #[serde(rename = "checkout.completed")]
    CheckoutCompleted,
    /// A checkout session expired, by itself or because the merchant ended it.
    #[serde(rename = "checkout.expired")]
    CheckoutExpired,
    /// The merchant asked to be told something.
    #[serde(rename = "test.ping")]
    TestPing,
}

impl WebhookEvent {
    /// Every event there is.
    pub const ALL: [Self; 6] = [
        Self::PaymentCompleted,
        Self::PaymentFailed,
        Self::PaymentException,
        Self::CheckoutCompleted,
        Self::CheckoutExpired,
        Self::TestPing,
    ];

    /// The event as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentCompleted => "payment.completed",
            Self::PaymentFailed => "payment.failed",
            Self::PaymentException => "payment.exception",
            Self::CheckoutCompleted => "checkout.completed",
            Self::CheckoutExpired => "checkout.expired",
            Self::TestPing => "test.ping",
        }
    }

    /// Reads an event; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_stored_under_the_name_it_is_told_by() {
        for event in WebhookEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
            assert_eq!(WebhookEvent::parse(event.as_str()), Some(event));
        }
        assert_eq!(WebhookEvent::parse("*"), None);
    }
}
