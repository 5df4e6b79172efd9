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

/// The last bytes of a signature by a wallet that is not on the chain yet (ERC-6492).
const NOT_DEPLOYED: [u8; 2] = [0x64, 0x92];

/// A wallet's signature: of a wallet with a key `r`, a low `s`, and `v` of 27 or 28; of a contract wallet whatever bytes
/// its contract believes (EIP-1271).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WalletSignature(Vec<u8>);

impl WalletSignature {
    /// Most bytes.
    pub const MAX: usize = 4_096;
    /// Bytes of a signature that a key makes. Contract wallets with one owner use the same form, with other values of `v`
    /// for what else the owner signed.
    const OF_A_KEY: usize = 65;

    /// Reads `0x` and pairs of hexadecimal digits.
    ///
    /// # Errors
    /// When the text is something else, a form of a key's signature that wallets do not make, too long, or by a wallet that
    /// is not on the chain yet.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() <= 2 * Self::MAX);
        let bytes = digits.and_then(|digits| hex::decode(digits).ok()).filter(|bytes| is_signature(bytes));
        let bytes = bytes.ok_or_else(|| {
            Invalid::new(
                "must be a wallet's signature: 0x and 130 hexadecimal digits, or up to 8192 of a contract wallet",
            )
        })?;
        if bytes.ends_with(&NOT_DEPLOYED.repeat(16)) {
            return Err(Invalid::new(
                "is by a wallet that is not on the chain yet (ERC-6492): sign again once the wallet is deployed",
            ));
        }
        Ok(Self(bytes))
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// `r`, `s` and `v`, where a key can have made it.
    pub fn of_a_key(&self) -> Option<[u8; 65]> {
        self.0.as_slice().try_into().ok().filter(|bytes: &[u8; Self::OF_A_KEY]| matches!(bytes[64], 27 | 28))
    }
}

fn is_signature(bytes: &[u8]) -> bool {
    match bytes.len() {
        // Less than one key's signature is a mistake, whatever wallet it is of.
        0..WalletSignature::OF_A_KEY => false,
        WalletSignature::OF_A_KEY => bytes[32..64] <= HALF_ORDER[..] && matches!(bytes[64], 27 | 28 | 31 | 32),
        _ => true,
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
        format!("0x{}", hex::encode(&signature.0))
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
        // The owner of a contract wallet may have signed with `eth_sign`.
        let safe = WalletSignature::parse(&signature(0x7e, 31)).unwrap();
        assert!(
            safe.of_a_key().is_none() && WalletSignature::parse(&signature(0x7e, 27)).unwrap().of_a_key().is_some()
        );
        let long = |bytes: usize| WalletSignature::parse(&format!("0x{}", "11".repeat(bytes)));
        assert!(long(130).is_ok() && long(WalletSignature::MAX).is_ok() && long(WalletSignature::MAX + 1).is_err());
        let wrapped = format!("0x{}{}", "11".repeat(64), "6492".repeat(16));
        assert!(WalletSignature::parse(&wrapped).unwrap_err().must.contains("ERC-6492"));
        assert!(WalletSignature::parse("0x").is_err() && WalletSignature::parse(&"1".repeat(132)).is_err());
    }
}
