//! The audit trail: one event per change, in the change's own transaction.

use crate::Write;
use crate::db::{StoreError, row};
use crate::schema::Key;
use anyspend_domain::{EventId, Owner, RequestId, Timestamp};
use serde::Serialize;

/// How long an event is kept.
pub const KEPT_SECONDS: u64 = 90 * 24 * 60 * 60;

/// Who did what, when and by which request.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEvent {
    /// `evt_…`
    pub id: EventId,
    /// E.g. `payment_link.created`.
    pub event_type: &'static str,
    /// E.g. `payment_link`.
    pub resource_type: &'static str,
    /// The object that changed.
    pub resource_id: String,
    /// `api_key`, `session` or `anonymous`.
    pub actor_type: &'static str,
    /// The credential's public id.
    pub actor_id: String,
    /// Where the request came from.
    pub ip_address: Option<String>,
    /// The request's method.
    pub request_method: String,
    /// The request's path.
    pub request_path: String,
    /// The request.
    pub request_id: RequestId,
    /// What it was answered with.
    pub status_code: u16,
    /// When.
    pub created_at: Timestamp,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    event: &'a AuditEvent,
    ttl: u64,
}

/// The write that records an event.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn record(owner: &Owner, event: &AuditEvent) -> Result<Write, StoreError> {
    let ttl = event.created_at.plus_seconds(KEPT_SECONDS).seconds();
    Ok(Write::put(row(&Key::audit(owner, event.created_at, &event.id), &Row { event, ttl })?))
}
