//! What can be wrong with a request, in the words the API promises. Codes are stable: callers branch on them.

use crate::values::named::named;
use std::borrow::Cow;
use std::fmt;
use strum::{EnumMessage, EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Most problems that are told at once: nobody reads more, and a body of garbage has tens of thousands.
pub const MOST_PROBLEMS: usize = 50;
/// Most characters of what was sent that a message repeats.
pub const MOST_QUOTED: usize = 100;

/// What was sent, as a message repeats it: cut, with an ellipsis, where it is long.
pub fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MOST_QUOTED) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

/// A stable machine-readable error code. What it is answered with, and what can be done about
/// it, is one table in the API crate; the comment of each, which stands in the documentation too, says what it means.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, EnumMessage, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Code {
    /// A required field is absent or `null`.
    MissingRequiredField,
    /// A field is present but its value is not allowed.
    InvalidFieldValue,
    /// An address is not 20-byte hex, or its mixed case fails the EIP-55 checksum.
    InvalidAddress,
    /// A body field or query parameter this operation does not know.
    UnknownParameter,
    /// A PATCH that changes nothing.
    NoUpdatesProvided,
    /// The resource cannot go from its present state to the requested one.
    InvalidStatusTransition,
    /// The payment link takes no payments: switched off, expired or used up.
    PaymentLinkInactive,
    /// The product is archived, so no link can be made from it.
    ProductInactive,
    /// The body is not JSON, not UTF-8, not an object, or repeats a key.
    InvalidJson,
    /// The `AnySpend-Version` header names no known version.
    InvalidApiVersion,
    /// The `Idempotency-Key` header is empty or too long.
    InvalidIdempotencyKey,
    /// The request body, or what it would make of the resource, is larger than allowed.
    PayloadTooLarge,
    /// A body arrived that is not declared as `application/json`.
    UnsupportedMediaType,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// No credential was sent.
    KeyMissing,
    /// The API key does not exist or is malformed.
    KeyInvalid,
    /// The API key's expiry has passed.
    KeyExpired,
    /// The API key was revoked.
    KeyRevoked,
    /// The session token is malformed, forged, or not meant for this service.
    TokenInvalid,
    /// The session token's expiry has passed.
    TokenExpired,
    /// The service was asked for under a name that is not its own.
    HostNotAllowed,
    /// A page of another site asked for a change.
    OriginNotAllowed,
    /// The credential is valid but may not do this.
    InsufficientPermissions,
    /// No such object, or none this caller may see.
    ResourceNotFound,
    /// No such path.
    RouteNotFound,
    /// An object with this unique value exists already.
    DuplicateResource,
    /// Revoking this key would leave the organization without an administrator.
    LastAdminKey,
    /// The idempotency key was used with another request.
    IdempotencyConflict,
    /// The rate limit is reached.
    RateLimitExceeded,
    /// A fault of ours.
    InternalError,
    /// The database is throttled or away.
    ServiceUnavailable,
    /// A token address that is well known, but on another chain. A warning, never an error.
    TokenChainMismatch,
    /// A recipient that is the contract of a well-known token. A warning, never an error.
    RecipientIsToken,
    /// A redirect that was not the merchant's. A warning, never an error.
    RedirectIgnored,
}

named!(Code);

impl Code {
    /// What it means, in a sentence that stands in the documentation too.
    pub fn meaning(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a single value was refused, before anyone knows which field it stood in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The stable code, `invalid_field_value` unless the type has one of its own.
    pub code: Code,
    /// What the value must be, as the end of a sentence: "must be a decimal string …".
    pub must: String,
}

impl Invalid {
    /// An `invalid_field_value` whose message reads "The 'field' field {must}".
    pub fn new(must: impl Into<String>) -> Self {
        Self { code: Code::InvalidFieldValue, must: must.into() }
    }

    /// The problem this is, once the field is known. `param` is a path such as `items[2].amount`.
    pub fn at(self, param: &str) -> Problem {
        let param = quoted(param);
        Problem {
            code: self.code,
            message: format!("The '{param}' field {}.", self.must),
            param: Some(param.into_owned()),
        }
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// A sentence for the caller. Never carries anything internal.
    pub message: String,
    /// The path of the offending field, e.g. `items[2].amount`.
    pub param: Option<String>,
}

impl Problem {
    /// A problem that no single field is to blame for.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None }
    }

    /// "The '{param}' field is required."
    pub fn missing(param: &str) -> Self {
        Self {
            code: Code::MissingRequiredField,
            message: format!("The '{param}' field is required."),
            param: Some(param.to_owned()),
        }
    }

    /// One problem for each field of which it is true.
    pub(crate) fn of_each(fields: &[(&str, bool)], problem: impl Fn(&str) -> Self) -> Vec<Self> {
        fields.iter().filter(|(_, wrong)| *wrong).map(|(param, _)| problem(param)).collect()
    }

    /// "The '{param}' field cannot be cleared."
    pub(crate) fn uncleared(param: &str) -> Self {
        Self::invalid(param, "cannot be cleared")
    }

    /// "The '{param}' field {must}."
    pub fn invalid(param: &str, must: impl Into<String>) -> Self {
        Invalid::new(must).at(param)
    }
}

/// Everything that is wrong with a command, never empty; the first is the one the caller is told first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection(Vec<Problem>);

impl Rejection {
    /// `Ok` when there is nothing to complain about.
    pub fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// All problems, in order.
    pub fn into_problems(self) -> Vec<Problem> {
        self.0
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_ends_after_a_hundred_characters_with_an_ellipsis() {
        let exact = "é".repeat(MOST_QUOTED);
        assert_eq!(quoted(&exact), exact);
        assert_eq!(quoted(&format!("{exact}x")), format!("{exact}…"));
        let problem = Problem::invalid(&"k".repeat(5_000), "must be shorter");
        assert_eq!(problem.param.unwrap().chars().count(), MOST_QUOTED + 1);
        assert!(problem.message.chars().count() < 2 * MOST_QUOTED);
    }
}
