//! What ties a transfer to a session in the calldata itself.

use std::fmt;

/// What a wallet appends to the calldata to name the session it pays: a marker, and 22 bytes that only this platform can
/// turn into the session's id, because the calldata is public and the id is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference([u8; Self::LENGTH]);

impl Reference {
    /// Bytes in a reference.
    pub const LENGTH: usize = Self::MARKER.len() + Self::BODY;
    /// Bytes after the marker.
    pub const BODY: usize = 22;
    /// What every reference begins with.
    const MARKER: [u8; 4] = *b"asp1";
    /// How many references of one transaction are looked at: more are nobody's payment.
    const MOST_IN_ONE: usize = 32;

    /// The reference with this body.
    pub fn new(body: [u8; Self::BODY]) -> Self {
        let mut bytes = [0; Self::LENGTH];
        bytes[..Self::MARKER.len()].copy_from_slice(&Self::MARKER);
        bytes[Self::MARKER.len()..].copy_from_slice(&body);
        Self(bytes)
    }

    /// What follows the marker.
    pub fn body(&self) -> [u8; Self::BODY] {
        let mut body = [0; Self::BODY];
        body.copy_from_slice(&self.0[Self::MARKER.len()..]);
        body
    }

    /// Every reference in a transaction's input, each once. Wallets that wrap a call move it anywhere.
    pub fn find_all(input: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        for window in input.windows(Self::LENGTH) {
            if window.starts_with(&Self::MARKER) && found.len() < Self::MOST_IN_ONE {
                let mut bytes = [0; Self::LENGTH];
                bytes.copy_from_slice(window);
                if !found.contains(&Self(bytes)) {
                    found.push(Self(bytes));
                }
            }
        }
        found
    }
}

/// `0x…`, to be appended to calldata.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_reference_is_found_wherever_a_wallet_moves_it(
            before in prop::collection::vec(any::<u8>(), 0..300),
            after in prop::collection::vec(any::<u8>(), 0..300),
            body in any::<[u8; Reference::BODY]>(),
        ) {
            let reference = Reference::new(body);
            let appended = hex::decode(&reference.to_string()[2..]).unwrap();
            let found = Reference::find_all(&[before, appended, after].concat());
            prop_assert!(found.contains(&reference));
            prop_assert_eq!(reference.body(), body);
        }
    }
}
