//! What nothing is known of yet is asked for ever more rarely: after a quarter of the time it has been waited for.

use anyspend_domain::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long something is asked for in every run, in seconds.
const ASKED_EVERY_RUN_SECONDS: u64 = 120;
/// How much an instance remembers. What it forgets is asked for once more.
const REMEMBERED: usize = 20_000;

/// When what is next asked for.
#[derive(Debug, Default)]
pub(crate) struct Rarely(Mutex<HashMap<String, Waiting>>);

#[derive(Debug, Clone, Copy)]
struct Waiting {
    since: Timestamp,
    next: Timestamp,
}

impl Rarely {
    fn with<T>(&self, change: impl FnOnce(&mut HashMap<String, Waiting>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is time to ask for something; and whether it was never asked for.
    pub(crate) fn is_due(&self, what: &str, now: Timestamp) -> (bool, bool) {
        self.with(|known| known.get(what).map_or((true, true), |waiting| (waiting.next <= now, false)))
    }

    /// It was asked for, and is waited for since then.
    pub(crate) fn asked(&self, what: &str, since: Timestamp, now: Timestamp) {
        let waited = now.millis_since(since) / 1_000;
        let pause = if waited < ASKED_EVERY_RUN_SECONDS { 0 } else { waited / 4 };
        self.with(|known| {
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(what.to_owned(), Waiting { since, next: now.plus_seconds(pause) });
        });
    }

    /// The same, of what is waited for since it was first asked for.
    pub(crate) fn waits(&self, what: &str, now: Timestamp) {
        let since = self.with(|known| known.get(what).map_or(now, |waiting| waiting.since));
        self.asked(what, since, now);
    }
}

/// Brings rows into an order in which each group has its turn: the first of every group, then the second of every group.
pub(crate) fn in_turns<T, K: std::hash::Hash + Eq>(rows: Vec<T>, group: impl Fn(&T) -> K) -> Vec<T> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut placed: Vec<(usize, T)> = Vec::with_capacity(rows.len());
    for row in rows {
        let place = places.entry(group(&row)).or_default();
        placed.push((*place, row));
        *place += 1;
    }
    // Stable: within one turn the order stays.
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000).unwrap()
    }

    #[test]
    fn what_nobody_has_heard_of_is_asked_for_ever_more_rarely() {
        let rarely = Rarely::default();
        let mut asked = Vec::new();
        // A run a minute, for an hour.
        for minute in 0..60 {
            if rarely.is_due("it", at(1_000 + minute * 60)).0 {
                asked.push(minute);
                rarely.asked("it", at(1_000), at(1_000 + minute * 60));
            }
        }
        assert_eq!(asked, [0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 19, 24, 30, 38, 48]);
    }

    #[test]
    fn whoever_asks_for_little_waits_for_nobody_who_asks_for_much() {
        let rows = vec![("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)];
        let turns: Vec<u8> = in_turns(rows, |(group, _)| *group).into_iter().map(|(_, at)| at).collect();
        assert_eq!(turns, [1, 4, 5, 2, 6, 3]);
    }
}
