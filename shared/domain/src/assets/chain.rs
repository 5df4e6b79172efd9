//! The chains this deployment serves, and how each is reached.

pub use super::known_chain::*;

use std::collections::BTreeMap;

/// How one chain is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainAccess {
    /// JSON-RPC endpoints; empty means that nothing can be settled there.
    pub rpc_urls: Vec<String>,
    /// Blocks before a payment is complete; `None` means the chain's own default.
    pub confirmations: Option<u64>,
}

/// The chains this deployment serves: the known ones, and those that were configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chains {
    configured: BTreeMap<u64, ChainAccess>,
    /// Followed by another process, which alone knows how they are reached; with their confirmations.
    followed_elsewhere: BTreeMap<u64, Option<u64>>,
}

impl Chains {
    /// The known chains plus `configured`, which may add chains of its own.
    pub const fn new(configured: BTreeMap<u64, ChainAccess>) -> Self {
        Self { configured, followed_elsewhere: BTreeMap::new() }
    }

    /// The same, and these chains are followed by another process, after so many confirmations.
    #[must_use]
    pub fn followed_elsewhere(self, chains: BTreeMap<u64, Option<u64>>) -> Self {
        Self { followed_elsewhere: chains, ..self }
    }

    /// Whether links may name this chain.
    pub fn contains(&self, id: u64) -> bool {
        self.configured.contains_key(&id)
            || self.followed_elsewhere.contains_key(&id)
            || KNOWN_CHAINS.iter().any(|chain| chain.id == id)
    }

    /// Whether payments on this chain can be followed.
    pub fn can_settle(&self, id: u64) -> bool {
        self.followed_elsewhere.contains_key(&id)
            || self.configured.get(&id).is_some_and(|access| !access.rpc_urls.is_empty())
    }

    /// The chains payments are followed on, by whichever process, and the confirmations configured for each.
    pub fn followed(&self) -> BTreeMap<u64, Option<u64>> {
        let here = self.settling().map(|(id, access)| (id, access.confirmations));
        here.chain(self.followed_elsewhere.iter().map(|(id, blocks)| (*id, *blocks))).collect()
    }

    /// The chains this process follows payments on, and how each is reached, by ascending id.
    pub fn settling(&self) -> impl Iterator<Item = (u64, &ChainAccess)> {
        self.configured.iter().filter(|(_, access)| !access.rpc_urls.is_empty()).map(|(id, access)| (*id, access))
    }

    /// Every chain id, ascending.
    pub fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> =
            KNOWN_CHAINS.iter().map(|chain| chain.id).chain(self.configured.keys().copied()).collect();
        ids.extend(self.followed_elsewhere.keys());
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_settles_only_where_an_rpc_is_configured() {
        let access = ChainAccess { rpc_urls: vec!["http://127.0.0.1:8545".into()], confirmations: None };
        let chains = Chains::new(BTreeMap::from([(31337, access)]));
        assert!(chains.contains(31337) && chains.can_settle(31337));
        assert!(chains.contains(BASE.id) && !chains.can_settle(BASE.id));
        assert!(!chains.contains(999));
        let told = Chains::default().followed_elsewhere(BTreeMap::from([(BASE.id, None), (999, Some(3))]));
        assert!(told.can_settle(BASE.id) && told.contains(999) && told.ids().contains(&999));
        assert_eq!((told.settling().count(), told.followed()[&999]), (0, Some(3)));
    }
}
