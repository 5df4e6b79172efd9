//! Whose the transfers are that a search has found: each is matched with the sessions it may pay, and the transactions that
//! may pay one are followed from then on. What is nobody's is recorded once it is final.

use crate::plan::Pair;
use crate::unmatched::{self, Nobodys};
use crate::{AT_ONCE, ChainRun, Delayed, Round};
use anyspend_chain::{FoundTransfer, Unknown};
use anyspend_domain::followed::Followed;
use anyspend_domain::matching::{Class, Scope, meant};
use anyspend_domain::settlement::{Reference, Transfer};
use anyspend_domain::transaction::TxHash;
use anyspend_domain::{Address, CheckoutSessionId, Timestamp};
use anyspend_store::settlement::{Watched, follow};
use anyspend_store::{CommitError, Refusal};
use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// How many transfers an instance remembers to have looked at.
const REMEMBERED: usize = 20_000;
/// Transactions of one pair that are looked up in one run for the references they may bear.
const LOOKS_PER_PAIR: u32 = 200;
/// The same, of all pairs that only tests and links of nobody's organization watch.
const LOOKS_FOR_STRANGERS: u32 = 200;

/// Which log, or which transaction's own value, in which block.
type Place = (TxHash, Option<u64>, TxHash);

/// A transfer in a block, and whether that was final: what is nobody's is recorded only then.
type Sight = (Place, bool);

/// Transfers an instance has looked at and found to be nobody's, or to be followed. Blocks that are not final are read in
/// every run, and what stands in them need not be looked up each time.
#[derive(Debug, Default)]
pub(crate) struct LookedAt(Mutex<HashSet<Sight>>);

impl LookedAt {
    fn knows(&self, found: &FoundTransfer, is_final: bool) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&(place(found), is_final))
    }

    fn learn(&self, found: &FoundTransfer, is_final: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert((place(found), is_final));
    }
}

fn place(found: &FoundTransfer) -> Place {
    (found.tx_hash.clone(), found.transfer.log_index, found.block.hash.clone())
}

/// Whose transfers are watched.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    /// Of tokens: live organizations' first, strangers' last.
    pub(crate) tokens: Vec<Pair>,
    /// Of the chain's own coin.
    pub(crate) coins: Vec<Pair>,
    classes: HashMap<Pair, Class>,
}

impl Watching {
    pub(crate) fn of(watched: Vec<Watched>) -> Self {
        let mut watching = Self::default();
        for Watched { class, token, recipient } in watched {
            let pair = (token, recipient);
            watching.classes.insert(pair.clone(), class);
            if pair.0.is_native_coin() { watching.coins.push(pair) } else { watching.tokens.push(pair) }
        }
        watching
    }

    /// The watched pairs that a transfer is to: one of its token, and perhaps several of the chain's own coin, which has
    /// two spellings.
    fn pairs_of(&self, found: &FoundTransfer) -> Vec<Pair> {
        let recipient = &found.transfer.recipient;
        match &found.transfer.token {
            Some(token) => {
                Vec::from_iter(Some((token.clone(), recipient.clone())).filter(|pair| self.classes.contains_key(pair)))
            }
            None => self.coins.iter().filter(|(_, to)| to == recipient).cloned().collect(),
        }
    }
}

/// Transfers that could not be looked up yet, and what was spent on looking.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    by_block: BTreeMap<u64, u64>,
    looks: HashMap<Pair, u32>,
    for_strangers: u32,
}

impl Unfinished {
    /// The first block in which something is left.
    pub(crate) fn first(&self) -> Option<u64> {
        self.by_block.keys().next().copied()
    }

    /// Forgets what is left in blocks before `block`, and says how much it was.
    pub(crate) fn give_up_before(&mut self, chain_id: u64, block: u64) -> u64 {
        let kept = self.by_block.split_off(&block);
        let gone: u64 = std::mem::replace(&mut self.by_block, kept).into_values().sum();
        if gone > 0 {
            tracing::error!(chain_id, before = block, gone, "transfers were given up: nobody knows their transactions");
        }
        gone
    }

    fn leave(&mut self, found: &FoundTransfer) {
        *self.by_block.entry(found.block.number).or_default() += 1;
    }

    /// Whether one more transaction may be looked up for a pair in this run.
    fn may_look(&mut self, pair: &Pair, class: Class) -> bool {
        let spent = self.looks.entry(pair.clone()).or_default();
        let is_strangers = class != Class::Live;
        if *spent >= LOOKS_PER_PAIR || (is_strangers && self.for_strangers >= LOOKS_FOR_STRANGERS) {
            return false;
        }
        *spent += 1;
        self.for_strangers += u32::from(is_strangers);
        true
    }
}

/// Transfers to one watched pair, the first of which were found first.
type ByPair<'a> = HashMap<Pair, Vec<&'a FoundTransfer>>;

/// Begins to follow those transfers that may be a session's. Whether they are is for [`crate::follow`] to judge.
pub(crate) async fn match_with_sessions(
    round: &Round<'_>,
    run: &mut ChainRun,
    watching: &Watching,
    found: Vec<FoundTransfer>,
    unfinished: &mut Unfinished,
) -> Result<(), Delayed> {
    let new: Vec<FoundTransfer> =
        found.into_iter().filter(|found| !round.chain.looked_at.knows(found, is_final(round, found))).collect();
    let mut somebodys = HashSet::new();
    let mut by_pair: ByPair<'_> = HashMap::new();
    for found in &new {
        for pair in watching.pairs_of(found) {
            by_pair.entry(pair).or_default().push(found);
        }
    }
    // What an amount says costs no question. So whoever floods a pair keeps no payment by amount from being found.
    for (pair, transfers) in &by_pair {
        by_amount(round, run, pair, transfers, &mut somebodys).await?;
    }
    let mut wanted: HashSet<TxHash> = HashSet::new();
    for (pair, transfers) in &by_pair {
        let class = watching.classes.get(pair).copied().unwrap_or(Class::Quick);
        for found in transfers {
            let hash = found.tx_hash.to_string();
            let (is_due, _) = round.chain.rarely.is_due(&hash, round.run.now);
            if is_due && (wanted.contains(&found.tx_hash) || unfinished.may_look(pair, class)) {
                wanted.insert(found.tx_hash.clone());
            }
        }
    }
    let references = references(round, run, wanted).await?;
    for found in &new {
        match references.get(&found.tx_hash) {
            Some(named) => {
                by_reference(round, run, found, named, &mut somebodys).await?;
                looked_at(round, found, somebodys.contains(&place(found))).await?;
            }
            None => unfinished.leave(found),
        }
    }
    Ok(())
}

/// The same, of the chain's own coin, whose transaction is known already.
pub(crate) async fn match_coins(
    round: &Round<'_>,
    run: &mut ChainRun,
    watching: &Watching,
    found: &FoundTransfer,
    named: &[Reference],
) -> Result<(), Delayed> {
    if round.chain.looked_at.knows(found, is_final(round, found)) {
        return Ok(());
    }
    let mut somebodys = HashSet::new();
    for pair in watching.pairs_of(found) {
        by_amount(round, run, &pair, &[found], &mut somebodys).await?;
    }
    by_reference(round, run, found, named, &mut somebodys).await?;
    looked_at(round, found, somebodys.contains(&place(found))).await
}

fn is_final(round: &Round<'_>, found: &FoundTransfer) -> bool {
    round.chain.finality.reached(found.block.number, round.head)
}

/// Remembers a transfer that was looked at. One that is nobody's is recorded once it is final.
async fn looked_at(round: &Round<'_>, found: &FoundTransfer, is_somebodys: bool) -> Result<(), Delayed> {
    let is_final = is_final(round, found);
    // What is reported is followed to its end first: whoever reported it may sign for it.
    if !is_somebodys && is_final && round.run.db.followers(round.chain.id, &found.tx_hash).await?.is_empty() {
        let (tx_hash, block) = (&found.tx_hash, &found.block);
        let block_time = round.block_at(block.number).await?.time;
        unmatched::record(round, &Nobodys { tx_hash, transfer: &found.transfer, block, block_time }).await?;
    }
    round.chain.looked_at.learn(found, is_final);
    if is_somebodys {
        round.chain.looked_at.learn(found, true);
    }
    Ok(())
}

async fn by_amount(
    round: &Round<'_>,
    run: &mut ChainRun,
    (token, recipient): &Pair,
    transfers: &[&FoundTransfer],
    somebodys: &mut HashSet<Place>,
) -> Result<(), Delayed> {
    let moved: Vec<&Transfer> = transfers.iter().map(|found| &found.transfer).collect();
    let asks = round.run.db.asks_for(round.chain.id, (token, recipient), &moved, round.platform).await?;
    let mut times: HashMap<u64, Timestamp> = HashMap::new();
    for found in transfers {
        let (amount, number) = (found.transfer.amount, found.block.number);
        // Only where somebody may be meant does it matter when the block was made.
        if !asks.asks.iter().any(|ask| ask.asked == amount || ask.due == amount) {
            continue;
        }
        let time = match times.get(&number) {
            Some(time) => *time,
            None => round.block_at(number).await?.time,
        };
        times.insert(number, time);
        for (_, session) in meant(&asks, &found.transfer, time).sessions {
            let begun = begin(round, found, &session).await?;
            run.found += u32::from(begun == Begun::Now);
            if begun != Begun::Nobodys {
                somebodys.insert(place(found));
            }
        }
    }
    Ok(())
}

async fn by_reference(
    round: &Round<'_>,
    run: &mut ChainRun,
    found: &FoundTransfer,
    named: &[Reference],
    somebodys: &mut HashSet<Place>,
) -> Result<(), Delayed> {
    let mut sessions: Vec<_> =
        named.iter().filter_map(|reference| round.platform.referenced_session(reference)).collect();
    sessions.dedup();
    for session in sessions {
        let begun = begin(round, found, &session).await?;
        run.found += u32::from(begun == Begun::Now);
        if begun != Begun::Nobodys {
            somebodys.insert(place(found));
        }
    }
    Ok(())
}

/// The references in these transactions; those that cannot be read are not among them.
async fn references(
    round: &Round<'_>,
    run: &mut ChainRun,
    wanted: HashSet<TxHash>,
) -> Result<HashMap<TxHash, Vec<Reference>>, Delayed> {
    let mut references = HashMap::new();
    let mut answers = stream::iter(wanted)
        .map(|hash| async move { (hash.clone(), round.endpoints.references(&hash).await) })
        .buffer_unordered(AT_ONCE);
    let (mut failed, now) = (None, round.run.now);
    while let Some((hash, answer)) = answers.next().await {
        match answer {
            Ok(found) => _ = references.insert(hash, found),
            // This one waits by itself: some bridges mint in transactions that no node tells.
            Err(Unknown::Absent | Unknown::Disagreement | Unknown::Malformed(_) | Unknown::TooLarge(_)) => {
                run.waiting += 1;
                round.chain.rarely.waits(&hash.to_string(), now);
            }
            Err(unknown) => failed = Some(Delayed::Part { what: format!("transaction {hash}"), unknown }),
        }
    }
    failed.map_or(Ok(references), Err)
}

/// Whether a transaction is followed for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    /// From now on.
    Now,
    /// It was already.
    Before,
    /// There is no such session.
    Nobodys,
}

/// Follows a transaction for a session, unless it is followed or there is no such session.
async fn begin(round: &Round<'_>, found: &FoundTransfer, id: &CheckoutSessionId) -> Result<Begun, Delayed> {
    let session = round.run.db.find_checkout_session(id, round.platform).await?;
    let in_its_token = |token: &Address| match &found.transfer.token {
        Some(moved) => token == moved,
        None => token.is_native_coin(),
    };
    let meant = session.filter(|session| {
        session.chain_id == round.chain.id
            && in_its_token(&session.token_address)
            && session.recipient_address == found.transfer.recipient
    });
    let Some(session) = meant else { return Ok(Begun::Nobodys) };
    // An instance that has just begun searches again what was settled before.
    let (hash, log, scope) = (&found.tx_hash, found.transfer.log_index, Scope::of(&session));
    if is_final(round, found) && round.run.db.has_paid(round.chain.id, hash, log, &scope).await? {
        return Ok(Begun::Before);
    }
    round.chain.in_blocks.learn(&found.tx_hash);
    let write = follow(&Followed::new(&session, found.tx_hash.clone(), None, round.run.now));
    match round.run.db.commit(vec![write?]).await {
        Ok(()) => Ok(Begun::Now),
        Err(CommitError::Refused { refusal: Refusal::Taken, .. }) => Ok(Begun::Before),
        Err(error) => Err(Delayed::not_written(&format!("transaction {}", found.tx_hash), error)),
    }
}
