//! What a wallet is asked to send: the transfer, with the session's reference behind it, so that it is known to be for this
//! session whatever its amount.

use anyspend_domain::checkout_session::CheckoutSession;
use anyspend_domain::settlement::Reference;
use anyspend_domain::{Address, Amount};
use serde::Serialize;

/// Selector of ERC-20's `transfer(address,uint256)`.
const TRANSFER: &str = "a9059cbb";

/// A transaction as wallets take it (EIP-1193, `eth_sendTransaction`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct WalletTransaction {
    to: String,
    value: String,
    data: String,
}

/// The transaction that pays this much of a session.
pub(crate) fn transaction(session: &CheckoutSession, amount: Amount, reference: &Reference) -> WalletTransaction {
    let digits = |address: &Address| address.lower_case().trim_start_matches("0x").to_owned();
    let amount = hex::encode(amount.to_be_bytes());
    let reference = reference.to_string();
    if session.token_address.is_native_coin() {
        let value = format!("0x{}", amount.trim_start_matches('0'));
        return WalletTransaction { to: session.recipient_address.lower_case(), value, data: reference };
    }
    let (recipient, reference) = (digits(&session.recipient_address), reference.trim_start_matches("0x"));
    let data = format!("0x{TRANSFER}{recipient:0>64}{amount}{reference}");
    WalletTransaction { to: session.token_address.lower_case(), value: "0x0".to_owned(), data }
}
