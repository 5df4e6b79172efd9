//! Who tries credentials that are none: so many a minute and network, and then this instance refuses without looking.
//!
//! In memory, because the point is to spend nothing on a stranger: an attacker who meets many instances has as many
//! minutes' worth, of which each costs one conditional write. Whoever shares the network and has a key that this instance
//! has seen working is let through.

use anyspend_domain::Timestamp;
use anyspend_domain::token_bucket::INTERVAL_SECONDS;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Wrong credentials that a network may try in an interval.
pub const WRONG_CREDENTIALS_PER_MINUTE: u32 = 60;
/// Networks remembered at most; then the one that tried the longest ago is forgotten.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// The wrong credentials that one instance was shown lately.
#[derive(Debug)]
pub struct WrongCredentials {
    by_network: Mutex<LruCache<String, Tried>>,
}

#[derive(Debug, Clone, Copy)]
struct Tried {
    since: Timestamp,
    times: u32,
}

impl Tried {
    fn ends(self) -> Timestamp {
        self.since.plus_seconds(INTERVAL_SECONDS)
    }
}

impl Default for WrongCredentials {
    fn default() -> Self {
        Self { by_network: Mutex::new(LruCache::new(CAPACITY)) }
    }
}

impl WrongCredentials {
    fn by_network(&self) -> MutexGuard<'_, LruCache<String, Tried>> {
        self.by_network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one.
    pub fn note(&self, network: &str, now: Timestamp) {
        let mut networks = self.by_network();
        match networks.get_mut(network).filter(|tried| now < tried.ends()) {
            Some(tried) => tried.times = tried.times.saturating_add(1),
            None => {
                networks.put(network.to_owned(), Tried { since: now, times: 1 });
            }
        }
    }

    /// How many a network has tried in its interval.
    pub fn times(&self, network: &str, now: Timestamp) -> u32 {
        self.by_network().peek(network).filter(|tried| now < tried.ends()).map_or(0, |tried| tried.times)
    }

    /// Until when a network is refused, if it has tried too often.
    pub fn refused_until(&self, network: &str, now: Timestamp) -> Option<Timestamp> {
        let tried = self.by_network().peek(network).copied()?;
        (now < tried.ends() && tried.times >= WRONG_CREDENTIALS_PER_MINUTE).then(|| tried.ends())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixtieth_is_the_last_of_an_interval_and_another_network_is_not_concerned() {
        let wrong = WrongCredentials::default();
        let began = Timestamp::from_millis(1_000).unwrap();
        for _ in 1..WRONG_CREDENTIALS_PER_MINUTE {
            wrong.note("a", began);
        }
        assert_eq!(wrong.refused_until("a", began), None);
        wrong.note("a", began);
        let ends = began.plus_seconds(INTERVAL_SECONDS);
        assert_eq!(wrong.refused_until("a", began), Some(ends));
        assert_eq!((wrong.refused_until("b", began), wrong.times("b", began)), (None, 0));
        assert_eq!((wrong.refused_until("a", ends), wrong.times("a", ends)), (None, 0));
        wrong.note("a", ends);
        assert_eq!(wrong.times("a", ends), 1);
    }
}
