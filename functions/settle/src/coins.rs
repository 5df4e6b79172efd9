//! Looks for the chain's own coin, which leaves no log: while a session waits for it, blocks are read whole.

use crate::matches::{self, Watching};
use crate::search::Search;
use crate::{AT_ONCE, ChainRun, Delayed, Round};
use anyspend_domain::Address;
use futures_util::stream::{self, StreamExt};
use std::collections::HashSet;

/// Blocks that are read whole in one run: a chain that was not followed for long is caught up with over several.
pub(crate) const BLOCKS_READ_WHOLE: u64 = 600;

/// Reads the blocks from `from` on whole, and returns up to which all were looked at.
pub(crate) async fn read(
    round: &Round<'_>,
    run: &mut ChainRun,
    from: u64,
    watching: &Watching,
    search: &mut Search<'_>,
) -> Result<(), Delayed> {
    let mut seen = HashSet::new();
    let recipients: Vec<Address> =
        watching.coins.iter().map(|(_, recipient)| recipient).filter(|one| seen.insert(*one)).cloned().collect();
    let to = round.head.latest.min(from.saturating_add(BLOCKS_READ_WHOLE - 1));
    let recipients = &recipients;
    let mut blocks = stream::iter(from..=to)
        .map(|number| async move { (number, round.endpoints.coins(number, recipients).await) })
        .buffered(AT_ONCE);
    while let Some((number, coins)) = blocks.next().await {
        let coins = coins.map_err(|unknown| Delayed::Part { what: format!("block {number}, whole"), unknown })?;
        for (found, named) in coins.found {
            matches::match_coins(round, run, watching, &found, &named).await?;
        }
        search.coins_are_read_to(number);
        if search.is_time_up() {
            break;
        }
    }
    Ok(())
}
