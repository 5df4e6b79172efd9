//! What an event is about, as its receivers are shown it: read once for all of them.

use anyspend_api::Platform;
use anyspend_api::checkout_session::CheckoutSessionView;
use anyspend_api::transaction::TransactionView;
use anyspend_domain::Metadata;
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::webhook::EventData;
use anyspend_domain::webhook_delivery::Delivery;
use anyspend_store::{Db, StoreError};
use serde::Serialize;

/// The data of an event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Subject {
    /// Nothing in particular.
    Ping(Ping),
    /// A payment: the transaction, and who it is from.
    Payment(Box<About<TransactionView>>),
    /// A checkout session.
    Checkout(Box<About<CheckoutSessionView>>),
}

/// What a test event says.
#[derive(Debug, Serialize)]
pub(crate) struct Ping {
    object: &'static str,
    message: &'static str,
}

/// An object and the checkout it belongs to, by which the merchant knows whose it is.
#[derive(Debug, Serialize)]
pub(crate) struct About<T> {
    #[serde(flatten)]
    object: Option<T>,
    checkout_session: Option<Checkout>,
}

impl<T> About<T> {
    fn new(object: Option<T>, session: Option<&CheckoutSession>) -> Box<Self> {
        Box::new(Self { object, checkout_session: session.map(Into::into) })
    }
}

/// Who bought, and how the merchant knows it.
#[derive(Debug, Serialize)]
struct Checkout {
    id: String,
    client_reference_id: Option<String>,
    metadata: Option<Metadata>,
    customer_email: Option<String>,
    customer_name: Option<String>,
}

impl From<&CheckoutSession> for Checkout {
    fn from(session: &CheckoutSession) -> Self {
        Self {
            id: session.id.to_string(),
            client_reference_id: session.purchase.client_reference_id.as_ref().map(|text| text.as_str().to_owned()),
            metadata: session.metadata.clone(),
            customer_email: session.buyer.email.as_ref().map(|email| email.as_str().to_owned()),
            customer_name: session.buyer.name.as_ref().map(|name| name.as_str().to_owned()),
        }
    }
}

impl Subject {
    /// Reads what a delivery is about, strongly consistent: an event is told right after it happened. What is gone by now
    /// is left out: the event is told all the same.
    pub(crate) async fn load(platform: &Platform, db: &Db, delivery: &Delivery) -> Result<Self, StoreError> {
        let session = async {
            match &delivery.session_id {
                Some(id) => db.find_checkout_session(id, platform).await,
                None => Ok(None),
            }
        };
        let transaction = async {
            match &delivery.transaction_id {
                Some(id) => db.find_transaction(id, platform).await,
                None => Ok(None),
            }
        };
        Ok(match delivery.event.data() {
            EventData::Ping => Self::Ping(Ping { object: "ping", message: "This is a test event." }),
            EventData::Transaction => {
                let (transaction, session) = tokio::try_join!(transaction, session)?;
                Self::Payment(About::new(transaction.as_ref().map(TransactionView::new), session.as_ref()))
            }
            EventData::CheckoutSession => {
                let session = session.await?;
                let now = platform.clock.now();
                let view =
                    session.as_ref().map(|session| CheckoutSessionView::at(now, session, &platform.config, None));
                Self::Checkout(About::new(view, session.as_ref()))
            }
        })
    }
}
