//! Secrets at rest: AES-256-GCM under keys derived from the deployment's one secret.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use anyspend_domain::entropy;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;

const NONCE_LENGTH: usize = 12;

/// The deployment's secret, from which every purpose gets a key of its own.
#[derive(Clone)]
pub struct MasterSecret([u8; 32]);

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(…)")
    }
}

impl MasterSecret {
    /// A fresh secret.
    pub fn generate() -> Self {
        Self(entropy::bytes())
    }

    /// A secret of exactly 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Any text of at least 32 characters, such as a generated password of a secrets manager.
    pub fn from_text(text: &str) -> Option<Self> {
        use sha2::Digest;
        Self::from_hex(text).or_else(|| (text.len() >= 32).then(|| Self(Sha256::digest(text.as_bytes()).into())))
    }

    /// What [`MasterSecret::from_hex`] reads.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The key for one purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        // HKDF fails only for outputs longer than 8,160 bytes.
        let _ = Hkdf::<Sha256>::new(None, &self.0).expand(purpose.as_bytes(), &mut key);
        key
    }

    /// Encrypts, bound to a context: the text opens only where it was sealed for.
    pub fn seal(&self, purpose: &str, context: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LENGTH] = entropy::bytes();
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let mut sealed = nonce.to_vec();
        // AES-GCM fails only for messages of more than 64 GiB.
        sealed.extend(self.cipher(purpose).encrypt(&Nonce::from(nonce), payload).unwrap_or_default());
        sealed
    }

    /// Decrypts what [`MasterSecret::seal`] made for the same purpose and context.
    pub fn open(&self, purpose: &str, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, msg) = sealed.split_at_checked(NONCE_LENGTH)?;
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().ok()?;
        self.cipher(purpose).decrypt(&Nonce::from(nonce), Payload { msg, aad: context.as_bytes() }).ok()
    }

    /// A MAC over `message`.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.hmac(purpose, message).finalize().into_bytes().into()
    }

    /// Whether `mac` is the MAC of `message`, in constant time.
    pub fn mac_matches(&self, purpose: &str, message: &[u8], mac: &[u8]) -> bool {
        self.hmac(purpose, message).verify_slice(mac).is_ok()
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn hmac(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        let mut hmac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.derive(purpose)).expect("any key length");
        hmac.update(message);
        hmac
    }

    fn cipher(&self, purpose: &str) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(self.derive(purpose)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_only_for_its_purpose_and_context() {
        let secret = MasterSecret::generate();
        let sealed = secret.seal("replay", "org_1", b"asp_live_x");
        assert!(!sealed.windows(9).any(|window| window == b"asp_live_"));
        assert_eq!(secret.open("replay", "org_1", &sealed).unwrap(), b"asp_live_x");
        assert_eq!(secret.open("replay", "org_2", &sealed), None);
        assert_eq!(secret.open("other", "org_1", &sealed), None);
        assert_eq!(MasterSecret::generate().open("replay", "org_1", &sealed), None);
        assert_eq!(secret.open("replay", "org_1", b"short"), None);
    }
}
