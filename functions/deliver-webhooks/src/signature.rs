//! The two ways a delivery is signed: over the raw body alone, and as Standard Webhooks has it, over id, time and body.

use anyspend_api::webhook::SigningSecret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut hmac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any key length");
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().to_vec()
}

/// Hexadecimal HMAC-SHA256 of the body, keyed with the secret's whole text.
pub(crate) fn plain(secret: &SigningSecret, body: &[u8]) -> String {
    hex::encode(hmac(secret.expose().as_bytes(), &[body]))
}

/// `v1,` and base64 of HMAC-SHA256 of `{id}.{timestamp}.{body}`, keyed with the bytes the secret's base64 stands for; one
/// for each secret, with a space between.
pub(crate) fn standard(secrets: &[SigningSecret], id: &str, timestamp: u64, body: &[u8]) -> String {
    let head = format!("{id}.{timestamp}.");
    let each = secrets
        .iter()
        .map(|secret| format!("v1,{}", STANDARD.encode(hmac(&secret.key_bytes(), &[head.as_bytes(), body]))));
    each.collect::<Vec<_>>().join(" ")
}
