//! What the agreed answers say about one transaction.

use crate::answers::{BlockFacts, ReceiptFacts, TransactionFacts};
use alloy_primitives::{Signature, eip191_hash_message};
use alloy_sol_types::SolCall;
use anyspend_domain::Address;
use anyspend_domain::settlement::{Evidence, Reference, Transfer, WalletSignature};
use anyspend_domain::transaction::TxHash;

mod erc1271 {
    alloy_sol_types::sol! {
        function isValidSignature(bytes32 hash, bytes signature);
    }
}

/// Puts together what was answered. `canonical` is the chain's block at the receipt's height, asked for after it.
pub(crate) fn evidence(
    tx_hash: &TxHash,
    transaction: TransactionFacts,
    receipt: ReceiptFacts,
    canonical: BlockFacts,
) -> Evidence {
    let mut transfers = receipt.transfers;
    if let (Some(recipient), Some(amount)) = (transaction.to, transaction.value) {
        let payer = transaction.sender.clone();
        transfers.push(Transfer { log_index: None, token: None, payer, recipient, amount });
    }
    Evidence {
        tx_hash: tx_hash.clone(),
        sender: transaction.sender,
        succeeded: receipt.succeeded,
        transfers,
        references: Reference::find_all(&transaction.input),
        block: receipt.block,
        canonical: canonical.block.hash,
        block_time: canonical.time,
    }
}

/// The wallet that signed a text the way wallets sign texts (EIP-191); `None` when no wallet can have.
pub fn signer(text: &str, signature: &WalletSignature) -> Option<Address> {
    let signature = Signature::from_raw_array(&signature.of_a_key()?).ok()?;
    let wallet = signature.recover_address_from_msg(text).ok()?;
    Some(Address::from_bytes(wallet.into_array()))
}

/// Under which a contract wallet says that a signature is its own (EIP-1271).
const IS_VALID: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// What a contract wallet is asked about a signature of a text: the calldata.
pub(crate) fn is_valid_call(text: &str, signature: &WalletSignature) -> Vec<u8> {
    let hash = eip191_hash_message(text);
    erc1271::isValidSignatureCall { hash, signature: signature.bytes().to_vec().into() }.abi_encode()
}

/// Whether a contract wallet's answer says that a signature is its own.
pub(crate) fn says_valid(answer: &str) -> bool {
    let padded = format!("0x{:0<64}", hex::encode(IS_VALID));
    answer.eq_ignore_ascii_case(&padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED_HELLO: &str = "0xf16ea9a3478698f695fd1401bfe27e9e4a7e8e3da94aa72b021125e31fa899cc\
                                573c48ea3fe1d4ab61a9db10c19032026e3ed2dbccba5a178235ac27f94504311c";

    #[test]
    fn a_signature_leads_to_the_wallet_that_made_it_for_this_text_only() {
        // What anvil's `personal_sign` makes of "hello" with the first of its well-known wallets.
        let known = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        let text = "hello";
        let signature = WalletSignature::parse(SIGNED_HELLO).unwrap();
        assert_eq!(signer(text, &signature).unwrap().as_sent(), known);
        assert_ne!(signer("hello!", &signature).map(|wallet| wallet.as_sent().to_owned()), Some(known.to_owned()));
    }
}
