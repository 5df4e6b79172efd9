//! What must not be readable in the table.

use crate::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of a keyed hash: too many to meet by accident among an owner's objects, and few, because a search reads all.
pub const BLIND_BYTES: usize = 8;
/// A keyed hash.
pub type Blind = [u8; BLIND_BYTES];

/// Seals and opens what must not be readable in the table. The context binds a sealed text to its item.
pub trait Vault: Sync {
    /// Seals a value.
    fn seal<T: Serialize>(&self, value: &T, context: &str) -> Result<String, StoreError>;

    /// Opens what [`Vault::seal`] made for the same context.
    fn open<T: DeserializeOwned>(&self, sealed: &str, context: &str) -> Result<T, StoreError>;

    /// A keyed hash by which an exact text can be found again without being stored. The scope, such as an owner and a
    /// column, makes equal texts of two scopes look different.
    fn blind(&self, scope: &str, text: &str) -> Result<Blind, StoreError>;
}
