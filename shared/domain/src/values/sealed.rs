//! What must not be readable where it is kept.

use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};

/// The one field of a serialized [`Sealed`], with the value in the clear.
pub const MARK: &str = "$sealed";

/// A value that is sealed where it is kept and open everywhere else.
///
/// Serialized, it is marked ([`MARK`]): the store seals what it finds marked when it writes an object, and opens it
/// when it reads one. A marked value that was not sealed is refused there, so nothing is kept in the clear by mistake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed<T> {
    #[serde(rename = "$sealed")]
    open: T,
}

impl<T> From<T> for Sealed<T> {
    fn from(open: T) -> Self {
        Self { open }
    }
}

impl<T> Deref for Sealed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.open
    }
}

impl<T> DerefMut for Sealed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serialized_value_is_marked_and_comes_back() {
        let sealed = Sealed::from("Alice".to_owned());
        let marked = serde_json::json!({ MARK: "Alice" });
        assert_eq!(serde_json::to_value(&sealed).unwrap(), marked);
        assert_eq!(serde_json::from_value::<Sealed<String>>(marked).unwrap(), sealed);
    }
}
