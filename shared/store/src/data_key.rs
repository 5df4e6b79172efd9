//! The platform's data key, wrapped: what only the key management service can open. One row, written once.

use crate::db::{Db, StoreError, read, row};
use crate::schema::Key;
use crate::{CommitError, Refusal, Write};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct StoredDataKey {
    /// Base64.
    wrapped: String,
}

impl Db {
    /// The wrapped data key, if there is one yet; base64.
    pub async fn find_data_key(&self) -> Result<Option<String>, StoreError> {
        Ok(self.find(&Key::data_key()).await?.map(|StoredDataKey { wrapped }| wrapped))
    }

    /// Keeps a wrapped data key where there is none, and returns the one that is kept: of two that are made at once, one
    /// counts for everybody.
    pub async fn keep_data_key(&self, wrapped: String) -> Result<String, StoreError> {
        let item = row(&Key::data_key(), &StoredDataKey { wrapped: wrapped.clone() })?;
        match self.commit(vec![Write::put(item).if_new()]).await {
            Ok(()) => Ok(wrapped),
            Err(CommitError::Refused { refusal: Refusal::Taken, old: Some(old) }) => {
                read(old).map(|StoredDataKey { wrapped }| wrapped)
            }
            Err(CommitError::Refused { .. }) => Err(StoreError::Fault("the data key was refused".to_owned())),
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}
