//! When a block is deep enough for what stands in it to be final.

use crate::chain::known_chain;

/// When a block is deep enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finality {
    /// Blocks, the payment's own included.
    pub confirmations: u64,
    /// Whether a block the chain itself calls final is deep enough before it has so many on top.
    pub believes_finalized: bool,
}

/// Blocks that are enough, where nothing was configured, on a chain nothing is known about.
const CONFIRMATIONS_ELSEWHERE: u64 = 12;

impl Finality {
    /// The rule of a chain. A configured number is meant: nothing makes it less.
    pub fn of(chain_id: u64, configured: Option<u64>) -> Self {
        let known = || known_chain(chain_id).map(|chain| chain.confirmations);
        Self {
            confirmations: configured.or_else(known).unwrap_or(CONFIRMATIONS_ELSEWHERE).max(1),
            believes_finalized: configured.is_none(),
        }
    }

    /// Whether a payment in block `number` is final.
    pub fn reached(self, number: u64, head: Head) -> bool {
        let finalized = self.believes_finalized && head.finalized.is_some_and(|finalized| number <= finalized);
        finalized || head.confirmations(number) >= self.confirmations
    }

    /// The highest block that is final.
    pub fn last_final(self, head: Head) -> Option<u64> {
        let deep = head.latest.checked_sub(self.confirmations - 1);
        let finalized = head.finalized.filter(|_| self.believes_finalized);
        deep.max(finalized)
    }
}

/// How far a chain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its highest block.
    pub latest: u64,
    /// The highest block it calls final, where it has that notion.
    pub finalized: Option<u64>,
}

impl Head {
    /// Blocks from `number` to the highest, both included.
    pub const fn confirmations(self, number: u64) -> u64 {
        match self.latest.checked_sub(number) {
            Some(above) => above.saturating_add(1),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::KNOWN_CHAINS;

    #[test]
    fn a_configured_number_of_confirmations_is_meant_and_a_default_believes_the_chain() {
        let head = Head { latest: 100, finalized: Some(98) };
        let configured = Finality::of(8453, Some(5));
        assert!(configured.reached(96, head) && !configured.reached(97, head) && !configured.reached(101, head));
        let default = Finality::of(8453, None);
        assert!(default.reached(98, head) && !default.reached(99, head));
        assert!(!default.reached(98, Head { finalized: None, ..head }));
        assert_eq!((configured.last_final(head), default.last_final(head)), (Some(96), Some(98)));
        assert!(Finality::of(8453, Some(0)).reached(100, head), "one confirmation is the block itself");
        assert_eq!(Finality::of(7, None).confirmations, CONFIRMATIONS_ELSEWHERE);
        assert_eq!(configured.last_final(Head { latest: 3, finalized: None }), None);
    }

    #[test]
    fn a_known_chain_has_the_confirmations_of_its_row() {
        for chain in KNOWN_CHAINS {
            assert_eq!(Finality::of(chain.id, None).confirmations, chain.confirmations, "{}", chain.name);
        }
        let of = |id| Finality::of(id, None).confirmations;
        assert_eq!([of(1), of(56), of(137), of(43114)], [12, 15, 128, 2]);
    }
}
