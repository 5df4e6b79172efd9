//! How the deployment's secret keeps people's data unreadable in the table.

use crate::Platform;
use crate::seal::MasterSecret;
use anyspend_store::StoreError;
use anyspend_store::vault::{BLIND_BYTES, Blind, Vault};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

const PERSON_PURPOSE: &str = "person";
const BLIND_PURPOSE: &str = "blind-index";

impl Platform {
    fn secret(&self) -> Result<&MasterSecret, StoreError> {
        let missing =
            || StoreError::Fault("PLATFORM_SECRET is not set, so a person's data cannot be sealed".to_owned());
        self.config.secret.as_ref().ok_or_else(missing)
    }
}

impl Vault for Platform {
    fn seal<T: Serialize>(&self, value: &T, context: &str) -> Result<String, StoreError> {
        let plain = serde_json::to_vec(value).map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok(STANDARD_NO_PAD.encode(self.secret()?.seal(PERSON_PURPOSE, context, &plain)))
    }

    fn open<T: DeserializeOwned>(&self, sealed: &str, context: &str) -> Result<T, StoreError> {
        let cannot = || StoreError::Fault(format!("what is sealed of {context} cannot be opened"));
        let sealed = STANDARD_NO_PAD.decode(sealed).map_err(|_| cannot())?;
        let plain = self.secret()?.open(PERSON_PURPOSE, context, &sealed).ok_or_else(cannot)?;
        serde_json::from_slice(&plain).map_err(|_| cannot())
    }

    fn blind(&self, scope: &str, text: &str) -> Result<Blind, StoreError> {
        let mac = self.secret()?.mac(BLIND_PURPOSE, format!("{scope}\n{text}").as_bytes());
        let mut blind = [0; BLIND_BYTES];
        blind.copy_from_slice(&mac[..BLIND_BYTES]);
        Ok(blind)
    }
}
