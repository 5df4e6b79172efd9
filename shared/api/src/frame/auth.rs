//! Who is calling: the three tiers, each checked and counted by one conditional write.

use crate::call::Call;
use crate::error::ApiError;
use crate::limiter::{Holder, Outlook};
use crate::operation::Access;
use crate::session_token;
use crate::version::Version;
use anyspend_domain::api_key::{KeyText, Permission, Permissions};
use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::payment_link::PaymentLink;
use anyspend_domain::rate_limit::{self, RateLimit};
use anyspend_domain::token_bucket::Allowance;
use anyspend_domain::{CheckoutSessionId, Code, Mode, OrgId, Owner, PaymentLinkId};
use anyspend_store::api_keys::KeyAuth;
use http::{HeaderMap, header};
use std::net::IpAddr;

const API_KEY_HEADER: &str = "x-api-key";
const MODE_HEADER: &str = "anyspend-mode";

/// A caller that was let in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What it may see.
    pub owner: Owner,
    /// `api_key`, `session` or `anonymous`.
    pub actor_type: &'static str,
    /// The credential's public id.
    pub actor_id: String,
    /// What it may do.
    pub permissions: Permissions,
    /// The limit of the key it presented, where that has one of its own.
    pub key_rate_limit: Option<u32>,
}

/// Something that belongs to an organization's live or test half.
pub trait Owned {
    /// Its `object` name.
    const OBJECT: &'static str;
    /// Whose it is.
    fn owner(&self) -> &Owner;
}

impl Owned for PaymentLink {
    const OBJECT: &'static str = PaymentLinkId::OBJECT;
    fn owner(&self) -> &Owner {
        &self.owner
    }
}

impl Owned for CheckoutSession {
    const OBJECT: &'static str = CheckoutSessionId::OBJECT;
    fn owner(&self) -> &Owner {
        &self.owner
    }
}

impl Caller {
    /// What was found, if it is the caller's; another's object is answered exactly like none.
    ///
    /// # Errors
    /// `resource_not_found`.
    pub fn own<T: Owned>(&self, found: Option<T>, id: &str) -> Result<T, ApiError> {
        found.filter(|object| *object.owner() == self.owner).ok_or_else(|| ApiError::not_found(T::OBJECT, id))
    }
}

/// A credential as it was presented, before anyone looked it up.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key of plausible form.
    Key(KeyText),
    /// A session token, unverified.
    Token(String),
}

impl Credential {
    /// Finds the credential in the headers. `Authorization: Bearer` is preferred over `X-API-Key`.
    ///
    /// # Errors
    /// `key_missing` when there is none, `key_invalid` when it cannot be one.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let missing = || {
            ApiError::new(
                Code::KeyMissing,
                "No API key was sent. Send it as 'Authorization: Bearer asp_…' or 'X-API-Key: asp_…'.",
            )
        };
        let invalid = || ApiError::new(Code::KeyInvalid, "This API key is not valid.");
        let bearer = match headers.get(header::AUTHORIZATION) {
            None => None,
            Some(value) => {
                let text = value.to_str().map_err(|_| invalid())?.trim();
                let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
                if scheme.eq_ignore_ascii_case("bearer") { Some(rest.trim().to_owned()) } else { None }
            }
        };
        let key = match bearer.filter(|text| !text.is_empty()) {
            Some(text) => text,
            None => match headers.get(API_KEY_HEADER) {
                Some(value) => value.to_str().map_err(|_| invalid())?.trim().to_owned(),
                None => return Err(missing()),
            },
        };
        if key.is_empty() {
            return Err(missing());
        }
        if key.split('.').count() == 3 {
            return Ok(Self::Token(key));
        }
        KeyText::parse(&key).map(Self::Key).ok_or_else(invalid)
    }
}

/// The part of an IP address that one client holds: an IPv4 address, or an IPv6 /64.
pub fn client_network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn limit_reached(call: &Call, allowance: Allowance) -> ApiError {
    let seconds = allowance.retry_after_seconds(call.now);
    let mut error =
        ApiError::new(Code::RateLimitExceeded, format!("Rate limit exceeded. Retry after {seconds} seconds."));
    error.retry_after = Some(seconds);
    error
}

/// What the instance remembers a credential by.
fn subject_of(credential: &Credential) -> Option<String> {
    match credential {
        Credential::Key(key) => Some(format!("key#{}", key.hash().to_hex())),
        Credential::Token(_) => None,
    }
}

impl Call {
    /// What can be refused without asking the table: a missing or malformed credential, a token that is not ours, and a
    /// bucket this instance knows to be empty.
    ///
    /// # Errors
    /// 401 or 429.
    pub(crate) fn precheck(&self) -> Result<(), ApiError> {
        let subject = match self.operation().access {
            Access::Public => return Ok(()),
            Access::Open(limit) => Some(format!("{}#{}", limit.group, self.client_network())),
            Access::Needs(_) => {
                let credential = Credential::from_headers(&self.headers)?;
                if let Credential::Token(token) = &credential {
                    self.verify_token(token)?;
                }
                subject_of(&credential)
            }
        };
        if let Some(Outlook::Empty(allowance, holder)) =
            subject.map(|subject| self.platform.hints.outlook(&subject, self.now))
        {
            self.note_allowance(allowance);
            if let Some(holder) = holder {
                self.note_holder(&holder);
            }
            return Err(limit_reached(self, allowance));
        }
        Ok(())
    }

    /// Checks the caller, takes a token from its bucket, and settles the API version in force.
    ///
    /// # Errors
    /// 401, 403, 429, 503, or 400 for an unknown version.
    pub async fn authorize(&self) -> Result<Caller, ApiError> {
        let caller = match self.operation().access {
            Access::Public => self.anonymous(),
            Access::Open(limit) => self.authorize_ip(limit).await?,
            Access::Needs(permission) => {
                let caller = match Credential::from_headers(&self.headers)? {
                    Credential::Key(key) => self.authorize_key(&key).await?,
                    Credential::Token(token) => self.authorize_token(&token).await?,
                };
                if !caller.permissions.allow(permission) {
                    return Err(insufficient(&caller, permission));
                }
                caller
            }
        };
        self.settle_version()?;
        self.note_caller(&caller);
        Ok(caller)
    }

    fn anonymous(&self) -> Caller {
        Caller {
            owner: Owner { org: OrgId::anonymous(), mode: Mode::Test },
            actor_type: "anonymous",
            actor_id: self.client_network(),
            permissions: Permissions::admin(),
            key_rate_limit: None,
        }
    }

    async fn authorize_ip(&self, limit: RateLimit) -> Result<Caller, ApiError> {
        let network = self.client_network();
        self.spend(limit, &network).await?;
        Ok(self.anonymous())
    }

    async fn authorize_key(&self, key: &KeyText) -> Result<Caller, ApiError> {
        let subject = format!("key#{}", key.hash().to_hex());
        let guess = match self.platform.hints.outlook(&subject, self.now) {
            Outlook::Ask(guess) => guess,
            Outlook::Empty(allowance, _) => return Err(limit_reached(self, allowance)),
        };
        let refuse = |code: Code, message: &str| {
            self.platform.hints.forget(&subject);
            Err(ApiError::new(code, message))
        };
        let (stored, allowance, granted) = match self.db.authenticate_key(key.hash(), self.now, guess).await? {
            KeyAuth::Granted(stored, allowance) => (stored, allowance, true),
            KeyAuth::Limited(stored, allowance) => (stored, allowance, false),
            KeyAuth::Unknown => return refuse(Code::KeyInvalid, "This API key is not valid."),
            KeyAuth::Expired => return refuse(Code::KeyExpired, "This API key has expired."),
            KeyAuth::Revoked => return refuse(Code::KeyRevoked, "This API key was revoked."),
        };
        let pinned = Version::parse(&stored.pinned_version).unwrap_or_else(Version::current);
        let holder = Holder { owner: stored.owner.clone(), pinned };
        self.note_holder(&holder);
        self.note_allowance(allowance);
        self.platform.hints.remember(&subject, allowance, Some(holder));
        if !granted {
            return Err(limit_reached(self, allowance));
        }
        Ok(Caller {
            owner: stored.owner,
            actor_type: "api_key",
            actor_id: stored.id.to_string(),
            permissions: stored.permissions,
            key_rate_limit: stored.rate_limit,
        })
    }

    /// What a session token says, if it is ours and in time.
    fn verify_token(&self, token: &str) -> Result<session_token::Claims, ApiError> {
        let invalid = |code: Code| {
            let message = match code {
                Code::TokenExpired => "This session has expired. Sign in again.",
                _ => "This session token is not valid.",
            };
            ApiError::new(code, message)
        };
        let secret = self.platform.config.secret.as_ref().ok_or_else(|| invalid(Code::TokenInvalid))?;
        session_token::verify(secret, token, self.now).map_err(invalid)
    }

    async fn authorize_token(&self, token: &str) -> Result<Caller, ApiError> {
        let claims = self.verify_token(token)?;
        let mode = match self.headers.get(MODE_HEADER).map(http::HeaderValue::as_bytes) {
            None | Some(b"test") => Mode::Test,
            Some(b"live") => Mode::Live,
            Some(_) => {
                return Err(ApiError::new(
                    Code::InvalidFieldValue,
                    "The 'AnySpend-Mode' header must be 'live' or 'test'.",
                ));
            }
        };
        self.spend(rate_limit::SESSION, claims.session()).await?;
        Ok(Caller {
            owner: Owner { org: claims.org().clone(), mode },
            actor_type: "session",
            actor_id: claims.session().to_owned(),
            permissions: Permissions::admin(),
            key_rate_limit: None,
        })
    }

    /// Takes a token from the bucket of an IP address or a session.
    async fn spend(&self, limit: RateLimit, subject: &str) -> Result<(), ApiError> {
        let RateLimit { group, per_minute } = limit;
        let hint = format!("{group}#{subject}");
        let guess = match self.platform.hints.outlook(&hint, self.now) {
            Outlook::Ask(guess) => guess,
            Outlook::Empty(allowance, _) => {
                self.note_allowance(allowance);
                return Err(limit_reached(self, allowance));
            }
        };
        let spent = self.db.spend_bucket(group, subject, per_minute, self.now, guess).await?;
        let (Ok(allowance) | Err(allowance)) = spent;
        self.note_allowance(allowance);
        self.platform.hints.remember(&hint, allowance, None);
        spent.map(|_| ()).map_err(|_| limit_reached(self, allowance))
    }

    /// The owner a key opened the last time this instance saw it: a read may start on it beside the check, and is
    /// thrown away when the check fails.
    pub fn expected_owner(&self) -> Option<Owner> {
        let subject = subject_of(&Credential::from_headers(&self.headers).ok()?)?;
        self.platform.hints.holder(&subject).map(|holder| holder.owner)
    }
}

fn insufficient(caller: &Caller, needed: Permission) -> ApiError {
    let needed = needed.as_str();
    let held = caller.permissions.names().join(", ");
    ApiError::new(
        Code::InsufficientPermissions,
        format!("This operation needs the '{needed}' permission, and this API key has: {held}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_is_its_network_and_a_mapped_ipv4_is_itself() {
        assert_eq!(client_network("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(client_network("::ffff:192.0.2.7".parse().unwrap()), "192.0.2.7");
    }

    #[test]
    fn a_bearer_key_is_preferred_and_three_dotted_parts_are_a_token() {
        let headers = |pairs: &[(&'static str, &str)]| {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
        };
        let (one, other) = (KeyText::generate(Mode::Test), KeyText::generate(Mode::Test));
        let both = headers(&[("authorization", &format!("bearer {}", one.expose())), ("x-api-key", other.expose())]);
        assert!(matches!(Credential::from_headers(&both), Ok(Credential::Key(key)) if key == one));
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
