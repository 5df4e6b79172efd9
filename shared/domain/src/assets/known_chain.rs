//! The chains known out of the box: all that is known of each, in one row.
//!
//! What must stay true: a chain is added by one constant and one line of [`KNOWN_CHAINS`], and nothing about it stands
//! anywhere else. A row that lacks something does not compile.

use crate::{Address, Amount, Cents};
use alloy_primitives::address;

/// USDC's usual decimals; BNB Chain's bridged versions have 18.
const STABLE: u8 = 6;

/// Decimal places of the native coin, the same on every chain here.
pub const NATIVE_DECIMALS: u8 = 18;

/// A currency a token keeps the worth of, unit for unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peg {
    /// The US dollar.
    Usd,
}

/// A token that is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Ticker, e.g. `USDC`.
    pub symbol: &'static str,
    /// Decimal places of the smallest unit.
    pub decimals: u8,
    /// What it is worth; `None` where that changes by the minute and is not known here.
    pub peg: Option<Peg>,
    contract: [u8; 20],
}

impl Token {
    /// Its contract's address, with the checksum of EIP-55.
    pub fn address(&self) -> Address {
        Address::from_bytes(self.contract)
    }

    /// What an amount of it is worth in US dollars; `None` of a token that is no dollar.
    pub fn usd_value(&self, amount: Amount) -> Option<Cents> {
        self.peg.map(|Peg::Usd| amount.cents(self.decimals))
    }

    /// Decimal places that are written even where they are zeros: a dollar has cents.
    const fn places(&self) -> usize {
        match self.peg {
            Some(Peg::Usd) => 2,
            None => 0,
        }
    }
}

/// Where people look up what is on a chain. `{}` stands for what is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explorer {
    /// The page of a transaction.
    transaction: &'static str,
    /// The page of an address.
    address: &'static str,
}

impl Explorer {
    /// The page of a transaction.
    pub fn transaction_url(&self, hash: &str) -> String {
        self.transaction.replace("{}", hash)
    }

    /// The page of an address.
    pub fn address_url(&self, address: &Address) -> String {
        self.address.replace("{}", address.as_sent())
    }
}

/// What is built in about a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownChain {
    /// EIP-155 chain id.
    pub id: u64,
    /// Display name.
    pub name: &'static str,
    /// What people call it in one word, lower case; the first is the usual one.
    pub short_names: &'static [&'static str],
    /// Ticker of the native coin ([`NATIVE_DECIMALS`] on every chain here).
    pub native_symbol: &'static str,
    /// Whether its coins are worth nothing.
    pub is_testnet: bool,
    /// Blocks, the payment's own included, that are enough where nothing was configured: past what the chain has
    /// reorganised in years. Each of these chains also says which block is `finalized`, which on the quicker ones comes
    /// first.
    pub confirmations: u64,
    /// Where people look up what is on it.
    pub explorer: Explorer,
    /// The tokens known on it.
    pub tokens: &'static [Token],
}

/// A token that is worth a US dollar.
const fn dollar(symbol: &'static str, decimals: u8, contract: alloy_primitives::Address) -> Token {
    Token { symbol, decimals, peg: Some(Peg::Usd), contract: contract.0.0 }
}

/// The pages every explorer made by Etherscan's people has.
macro_rules! etherscan {
    ($site:literal) => {
        Explorer { transaction: concat!($site, "/tx/{}"), address: concat!($site, "/address/{}") }
    };
}

// USDC from Circle's published contract list, USDT from Tether's.

/// Ethereum's main network.
pub const ETHEREUM: KnownChain = KnownChain {
    id: 1,
    name: "Ethereum",
    short_names: &["ethereum", "eth", "mainnet"],
    native_symbol: "ETH",
    is_testnet: false,
    confirmations: 12,
    explorer: etherscan!("https://etherscan.io"),
    tokens: &[
        dollar("USDC", STABLE, address!("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")),
        dollar("USDT", STABLE, address!("dac17f958d2ee523a2206206994597c13d831ec7")),
    ],
};

/// Optimism.
pub const OP_MAINNET: KnownChain = KnownChain {
    id: 10,
    name: "OP Mainnet",
    short_names: &["optimism", "op"],
    native_symbol: "ETH",
    is_testnet: false,
    confirmations: 10,
    explorer: etherscan!("https://optimistic.etherscan.io"),
    tokens: &[
        dollar("USDC", STABLE, address!("0b2c639c533813f4aa9d7837caf62653d097ff85")),
        dollar("USDT", STABLE, address!("94b008aa00579c1307b0ef2c499ad98a8ce58e58")),
    ],
};

/// BNB Smart Chain.
pub const BNB_CHAIN: KnownChain = KnownChain {
    id: 56,
    name: "BNB Smart Chain",
    short_names: &["bsc", "bnb"],
    native_symbol: "BNB",
    is_testnet: false,
    confirmations: 15,
    explorer: etherscan!("https://bscscan.com"),
    tokens: &[
        dollar("USDC", 18, address!("8ac76a51cc950d9822d68b83fe1ad97b32cd580d")),
        dollar("USDT", 18, address!("55d398326f99059ff775485246999027b3197955")),
    ],
};

/// Polygon's proof-of-stake chain.
pub const POLYGON: KnownChain = KnownChain {
    id: 137,
    name: "Polygon",
    short_names: &["polygon", "matic"],
    native_symbol: "POL",
    is_testnet: false,
    confirmations: 128,
    explorer: etherscan!("https://polygonscan.com"),
    tokens: &[
        dollar("USDC", STABLE, address!("3c499c542cef5e3811e1192ce70d8cc03d5c3359")),
        dollar("USDT", STABLE, address!("c2132d05d31c914a87c6611c10748aeb04b58e8f")),
    ],
};

/// USDC on Base: what quick pay defaults to.
pub const USDC_ON_BASE: Token = dollar("USDC", STABLE, address!("833589fcd6edb6e08f4c7c32d4f71b54bda02913"));

/// Base: what quick pay defaults to.
pub const BASE: KnownChain = KnownChain {
    id: 8453,
    name: "Base",
    short_names: &["base"],
    native_symbol: "ETH",
    is_testnet: false,
    confirmations: 10,
    explorer: etherscan!("https://basescan.org"),
    tokens: &[USDC_ON_BASE, dollar("USDT", STABLE, address!("fde4c96c8593536e31f229ea8f37b2ada2699bb2"))],
};

/// Arbitrum One.
pub const ARBITRUM_ONE: KnownChain = KnownChain {
    id: 42161,
    name: "Arbitrum One",
    short_names: &["arbitrum", "arb"],
    native_symbol: "ETH",
    is_testnet: false,
    confirmations: 20,
    explorer: etherscan!("https://arbiscan.io"),
    tokens: &[
        dollar("USDC", STABLE, address!("af88d065e77c8cc2239327c5edb3a432268e5831")),
        dollar("USDT", STABLE, address!("fd086bc7cd5c481dcc9c85ebe478a1c0b69fcbb9")),
    ],
};

/// Avalanche's C-Chain.
pub const AVALANCHE: KnownChain = KnownChain {
    id: 43114,
    name: "Avalanche C-Chain",
    short_names: &["avalanche", "avax"],
    native_symbol: "AVAX",
    is_testnet: false,
    confirmations: 2,
    explorer: etherscan!("https://snowscan.xyz"),
    tokens: &[
        dollar("USDC", STABLE, address!("b97ef9ef8734c71904d8002f8b6bc66dd9c48a6e")),
        dollar("USDT", STABLE, address!("9702230a8ea53601f5cd2dc00fdbc13d4df4a8c7")),
    ],
};

/// Ethereum's test network.
pub const SEPOLIA: KnownChain = KnownChain {
    id: 11_155_111,
    name: "Sepolia",
    short_names: &["sepolia"],
    native_symbol: "ETH",
    is_testnet: true,
    confirmations: 3,
    explorer: etherscan!("https://sepolia.etherscan.io"),
    tokens: &[dollar("USDC", STABLE, address!("1c7d4b196cb0c7b01d743fbc6116a902379c7238"))],
};

/// Base's test network.
pub const BASE_SEPOLIA: KnownChain = KnownChain {
    id: 84532,
    name: "Base Sepolia",
    short_names: &["base-sepolia"],
    native_symbol: "ETH",
    is_testnet: true,
    confirmations: 3,
    explorer: etherscan!("https://sepolia.basescan.org"),
    tokens: &[dollar("USDC", STABLE, address!("036cbd53842c5426634e7929541ec2318f3dcf7e"))],
};

/// Every chain that is known, and the only place that says so.
pub const KNOWN_CHAINS: &[KnownChain] =
    &[ETHEREUM, OP_MAINNET, BNB_CHAIN, POLYGON, BASE, ARBITRUM_ONE, AVALANCHE, SEPOLIA, BASE_SEPOLIA];

impl KnownChain {
    /// The token whose contract has this address.
    fn token(&self, address: &Address) -> Option<&'static Token> {
        self.tokens.iter().find(|token| token.contract == *address.bytes())
    }
}

/// The known chain with this id.
pub fn known_chain(id: u64) -> Option<&'static KnownChain> {
    KNOWN_CHAINS.iter().find(|chain| chain.id == id)
}

/// A token that is known by name on a chain.
pub fn known_token(token: &Address, chain_id: u64) -> Option<&'static Token> {
    known_chain(chain_id)?.token(token)
}

/// What an amount of a token is worth in US dollars; `None` where that is not known.
pub fn usd_value(token: &Address, chain_id: u64, amount: Amount) -> Option<Cents> {
    known_token(token, chain_id)?.usd_value(amount)
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

/// How the asset behind an address is written: a known token, or the native coin of a known chain.
pub fn known_asset(address: &Address, chain_id: u64) -> Option<Asset> {
    let chain = known_chain(chain_id)?;
    if address.is_native_coin() {
        return Some(Asset { symbol: chain.native_symbol, decimals: NATIVE_DECIMALS, places: 0 });
    }
    let token = chain.token(address)?;
    Some(Asset { symbol: token.symbol, decimals: token.decimals, places: token.places() })
}

/// Where a well-known token does live, when it is named on a chain where it does not: a warning for the caller.
pub fn token_elsewhere(address: &Address, chain_id: u64) -> Option<(&'static str, &'static KnownChain)> {
    if known_token(address, chain_id).is_some() {
        return None;
    }
    KNOWN_CHAINS.iter().find_map(|chain| chain.token(address).map(|token| (token.symbol, chain)))
}

/// The symbol of a well-known token, on whatever chain its contract is.
pub fn token_at(address: &Address) -> Option<&'static str> {
    KNOWN_CHAINS.iter().find_map(|chain| chain.token(address).map(|token| token.symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_share_an_id_a_short_name_or_a_token() {
        let mut ids: Vec<u64> = KNOWN_CHAINS.iter().map(|chain| chain.id).collect();
        let mut names: Vec<&str> = KNOWN_CHAINS.iter().flat_map(|chain| chain.short_names).copied().collect();
        let mut tokens: Vec<_> = KNOWN_CHAINS.iter().flat_map(|c| c.tokens).map(|token| token.contract).collect();
        let all = (ids.len(), names.len(), tokens.len());
        ids.sort_unstable();
        ids.dedup();
        names.sort_unstable();
        names.dedup();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!((ids.len(), names.len(), tokens.len()), all);
    }

    #[test]
    fn every_row_has_a_short_name_confirmations_and_pages_of_an_explorer() {
        for chain in KNOWN_CHAINS {
            let plain = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(!chain.short_names.is_empty() && chain.short_names.iter().all(plain), "{}", chain.name);
            assert!(chain.confirmations >= 1, "{}", chain.name);
            for page in [chain.explorer.transaction, chain.explorer.address] {
                assert!(page.starts_with("https://") && page.matches("{}").count() == 1, "{page}");
            }
        }
        assert_eq!(BASE.explorer.transaction_url("0x12"), "https://basescan.org/tx/0x12");
        let address = USDC_ON_BASE.address();
        assert_eq!(BASE.explorer.address_url(&address), format!("https://basescan.org/address/{}", address.as_sent()));
    }

    #[test]
    fn a_token_that_is_no_dollar_has_no_price_and_no_cents() {
        let weth = Token { symbol: "WETH", decimals: 18, peg: None, contract: [7; 20] };
        let (one, units) = (Amount::ONE, Amount::parse("1000000").unwrap());
        assert_eq!((weth.usd_value(one), weth.usd_value(units), weth.places()), (None, None, 0));
        assert_eq!(USDC_ON_BASE.usd_value(units), Some(units.cents(6)));
        assert_eq!(usd_value(&USDC_ON_BASE.address(), BASE.id, units), Some(units.cents(6)));
        assert_eq!(usd_value(&Address::from_bytes(weth.contract), BASE.id, units), None);
    }

    #[test]
    fn an_asset_is_known_by_its_address_on_its_own_chain_only() {
        let asset = |address: &Address, chain| known_asset(address, chain);
        let usdc = USDC_ON_BASE.address();
        assert_eq!(usdc.as_sent(), "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
        assert_eq!(asset(&usdc, BASE.id), Some(Asset { symbol: "USDC", decimals: 6, places: 2 }));
        assert_eq!(asset(&usdc, ETHEREUM.id), None);
        for native in ["0x0000000000000000000000000000000000000000", "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"] {
            let native = Address::parse(native).unwrap();
            assert_eq!(asset(&native, 137).map(|asset| (asset.symbol, asset.decimals)), Some(("POL", 18)));
            assert_eq!(asset(&native, 31337), None);
        }
    }

    #[test]
    fn a_known_token_on_the_wrong_chain_is_noticed() {
        let usdc_on_ethereum = Address::parse("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48").unwrap();
        let (symbol, home) = token_elsewhere(&usdc_on_ethereum, BASE.id).unwrap();
        assert_eq!((symbol, home.id), ("USDC", 1));
        assert!(token_elsewhere(&usdc_on_ethereum, 1).is_none());
    }
}
