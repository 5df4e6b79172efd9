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
            Access::Open(limit) => BucketName::of(limit.group, &self.client_network()),
            Access::Needs(_) => match self.credential()? {
                Credential::Token(token) => return self.verify_token(token).map(|_| ()),
                Credential::Key(key) => BucketName::from(key),
            },
        };
        self.first_write(&bucket).map(|_| ())
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
        let seconds = allowance.retry_after_seconds(self.now);
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
            Access::Public => Caller::anonymous(self.client_network()),
            Access::Open(limit) => {
                let network = self.client_network();
                self.spend(limit, &network).await?;
                Caller::anonymous(network)
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
            Err(ApiError::new(code, message))
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

fn insufficient(caller: &Caller, needed: Permission) -> ApiError {
    let needed = needed.as_str();
    let held = caller.permissions.names().join(", ");
    ApiError::new(
        Code::InsufficientPermissions,
        format!("This operation needs the '{needed}' permission, and this API key has: {held}."),
    )
}
