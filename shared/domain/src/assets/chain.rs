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
}

impl Chains {
    /// The known chains plus `configured`, which may add chains of its own.
    pub const fn new(configured: BTreeMap<u64, ChainAccess>) -> Self {
        Self { configured }
    }

    /// Whether links may name this chain.
    pub fn contains(&self, id: u64) -> bool {
        self.configured.contains_key(&id) || KNOWN_CHAINS.iter().any(|chain| chain.id == id)
    }

    /// Whether payments on this chain can be followed.
    pub fn can_settle(&self, id: u64) -> bool {
        self.configured.get(&id).is_some_and(|access| !access.rpc_urls.is_empty())
    }

    /// The chains payments are followed on, and how each is reached, by ascending id.
    pub fn settling(&self) -> impl Iterator<Item = (u64, &ChainAccess)> {
        self.configured.iter().filter(|(_, access)| !access.rpc_urls.is_empty()).map(|(id, access)| (*id, access))
    }

    /// Every chain id, ascending.
    pub fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> =
            KNOWN_CHAINS.iter().map(|chain| chain.id).chain(self.configured.keys().copied()).collect();
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
    }
}
