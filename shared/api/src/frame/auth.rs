//! Letting callers in: the three tiers, each checked and counted by one conditional write.

use crate::call::Call;
use crate::caller::Caller;
use crate::credential::Credential;
use crate::error::ApiError;
use crate::rate_limit_cache::{BucketName, CachedBucket, KnownKey};
use crate::requirements::Access;
use crate::session_token;
use crate::versions::Version;
use anyspend_domain::api_key::{KeyHash, Permission, Permissions};
use anyspend_domain::rate_limit::{self, RateLimit};
use anyspend_domain::token_bucket::Allowance;
use anyspend_domain::{Code, Mode, Owner};
use anyspend_store::api_keys::KeyAuth;
use anyspend_store::rate_limits::Interval;

const MODE_HEADER: &str = "anyspend-mode";

impl Call {
    /// What can be refused without asking the table: a missing or malformed credential, a token that is not ours, and a
    /// bucket this instance knows to be empty.
    ///
    /// # Errors
    /// 401 or 429.
    pub(crate) fn precheck(&self) -> Result<(), ApiError> {
        let bucket = match self.requirements.access {
            Access::Public => return Ok(()),
            Access::Open(limit) => BucketName::of(limit.group, &self.bucket_subject()),
            Access::Needs(_) => match self.presented()? {
                Credential::Token(_) => return Ok(()),
                Credential::Key(key) => BucketName::from(key),
            },
        };
        self.first_write(&bucket).map(|_| ())
    }

    /// The credential, if it is one as far as can be told without the table. From a network that has tried too many that
    /// are none, only what this instance knows to be one.
    ///
    /// # Errors
    /// 401, or 429.
    fn presented(&self) -> Result<&Credential, ApiError> {
        let credential = self.credential().and_then(|credential| match credential {
            Credential::Token(token) => self.verify_token(token).map(|_| credential),
            Credential::Key(_) => Ok(credential),
        });
        let may_be_wrong = match &credential {
            Ok(Credential::Key(key)) => self.platform.rate_limits.key(key).is_none(),
            Ok(Credential::Token(_)) => false,
            Err(error) => is_wrong(error),
        };
        if may_be_wrong && self.client_ip.is_some() {
            let until = self.platform.wrong_credentials.refused_until(&self.client_network(), self.now);
            if let Some(until) = until {
                return Err(self.too_many(until.millis_since(self.now).div_ceil(1_000)));
            }
        }
        credential.inspect_err(|error| self.note_if_wrong(error))
    }

    /// Remembers a credential that is none, where it is known who sent it.
    fn note_if_wrong(&self, error: &ApiError) {
        if is_wrong(error) && self.client_ip.is_some() {
            self.platform.wrong_credentials.note(&self.client_network(), self.now);
        }
    }

    /// Whether a read may start beside the check of the caller: not beside a key that this instance has not seen working,
    /// once its network has tried one that is none.
    pub(crate) fn may_read_beside(&self) -> bool {
        let Access::Needs(_) = self.requirements.access else { return true };
        match self.credential() {
            Ok(Credential::Key(key)) if self.client_ip.is_some() => {
                self.platform.rate_limits.key(key).is_some()
                    || self.platform.wrong_credentials.times(&self.client_network(), self.now) == 0
            }
            _ => true,
        }
    }

    /// What an open route's bucket is kept by.
    fn bucket_subject(&self) -> String {
        self.client_mark().unwrap_or_else(|| self.client_network())
    }

    /// Which conditional write to try first on a bucket.
    ///
    /// # Errors
    /// 429 when this instance knows the bucket to be empty.
    fn first_write(&self, bucket: &BucketName) -> Result<Interval, ApiError> {
        match self.platform.rate_limits.bucket(bucket, self.now) {
            CachedBucket::Unsettled(interval) => Ok(interval),
            CachedBucket::Empty(allowance, key) => {
                self.note_allowance(allowance);
                if let Some(key) = key {
                    self.note_key(&key);
                }
                Err(self.limit_reached(allowance))
            }
        }
    }

    fn limit_reached(&self, allowance: Allowance) -> ApiError {
        self.too_many(allowance.retry_after_seconds(self.now))
    }

    fn too_many(&self, seconds: u64) -> ApiError {
        let mut error =
            ApiError::new(Code::RateLimitExceeded, format!("Rate limit exceeded. Retry after {seconds} seconds."));
        error.retry_after = Some(seconds);
        error
    }

    /// Checks the caller, takes a token from its bucket, and settles the API version in force.
    ///
    /// # Errors
    /// 401, 403, 429, 503, or 400 for an unknown version.
    pub async fn authorize(&self) -> Result<Caller, ApiError> {
        let caller = match self.requirements.access {
            Access::Public => Caller::anonymous(self.client_mark()),
            Access::Open(limit) => {
                self.spend(limit, &self.bucket_subject()).await?;
                Caller::anonymous(self.client_mark())
            }
            Access::Needs(permission) => {
                let caller = match self.credential()? {
                    Credential::Key(key) => self.authorize_key(*key).await?,
                    Credential::Token(token) => self.authorize_token(token).await?,
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

    async fn authorize_key(&self, key: KeyHash) -> Result<Caller, ApiError> {
        let bucket = BucketName::from(&key);
        let interval = self.first_write(&bucket)?;
        let refuse = |code: Code, message: &str| {
            self.platform.rate_limits.forget(&bucket);
            let refusal = ApiError::new(code, message);
            self.note_if_wrong(&refusal);
            Err(refusal)
        };
        let (stored, allowance, granted) = match self.db.authenticate_key(key, self.now, interval).await? {
            KeyAuth::Granted(stored, allowance) => (stored, allowance, true),
            KeyAuth::Limited(stored, allowance) => (stored, allowance, false),
            KeyAuth::Unknown => return refuse(Code::KeyInvalid, "This API key is not valid."),
            KeyAuth::Expired => return refuse(Code::KeyExpired, "This API key has expired."),
            KeyAuth::Revoked => return refuse(Code::KeyRevoked, "This API key was revoked."),
        };
        let pinned = Version::parse(&stored.pinned_version).unwrap_or_else(Version::current);
        let known = KnownKey { owner: stored.owner.clone(), pinned };
        self.note_key(&known);
        self.note_allowance(allowance);
        self.platform.rate_limits.remember(&bucket, allowance, Some(known));
        if !granted {
            return Err(self.limit_reached(allowance));
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
        let bucket = BucketName::of(group, subject);
        let interval = self.first_write(&bucket)?;
        let spent = self.db.spend_bucket(group, subject, per_minute, self.now, interval).await?;
        let (Ok(allowance) | Err(allowance)) = spent;
        self.note_allowance(allowance);
        self.platform.rate_limits.remember(&bucket, allowance, None);
        spent.map(|_| ()).map_err(|_| self.limit_reached(allowance))
    }
}

/// Whether a credential was refused that somebody made up, or that works no more.
fn is_wrong(error: &ApiError) -> bool {
    use Code::{KeyExpired, KeyInvalid, KeyRevoked, TokenExpired, TokenInvalid};
    matches!(error.code(), KeyInvalid | KeyExpired | KeyRevoked | TokenInvalid | TokenExpired)
}

fn insufficient(caller: &Caller, needed: Permission) -> ApiError {
    let needed = needed.as_str();
    let held = caller.permissions.names().join(", ");
    ApiError::new(
        Code::InsufficientPermissions,
        format!("This operation needs the '{needed}' permission, and this API key has: {held}."),
    )
}
