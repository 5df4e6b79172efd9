//! Deciding on what was read, and anew when it has changed meanwhile: the one loop of all requests that change something.
//!
//! Changes that meet are all made, one after the other, while the request has time. Nobody is told to come back because
//! somebody else was quicker a few times.

use crate::answer::Answer;
use crate::call::Call;
use crate::commit::NotCommitted;
use crate::error::ApiError;
use anyspend_store::backoff::Backoff;
use tokio::time::timeout_at;

impl Call {
    /// Decides on what was `found`, and on what `reload` finds whenever the commit is refused because something changed
    /// first, until it is decided or the request's time is up. `decide` commits, or answers without a change.
    ///
    /// `object` names what others may be changing too; those of this instance who have met there take turns.
    ///
    /// # Errors
    /// What `reload` and `decide` fail with; 503 when there is no time for another try.
    pub async fn decide<S, Reloaded, Decided>(
        &self,
        object: &str,
        found: S,
        reload: impl Fn() -> Reloaded,
        decide: impl Fn(S) -> Decided,
    ) -> Result<Answer, ApiError>
    where
        Reloaded: Future<Output = Result<S, ApiError>>,
        Decided: Future<Output = Result<Answer, NotCommitted>>,
    {
        // Boxed, like every future that commits more than once: it holds what each try needs.
        if let Some(settled) = settled(Box::pin(decide(found)).await) {
            return settled;
        }
        let mut backoff = Backoff::until(self.last_try);
        let no_time = || Err(ApiError::unavailable(format!("{object} kept changing")));
        if !backoff.pause().await {
            return no_time();
        }
        let Ok(_turn) = timeout_at(self.last_try, self.platform.turns.at(object)).await else { return no_time() };
        loop {
            let found = Box::pin(reload()).await?;
            if let Some(settled) = settled(Box::pin(decide(found)).await) {
                return settled;
            }
            if !backoff.pause().await {
                return no_time();
            }
        }
    }
}

/// How the decision ended; `None` when it must be decided anew.
fn settled(decided: Result<Answer, NotCommitted>) -> Option<Result<Answer, ApiError>> {
    match decided {
        Ok(answer) => Some(Ok(answer)),
        Err(NotCommitted::Failed(error)) => Some(Err(error)),
        Err(NotCommitted::Changed | NotCommitted::Taken | NotCommitted::Reserved | NotCommitted::Unsupported) => None,
    }
}
