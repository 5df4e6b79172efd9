//! A payment that was seen: on chain, or through a test helper. Read-only to everybody but settlement.

use crate::buyer::Buyer;
use crate::link_form::ShippingOption;
use crate::values::is_default;
use crate::values::named::named;
use crate::{
    Address, Amount, CheckoutSessionId, CustomerId, Invalid, Metadata, Owner, PaymentLinkId, Sealed, Timestamp,
    TransactionId, pasted,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// A transaction's hash on its chain: 32 bytes, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TxHash([u8; 32]);

impl TxHash {
    /// A hash of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads `0x` and 64 hexadecimal digits of any case.
    ///
    /// # Errors
    /// `invalid_field_value` for anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut bytes = [0; 32];
        pasted::machine_form(text)
            .strip_prefix("0x")
            .and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok())
            .map(|()| Self(bytes))
            .ok_or_else(|| Invalid::new("must be a transaction hash: 0x and 64 hexadecimal digits"))
    }
}

impl fmt::Display for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl TryFrom<String> for TxHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not a transaction hash")
    }
}

impl From<TxHash> for String {
    fn from(hash: TxHash) -> Self {
        hash.to_string()
    }
}

/// How far a transaction has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TransactionStatus {
    /// Reported by the payer; no block has it yet.
    Pending,
    /// In a block, without enough confirmations.
    Confirming,
    /// Final.
    Completed,
    /// Reverted, or proven not to exist.
    Failed,
}

named!(TransactionStatus);

/// Money that arrived otherwise than it was asked for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PaymentException {
    /// Less than is due: the session waits for the rest.
    Underpaid,
    /// More than was due.
    Overpaid,
    /// After the session had ended.
    Late,
    /// After the link had been deleted.
    LinkDeleted,
    /// After the last use of the link was taken by another payment.
    LinkUsedUp,
    /// Nothing says whose it is: the merchant has it, and no session is paid by it.
    Unmatched,
}

named!(PaymentException);

/// The block a transaction stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its height.
    pub number: u64,
    /// Its hash, by which a reorganisation shows.
    pub hash: TxHash,
}

/// A payment that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// `tx_…`
    pub id: TransactionId,
    /// Whose it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// How far it has come.
    pub status: TransactionStatus,
    /// What was transferred; of a pending one, what is expected.
    pub amount: Amount,
    /// What was paid with.
    pub token_address: Address,
    /// Where it was paid.
    pub chain_id: u64,
    /// Who was paid.
    pub recipient_address: Address,
    /// Who paid: the log's `from`, not the transaction's. Not known of a pending one unless reported.
    pub payer_address: Option<Address>,
    /// Its hash on the chain.
    pub tx_hash: TxHash,
    /// Which log of it is the transfer; none of a native transfer and of a pending one.
    pub log_index: Option<u64>,
    /// The block it stands in.
    pub block: Option<Block>,
    /// Blocks on top of it, itself included, when it was last looked at.
    pub confirmations: u64,
    /// Who the payer is to the merchant.
    pub customer_id: Option<CustomerId>,
    /// The link that was paid.
    pub payment_link_id: Option<PaymentLinkId>,
    /// The session that was paid; none while nothing says whose payment it is.
    pub session_id: Option<CheckoutSessionId>,
    /// What was unusual about it.
    pub exception: Option<PaymentException>,
    /// Who bought.
    #[serde(default, skip_serializing_if = "is_default")]
    pub buyer: Sealed<Buyer>,
    /// How goods are sent.
    pub shipping_option: Option<ShippingOption>,
    /// The session's notes.
    pub metadata: Option<Metadata>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it was first seen in a block.
    pub confirmed_at: Option<Timestamp>,
    /// When it became final.
    pub completed_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_as_it_is_written() {
        for status in TransactionStatus::ALL.iter().copied() {
            assert_eq!(TransactionStatus::named(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn a_hash_is_read_in_any_case_and_written_in_one() {
        let text = format!("0x{}", "aB".repeat(32));
        assert_eq!(TxHash::parse(&text).unwrap().to_string(), text.to_lowercase());
        for text in ["", "0x", &text[..65], &format!("{text}0"), &text[2..], &text.replace("0x", "0X")] {
            assert!(TxHash::parse(text).is_err(), "{text}");
        }
    }
}
