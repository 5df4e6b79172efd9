//! What an operation demands of a request, as far as the request itself has to know it.

use crate::query::QueryParam;
use anyspend_domain::api_key::Permission;
use anyspend_domain::rate_limit::RateLimit;

/// Who may call an operation, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a limit of its own; for what costs nothing.
    Public,
    /// Anyone, limited per client IP.
    Open(RateLimit),
    /// An API key or a dashboard session with this permission.
    Needs(Permission),
}

/// What an operation demands of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requirements {
    /// Who may send it.
    pub(crate) access: Access,
    /// The resource it is about, by its `object`.
    pub(crate) resource: &'static str,
    /// The query parameters it may have.
    pub(crate) query: &'static [QueryParam],
    /// Whether its body has fields; otherwise a body must be empty or `{}`.
    pub(crate) takes_body: bool,
    /// Whether its method can carry an idempotency key and a body.
    pub(crate) changes: bool,
    /// Whether people send it with a browser.
    pub(crate) is_page: bool,
}

impl Requirements {
    /// Of a request that no operation answers.
    pub(crate) const NONE: Self =
        Self { access: Access::Public, resource: "", query: &[], takes_body: false, changes: false, is_page: false };
}
