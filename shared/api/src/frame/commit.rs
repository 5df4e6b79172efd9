//! Making an operation's changes happen, once: the writes, the line in the trail and the idempotent answer in one
//! transaction.

use crate::answer::Answer;
use crate::call::Call;
use crate::caller::Caller;
use crate::error::ApiError;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::{EventId, OrgId, Owned, Owner, Rejection};
use anyspend_store::audit::AuditEvent;
use anyspend_store::{CommitError, Refusal, StoreError, Write, audit, idempotency};

/// What an operation wants to happen.
#[derive(Debug)]
pub struct Changes {
    /// The writes.
    pub writes: Vec<Write>,
    /// What happens.
    pub event_type: AuditEventType,
    /// The object that changes.
    pub resource_id: String,
    /// What the caller is told, once it happened.
    pub answer: Answer,
}

impl Changes {
    /// Changes of this object.
    pub fn of<T: Owned>(object: &T, event_type: AuditEventType, writes: Vec<Write>, answer: Answer) -> Self {
        Self { writes, event_type, resource_id: object.id_text(), answer }
    }
}

/// Why changes did not happen.
#[derive(Debug)]
pub enum NotCommitted {
    /// A unique value is taken: draw another.
    Taken,
    /// Another unpaid session of the recipient asks for this amount: ask for another.
    Reserved,
    /// The object changed since it was read: read and decide again.
    Changed,
    /// Another object this relied on is no longer as it was.
    Unsupported,
    /// The request fails.
    Failed(ApiError),
}

impl From<ApiError> for NotCommitted {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for NotCommitted {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Rejection> for NotCommitted {
    fn from(rejection: Rejection) -> Self {
        Self::Failed(rejection.into())
    }
}

impl From<CommitError> for NotCommitted {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused { refusal: Refusal::Taken | Refusal::Claimed, .. } => Self::Taken,
            CommitError::Refused { refusal: Refusal::Reserved, .. } => Self::Reserved,
            CommitError::Refused { refusal: Refusal::Unsupported, .. } => Self::Unsupported,
            CommitError::Refused { refusal: Refusal::Changed | Refusal::Answered, .. } => Self::Changed,
            CommitError::Store(error) => error.into(),
        }
    }
}

impl From<NotCommitted> for ApiError {
    fn from(not: NotCommitted) -> Self {
        match not {
            NotCommitted::Failed(error) => error,
            NotCommitted::Taken | NotCommitted::Reserved | NotCommitted::Changed | NotCommitted::Unsupported => {
                Self::unavailable(format!("gave up deciding again: {not:?}"))
            }
        }
    }
}

impl Call {
    /// Makes changes happen, once: the writes, the audit event and the idempotent answer in one transaction.
    ///
    /// # Errors
    /// [`NotCommitted`]; with [`NotCommitted::Failed`] of status 503 it is unknown whether they happened, and a
    /// retry with the same idempotency key finds out.
    pub async fn commit(&self, caller: &Caller, changes: Changes) -> Result<Answer, NotCommitted> {
        self.commit_for(caller, &caller.owner, changes).await
    }

    /// The same for a caller who changes what another owns: the trail is the owner's, the idempotency key the
    /// caller's.
    ///
    /// # Errors
    /// As for [`Call::commit`].
    pub async fn commit_for(&self, caller: &Caller, owner: &Owner, changes: Changes) -> Result<Answer, NotCommitted> {
        let event = self.audit_event(caller, &changes);
        let Changes { mut writes, answer, .. } = changes;
        // Nobody could ever read the trail of nobody's organization.
        if owner.org != OrgId::anonymous() {
            writes.push(audit::record(owner, &event)?);
        }
        let scope = self.idempotency_scope(caller)?;
        if let Some(scope) = &scope {
            writes.push(self.keep_answer(scope, &answer)?);
        }
        let Err(error) = self.db.commit(writes).await else { return Ok(answer) };
        match idempotency::answered(error)? {
            // The answer of this very request: its first try did happen, only the news of it was lost.
            Ok(kept) if kept.request_id == self.request_id.as_str() => Ok(answer),
            Ok(kept) => {
                let scope = scope.ok_or_else(|| ApiError::internal("an answer was kept for no key"))?;
                Ok(self.replay(&scope, kept)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn audit_event(&self, caller: &Caller, changes: &Changes) -> AuditEvent {
        AuditEvent {
            id: EventId::generate(self.now),
            event_type: changes.event_type,
            resource_id: changes.resource_id.clone(),
            actor_type: caller.actor_type,
            actor_id: caller.actor_id.clone(),
            ip_address: self.client_ip.filter(|_| !caller.is_anonymous()).map(|ip| ip.to_string()),
            ip_hash: self.client_mark().filter(|_| caller.is_anonymous()),
            ip_country: self
                .client_country()
                .filter(|_| caller.is_anonymous())
                .map(|country| country.as_str().to_owned()),
            request_method: self.method.to_string(),
            request_path: self.path.clone(),
            request_id: self.request_id.clone(),
            status_code: changes.answer.status.as_u16(),
            created_at: self.now,
        }
    }
}
