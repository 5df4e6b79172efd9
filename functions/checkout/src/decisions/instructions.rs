//! What the payer is told to do: what a wallet sends, and where to go afterwards.

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

/// The transaction that pays this much of a session: the transfer, with the session's reference behind it, so that it is
/// known to be for this session whatever its amount.
pub(crate) fn wallet_transaction(
    session: &CheckoutSession,
    amount: Amount,
    reference: &Reference,
) -> WalletTransaction {
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

/// What a wallet needs to pay (EIP-681).
pub(crate) fn payment_uri(session: &CheckoutSession, owed: Amount) -> String {
    let (recipient, chain) = (session.recipient_address.as_sent(), session.chain_id);
    if session.token_address.is_native_coin() {
        return format!("ethereum:{recipient}@{chain}?value={owed}");
    }
    let token = session.token_address.as_sent();
    format!("ethereum:{token}@{chain}/transfer?address={recipient}&uint256={owed}")
}

/// Where the payer goes after paying, with the session's id where the merchant asked for it.
pub(crate) fn success_url(session: &CheckoutSession) -> Option<String> {
    session.purchase.success_url.as_ref().map(|url| url.for_session(&session.id))
}

/// Where the payer goes instead of paying.
pub(crate) fn cancel_url(session: &CheckoutSession) -> Option<String> {
    session.purchase.cancel_url.as_ref().map(|url| url.for_session(&session.id))
}
