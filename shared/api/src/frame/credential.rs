//! A credential as it was presented, before anyone looked it up.

use crate::error::ApiError;
use anyspend_domain::Code;
use anyspend_domain::api_key::{KeyHash, KeyText};
use http::{HeaderMap, header};

const API_KEY_HEADER: &str = "x-api-key";

/// A credential as it was presented, before anyone looked it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// An API key of plausible form, by its hash.
    Key(KeyHash),
    /// A session token, unverified.
    Token(String),
}

impl Credential {
    /// Finds the credential in the headers. `Authorization: Bearer` is preferred over `X-API-Key`.
    ///
    /// # Errors
    /// `key_missing` when there is none, `key_invalid` when it cannot be one.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let text = match bearer(headers)? {
            Some(text) => text,
            None => match headers.get(API_KEY_HEADER) {
                Some(value) => value.to_str().map_err(|_| invalid())?.trim(),
                None => return Err(missing()),
            },
        };
        if text.is_empty() {
            return Err(missing());
        }
        if text.split('.').count() == 3 {
            return Ok(Self::Token(text.to_owned()));
        }
        KeyText::parse(text).map(|key| Self::Key(key.hash())).ok_or_else(invalid)
    }
}

/// What follows `Bearer` in `Authorization`, where something does.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| invalid())?.trim();
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok(Some(rest.trim()).filter(|rest| scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty()))
}

fn missing() -> ApiError {
    ApiError::new(
        Code::KeyMissing,
        "No API key was sent. Send it as 'Authorization: Bearer asp_…' or 'X-API-Key: asp_…'.",
    )
}

fn invalid() -> ApiError {
    ApiError::new(Code::KeyInvalid, "This API key is not valid.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyspend_domain::Mode;

    #[test]
    fn a_bearer_key_is_preferred_and_three_dotted_parts_are_a_token() {
        let headers = |pairs: &[(&'static str, &str)]| {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
        };
        let (one, other) = (KeyText::generate(Mode::Test), KeyText::generate(Mode::Test));
        let both = headers(&[("authorization", &format!("bearer {}", one.expose())), ("x-api-key", other.expose())]);
        assert!(matches!(Credential::from_headers(&both), Ok(Credential::Key(key)) if key == one.hash()));
        let token = headers(&[("authorization", "Bearer a.b.c")]);
        assert!(matches!(Credential::from_headers(&token), Ok(Credential::Token(_))));
        let code = |pairs| Credential::from_headers(&headers(pairs)).unwrap_err().code();
        assert_eq!(code(&[]), Code::KeyMissing);
        assert_eq!(code(&[("authorization", "Bearer ")]), Code::KeyMissing);
        assert_eq!(code(&[("authorization", "Basic abc")]), Code::KeyMissing);
        assert_eq!(code(&[("authorization", "Bearer nonsense")]), Code::KeyInvalid);
        assert_eq!(code(&[("x-api-key", "asp_test_short")]), Code::KeyInvalid);
    }
}
