//! Idempotency keys: what a retry repeats, and the answer that is kept for it.
//!
//! What must stay true: an answer is kept in the transaction of the change it tells of, so there is never one without the
//! other.

use crate::answer::Answer;
use crate::call::Call;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::versions::Version;
use anyspend_domain::Code;
use anyspend_store::Write;
use anyspend_store::idempotency::{self, IdempotencyScope, KeptAnswer};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

/// The header that makes a retry safe.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
const MAX_IDEMPOTENCY_KEY: usize = 256;
const SEAL_PURPOSE: &str = "idempotent-answer";

impl Call {
    pub(crate) fn idempotency_key(&self) -> Result<Option<&str>, ApiError> {
        if !self.requirements.changes {
            return Ok(None);
        }
        let Some(value) = self.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
        value.to_str().ok().filter(|key| (1..=MAX_IDEMPOTENCY_KEY).contains(&key.chars().count())).map(Some).ok_or_else(
            || {
                ApiError::new(
                    Code::InvalidIdempotencyKey,
                    format!("The 'Idempotency-Key' header must have 1 to {MAX_IDEMPOTENCY_KEY} printable characters."),
                )
            },
        )
    }

    pub(crate) fn idempotency_scope(&self, caller: &Caller) -> Result<Option<IdempotencyScope>, ApiError> {
        Ok(self.idempotency_key()?.map(|key| {
            // Anonymous callers share an owner; they must not share keys.
            let key = if caller.is_anonymous() { format!("{}\n{key}", caller.actor_id) } else { key.to_owned() };
            IdempotencyScope { owner: caller.owner.clone(), key }
        }))
    }

    /// A name for what this idempotency key stands for, the same with every retry; `None` without a key. For effects that
    /// are more than one transaction can hold: they mark what they made with it.
    ///
    /// # Errors
    /// When the key is malformed.
    pub fn idempotent_name(&self, caller: &Caller) -> Result<Option<String>, ApiError> {
        let scope = self.idempotency_scope(caller)?;
        Ok(scope.map(|scope| hex::encode(Sha256::digest(format!("{}\n{}", scope.row_key().pk, self.fingerprint())))))
    }

    /// SHA-256 over method, path, query and the SHA-256 of the body's bytes.
    fn fingerprint(&self) -> String {
        let body = self.body_bytes().map(Sha256::digest).unwrap_or_default();
        let mut hash = Sha256::new();
        for part in
            [self.method.as_str().as_bytes(), self.path.as_bytes(), self.query_string.as_bytes(), body.as_slice()]
        {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }

    /// The write that keeps an answer for retries of this request.
    pub(crate) fn keep_answer(&self, scope: &IdempotencyScope, answer: &Answer) -> Result<Write, ApiError> {
        let (body, squeezed) = idempotency::squeeze(&answer.body);
        let kept = KeptAnswer {
            fingerprint: self.fingerprint(),
            status: answer.status.as_u16(),
            api_version: answer.version.name().to_owned(),
            headers: kept_headers(&answer.headers),
            body: self.sealed(scope, body, answer.bears_secret)?,
            squeezed,
            sealed: answer.bears_secret,
            request_id: self.request_id.to_string(),
            expires_at: self.now.plus_seconds(idempotency::KEPT_SECONDS),
        };
        Ok(idempotency::keep(scope, &kept, self.now)?)
    }

    /// A request that fails because of the state of things may have been answered before: then that answer counts.
    pub(crate) async fn kept_answer_instead_of(&self, error: ApiError) -> Result<Answer, ApiError> {
        let caller = self.context().caller.clone();
        let Some(caller) = caller.filter(|_| error.yields_to_kept_answer()) else { return Err(error) };
        let Ok(Some(scope)) = self.idempotency_scope(&caller) else { return Err(error) };
        match self.db.find_answer(&scope, self.now).await? {
            Some(kept) => self.replay(&scope, kept),
            None => Err(error),
        }
    }

    /// The answer that was kept, if it was to this very request.
    pub(crate) fn replay(&self, scope: &IdempotencyScope, kept: KeptAnswer) -> Result<Answer, ApiError> {
        if kept.fingerprint != self.fingerprint() {
            return Err(ApiError::new(
                Code::IdempotencyConflict,
                "This idempotency key was used with a different request. Use a new key, or repeat the request exactly.",
            ));
        }
        let body = if kept.sealed {
            let secret = self.platform.config.secret.as_ref();
            secret
                .and_then(|secret| secret.open(SEAL_PURPOSE, &scope.row_key().pk, &kept.body))
                .ok_or_else(|| ApiError::internal("a kept answer cannot be decrypted"))?
        } else {
            kept.body
        };
        let body = idempotency::unsqueeze(body, kept.squeezed)
            .ok_or_else(|| ApiError::internal("a kept answer cannot be unpacked"))?;
        Ok(Answer {
            status: StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK),
            body,
            headers: restored_headers(&kept.headers),
            version: Version::parse(&kept.api_version).unwrap_or_else(Version::current),
            replayed: true,
            bears_secret: kept.sealed,
        })
    }

    fn sealed(&self, scope: &IdempotencyScope, body: Vec<u8>, bears_secret: bool) -> Result<Vec<u8>, ApiError> {
        if !bears_secret {
            return Ok(body);
        }
        let secret = self.platform.config.secret.as_ref();
        secret
            .map(|secret| secret.seal(SEAL_PURPOSE, &scope.row_key().pk, &body))
            .ok_or_else(|| ApiError::internal("PLATFORM_SECRET is not set, so an answer with a secret cannot be kept"))
    }
}

/// The headers of an answer's own, as they are kept.
fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// What [`kept_headers`] kept.
fn restored_headers(kept: &[(String, String)]) -> HeaderMap {
    let read = |(name, value): &(String, String)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    kept.iter().filter_map(read).collect()
}
