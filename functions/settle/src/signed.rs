//! Whose word a report's signature is: a key's, or that of a contract wallet which paid.

use crate::Round;
use anyspend_chain::{Unknown, signer};
use anyspend_domain::Address;
use anyspend_domain::followed::Followed;
use anyspend_domain::settlement::{Evidence, Transfer, statement};
use std::collections::HashSet;

/// Payers of one transaction that are asked whether a signature is theirs: a stranger's bundle may have many.
const PAYERS_ASKED: usize = 8;

/// The wallet whose word the report's signature is; `None` without one, or when it is nobody's who paid in `moved`.
///
/// # Errors
/// When the endpoints do not say it of a contract wallet.
pub(crate) async fn by(
    round: &Round<'_>,
    row: &Followed,
    evidence: &Evidence,
    moved: &[&Transfer],
) -> Result<Option<Address>, Unknown> {
    let Some(signature) = &row.signature else { return Ok(None) };
    let text = statement(&row.session_id, row.chain_id, &row.tx_hash);
    let payers: HashSet<&Address> = moved.iter().map(|transfer| &transfer.payer).collect();
    // A wallet with a key may have code as well (EIP-7702): its key comes first.
    if let Some(wallet) = signer(&text, signature).filter(|wallet| payers.contains(wallet)) {
        return Ok(Some(wallet));
    }
    for payer in payers.into_iter().take(PAYERS_ASKED) {
        if round.endpoints.is_contract_wallets(payer, (&text, signature), evidence.block.number).await? {
            return Ok(Some(payer.clone()));
        }
    }
    Ok(None)
}
