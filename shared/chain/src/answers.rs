//! The answers of endpoints, as they come and as they are read: numbers are hexadecimal text, and whatever does not fit
//! makes the whole answer unreadable.

use crate::rpc::Unknown;
use alloy_primitives::{Address as Bytes20, B256, LogData, U256};
use alloy_sol_types::SolEvent;
use anyspend_domain::settlement::Transfer;
use anyspend_domain::transaction::{Block, TxHash};
use anyspend_domain::{Address, Amount, Timestamp};
use serde::Deserialize;
use serde_json::Value;

mod erc20 {
    alloy_sol_types::sol! {
        event Transfer(address indexed from, address indexed to, uint256 value);
    }
}

/// By which a token's transfers are found.
pub(crate) const TRANSFER_TOPIC: B256 = erc20::Transfer::SIGNATURE_HASH;

fn malformed(what: &str) -> Unknown {
    Unknown::Malformed(what.to_owned())
}

/// A number as JSON-RPC writes it.
pub(crate) fn quantity(text: &str) -> Result<u64, Unknown> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(|| malformed("not a number"))
}

fn amount(text: &str) -> Result<Option<Amount>, Unknown> {
    let digits = text.strip_prefix("0x").filter(|digits| !digits.is_empty() && digits.len() <= 64);
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let value = digits.and_then(|digits| U256::from_str_radix(digits, 16).ok());
    value.map(|value| Amount::from_be_bytes(value.to_be_bytes())).ok_or_else(|| malformed("not a number"))
}

fn bytes(text: &str) -> Result<Vec<u8>, Unknown> {
    text.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok()).ok_or_else(|| malformed("not bytes"))
}

fn hash(text: &str) -> Result<TxHash, Unknown> {
    TxHash::parse(text).map_err(|_| malformed("not a hash"))
}

fn address(text: &str) -> Result<Address, Unknown> {
    let bytes: [u8; 20] = bytes(text)?.try_into().map_err(|_| malformed("not an address"))?;
    Ok(Address::from_bytes(bytes))
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireBlock {
    number: String,
    hash: String,
    timestamp: String,
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockFacts {
    /// Which it is.
    pub block: Block,
    /// When it says it was made, in whole seconds.
    pub time: Timestamp,
}

impl WireBlock {
    pub(crate) fn read(self) -> Result<BlockFacts, Unknown> {
        let millis = quantity(&self.timestamp)?.checked_mul(1_000);
        let time = millis.and_then(Timestamp::from_millis).ok_or_else(|| malformed("not a time"))?;
        Ok(BlockFacts { block: Block { number: quantity(&self.number)?, hash: hash(&self.hash)? }, time })
    }
}

/// A block with its transactions whole.
#[derive(Debug, Deserialize)]
pub(crate) struct WireFullBlock {
    #[serde(flatten)]
    block: WireBlock,
    transactions: Vec<Value>,
}

/// Where a transaction of a block goes: all that is read of those that nobody waits for.
#[derive(Debug, Deserialize)]
struct Destination {
    to: Option<String>,
}

impl WireFullBlock {
    /// The block, and those of its transactions that send its chain's coin to one of `recipients`.
    pub(crate) fn read(self, recipients: &[Address]) -> Result<(BlockFacts, Vec<(TxHash, TransactionFacts)>), Unknown> {
        let facts = self.block.read()?;
        let mut found = Vec::new();
        for transaction in self.transactions {
            let to = Destination::deserialize(&transaction).map_err(|error| malformed(&error.to_string()))?.to;
            if !to.as_deref().and_then(|to| address(to).ok()).is_some_and(|to| recipients.contains(&to)) {
                continue;
            }
            let wire: WireTransaction =
                serde_json::from_value(transaction).map_err(|error| malformed(&error.to_string()))?;
            let hash = hash(&wire.hash)?;
            let read = wire.read(&hash)?;
            if read.value.is_some() {
                found.push((hash, read));
            }
        }
        Ok((facts, found))
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireTransaction {
    hash: String,
    from: String,
    to: Option<String>,
    value: String,
    input: String,
}

/// What a transaction says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransactionFacts {
    pub(crate) sender: Address,
    pub(crate) to: Option<Address>,
    pub(crate) value: Option<Amount>,
    pub(crate) input: Vec<u8>,
}

impl WireTransaction {
    pub(crate) fn read(self, asked: &TxHash) -> Result<TransactionFacts, Unknown> {
        if hash(&self.hash)? != *asked {
            return Err(malformed("it is about another transaction"));
        }
        Ok(TransactionFacts {
            sender: address(&self.from)?,
            to: self.to.as_deref().map(address).transpose()?,
            value: amount(&self.value)?,
            input: bytes(&self.input)?,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireReceipt {
    transaction_hash: String,
    block_number: String,
    block_hash: String,
    status: String,
    logs: Vec<WireLog>,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceiptFacts {
    pub(crate) block: Block,
    pub(crate) succeeded: bool,
    pub(crate) transfers: Vec<Transfer>,
}

impl WireReceipt {
    pub(crate) fn read(self, asked: &TxHash) -> Result<ReceiptFacts, Unknown> {
        if hash(&self.transaction_hash)? != *asked {
            return Err(malformed("it is about another transaction"));
        }
        let succeeded = match quantity(&self.status)? {
            0 => false,
            1 => true,
            _ => return Err(malformed("a status that is neither success nor failure")),
        };
        let block = Block { number: quantity(&self.block_number)?, hash: hash(&self.block_hash)? };
        let found = self.logs.into_iter().filter_map(|log| log.read().transpose()).collect::<Result<Vec<_>, _>>()?;
        if found.iter().any(|found| found.tx_hash != *asked || found.block != block) {
            return Err(malformed("a log of another transaction or block"));
        }
        Ok(ReceiptFacts { block, succeeded, transfers: found.into_iter().map(|found| found.transfer).collect() })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireLog {
    address: String,
    topics: Vec<String>,
    data: String,
    block_number: Option<String>,
    block_hash: Option<String>,
    transaction_hash: String,
    log_index: Option<String>,
    #[serde(default)]
    removed: bool,
}

/// A transfer that a search of the logs found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTransfer {
    /// Its transaction.
    pub tx_hash: TxHash,
    /// The block it stands in.
    pub block: Block,
    /// The transfer.
    pub transfer: Transfer,
}

impl WireLog {
    /// The transfer it tells of; `None` when it tells of something else, such as the transfer of an NFT, whose event has
    /// the same name and another shape.
    pub(crate) fn read(self) -> Result<Option<FoundTransfer>, Unknown> {
        let mut topics = Vec::with_capacity(self.topics.len());
        for topic in &self.topics {
            let topic: [u8; 32] = bytes(topic)?.try_into().map_err(|_| malformed("not a topic"))?;
            topics.push(B256::from(topic));
        }
        let data = bytes(&self.data)?;
        let event = match LogData::new(topics, data.into()) {
            Some(log) if !self.removed => {
                erc20::Transfer::decode_raw_log_validate(log.topics().iter().copied(), &log.data)
            }
            _ => return Ok(None),
        };
        let Ok(event) = event else { return Ok(None) };
        // A transfer of nothing pays nobody.
        let Some(moved) = Amount::from_be_bytes(event.value.to_be_bytes()) else { return Ok(None) };
        let (Some(number), Some(block), Some(index)) = (self.block_number, self.block_hash, self.log_index) else {
            return Err(malformed("a log that is in no block"));
        };
        let own = |address: Bytes20| Address::from_bytes(address.into_array());
        Ok(Some(FoundTransfer {
            tx_hash: hash(&self.transaction_hash)?,
            block: Block { number: quantity(&number)?, hash: hash(&block)? },
            transfer: Transfer {
                log_index: Some(quantity(&index)?),
                token: Some(address(&self.address)?),
                payer: own(event.from),
                recipient: own(event.to),
                amount: moved,
            },
        }))
    }
}
