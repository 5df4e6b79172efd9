//! The outbox: what happened and has yet to be told to webhooks, one small row an event, written in the transaction of
//! the change itself.
//!
//! A row names objects and carries none of their data: it is deleted once every endpoint that wants the event has a
//! delivery of its own, and what is told is read from the objects then.

use crate::Write;
use crate::db::{StoreError, row};
use crate::schema::Key;
use anyspend_domain::webhook::WebhookEvent;
use anyspend_domain::{CheckoutSessionId, EventId, Mode, OrgId, Owner, Timestamp, TransactionId};
use serde::{Deserialize, Serialize};

/// Something that happened to an owner's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEvent {
    /// `evt_…`, made at `created_at`: rows are found in the order of their ids. The receiver sees it, the same one with
    /// every attempt and for each of its endpoints.
    pub id: EventId,
    /// Whose endpoints are told.
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

#[derive(Debug, Serialize, Deserialize)]
struct StoredEvent {
    id: EventId,
    org: OrgId,
    mode: Mode,
    event: WebhookEvent,
    transaction_id: Option<TransactionId>,
    session_id: Option<CheckoutSessionId>,
    created_at: Timestamp,
}

/// The write that puts an event into the outbox. It belongs into the transaction of the change it tells of: nothing that
/// happened goes untold then, and nothing is told that did not happen.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn emit(event: &OutboxEvent) -> Result<Write, StoreError> {
    let stored = StoredEvent {
        id: event.id.clone(),
        org: event.owner.org.clone(),
        mode: event.owner.mode,
        event: event.event,
        transaction_id: event.transaction_id.clone(),
        session_id: event.session_id.clone(),
        created_at: event.created_at,
    };
    Ok(Write::put(row(&Key::outbox(&event.id), &stored)?))
}
