//! The chains payments settle on, and the tokens that are known there.

use crate::money::Cents;
use crate::{Address, Amount};
use std::collections::BTreeMap;

/// USDC's usual decimals; BNB Chain's bridged versions have 18.
const STABLE: u8 = 6;

/// Decimal places of the native coin, the same on every chain here.
pub const NATIVE_DECIMALS: u8 = 18;

/// A token that is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Ticker, e.g. `USDC`.
    pub symbol: &'static str,
    /// Decimal places of the smallest unit.
    pub decimals: u8,
    /// Contract address, lower case.
    pub address: &'static str,
}

/// What is built in about a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownChain {
    /// EIP-155 chain id.
    pub id: u64,
    /// Display name.
    pub name: &'static str,
    /// Ticker of the native coin (18 decimals on every chain here).
    pub native_symbol: &'static str,
    /// Stablecoins that count as 1 USD.
    pub tokens: &'static [Token],
}

const fn token(symbol: &'static str, decimals: u8, address: &'static str) -> Token {
    Token { symbol, decimals, address }
}

/// USDC on Base: what quick pay defaults to.
pub const USDC_ON_BASE: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
/// Base's chain id: what quick pay defaults to.
pub const BASE: u64 = 8453;

/// The chains known out of the box. USDC from Circle's published contract list, USDT from Tether's.
pub const KNOWN_CHAINS: &[KnownChain] = &[
    KnownChain {
        id: 1,
        name: "Ethereum",
        native_symbol: "ETH",
        tokens: &[
            token("USDC", STABLE, "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"),
            token("USDT", STABLE, "0xdac17f958d2ee523a2206206994597c13d831ec7"),
        ],
    },
    KnownChain {
        id: 10,
        name: "OP Mainnet",
        native_symbol: "ETH",
        tokens: &[
            token("USDC", STABLE, "0x0b2c639c533813f4aa9d7837caf62653d097ff85"),
            token("USDT", STABLE, "0x94b008aa00579c1307b0ef2c499ad98a8ce58e58"),
        ],
    },
    KnownChain {
        id: 56,
        name: "BNB Smart Chain",
        native_symbol: "BNB",
        tokens: &[
            token("USDC", 18, "0x8ac76a51cc950d9822d68b83fe1ad97b32cd580d"),
            token("USDT", 18, "0x55d398326f99059ff775485246999027b3197955"),
        ],
    },
    KnownChain {
        id: 137,
        name: "Polygon",
        native_symbol: "POL",
        tokens: &[
            token("USDC", STABLE, "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"),
            token("USDT", STABLE, "0xc2132d05d31c914a87c6611c10748aeb04b58e8f"),
        ],
    },
    KnownChain {
        id: BASE,
        name: "Base",
        native_symbol: "ETH",
        tokens: &[
            token("USDC", STABLE, "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"),
            token("USDT", STABLE, "0xfde4c96c8593536e31f229ea8f37b2ada2699bb2"),
        ],
    },
    KnownChain {
        id: 42161,
        name: "Arbitrum One",
        native_symbol: "ETH",
        tokens: &[
            token("USDC", STABLE, "0xaf88d065e77c8cc2239327c5edb3a432268e5831"),
            token("USDT", STABLE, "0xfd086bc7cd5c481dcc9c85ebe478a1c0b69fcbb9"),
        ],
    },
    KnownChain {
        id: 43114,
        name: "Avalanche C-Chain",
        native_symbol: "AVAX",
        tokens: &[
            token("USDC", STABLE, "0xb97ef9ef8734c71904d8002f8b6bc66dd9c48a6e"),
            token("USDT", STABLE, "0x9702230a8ea53601f5cd2dc00fdbc13d4df4a8c7"),
        ],
    },
    KnownChain {
        id: 11_155_111,
        name: "Sepolia",
        native_symbol: "ETH",
        tokens: &[token("USDC", STABLE, "0x1c7d4b196cb0c7b01d743fbc6116a902379c7238")],
    },
    KnownChain {
        id: 84532,
        name: "Base Sepolia",
        native_symbol: "ETH",
        tokens: &[token("USDC", STABLE, "0x036cbd53842c5426634e7929541ec2318f3dcf7e")],
    },
];

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

/// A token that is known by name on a chain.
pub fn known_token(token: &Address, chain_id: u64) -> Option<&'static Token> {
    let wanted = token.lower_case();
    known_chain(chain_id)?.tokens.iter().find(|token| token.address == wanted)
}

/// What an amount of a token is worth in US dollars: known stablecoins count as one dollar, the worth of anything else is
/// not known.
pub fn usd_value(token: &Address, chain_id: u64, amount: Amount) -> Option<Cents> {
    known_token(token, chain_id).map(|token| amount.cents(token.decimals))
}

/// How an asset is written on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Ticker, e.g. `USDC`.
    pub symbol: &'static str,
    /// Decimal places of the smallest unit.
    pub decimals: u8,
    /// Decimal places that are shown even where they are zeros.
    pub places: usize,
}

/// The known chain with this id.
pub fn known_chain(id: u64) -> Option<&'static KnownChain> {
    KNOWN_CHAINS.iter().find(|chain| chain.id == id)
}

/// How the asset behind an address is written: a known token, or the native coin of a known chain.
pub fn known_asset(address: &Address, chain_id: u64) -> Option<Asset> {
    let chain = known_chain(chain_id)?;
    if address.is_native_coin() {
        return Some(Asset { symbol: chain.native_symbol, decimals: NATIVE_DECIMALS, places: 0 });
    }
    let token = known_token(address, chain_id)?;
    // All known tokens are dollars, and dollars have cents.
    Some(Asset { symbol: token.symbol, decimals: token.decimals, places: 2 })
}

/// Where a well-known token does live, when it is named on a chain where it does not: a warning for the caller.
pub fn token_elsewhere(address: &Address, chain_id: u64) -> Option<(&'static str, &'static KnownChain)> {
    let wanted = address.lower_case();
    let lives_on =
        |chain: &KnownChain| chain.tokens.iter().find(|token| token.address == wanted).map(|token| token.symbol);
    if KNOWN_CHAINS.iter().any(|chain| chain.id == chain_id && lives_on(chain).is_some()) {
        return None;
    }
    KNOWN_CHAINS.iter().find_map(|chain| lives_on(chain).map(|symbol| (symbol, chain)))
}

/// The symbol of a well-known token, on whatever chain its contract is.
pub fn token_at(address: &Address) -> Option<&'static str> {
    let wanted = address.lower_case();
    let mut tokens = KNOWN_CHAINS.iter().flat_map(|chain| chain.tokens);
    tokens.find(|token| token.address == wanted).map(|token| token.symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_token_address_is_an_address() {
        for token in KNOWN_CHAINS.iter().flat_map(|chain| chain.tokens) {
            assert_eq!(Address::parse(token.address).unwrap().lower_case(), token.address);
        }
        assert_eq!(Address::parse(USDC_ON_BASE).unwrap().lower_case(), KNOWN_CHAINS[4].tokens[0].address);
    }

    #[test]
    fn an_asset_is_known_by_its_address_on_its_own_chain_only() {
        let asset = |address: &str, chain| known_asset(&Address::parse(address).unwrap(), chain);
        assert_eq!(asset(USDC_ON_BASE, BASE), Some(Asset { symbol: "USDC", decimals: 6, places: 2 }));
        assert_eq!(asset(USDC_ON_BASE, 1), None);
        for native in ["0x0000000000000000000000000000000000000000", "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"] {
            assert_eq!(asset(native, 137).map(|asset| (asset.symbol, asset.decimals)), Some(("POL", 18)));
            assert_eq!(asset(native, 31337), None);
        }
    }

    #[test]
    fn a_known_token_on_the_wrong_chain_is_noticed() {
        let usdc_on_ethereum = Address::parse("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48").unwrap();
        let (symbol, home) = token_elsewhere(&usdc_on_ethereum, BASE).unwrap();
        assert_eq!((symbol, home.id), ("USDC", 1));
        assert!(token_elsewhere(&usdc_on_ethereum, 1).is_none());
    }

    #[test]
    fn a_chain_settles_only_where_an_rpc_is_configured() {
        let access = ChainAccess { rpc_urls: vec!["http://127.0.0.1:8545".into()], confirmations: None };
        let chains = Chains::new(BTreeMap::from([(31337, access)]));
        assert!(chains.contains(31337) && chains.can_settle(31337));
        assert!(chains.contains(BASE) && !chains.can_settle(BASE));
        assert!(!chains.contains(999));
    }
}
