//! Under which names a service on a listener of its own is asked for, and from which sites it is changed.
//!
//! A page of a hostile site can make a browser on this machine, or near it, call any address. It cannot choose what the
//! browser says of it: `Host` is the name in the address bar, even where that name's owner has it point at this machine
//! (DNS rebinding), and `Origin` is the page's own site.

use crate::call::Call;
use crate::error::ApiError;
use crate::requirements::Access;
use anyspend_domain::Code;
use anyspend_domain::problem::quoted;
use http::{Method, header};

impl Call {
    /// Refuses what was asked under a name that is not ours, and a change by key that another site's page asks for. Payers'
    /// routes are for every site's pages.
    ///
    /// # Errors
    /// `host_not_allowed`, `origin_not_allowed`.
    pub(crate) fn check_door(&self) -> Result<(), ApiError> {
        let Some(trusted) = &self.platform.config.trusted_hosts else { return Ok(()) };
        if !trusted.admits(&self.headers) {
            let host = self.headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let message =
                format!("This service does not answer under '{}'. See its option --allow-host.", quoted(host));
            return Err(ApiError::new(Code::HostNotAllowed, message));
        }
        let looks = matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let changes_by_key = !looks && matches!(self.requirements.access, Access::Needs(_));
        match self.headers.get(header::ORIGIN) {
            Some(origin) if changes_by_key && !trusted.admits_origin(origin) => Err(ApiError::new(
                Code::OriginNotAllowed,
                "This operation is for servers: pages of other sites may not call it, and a key must never be in a page.",
            )),
            _ => Ok(()),
        }
    }
}
