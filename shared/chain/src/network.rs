//! One chain's endpoints together: what most of them say.
//!
//! Where one endpoint is configured it is believed. Where several are, more than half of them must say the same, all of
//! two and two of three, and one that does not answer says nothing: it delays, and decides nothing.

use crate::answers::{
    BlockFacts, FoundTransfer, TRANSFER_TOPIC, TransactionFacts, WireBlock, WireLog, WireReceipt, WireTransaction,
    quantity,
};
use crate::evidence::evidence;
use crate::rpc::{Endpoint, Unknown, http};
use anyspend_domain::Address;
use anyspend_domain::settlement::{Evidence, Head, Reference};
use anyspend_domain::transaction::TxHash;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use std::ops::RangeInclusive;

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

    /// Asks every endpoint which chain it speaks for, and goes on with those that name this one.
    pub async fn trusted(&self) -> Result<Trusted, Unknown> {
        let answers = join_all(self.endpoints.iter().cloned().map(|endpoint| self.check(endpoint))).await;
        let majority = self.endpoints.len() / 2 + 1;
        let mut trusted = Trusted { endpoints: Vec::new(), majority };
        let mut why = Unknown::NoAnswer("no endpoint is configured".to_owned());
        for (endpoint, answer) in self.endpoints.iter().zip(answers) {
            match answer {
                Ok(()) => trusted.endpoints.push(endpoint.clone()),
                Err(unknown) => {
                    tracing::warn!(chain_id = self.chain_id, endpoint = endpoint.name(), %unknown, "not asked");
                    why = unknown;
                }
            }
        }
        if trusted.endpoints.len() < majority { Err(why) } else { Ok(trusted) }
    }

    async fn check(&self, endpoint: Endpoint) -> Result<(), Unknown> {
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
            join_all(self.endpoints.iter().cloned().map(move |endpoint| async move {
                endpoint.ask::<WireBlock>("eth_getBlockByNumber", json!([tag, false])).await?.read()
            }))
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
        self.most(|endpoint| async move {
            let params = json!([format!("{number:#x}"), false]);
            let facts = endpoint.ask::<WireBlock>("eth_getBlockByNumber", params).await?.read()?;
            if facts.block.number == number { Ok(facts) } else { Err(Unknown::Malformed("another block".to_owned())) }
        })
        .await
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

    /// Every transfer of one of these tokens to one of these recipients in these blocks, in the chain's order.
    pub async fn transfers(
        &self,
        blocks: RangeInclusive<u64>,
        tokens: &[Address],
        recipients: &[Address],
    ) -> Result<Vec<FoundTransfer>, Unknown> {
        let topics: Vec<Value> =
            recipients.iter().map(|recipient| json!(format!("0x{:0>64}", hex::encode(recipient.bytes())))).collect();
        let filter = json!([{
            "fromBlock": format!("{:#x}", blocks.start()),
            "toBlock": format!("{:#x}", blocks.end()),
            "address": tokens.iter().map(Address::lower_case).collect::<Vec<_>>(),
            "topics": [TRANSFER_TOPIC.to_string(), null, topics],
        }]);
        let filter = &filter;
        let mut found = self
            .most(|endpoint| async move {
                let logs = endpoint.ask::<Vec<WireLog>>("eth_getLogs", filter.clone()).await?;
                logs.into_iter().filter_map(|log| log.read().transpose()).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        // Endpoints ignore what they do not understand of a filter.
        found.retain(|found| {
            let asked_for = |token: &Address| tokens.contains(token);
            found.transfer.token.as_ref().is_some_and(asked_for)
                && recipients.contains(&found.transfer.recipient)
                && blocks.contains(&found.block.number)
        });
        Ok(found)
    }

    /// What most endpoints answer.
    async fn most<T, Answer>(&self, ask: impl Fn(Endpoint) -> Answer) -> Result<T, Unknown>
    where
        T: PartialEq,
        Answer: Future<Output = Result<T, Unknown>>,
    {
        agreed(join_all(self.endpoints.iter().cloned().map(ask)).await, self.majority)
    }

    /// The highest block that most endpoints have reached.
    fn reached_by_most(&self, answers: Vec<Result<BlockFacts, Unknown>>) -> Result<BlockFacts, Unknown> {
        let mut why = Unknown::Disagreement;
        let mut reached = Vec::new();
        for answer in answers {
            match answer {
                Ok(facts) => reached.push(facts),
                Err(unknown) => why = unknown,
            }
        }
        reached.sort_by_key(|facts| std::cmp::Reverse(facts.block.number));
        (reached.len() >= self.majority).then(|| reached.swap_remove(self.majority - 1)).ok_or(why)
    }
}

/// The answer that `majority` of those asked gave. "Nothing known" is an answer others must agree with, too.
fn agreed<T: PartialEq>(answers: Vec<Result<T, Unknown>>, majority: usize) -> Result<T, Unknown> {
    let mut voices: Vec<(Result<T, Unknown>, usize)> = Vec::new();
    for answer in answers {
        match voices.iter_mut().find(|(voice, _)| *voice == answer) {
            Some((_, count)) => *count += 1,
            None => voices.push((answer, 1)),
        }
    }
    if let Some(at) = voices.iter().position(|(_, count)| *count >= majority) {
        return voices.swap_remove(at).0;
    }
    // Nothing but failures to answer: the first of them says more than that there is no agreement.
    match voices.into_iter().map(|(voice, _)| voice).find(|voice| !matches!(voice, Ok(_) | Err(Unknown::Absent))) {
        Some(Err(unknown)) => Err(unknown),
        _ => Err(Unknown::Disagreement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_must_say_the_same_and_silence_is_no_voice() {
        let silent = || Err(Unknown::Http(502));
        for (answers, majority, wanted) in [
            (vec![Ok(1)], 1, Ok(1)),
            (vec![silent()], 1, silent()),
            (vec![Err(Unknown::Absent)], 1, Err(Unknown::Absent)),
            (vec![Ok(1), Ok(1)], 2, Ok(1)),
            (vec![Ok(1), Ok(2)], 2, Err(Unknown::Disagreement)),
            (vec![Ok(1), Err(Unknown::Absent)], 2, Err(Unknown::Disagreement)),
            (vec![Ok(1), silent()], 2, silent()),
            (vec![Err(Unknown::Absent), Err(Unknown::Absent)], 2, Err(Unknown::Absent)),
            (vec![Ok(1), Ok(2), Ok(1)], 2, Ok(1)),
            (vec![Ok(1), silent(), Ok(1)], 2, Ok(1)),
            (vec![Ok(1), silent(), silent()], 2, silent()),
        ] {
            assert_eq!(agreed(answers.clone(), majority), wanted, "{answers:?}");
        }
    }

    #[test]
    fn a_chain_has_come_as_far_as_most_endpoints_have() {
        let facts = |number| {
            let wire =
                json!({"number": format!("{number:#x}"), "hash": format!("0x{:064x}", number), "timestamp": "0x1"});
            serde_json::from_value::<WireBlock>(wire).unwrap().read()
        };
        let reached = |majority, answers| {
            let trusted = Trusted { endpoints: Vec::new(), majority };
            trusted.reached_by_most(answers).map(|facts| facts.block.number)
        };
        assert_eq!(reached(2, vec![facts(7), facts(9)]), Ok(7));
        assert_eq!(reached(2, vec![facts(7), facts(9), facts(8)]), Ok(8));
        assert_eq!(reached(2, vec![facts(7), Err(Unknown::Http(500))]), Err(Unknown::Http(500)));
        assert_eq!(reached(1, vec![facts(7)]), Ok(7));
    }
}
