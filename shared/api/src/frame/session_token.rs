//! The dashboard's session token: a JWT (RFC 7519) signed with HMAC-SHA256 under a key of this deployment.
//!
//! Written here rather than taken from a JWT crate because those bring RSA and three elliptic curves into every
//! Lambda binary for the one algorithm that is pinned. Nothing is negotiated: the header must be exactly ours.

use crate::seal::MasterSecret;
use anyspend_domain::{Code, OrgId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "session-token";
const ISSUER: &str = "anyspend-platform";
const AUDIENCE: &str = "anyspend-dashboard";

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The organization.
    sub: OrgId,
    /// The session: what its rate limit is counted on.
    sid: String,
    /// Issued at, Unix seconds.
    iat: u64,
    /// Not before, Unix seconds.
    nbf: u64,
    /// Expires, Unix seconds.
    exp: u64,
}

impl Claims {
    /// The claims of a session that begins now.
    pub fn new(org: OrgId, session: String, now: Timestamp, lifetime_seconds: u64) -> Self {
        let (iss, aud) = (ISSUER.to_owned(), AUDIENCE.to_owned());
        let iat = now.seconds();
        Self { iss, aud, sub: org, sid: session, iat, nbf: iat, exp: iat.saturating_add(lifetime_seconds) }
    }

    /// The organization the session belongs to.
    pub const fn org(&self) -> &OrgId {
        &self.sub
    }

    /// The session's id.
    pub fn session(&self) -> &str {
        &self.sid
    }
}

/// Signs claims.
pub fn issue(secret: &MasterSecret, claims: &Claims) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).unwrap_or_default());
    let signed = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(secret.mac(PURPOSE, signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Checks a token: algorithm, signature, issuer, audience, not-before and expiry.
///
/// # Errors
/// `token_expired` for a genuine token whose time is over, `token_invalid` for anything else.
pub fn verify(secret: &MasterSecret, token: &str, now: Timestamp) -> Result<Claims, Code> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Code::TokenInvalid)?;
    let (header, claims) = signed.split_once('.').ok_or(Code::TokenInvalid)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Code::TokenInvalid);
    if !secret.mac_matches(PURPOSE, signed.as_bytes(), &decode(signature)?) {
        return Err(Code::TokenInvalid);
    }
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Code::TokenInvalid)?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| Code::TokenInvalid)?;
    let ours = header.alg == "HS256" && claims.iss == ISSUER && claims.aud == AUDIENCE;
    if !ours || now.seconds() < claims.nbf {
        return Err(Code::TokenInvalid);
    }
    if now.seconds() >= claims.exp {
        return Err(Code::TokenExpired);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(change: impl FnOnce(&mut Claims)) -> (MasterSecret, String, Timestamp) {
        let secret = MasterSecret::generate();
        let now = Timestamp::from_millis(1_800_000_000_000).unwrap();
        let mut claims = Claims::new(OrgId::generate(now), "s1".to_owned(), now, 600);
        change(&mut claims);
        let token = issue(&secret, &claims);
        (secret, token, now)
    }

    #[test]
    fn a_session_lasts_until_its_expiry() {
        let (secret, token, now) = token(|_| {});
        assert!(verify(&secret, &token, now.plus_seconds(599)).is_ok());
        assert_eq!(verify(&secret, &token, now.plus_seconds(600)), Err(Code::TokenExpired));
    }

    #[test]
    fn a_token_for_another_audience_issuer_or_time_is_invalid() {
        let changes: [fn(&mut Claims); 3] =
            [|claims| claims.aud = "x".into(), |claims| claims.iss = "x".into(), |claims| claims.nbf += 10];
        for change in changes {
            let (secret, token, now) = token(change);
            assert_eq!(verify(&secret, &token, now), Err(Code::TokenInvalid));
        }
    }

    #[test]
    fn a_token_signed_by_nobody_or_somebody_else_is_invalid() {
        let (secret, token, now) = token(|_| {});
        assert_eq!(verify(&MasterSecret::generate(), &token, now), Err(Code::TokenInvalid));
        let unsigned = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#),
            token.split('.').nth(1).unwrap()
        );
        for bad in [&unsigned, "", ".", "..", "a.b.c", &token[1..]] {
            assert_eq!(verify(&secret, bad, now), Err(Code::TokenInvalid), "{bad}");
        }
    }
}
