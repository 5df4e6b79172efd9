//! The answer kept for an idempotency key, written in the transaction of the effect it answers for.
//!
//! Views are verbose: as they are, most answers would make a row of two kilobytes, which a transaction pays twice. So a
//! body is squeezed first.

use crate::db::{Db, StoreError, read, row};
use crate::schema::Key;
use crate::{CommitError, Refusal, Write};
use anyspend_domain::{Owner, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long an answer is kept.
pub const KEPT_SECONDS: u64 = 24 * 60 * 60;

/// Bodies up to here fit a row of one kilobyte as they are, beside the rest of it.
const PLAIN_BYTES: usize = 400;
/// Squeezed harder, bodies become hardly smaller.
const SQUEEZING: u8 = 6;
/// More than any answer takes that fits a row.
const MOST_UNPACKED: usize = 8 << 20;

/// A body as it is kept, before it is sealed, and whether it was squeezed.
pub fn squeeze(body: &[u8]) -> (Vec<u8>, bool) {
    if body.len() > PLAIN_BYTES {
        let squeezed = miniz_oxide::deflate::compress_to_vec(body, SQUEEZING);
        if squeezed.len() < body.len() {
            return (squeezed, true);
        }
    }
    (body.to_vec(), false)
}

/// A body as it was; `None` where it is not what [`squeeze`] made.
pub fn unsqueeze(body: Vec<u8>, squeezed: bool) -> Option<Vec<u8>> {
    if !squeezed {
        return Some(body);
    }
    miniz_oxide::inflate::decompress_to_vec_with_limit(&body, MOST_UNPACKED).ok()
}

/// What identifies a kept answer.
#[derive(Debug, Clone)]
pub struct IdempotencyScope {
    /// Whose key it is: the same text is another key for another owner.
    pub owner: Owner,
    /// The `Idempotency-Key` header.
    pub key: String,
}

impl IdempotencyScope {
    /// Where the answer is kept. The key's text itself is never stored.
    pub fn row_key(&self) -> Key {
        Key::idempotency(&self.owner, &hex::encode(Sha256::digest(self.key.as_bytes())))
    }
}

/// A kept answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// SHA-256 over method, path, query and body of the request.
    pub fingerprint: String,
    /// The HTTP status.
    pub status: u16,
    /// The API version the body was rendered in.
    pub api_version: String,
    /// Headers of the answer's own; none for most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body; squeezed where `squeezed`, and then encrypted where `sealed`.
    #[serde(with = "bytes")]
    pub body: Vec<u8>,
    /// Whether the body was made smaller. Answers kept by earlier versions do not say, and were not.
    #[serde(default)]
    pub squeezed: bool,
    /// Whether the body bears a secret and is encrypted.
    pub sealed: bool,
    /// The request that wrote it.
    pub request_id: String,
    /// From when on the key is free again.
    pub expires_at: Timestamp,
}

/// Bodies are stored as binary, not as lists of numbers.
mod bytes {
    use serde::{Deserializer, Serializer, de};
    use std::fmt;

    #[expect(clippy::ptr_arg, reason = "the signature serde's `with` calls")]
    pub(super) fn serialize<S: Serializer>(bytes: &Vec<u8>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("binary")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    answer: &'a KeptAnswer,
    ttl: u64,
}

/// The write that keeps an answer.
pub fn keep(scope: &IdempotencyScope, answer: &KeptAnswer, now: Timestamp) -> Result<Write, StoreError> {
    let item = row(&scope.row_key(), &Row { answer, ttl: answer.expires_at.seconds() })?;
    Ok(Write::put(item).if_new_or_expired(now).refused_as(Refusal::Answered))
}

/// The kept answer that stood in the way of a commit, if that is what happened.
pub fn answered(error: CommitError) -> Result<Result<KeptAnswer, CommitError>, StoreError> {
    match error {
        CommitError::Refused { refusal: Refusal::Answered, old: Some(item) } => read(item).map(Ok),
        other => Ok(Err(other)),
    }
}

impl Db {
    /// The answer kept for this key, if there is one that has not expired.
    pub async fn find_answer(
        &self,
        scope: &IdempotencyScope,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let answer: Option<KeptAnswer> = self.find(&scope.row_key()).await?;
        Ok(answer.filter(|answer| now < answer.expires_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_as_it_was_squeezed_or_not() {
        let long = format!("[{}]", r#"{"object":"payment_link","description":null},"#.repeat(40)).into_bytes();
        let random: Vec<u8> = (0_u8..20).flat_map(|n| Sha256::digest([n])).collect();
        for (body, is_squeezed) in [(Vec::new(), false), (b"{}".to_vec(), false), (long, true), (random, false)] {
            let (kept, squeezed) = squeeze(&body);
            assert_eq!(squeezed, is_squeezed, "{} bytes", body.len());
            assert!(kept.len() <= body.len());
            assert_eq!(unsqueeze(kept, squeezed), Some(body));
        }
        assert_eq!(unsqueeze(b"{\"object\":1}".to_vec(), true), None);
    }
}
