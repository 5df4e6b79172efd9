//! What an event is about, as its receivers are shown it: read once for all of them.

use anyspend_api::Platform;
use anyspend_domain::Metadata;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::webhook_delivery::Delivery;
use anyspend_store::{Db, StoreError};
use serde::Serialize;

/// The data of an event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Subject {
    /// Nothing in particular.
    Ping {
        /// `ping`
        object: &'static str,
        /// A sentence for whoever reads the receiver's log.
        message: &'static str,
    },
    /// A checkout session.
    Checkout(Box<Checkout>),
}

/// A checkout session, in both spellings.
#[derive(Debug, Serialize)]
pub(crate) struct Checkout {
    #[serde(rename = "checkoutSession")]
    camel: Option<CheckoutCamel>,
    #[serde(rename = "checkout_session")]
    snake: Option<CheckoutSnake>,
}

/// Who bought, and how the merchant knows it, as the 2024 examples spell it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckoutCamel {
    id: String,
    client_reference_id: Option<String>,
    metadata: Option<Metadata>,
    customer_email: Option<String>,
    customer_name: Option<String>,
}

/// The same in the spelling of everything else.
#[derive(Debug, Serialize)]
pub(crate) struct CheckoutSnake {
    id: String,
    client_reference_id: Option<String>,
    metadata: Option<Metadata>,
    customer_email: Option<String>,
    customer_name: Option<String>,
}

impl From<&CheckoutSession> for CheckoutCamel {
    fn from(session: &CheckoutSession) -> Self {
        Self {
            id: session.id.to_string(),
            client_reference_id: session.client_reference_id.as_ref().map(|text| text.as_str().to_owned()),
            metadata: session.metadata.clone(),
            customer_email: session.buyer.email.as_ref().map(|email| email.as_str().to_owned()),
            customer_name: session.buyer.name.as_ref().map(|name| name.as_str().to_owned()),
        }
    }
}

impl From<&CheckoutSession> for CheckoutSnake {
    fn from(session: &CheckoutSession) -> Self {
        let CheckoutCamel { id, client_reference_id, metadata, customer_email, customer_name } = session.into();
        Self { id, client_reference_id, metadata, customer_email, customer_name }
    }
}

impl Subject {
    /// Reads what a delivery is about, strongly consistent: an event is told right after it happened.
    pub(crate) async fn load(platform: &Platform, db: &Db, delivery: &Delivery) -> Result<Self, StoreError> {
        if delivery.event == anyspend_domain::webhook::WebhookEvent::TestPing {
            return Ok(Self::Ping { object: "ping", message: "This is a test event." });
        }
        let session = match &delivery.session_id {
            Some(id) => db.find_checkout_session(id, platform).await?,
            None => None,
        };
        let (camel, snake) = (session.as_ref().map(Into::into), session.as_ref().map(Into::into));
        Ok(Self::Checkout(Box::new(Checkout { camel, snake })))
    }
}
