//! EVM addresses: 20 bytes, remembered as they were written, compared as bytes.

use crate::{Code, Invalid, pasted};
use alloy_primitives::Address as Bytes20;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// The native coin, in the form that stands for "no contract".
const NATIVE_ZERO: [u8; 20] = [0; 20];
/// The native coin, in the form 1inch and others made common.
const NATIVE_E: [u8; 20] = [0xEE; 20];

/// A valid address. Equality and hashing ignore the case it was written in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    bytes: [u8; 20],
    as_sent: String,
}

impl Address {
    /// Reads `0x` and 40 hex digits. All-lower and all-upper case carry no checksum; mixed case must satisfy
    /// EIP-55, because a mistyped address is money lost.
    ///
    /// # Errors
    /// `invalid_address`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = &*pasted::machine_form(text);
        let refuse = |must: &str| Invalid { code: Code::InvalidAddress, must: must.to_owned() };
        let digits = text
            .strip_prefix("0x")
            .filter(|digits| digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .ok_or_else(|| refuse("must be an address: 0x and 40 hexadecimal digits"))?;
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| refuse("must be an address"))?;
        let has_lower = digits.bytes().any(|byte| byte.is_ascii_lowercase());
        let has_upper = digits.bytes().any(|byte| byte.is_ascii_uppercase());
        if has_lower && has_upper && Bytes20::parse_checksummed(text, None).is_err() {
            return Err(refuse(
                "is an address whose EIP-55 checksum is wrong: a character was mistyped, or the case was changed",
            ));
        }
        Ok(Self { bytes, as_sent: text.to_owned() })
    }

    /// An address as a chain has it: these bytes, shown with their EIP-55 checksum.
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self { bytes, as_sent: Bytes20::from(bytes).to_checksum(None) }
    }

    /// Its 20 bytes.
    pub const fn bytes(&self) -> &[u8; 20] {
        &self.bytes
    }

    /// The zero address.
    pub fn zero() -> Self {
        Self { bytes: NATIVE_ZERO, as_sent: "0x0000000000000000000000000000000000000000".to_owned() }
    }

    /// The address in the case the caller wrote it in.
    pub fn as_sent(&self) -> &str {
        &self.as_sent
    }

    /// The form addresses are compared and indexed in.
    pub fn lower_case(&self) -> String {
        format!("0x{}", hex::encode(self.bytes))
    }

    /// Whether this stands for the chain's own coin rather than a token contract.
    pub fn is_native_coin(&self) -> bool {
        self.bytes == NATIVE_ZERO || self.bytes == NATIVE_E
    }

    /// The zero address: the native coin as a token, nobody as a recipient.
    pub fn is_zero(&self) -> bool {
        self.bytes == NATIVE_ZERO
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl TryFrom<String> for Address {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not an address")
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.as_sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USDC: &str = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";

    #[test]
    fn any_case_is_the_same_address() {
        let mixed = Address::parse(USDC).unwrap();
        let lower = Address::parse(&USDC.to_lowercase()).unwrap();
        let upper = Address::parse(&format!("0x{}", USDC[2..].to_uppercase())).unwrap();
        assert_eq!(mixed, lower);
        assert_eq!(mixed, upper);
        assert_eq!(mixed.as_sent(), USDC);
        assert_eq!(mixed.lower_case(), USDC.to_lowercase());
    }

    #[test]
    fn one_wrong_case_fails_the_checksum() {
        let error = Address::parse("0xa0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48").unwrap_err();
        assert_eq!(error.code, Code::InvalidAddress);
        assert!(error.must.contains("EIP-55"));
    }

    #[test]
    fn what_is_not_twenty_bytes_of_hex_is_refused() {
        for text in [
            "",
            "0x",
            "0xYourAddress...",
            "0X0000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000",
            "0x000000000000000000000000000000000000000",
            "0x00000000000000000000000000000000000000000",
            "0x00000000000000000000000000000000000000é",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn both_forms_of_the_native_coin_are_known() {
        for text in [
            "0x0000000000000000000000000000000000000000",
            "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE",
            "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
        ] {
            assert!(Address::parse(text).unwrap().is_native_coin(), "{text}");
        }
    }
}
