//! Changing and deleting a stored object that a path names: the same for every resource, which says how it is found and
//! written.

use crate::answer::Answer;
use crate::call::Call;
use crate::caller::Caller;
use crate::commit::{Changes, NotCommitted};
use crate::error::ApiError;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::{Owned, Owner};
use anyspend_store::{StoreError, Write};
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// How a resource's objects are found and written.
pub trait Stored: 'static {
    /// The object.
    type Object: Owned + Clone + Send + Sync;

    /// The object the path names: whoever's it is, or, where objects are found by their owner, among `owner`'s.
    fn find(call: Arc<Call>, owner: Owner) -> impl Future<Output = Result<Option<Self::Object>, ApiError>> + Send;

    /// The writes that put an object's next state in the place of the one that was read, at the version it had.
    ///
    /// # Errors
    /// When it cannot be stored, which is a fault of ours.
    fn update(call: &Call, was: &Self::Object, is: &Self::Object) -> Result<Vec<Write>, StoreError>;

    /// What is told where another object has a value that must be unique. Most objects have no such value that changes.
    fn taken(is: &Self::Object) -> ApiError {
        ApiError::internal(format!("a {} with nothing unique met another", is.id_text()))
    }
}

/// How its objects are deleted, for a resource whose can be.
pub trait Deletable: Stored {
    /// The writes that delete an object at the version it was read in.
    ///
    /// # Errors
    /// When it cannot be stored, which is a fault of ours.
    fn delete(call: &Call, was: &Self::Object) -> Result<Vec<Write>, StoreError>;
}

/// What every versioned view shows as a deletion.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedView {
    /// The resource's type.
    pub object: &'static str,
    /// What was deleted.
    pub id: String,
    /// `true`
    pub deleted: bool,
}

impl DeletedView {
    /// The deletion of this object.
    pub fn of<T: Owned>(object: &T) -> Self {
        Self { object: T::OBJECT, id: object.id_text(), deleted: true }
    }
}

impl Call {
    /// Changes the object that was found by the path's `id`, if it is the caller's: `decide` changes it and answers. A
    /// decision that leaves it as it is writes nothing.
    ///
    /// # Errors
    /// 404 for another's object and for none, and what `decide` refuses.
    pub async fn change<T: Stored>(
        self: &Arc<Self>,
        caller: &Caller,
        found: Option<T::Object>,
        event_type: AuditEventType,
        decide: impl Fn(&mut T::Object) -> Result<Answer, ApiError>,
    ) -> Result<Answer, ApiError> {
        let (id, decide) = (self.param("id"), &decide);
        let reload = || T::find(self.clone(), caller.owner.clone());
        self.decide(id, found, reload, |found| async move {
            let was = caller.own(found, id)?;
            let mut is = was.clone();
            let answer = decide(&mut is)?;
            if is.version() == was.version() {
                return Ok(answer);
            }
            let writes = T::update(self, &was, &is)?;
            match self.commit(caller, Changes::of(&is, event_type, writes, answer)).await {
                Err(NotCommitted::Taken) => Err(T::taken(&is).into()),
                settled => settled,
            }
        })
        .await
    }

    /// Deletes the object that was found by the path's `id`, if it is the caller's.
    ///
    /// # Errors
    /// 404 for another's object and for none.
    pub async fn delete<T: Deletable>(
        self: &Arc<Self>,
        caller: &Caller,
        found: Option<T::Object>,
        event_type: AuditEventType,
    ) -> Result<Answer, ApiError> {
        let id = self.param("id");
        let reload = || T::find(self.clone(), caller.owner.clone());
        self.decide(id, found, reload, |found| async move {
            let was = caller.own(found, id)?;
            let answer = self.answer(StatusCode::OK, &DeletedView::of(&was))?;
            self.commit(caller, Changes::of(&was, event_type, T::delete(self, &was)?, answer)).await
        })
        .await
    }
}
