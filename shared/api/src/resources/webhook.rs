//! The secrets webhook endpoints verify with: made, sealed and opened.

use crate::Platform;
use crate::error::ApiError;
use anyspend_domain::{Owner, WebhookId, entropy};
use anyspend_store::StoreError;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use std::fmt;

/// How a secret begins (Standard Webhooks).
pub const SECRET_PREFIX: &str = "whsec_";
/// Random bytes of a secret; Standard Webhooks asks for 24 to 64.
const SECRET_BYTES: usize = 32;
const SECRET_PURPOSE: &str = "webhook-secret";

/// A secret as its merchant sees it: `whsec_` and base64.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(String);

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

impl SigningSecret {
    /// A fresh secret.
    pub fn generate() -> Self {
        Self(format!("{SECRET_PREFIX}{}", STANDARD.encode(entropy::bytes::<SECRET_BYTES>())))
    }

    /// The whole text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes that Standard Webhooks signs with: what the base64 stands for.
    pub fn key_bytes(&self) -> Vec<u8> {
        STANDARD.decode(self.0.trim_start_matches(SECRET_PREFIX)).unwrap_or_default()
    }
}

fn context(owner: &Owner, id: &WebhookId) -> String {
    format!("{}#{}#{id}", owner.org, owner.mode.as_str())
}

impl Platform {
    /// Seals a secret, so that it opens for this endpoint of this owner only.
    ///
    /// # Errors
    /// When the deployment has no secret of its own.
    pub fn seal_webhook_secret(
        &self,
        owner: &Owner,
        id: &WebhookId,
        secret: &SigningSecret,
    ) -> Result<String, ApiError> {
        let master = self.config.secret.as_ref();
        let master = master.ok_or_else(|| {
            ApiError::internal("PLATFORM_SECRET is not set, so the secret of a webhook cannot be sealed")
        })?;
        let sealed = master.seal(SECRET_PURPOSE, &context(owner, id), secret.0.as_bytes());
        Ok(STANDARD_NO_PAD.encode(sealed))
    }

    /// Opens what [`Platform::seal_webhook_secret`] made.
    ///
    /// # Errors
    /// When it cannot be opened, which is a fault of ours.
    pub fn open_webhook_secret(
        &self,
        owner: &Owner,
        id: &WebhookId,
        sealed: &str,
    ) -> Result<SigningSecret, StoreError> {
        let cannot = || StoreError::Fault(format!("the secret of {id} cannot be decrypted"));
        let master = self.config.secret.as_ref().ok_or_else(cannot)?;
        let sealed = STANDARD_NO_PAD.decode(sealed).map_err(|_| cannot())?;
        let plain = master.open(SECRET_PURPOSE, &context(owner, id), &sealed).ok_or_else(cannot)?;
        String::from_utf8(plain).map(SigningSecret).map_err(|_| cannot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_the_form_of_standard_webhooks() {
        let secret = SigningSecret::generate();
        let bytes = STANDARD.decode(secret.expose().strip_prefix("whsec_").unwrap()).unwrap();
        assert!((24..=64).contains(&bytes.len()));
        assert_eq!(secret.key_bytes(), bytes);
        assert_ne!(SigningSecret::generate(), secret);
        assert!(!format!("{secret:?}").contains(secret.expose()));
    }
}
