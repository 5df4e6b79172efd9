//! One chain's endpoints together: what most of them say.
//!
//! Where one endpoint is configured it is believed. Where several are, more than half of them must say the same, all of
//! two and two of three, and one that does not answer says nothing: it delays, and decides nothing. One that fails again
//! and again is left out for the rest of the run, as long as most remain.

use crate::answers::{
    BlockFacts, FoundTransfer, TRANSFER_TOPIC, TransactionFacts, WireBlock, WireFullBlock, WireLog, WireReceipt,
    WireTransaction, quantity,
};
use crate::evidence::{evidence, is_valid_call, says_valid};
use crate::rpc::{Endpoint, Unknown, http};
use crate::voices::{agreed, first_to_agree, most_and_the_quick};
use anyspend_domain::Address;
use anyspend_domain::settlement::{Evidence, Head, Reference, Transfer, WalletSignature};
use anyspend_domain::transaction::TxHash;
use futures_util::future::join;
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// Failures in a row after which an endpoint is left out for the rest of the run, as long as most remain.
const PATIENCE: u32 = 3;

/// The endpoints of one chain.
#[derive(Debug, Clone)]
pub struct Network {
    chain_id: u64,
    endpoints: Vec<Endpoint>,
}

/// Those endpoints that have just said they speak for the chain.
#[derive(Debug)]
pub struct Trusted {
    endpoints: Vec<Endpoint>,
    /// How often each has failed in a row.
    failures: Vec<AtomicU32>,
    /// How many must say the same: more than half of all that are configured, those not trusted among them.
    majority: usize,
}

/// How far most endpoints have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The heights.
    pub head: Head,
    /// The block at the highest height, as the endpoint that is there sees it.
    pub latest: BlockFacts,
}

/// What a search of the logs found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// The transfers, in the chain's order.
    pub found: Vec<FoundTransfer>,
    /// The last block of those that were searched. Who answered has it.
    pub last: BlockFacts,
}

/// What a block's transactions themselves say of the chain's own coin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coins {
    /// The transfers, each with every reference in its transaction's input.
    pub found: Vec<(FoundTransfer, Vec<Reference>)>,
    /// The block.
    pub block: BlockFacts,
}

impl Network {
    /// The network a chain's endpoints make up. They are asked nothing yet.
    ///
    /// # Errors
    /// A sentence for the operator about an endpoint that cannot be one.
    pub fn new(chain_id: u64, urls: &[String]) -> Result<Self, String> {
        let http = http()?;
        let endpoints = urls.iter().map(|url| Endpoint::new(http.clone(), url)).collect::<Result<_, _>>()?;
        Ok(Self { chain_id, endpoints })
    }

    /// Asks every endpoint which chain it speaks for, and goes on with those that name this one. None is waited for after
    /// `deadline`.
    ///
    /// # Errors
    /// Why one of them is not asked, where too few remain.
    pub async fn trusted(&self, deadline: Instant) -> Result<Trusted, Unknown> {
        let majority = self.endpoints.len() / 2 + 1;
        let asked = self.endpoints.iter().enumerate();
        let asked = asked.map(|(at, endpoint)| async move {
            let endpoint = endpoint.until(deadline.into());
            (at, self.check(&endpoint).await.map(|()| endpoint))
        });
        let answers = most_and_the_quick(asked, majority).await;
        let mut trusted = Trusted { endpoints: Vec::new(), failures: Vec::new(), majority };
        let mut why = Unknown::NoAnswer("no endpoint is configured".to_owned());
        for (at, answer) in answers {
            match answer {
                Ok(endpoint) => {
                    trusted.endpoints.push(endpoint);
                    trusted.failures.push(AtomicU32::new(0));
                }
                Err(unknown) => {
                    let endpoint = self.endpoints.get(at).map(Endpoint::name);
                    tracing::warn!(chain_id = self.chain_id, endpoint, %unknown, "not asked");
                    why = unknown;
                }
            }
        }
        if trusted.endpoints.len() < majority { Err(why) } else { Ok(trusted) }
    }

    async fn check(&self, endpoint: &Endpoint) -> Result<(), Unknown> {
        let text: String = endpoint.ask("eth_chainId", json!([])).await?;
        match quantity(&text)? {
            id if id == self.chain_id => Ok(()),
            other => Err(Unknown::OtherChain(other)),
        }
    }
}

impl Trusted {
    /// How far the chain has come: the highest block that most endpoints have reached.
    pub async fn head(&self) -> Result<Sighting, Unknown> {
        let block = |tag: &'static str| {
            let asked = self.put(move |endpoint| async move {
                endpoint.ask::<WireBlock>("eth_getBlockByNumber", json!([tag, false])).await?.read()
            });
            most_and_the_quick(asked, self.majority)
        };
        let (latest, finalized) = join(block("latest"), block("finalized")).await;
        let latest = self.reached_by_most(latest)?;
        // A chain without that notion refuses the question.
        let finalized = self.reached_by_most(finalized).ok().map(|facts| facts.block.number);
        let number = latest.block.number;
        Ok(Sighting {
            head: Head { latest: number, finalized: finalized.filter(|finalized| *finalized <= number) },
            latest,
        })
    }

    /// The chain's block at a height.
    pub async fn block_at(&self, number: u64) -> Result<BlockFacts, Unknown> {
        self.most(|endpoint| async move { one_block_at(&endpoint, number).await }).await
    }

    /// What is to be known about a transaction that stands in a block. The canonical block at its height is asked for
    /// last.
    ///
    /// # Errors
    /// [`Unknown::Absent`] when most endpoints know of no such transaction in a block; others when too few say the same.
    pub async fn evidence(&self, hash: &TxHash) -> Result<Evidence, Unknown> {
        let (receipt, transaction) = join(
            self.most(|endpoint| async move {
                endpoint.ask::<WireReceipt>("eth_getTransactionReceipt", json!([hash])).await?.read(hash)
            }),
            self.transaction(hash),
        )
        .await;
        let receipt = receipt?;
        let canonical = self.block_at(receipt.block.number).await?;
        Ok(evidence(hash, transaction?, receipt, canonical))
    }

    async fn transaction(&self, hash: &TxHash) -> Result<TransactionFacts, Unknown> {
        self.most(|endpoint| async move {
            endpoint.ask::<WireTransaction>("eth_getTransactionByHash", json!([hash])).await?.read(hash)
        })
        .await
    }

    /// Every reference in a transaction's input.
    pub async fn references(&self, hash: &TxHash) -> Result<Vec<Reference>, Unknown> {
        Ok(Reference::find_all(&self.transaction(hash).await?.input))
    }

    /// Whether most endpoints know of no transaction with this hash, neither in a block nor waiting for one.
    pub async fn is_unheard_of(&self, hash: &TxHash) -> Result<bool, Unknown> {
        match self.transaction(hash).await {
            Ok(_) => Ok(false),
            Err(Unknown::Absent) => Ok(true),
            Err(unknown) => Err(unknown),
        }
    }

    /// Every transfer of one of these tokens to one of these recipients in these blocks, in the chain's order. Whoever has
    /// not the last of these blocks has not searched them.
    ///
    /// # Errors
    /// [`Unknown::TooLarge`] and [`Unknown::TooManyAddresses`] where a smaller question may be answered.
    pub async fn transfers(
        &self,
        blocks: RangeInclusive<u64>,
        tokens: &[Address],
        recipients: &[Address],
    ) -> Result<Searched, Unknown> {
        let topics: Vec<Value> =
            recipients.iter().map(|recipient| json!(format!("0x{:0>64}", hex::encode(recipient.bytes())))).collect();
        let filter = json!([{
            "fromBlock": format!("{:#x}", blocks.start()),
            "toBlock": format!("{:#x}", blocks.end()),
            "address": tokens.iter().map(Address::lower_case).collect::<Vec<_>>(),
            "topics": [TRANSFER_TOPIC.to_string(), null, topics],
        }]);
        let (filter, blocks) = (&filter, &blocks);
        self.most(|endpoint| async move {
            let logs = endpoint.ask::<Vec<WireLog>>("eth_getLogs", filter.clone()).await?;
            let found = logs.into_iter().filter_map(|log| log.read().transpose());
            let mut found = found.collect::<Result<Vec<FoundTransfer>, _>>()?;
            // Endpoints ignore what they do not understand of a filter, and some tell things twice, or in another order.
            found.retain(|found| {
                let asked_for = |token: &Address| tokens.contains(token);
                found.transfer.token.as_ref().is_some_and(asked_for)
                    && recipients.contains(&found.transfer.recipient)
                    && blocks.contains(&found.block.number)
            });
            found.sort_by_key(|found| (found.block.number, found.transfer.log_index));
            found.dedup();
            // After the logs: a node behind answers none, and has no such block.
            let last = one_block_at(&endpoint, *blocks.end()).await?;
            Ok(Searched { found, last })
        })
        .await
    }

    /// Whether a contract wallet says, in a block, that a signature of a text is its own (EIP-1271). A wallet without a
    /// contract says nothing, and so does a contract that reverts.
    pub async fn is_contract_wallets(
        &self,
        wallet: &Address,
        (text, signature): (&str, &WalletSignature),
        block: u64,
    ) -> Result<bool, Unknown> {
        let call = json!([
            {"to": wallet.lower_case(), "data": format!("0x{}", hex::encode(is_valid_call(text, signature)))},
            format!("{block:#x}"),
        ]);
        let call = &call;
        self.most(|endpoint| async move {
            match endpoint.ask::<String>("eth_call", call.clone()).await {
                Ok(answer) => Ok(says_valid(&answer)),
                Err(Unknown::Refused(text)) if text.to_lowercase().contains("revert") => Ok(false),
                Err(unknown) => Err(unknown),
            }
        })
        .await
    }

    /// What the transactions of a block themselves send to these recipients of the chain's own coin.
    pub async fn coins(&self, number: u64, recipients: &[Address]) -> Result<Coins, Unknown> {
        let (block, transactions) = self
            .most(|endpoint| async move {
                let params = json!([format!("{number:#x}"), true]);
                endpoint.ask::<WireFullBlock>("eth_getBlockByNumber", params).await?.read(recipients)
            })
            .await?;
        if block.block.number != number {
            return Err(Unknown::Malformed("another block".to_owned()));
        }
        let found = transactions.into_iter().filter_map(|(tx_hash, facts)| {
            let references = Reference::find_all(&facts.input);
            let (payer, recipient, amount) = (facts.sender, facts.to?, facts.value?);
            let transfer = Transfer { log_index: None, token: None, payer, recipient, amount };
            Some((FoundTransfer { tx_hash, block: block.block.clone(), transfer }, references))
        });
        Ok(Coins { found: found.collect(), block: block.clone() })
    }

    /// A question put to every endpoint that is not left out.
    fn put<T, Answer>(&self, ask: impl Fn(Endpoint) -> Answer) -> Vec<impl Future<Output = (usize, Result<T, Unknown>)>>
    where
        Answer: Future<Output = Result<T, Unknown>>,
    {
        let patient =
            |at: &usize| self.failures.get(*at).is_none_or(|failed| failed.load(Ordering::Relaxed) < PATIENCE);
        let all = 0..self.endpoints.len();
        let left = all.clone().filter(patient).count();
        let asked = all.filter(|at| left < self.majority || patient(at));
        let asked = asked.filter_map(|at| Some((at, ask(self.endpoints.get(at)?.clone()))));
        asked.map(|(at, answer)| async move { (at, self.noted(at, answer.await)) }).collect()
    }

    /// Remembers of an endpoint whether it does answer.
    fn noted<T>(&self, at: usize, answer: Result<T, Unknown>) -> Result<T, Unknown> {
        if let Some(failures) = self.failures.get(at) {
            match &answer {
                Err(Unknown::NoAnswer(_) | Unknown::Http(_) | Unknown::TooOften(_)) => {
                    failures.fetch_add(1, Ordering::Relaxed);
                }
                _ => failures.store(0, Ordering::Relaxed),
            }
        }
        answer
    }

    /// What most endpoints answer.
    async fn most<T, Answer>(&self, ask: impl Fn(Endpoint) -> Answer) -> Result<T, Unknown>
    where
        T: PartialEq,
        Answer: Future<Output = Result<T, Unknown>>,
    {
        let answers = first_to_agree(self.put(ask), self.majority).await;
        agreed(answers.into_iter().map(|(_, answer)| answer).collect(), self.majority)
    }

    /// The highest block that most endpoints have reached.
    fn reached_by_most(&self, answers: Vec<(usize, Result<BlockFacts, Unknown>)>) -> Result<BlockFacts, Unknown> {
        let mut why = Unknown::Disagreement;
        let mut reached = Vec::new();
        for (_, answer) in answers {
            match answer {
                Ok(facts) => reached.push(facts),
                Err(unknown) => why = unknown,
            }
        }
        reached.sort_by_key(|facts| std::cmp::Reverse(facts.block.number));
        (reached.len() >= self.majority).then(|| reached.swap_remove(self.majority - 1)).ok_or(why)
    }
}

/// One endpoint's block at a height.
async fn one_block_at(endpoint: &Endpoint, number: u64) -> Result<BlockFacts, Unknown> {
    let params = json!([format!("{number:#x}"), false]);
    let facts = endpoint.ask::<WireBlock>("eth_getBlockByNumber", params).await?.read()?;
    if facts.block.number == number { Ok(facts) } else { Err(Unknown::Malformed("another block".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_come_as_far_as_most_endpoints_have() {
        let facts = |number| {
            let wire =
                json!({"number": format!("{number:#x}"), "hash": format!("0x{:064x}", number), "timestamp": "0x1"});
            serde_json::from_value::<WireBlock>(wire).unwrap().read()
        };
        let reached = |majority, answers| {
            let trusted = Trusted { endpoints: Vec::new(), failures: Vec::new(), majority };
            let answers: Vec<_> = answers;
            trusted.reached_by_most(answers.into_iter().enumerate().collect()).map(|facts| facts.block.number)
        };
        assert_eq!(reached(2, vec![facts(7), facts(9)]), Ok(7));
        assert_eq!(reached(2, vec![facts(7), facts(9), facts(8)]), Ok(8));
        assert_eq!(reached(2, vec![facts(7), Err(Unknown::Http(500))]), Err(Unknown::Http(500)));
        assert_eq!(reached(1, vec![facts(7)]), Ok(7));
    }
}
