//! Looks for transfers to recipients of unpaid sessions, so that who scanned the code and closed the page is found too.
//!
//! Every block is looked at from the moment it is there until it is final and some blocks deeper, and then never again. The
//! chain's height is read before the recipients are: whoever pays in a block up to there had a session, and the session
//! its watch, before.

use crate::matches::Watching;
use crate::search::Search;
use crate::{ChainRun, Delayed, Round};
use anyspend_store::settlement::Progress;

/// Blocks of one run: a chain that was not followed for long is caught up with over several.
const BLOCKS_PER_RUN: u64 = 20_000;
/// How far back the very first run on a chain looks, and one on a chain that has become shorter.
const FIRST_LOOK_BACK: u64 = 1_000;
/// Blocks that are searched once more although they were final: the height may have come from one node, and the logs from
/// another that was a few blocks behind.
const SEARCHED_AGAIN: u64 = 32;

/// Looks through what is new on the chain and what is not final yet.
pub(crate) async fn scan(round: &Round<'_>, run: &mut ChainRun) -> Result<(), Delayed> {
    let (head, chain_id) = (round.head, round.chain.id);
    let before = round.run.db.progress_of(&[chain_id]).await?.pop();
    let watching = Watching::of(round.run.db.watched_recipients(chain_id, round.run.now).await?);
    let first = head.latest.saturating_sub(FIRST_LOOK_BACK);
    let before = match before {
        // A chain that is shorter than it was is another one, as a developer's node is after a restart.
        Some(before) if before.scanned_to <= head.latest && stands(round, &before).await? => Some(before),
        _ => None,
    };
    let from = before.as_ref().map_or(first, |before| (before.scanned_to + 1).saturating_sub(SEARCHED_AGAIN));
    let mut search = Search::new(round, before);
    // Nobody waits for anything in blocks that were made before anybody was watched.
    let searched = if watching.tokens.is_empty() {
        search.has_searched(round.block_at(head.latest).await?);
        Ok(())
    } else {
        let to = head.latest.min(from.saturating_add(BLOCKS_PER_RUN));
        search.tokens(run, (from, to), &watching).await
    };
    let coins = search.coins(run, from, &watching).await;
    // Whatever ended it: what was done is done.
    search.keep().await?;
    searched.and(coins)
}

/// Whether the block that was the last final one is still the chain's. If not, payments may have been completed that the
/// chain has undone: nothing here takes them back, and somebody must know.
async fn stands(round: &Round<'_>, before: &Progress) -> Result<bool, Delayed> {
    let Some(hash) = &before.scanned_hash else { return Ok(true) };
    let now = round.block_at(before.scanned_to).await?;
    if now.block.hash == *hash {
        return Ok(true);
    }
    let (chain_id, block) = (round.chain.id, before.scanned_to);
    tracing::error!(chain_id, block, was = %hash, is = %now.block.hash, "a block that was final was reorganised");
    Ok(false)
}
