//! `GET /chains`

use anyspend_api::operation::{Access, Operation};
use anyspend_api::versions::Time;
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Timestamp;
use anyspend_domain::api_key::Permission;
use anyspend_domain::chain::known_chain;
use anyspend_domain::settlement::Finality;
use anyspend_store::settlement::Progress;
use http::{Method, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The chains payments are followed on.
#[derive(Debug, Serialize, ToSchema)]
struct ChainsView {
    /// `list`
    #[schema(examples("list"))]
    object: &'static str,
    /// By ascending id. Chains that links may name and nobody follows are not among them.
    data: Vec<ChainView>,
    /// `false`: there are never more than one answer holds.
    has_more: bool,
    /// How many there are.
    total_count: usize,
    /// The path of the list.
    url: &'static str,
}

/// A chain payments are followed on.
#[derive(Debug, Serialize, ToSchema)]
struct ChainView {
    /// `chain`
    #[schema(examples("chain"))]
    object: &'static str,
    /// EIP-155 chain id.
    chain_id: u64,
    /// Its name, where it is known.
    name: Option<&'static str>,
    /// Blocks before a payment counts as completed, its own included.
    confirmations: u64,
    /// Whether a block the chain itself calls final is enough before that.
    believes_finalized: bool,
    /// Its highest block when it was last followed; null until it was.
    last_block: Option<u64>,
    /// When that block says it was made.
    last_block_at: Option<Time>,
    /// Seconds from the last block that was searched to its end, to `as_of`: more than a few minutes mean that its endpoints
    /// have fallen behind, or that not all that was asked of them is answered yet.
    lag_seconds: Option<u64>,
    /// Up to this block, every transfer that is final was looked at.
    scanned_to: Option<u64>,
    /// How many things were given up in all: transfers of a token to a recipient in a block that has more of them than any
    /// endpoint tells, and transfers whose transaction no endpoint knows. Such payments must be reported to be seen.
    given_up: Option<u64>,
    /// When it was last followed. When that is long ago, its endpoints do not answer, and its payments wait.
    as_of: Option<Time>,
}

pub(crate) fn operation() -> Operation {
    Operation::new::<ChainsView>(
        "listChains",
        Method::GET,
        "/api/v1/chains",
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "See how far payments are followed on each chain",
    )
    .described("Of every chain with an RPC endpoint: its last block, how old that is, and as of when this is known.")
    .beside(find, list)
}

async fn find(call: Arc<Call>) -> Result<Vec<Progress>, ApiError> {
    let chains: Vec<u64> = call.platform.config.chains.followed().into_keys().collect();
    Ok(call.db.progress_of(&chains).await?)
}

async fn list(call: Arc<Call>, _: Caller, progress: Vec<Progress>) -> Result<Answer, ApiError> {
    let data: Vec<ChainView> = call
        .platform
        .config
        .chains
        .followed()
        .into_iter()
        .map(|(id, confirmations)| {
            let finality = Finality::of(id, confirmations);
            let seen = progress.iter().find(|progress| progress.chain_id == id);
            let time = |of: fn(&Progress) -> Timestamp| seen.map(|seen| Time(of(seen)));
            ChainView {
                object: "chain",
                chain_id: id,
                name: known_chain(id).map(|chain| chain.name),
                confirmations: finality.confirmations,
                believes_finalized: finality.believes_finalized,
                last_block: seen.map(|seen| seen.latest),
                last_block_at: time(|seen| seen.latest_time),
                lag_seconds: seen.map(|seen| {
                    let searched = seen.searched.map_or(seen.latest_time, |searched| searched.time);
                    seen.as_of.millis_since(searched) / 1_000
                }),
                scanned_to: seen.map(|seen| seen.scanned_to),
                given_up: seen.map(|seen| seen.given_up),
                as_of: time(|seen| seen.as_of),
            }
        })
        .collect();
    let total_count = data.len();
    let view = ChainsView { object: "list", data, has_more: false, total_count, url: "/api/v1/chains" };
    call.answer(StatusCode::OK, &view)
}
