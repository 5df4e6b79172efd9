//! What every request of one process shares.

use crate::clock::Clock;
use crate::config::Config;
use crate::owner_cache::OwnerCache;
use crate::rate_limit_cache::RateLimitCache;
use crate::turns::Turns;
use crate::wrong_credentials::WrongCredentials;
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
    pub rate_limits: RateLimitCache,
    /// Who has shown this instance wrong credentials lately.
    pub wrong_credentials: WrongCredentials,
    /// Whose objects this instance has seen.
    pub owners: OwnerCache,
    pub(crate) turns: Turns,
}

impl Platform {
    /// A platform on a table.
    pub fn new(db: Db, config: Config, clock: Clock) -> Arc<Self> {
        let (rate_limits, owners, turns) = (RateLimitCache::default(), OwnerCache::default(), Turns::default());
        let wrong_credentials = WrongCredentials::default();
        Arc::new(Self { db, config, clock, rate_limits, wrong_credentials, owners, turns })
    }
}
