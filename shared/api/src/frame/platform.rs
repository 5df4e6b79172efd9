//! What every request of one process shares.

use crate::clock::Clock;
use crate::config::Config;
use crate::limiter::Hints;
use crate::link_owners::LinkOwners;
use anyspend_store::Db;
use std::sync::Arc;

/// What every request of one process shares.
#[derive(Debug)]
pub struct Platform {
    /// The table.
    pub db: Db,
    /// What the deployment decides.
    pub config: Config,
    /// Where `now` comes from.
    pub clock: Clock,
    /// What this instance remembers about rate limits.
    pub hints: Hints,
    /// Whose links this instance has seen.
    pub link_owners: LinkOwners,
}

impl Platform {
    /// A platform on a table.
    pub fn new(db: Db, config: Config, clock: Clock) -> Arc<Self> {
        Arc::new(Self { db, config, clock, hints: Hints::default(), link_owners: LinkOwners::default() })
    }
}
