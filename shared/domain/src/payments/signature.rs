//! What ties a transfer to a session by the word of the paying wallet.

use crate::transaction::TxHash;
use crate::{CheckoutSessionId, Invalid};
use serde::{Deserialize, Serialize};

/// What a wallet signs (EIP-191, `personal_sign`) to say that a transfer of its money was meant for a session.
pub fn statement(session: &CheckoutSessionId, chain_id: u64, transaction: &TxHash) -> String {
    format!("My transaction {transaction} on chain {chain_id} pays the checkout session {session}.")
}

/// Half the order of secp256k1: of the two signatures that mean the same, only the one with the lower `s` is accepted.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// A wallet's signature in its one accepted form: `r`, a low `s`, and `v` of 27 or 28.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WalletSignature([u8; 65]);

impl WalletSignature {
    /// Reads `0x` and 130 hexadecimal digits.
    ///
    /// # Errors
    /// When the text is something else, or a form of a signature wallets do not make.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut bytes = [0; 65];
        text.strip_prefix("0x")
            .and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok())
            .filter(|()| bytes[32..64] <= HALF_ORDER[..] && matches!(bytes[64], 27 | 28))
            .map(|()| Self(bytes))
            .ok_or_else(|| Invalid::new("must be a wallet's signature: 0x and 130 hexadecimal digits"))
    }

    /// `r`, `s` and `v`.
    pub const fn bytes(&self) -> &[u8; 65] {
        &self.0
    }
}

impl TryFrom<String> for WalletSignature {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not a signature")
    }
}

impl From<WalletSignature> for String {
    fn from(signature: WalletSignature) -> Self {
        format!("0x{}", hex::encode(signature.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_form_of_a_signature_that_wallets_make_is_read() {
        let signature = |s: u8, v: u8| format!("0x{}{:02x}{}{v:02x}", "11".repeat(32), s, "22".repeat(31));
        assert!(WalletSignature::parse(&signature(0x7e, 27)).is_ok());
        for (s, v) in [(0x80, 27), (0xff, 28), (0x7e, 0), (0x7e, 1), (0x7e, 37), (0x7e, 26)] {
            assert!(WalletSignature::parse(&signature(s, v)).is_err(), "{s} {v}");
        }
        assert!(WalletSignature::parse("0x").is_err() && WalletSignature::parse(&"1".repeat(132)).is_err());
    }
}
