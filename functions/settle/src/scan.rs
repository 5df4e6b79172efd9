//! Looks for transfers to recipients of unpaid sessions, so that who scanned the code and closed the page is found too.
//!
//! Every block is looked at from the moment it is there until it is final, and then never again. The chain's height is
//! read before the recipients are: whoever pays in a block up to there had a session, and the session its watch, before.

use crate::{AT_ONCE, ChainRun, Delayed, Round};
use anyspend_chain::{FoundTransfer, Unknown};
use anyspend_domain::followed::Followed;
use anyspend_domain::matching::meant;
use anyspend_domain::settlement::{Reference, Transfer};
use anyspend_domain::transaction::TxHash;
use anyspend_domain::{Address, CheckoutSessionId, Timestamp};
use anyspend_store::settlement::{Progress, Watched, follow, progress};
use anyspend_store::{CommitError, Refusal};
use futures_util::stream::{self, StreamExt};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Blocks of one question; halved as long as an endpoint refuses so many.
const BLOCKS_PER_QUESTION: u64 = 1_000;
/// Blocks of one run: a chain that was not followed for long is caught up with over several.
const BLOCKS_PER_RUN: u64 = 20_000;
/// Recipients of one question.
const RECIPIENTS_PER_QUESTION: usize = 200;
/// How far back the very first run on a chain looks, and one on a chain that has become shorter.
const FIRST_LOOK_BACK: u64 = 1_000;
/// How many transfers an instance remembers to have looked at.
const REMEMBERED: usize = 20_000;

/// Transfers an instance has looked at and found to be nobody's, or to be followed. Blocks that are not final are read in
/// every run, and what stands in them need not be looked up each time.
#[derive(Debug, Default)]
pub(crate) struct LookedAt(Mutex<HashSet<(TxHash, Option<u64>, TxHash)>>);

impl LookedAt {
    fn key(found: &FoundTransfer) -> (TxHash, Option<u64>, TxHash) {
        (found.tx_hash.clone(), found.transfer.log_index, found.block.hash.clone())
    }

    fn knows(&self, found: &FoundTransfer) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&Self::key(found))
    }

    fn learn(&self, found: &FoundTransfer) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(Self::key(found));
    }
}

/// Looks through what is new on the chain and what is not final yet.
pub(crate) async fn scan(round: &Round<'_>, run: &mut ChainRun) -> Result<(), Delayed> {
    let (head, chain_id) = (round.head, round.chain.id);
    let before = round.run.db.progress_of(&[chain_id]).await?.pop();
    let watched = round.run.db.watched_recipients(chain_id, round.run.now).await?;
    let first = head.latest.saturating_sub(FIRST_LOOK_BACK);
    let from = match &before {
        // A chain that is shorter than it was is another one, as a developer's node is after a restart.
        Some(before) if before.scanned_to <= head.latest && stands(round, before).await? => before.scanned_to + 1,
        _ => first,
    };
    // Nobody waits for anything in blocks that were made before anybody was watched.
    let to = if watched.is_empty() { head.latest } else { head.latest.min(from.saturating_add(BLOCKS_PER_RUN)) };
    let watched: Vec<(Address, Address)> =
        watched.into_iter().map(|Watched { token, recipient, .. }| (token, recipient)).collect();
    let searched = if watched.is_empty() { Ok(()) } else { search(round, run, from, to, &watched).await };
    if searched.is_ok() {
        let scanned_to = round.chain.finality.last_final(head).map_or(0, |last| last.min(to));
        let last = round.endpoints.block_at(scanned_to).await?;
        let now = Progress {
            chain_id,
            scanned_to,
            scanned_hash: Some(last.block.hash),
            latest: head.latest,
            latest_time: round.latest_time,
            as_of: round.run.now,
        };
        let write = progress(&now)?;
        round.run.db.commit(vec![write]).await.map_err(|error| Delayed::not_written("progress", error))?;
    }
    searched
}

/// Whether the block that was the last final one is still the chain's. If not, payments may have been completed that the
/// chain has undone: nothing here takes them back, and somebody must know.
async fn stands(round: &Round<'_>, before: &Progress) -> Result<bool, Delayed> {
    let Some(hash) = &before.scanned_hash else { return Ok(true) };
    let now = round.endpoints.block_at(before.scanned_to).await?;
    if now.block.hash == *hash {
        return Ok(true);
    }
    let (chain_id, block) = (round.chain.id, before.scanned_to);
    tracing::error!(chain_id, block, was = %hash, is = %now.block.hash, "a block that was final was reorganised");
    Ok(false)
}

async fn search(
    round: &Round<'_>,
    run: &mut ChainRun,
    from: u64,
    to: u64,
    watched: &[(Address, Address)],
) -> Result<(), Delayed> {
    let pairs: HashSet<(String, String)> =
        watched.iter().map(|(token, recipient)| (token.lower_case(), recipient.lower_case())).collect();
    let tokens = distinct(watched.iter().map(|(token, _)| token).filter(|token| !token.is_native_coin()));
    let recipients = distinct(watched.iter().map(|(_, recipient)| recipient));
    if tokens.is_empty() {
        return Ok(());
    }
    let (mut next, mut span) = (from, BLOCKS_PER_QUESTION);
    while next <= to {
        let last = to.min(next.saturating_add(span - 1));
        let mut found = Vec::new();
        let mut refused = None;
        for some in recipients.chunks(RECIPIENTS_PER_QUESTION) {
            match round.endpoints.transfers(next..=last, &tokens, some).await {
                Ok(transfers) => found.extend(transfers),
                Err(unknown) => {
                    refused = Some(unknown);
                    break;
                }
            }
        }
        match refused {
            // Too many blocks or too many logs, in every provider's own words.
            Some(Unknown::Refused(_) | Unknown::Http(_) | Unknown::Malformed(_)) if span > 1 => span /= 2,
            Some(unknown) => return Err(Delayed::Part { what: format!("blocks {next} to {last}"), unknown }),
            None => {
                found.retain(|found| {
                    let token = found.transfer.token.as_ref().map(Address::lower_case).unwrap_or_default();
                    pairs.contains(&(token, found.transfer.recipient.lower_case()))
                });
                match_with_sessions(round, run, found).await?;
                next = last.saturating_add(1);
            }
        }
    }
    Ok(())
}

fn distinct<'a>(addresses: impl Iterator<Item = &'a Address>) -> Vec<Address> {
    let mut seen = HashSet::new();
    addresses.filter(|address| seen.insert(address.lower_case())).cloned().collect()
}

/// When blocks were made, each asked for once.
#[derive(Debug, Default)]
struct BlockTimes(HashMap<u64, Timestamp>);

impl BlockTimes {
    async fn of(&mut self, round: &Round<'_>, number: u64) -> Result<Timestamp, Delayed> {
        if let Some(time) = self.0.get(&number) {
            return Ok(*time);
        }
        let facts = round.endpoints.block_at(number).await;
        let time = facts.map_err(|unknown| Delayed::Part { what: format!("block {number}"), unknown })?.time;
        self.0.insert(number, time);
        Ok(time)
    }
}

/// Begins to follow those transfers that may be a session's. Whether they are is for [`crate::follow`] to judge.
async fn match_with_sessions(round: &Round<'_>, run: &mut ChainRun, found: Vec<FoundTransfer>) -> Result<(), Delayed> {
    let new: Vec<FoundTransfer> = found.into_iter().filter(|found| !round.chain.looked_at.knows(found)).collect();
    let mut references: HashMap<TxHash, Vec<Reference>> = HashMap::new();
    let hashes: HashSet<TxHash> = new.iter().map(|found| found.tx_hash.clone()).collect();
    let mut answers = stream::iter(hashes)
        .map(|hash| async move { (hash.clone(), round.endpoints.references(&hash).await) })
        .buffer_unordered(AT_ONCE);
    while let Some((hash, answer)) = answers.next().await {
        let found = answer.map_err(|unknown| Delayed::Part { what: format!("transaction {hash}"), unknown })?;
        references.insert(hash, found);
    }
    let mut by_pair: HashMap<(String, String), Vec<&FoundTransfer>> = HashMap::new();
    for found in &new {
        let Some(token) = &found.transfer.token else { continue };
        by_pair.entry((token.lower_case(), found.transfer.recipient.lower_case())).or_default().push(found);
    }
    let mut times = BlockTimes::default();
    for transfers in by_pair.into_values() {
        let Some(FoundTransfer { transfer, .. }) = transfers.first() else { continue };
        let Some(token) = &transfer.token else { continue };
        let moved: Vec<&Transfer> = transfers.iter().map(|found| &found.transfer).collect();
        let pair = (token, &transfer.recipient);
        let asks = round.run.db.asks_for(round.chain.id, pair, &moved, round.platform).await?;
        for found in transfers {
            let mut candidates = Vec::new();
            // Only where somebody may be meant does it matter when the block was made.
            if !asks.asks.is_empty() {
                let block_time = times.of(round, found.block.number).await?;
                candidates.extend(meant(&asks, &found.transfer, block_time).sessions.into_iter().map(|(_, id)| id));
            }
            let named = references.get(&found.tx_hash).into_iter().flatten();
            candidates.extend(named.filter_map(|reference| round.platform.referenced_session(reference)));
            candidates.dedup();
            for candidate in candidates {
                if begin(round, found, &candidate).await? {
                    run.found += 1;
                }
            }
            round.chain.looked_at.learn(found);
        }
    }
    Ok(())
}

/// Follows a transaction for a session, unless it is followed or there is no such session.
async fn begin(round: &Round<'_>, found: &FoundTransfer, id: &CheckoutSessionId) -> Result<bool, Delayed> {
    let session = round.run.db.find_checkout_session(id, round.platform).await?;
    let meant = session.filter(|session| {
        session.chain_id == round.chain.id
            && Some(&session.token_address) == found.transfer.token.as_ref()
            && session.recipient_address == found.transfer.recipient
    });
    let Some(session) = meant else { return Ok(false) };
    let write = follow(&Followed::new(&session, found.tx_hash.clone(), None, round.run.now));
    match round.run.db.commit(vec![write?]).await {
        Ok(()) => Ok(true),
        Err(CommitError::Refused { refusal: Refusal::Taken, .. }) => Ok(false),
        Err(error) => Err(Delayed::not_written(&format!("transaction {}", found.tx_hash), error)),
    }
}
