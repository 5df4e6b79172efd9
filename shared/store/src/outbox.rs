//! The outbox: what happened and has yet to be told to webhooks, one small row an event, written in the transaction of
//! the change itself.
//!
//! A row names objects and carries none of their data: it is deleted once every endpoint that wants the event has a
//! delivery of its own, and what is told is read from the objects then.

use crate::Write;
use crate::db::{Db, Item, StoreError, read, row};
use crate::schema::{Key, outbox_partition};
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::webhook::WebhookEvent;
use anyspend_domain::{CheckoutSessionId, EventId, Owner, Timestamp, TransactionId};
use serde::{Deserialize, Serialize};

/// Something that happened to an owner's objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEvent {
    /// `evt_…`, made at `created_at`: rows are found in the order of their ids. The receiver sees it, the same one with
    /// every attempt and for each of its endpoints.
    pub id: EventId,
    /// Whose endpoints are told.
    #[serde(flatten)]
    pub owner: Owner,
    /// What happened.
    pub event: WebhookEvent,
    /// The transaction it is about; payment events have one.
    pub transaction_id: Option<TransactionId>,
    /// The session it is about.
    pub session_id: Option<CheckoutSessionId>,
    /// When it happened.
    pub created_at: Timestamp,
}

impl OutboxEvent {
    /// What happened to a session at `now`, by a transaction or without one.
    pub fn of(
        session: &CheckoutSession,
        transaction: Option<&TransactionId>,
        event: WebhookEvent,
        now: Timestamp,
    ) -> Self {
        Self {
            id: EventId::generate(now),
            owner: session.owner.clone(),
            event,
            transaction_id: transaction.cloned(),
            session_id: Some(session.id.clone()),
            created_at: now,
        }
    }
}

/// The write that puts an event into the outbox. It belongs into the transaction of the change it tells of: nothing that
/// happened goes untold then, and nothing is told that did not happen.
pub fn emit(event: &OutboxEvent) -> Result<Write, StoreError> {
    Ok(Write::put(row(&Key::outbox(&event.id), event)?))
}

/// Reads an event out of its row.
pub fn event(item: Item) -> Result<OutboxEvent, StoreError> {
    read(item)
}

/// Reads an event out of an image of its row, as a stream carries it.
pub fn event_in_image(image: serde_dynamo::Item) -> Result<OutboxEvent, StoreError> {
    serde_dynamo::from_item(image).map_err(|error| StoreError::Fault(format!("an image cannot be read: {error}")))
}

impl Db {
    /// The oldest events of a shard of the outbox, at most `most`, each as its row: one that cannot be read must not
    /// stand in the way of the others.
    pub async fn outbox_rows(&self, shard: u8, most: u32) -> Result<Vec<Item>, StoreError> {
        self.first_of_partition(&outbox_partition(shard), most).await
    }

    /// Takes an event out of the outbox; every endpoint that wants it has a delivery by now.
    pub async fn remove_from_outbox(&self, id: &EventId) -> Result<(), StoreError> {
        self.delete_row(&Key::outbox(id)).await
    }
}
