//! Reading beside the check of the caller what is found by its owner.

use crate::call::Call;
use crate::caller::Caller;
use crate::credential::Credential;
use crate::error::ApiError;
use anyspend_domain::Owner;

/// What was read for the owner a key opened the last time, and whose that is; `None` where the owner was not known, or
/// there was nothing to read.
pub type Expected<T> = Option<(Owner, T)>;

impl Call {
    /// The owner a key opened the last time this instance saw it: a read may start on it beside the check, and is
    /// thrown away when the check fails.
    pub fn expected_owner(&self) -> Option<Owner> {
        let Ok(Credential::Key(key)) = self.credential() else { return None };
        self.platform.rate_limits.key(key).map(|key| key.owner)
    }

    /// Reads something of the owner this key opened the last time.
    ///
    /// # Errors
    /// What `read` fails with.
    pub async fn expect<T, Fut>(&self, read: impl FnOnce(Owner) -> Fut) -> Result<Expected<T>, ApiError>
    where
        Fut: Future<Output = Result<T, ApiError>>,
    {
        let Some(owner) = self.expected_owner() else { return Ok(None) };
        let found = read(owner.clone()).await?;
        Ok(Some((owner, found)))
    }
}

impl Caller {
    /// What was expected, if it was read for this caller; otherwise what `read` finds now.
    ///
    /// # Errors
    /// What `read` fails with.
    pub async fn confirm<T, Fut>(&self, expected: Expected<T>, read: impl FnOnce(Owner) -> Fut) -> Result<T, ApiError>
    where
        Fut: Future<Output = Result<T, ApiError>>,
    {
        match expected {
            Some((owner, found)) if owner == self.owner => Ok(found),
            // Boxed, because it is hardly ever needed.
            _ => Box::pin(read(self.owner.clone())).await,
        }
    }
}
