//! How amounts and assets are written for people.

use anyspend_domain::chain::{Asset, known_asset, known_chain};
use anyspend_domain::money::ShippingCost;
use anyspend_domain::pasted::machine_form;
use anyspend_domain::{Address, Amount, Invalid};

/// What a link or a session is paid in.
#[derive(Debug, Clone)]
pub(crate) struct Currency {
    asset: Option<Asset>,
    pub(crate) token: Address,
    pub(crate) chain_id: u64,
}

impl Currency {
    pub(crate) fn new(token: &Address, chain_id: u64) -> Self {
        Self { asset: known_asset(token, chain_id), token: token.clone(), chain_id }
    }

    /// `10.00 USDC`; of a token that is not known, the number of its smallest units.
    pub(crate) fn amount(&self, amount: Amount) -> String {
        match self.asset {
            Some(asset) => format!("{} {}", amount.in_tokens(asset.decimals, asset.places), asset.symbol),
            None => format!("{amount} units"),
        }
    }

    /// The same without the symbol, as it stands in an input.
    pub(crate) fn number(&self, amount: Amount) -> String {
        self.asset.map_or_else(|| amount.to_string(), |asset| amount.in_tokens(asset.decimals, asset.places))
    }

    /// A price of shipping.
    pub(crate) fn cost(&self, cost: ShippingCost) -> String {
        match self.asset {
            _ if cost.is_free() => "Free".to_owned(),
            Some(asset) => format!("{} {}", cost.in_tokens(asset.decimals, asset.places), asset.symbol),
            None => format!("{cost} units"),
        }
    }

    /// Reads what a payer typed.
    pub(crate) fn read(&self, text: &str) -> Result<Amount, Invalid> {
        match self.asset {
            Some(asset) => Amount::parse_in_tokens(text, asset.decimals),
            None => Amount::parse(&machine_form(text))
                .map_err(|_| Invalid::new("must be a whole number, in the token's smallest unit")),
        }
    }

    /// `USDC`, or what stands in for a symbol nobody knows.
    pub(crate) fn symbol(&self) -> &'static str {
        self.asset.map_or("units", |asset| asset.symbol)
    }

    /// Whether amounts are told in the smallest unit, because nothing better is known.
    pub(crate) const fn is_unknown(&self) -> bool {
        self.asset.is_none()
    }

    /// The chain's name.
    pub(crate) fn network(&self) -> String {
        known_chain(self.chain_id).map_or_else(|| format!("chain {}", self.chain_id), |chain| chain.name.to_owned())
    }
}
