//! The table of error codes: how each is answered, and what its reader can do. What it means stands at the code itself.

use anyspend_domain::Code;
use http::StatusCode;

/// How a code is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The HTTP status.
    pub status: StatusCode,
    /// The error's type.
    pub kind: &'static str,
    /// What the caller can do about it.
    pub remedy: &'static str,
}

const INVALID: &str = "invalid_request_error";
const AUTHENTICATION: &str = "authentication_error";
const PERMISSION: &str = "permission_error";
const NOT_FOUND: &str = "not_found_error";
const OURS: &str = "api_error";

/// How a code is answered; as a warning, a code has no answer of its own.
pub const fn entry(code: Code) -> Entry {
    const BAD: StatusCode = StatusCode::BAD_REQUEST;
    const UNKNOWN: StatusCode = StatusCode::UNAUTHORIZED;
    let (status, kind, remedy) = match code {
        Code::MissingRequiredField => (BAD, INVALID, "Send the field that `param` names."),
        Code::InvalidFieldValue => (BAD, INVALID, "Send the field that `param` names as the message says."),
        Code::InvalidAddress => (BAD, INVALID, "Copy the address again: in lower case, or with its own checksum."),
        Code::UnknownParameter => (BAD, INVALID, "Leave the parameter out, or spell it as the message says."),
        Code::NoUpdatesProvided => (BAD, INVALID, "Send at least one field that is to change."),
        Code::InvalidStatusTransition => (BAD, INVALID, "Read the object again, and do what its state allows."),
        Code::PaymentLinkInactive => (BAD, INVALID, "Use another link, or have its merchant open it again."),
        Code::ProductInactive => (BAD, INVALID, "Take the product back with `active: true`, or use another."),
        Code::InvalidJson => (BAD, INVALID, "Send one JSON object in UTF-8 that repeats no key."),
        Code::InvalidApiVersion => (BAD, INVALID, "Send a known version, or leave the header out."),
        Code::InvalidIdempotencyKey => (BAD, INVALID, "Send a key of 1 to 256 printable characters."),
        Code::RecipientIsToken => (BAD, INVALID, "Check `recipient_address`: it is a token's contract, not a wallet."),
        Code::TokenChainMismatch => (BAD, INVALID, "Check `token_address` against `chain_id`."),
        Code::RedirectIgnored => (BAD, INVALID, "Set the link's `return_url` or the organization's `website_url`."),
        Code::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, INVALID, "Send less at once."),
        Code::UnsupportedMediaType => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, "Declare the body with `Content-Type: application/json`.")
        }
        Code::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, INVALID, "Use one of the methods in `Allow`."),
        Code::DuplicateResource => (StatusCode::CONFLICT, INVALID, "Use the object there is, or choose another value."),
        Code::LastAdminKey => (StatusCode::CONFLICT, INVALID, "Create another key with `admin` first."),
        Code::KeyMissing => (UNKNOWN, AUTHENTICATION, "Send `Authorization: Bearer` and an API key."),
        Code::KeyInvalid => (UNKNOWN, AUTHENTICATION, "Check that the whole key was copied, or create another."),
        Code::KeyExpired | Code::KeyRevoked => (UNKNOWN, AUTHENTICATION, "Use another key."),
        Code::TokenInvalid | Code::TokenExpired => (UNKNOWN, AUTHENTICATION, "Sign in again."),
        Code::HostNotAllowed => {
            (StatusCode::MISDIRECTED_REQUEST, INVALID, "Use the service's own address, or tell its operator the name.")
        }
        Code::OriginNotAllowed => {
            (StatusCode::FORBIDDEN, PERMISSION, "Call from a server, and keep the key out of pages.")
        }
        Code::InsufficientPermissions => {
            (StatusCode::FORBIDDEN, PERMISSION, "Use a key with the permission that the message names.")
        }
        Code::ResourceNotFound => {
            (StatusCode::NOT_FOUND, NOT_FOUND, "Check the id, and that the key is of its organization and mode.")
        }
        Code::RouteNotFound => (StatusCode::NOT_FOUND, NOT_FOUND, "Check the path against the reference."),
        Code::IdempotencyConflict => {
            (StatusCode::CONFLICT, "idempotency_error", "Use a new key, or repeat the first request exactly.")
        }
        Code::RateLimitExceeded => {
            (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "Wait as many seconds as `Retry-After` says.")
        }
        Code::InternalError => {
            (StatusCode::INTERNAL_SERVER_ERROR, OURS, "Try again; if it stays, tell us the `Request-Id`.")
        }
        Code::ServiceUnavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, OURS, "Try again after `Retry-After`, with the same idempotency key.")
        }
    };
    Entry { status, kind, remedy }
}

/// Whether a code is only ever a warning, in a resource that was made all the same.
pub const fn is_warning(code: Code) -> bool {
    matches!(code, Code::TokenChainMismatch | Code::RecipientIsToken | Code::RedirectIgnored)
}
