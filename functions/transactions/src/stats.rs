//! `GET /transactions/stats`

use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use anyspend_domain::transaction::TransactionStatus;
use anyspend_domain::{Cents, Owner};
use anyspend_store::list::{Columns, ListId, OpenList, Selection};
use anyspend_store::transactions::{TransactionColumns, TransactionFacet};
use http::{Method, StatusCode};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// How long "the last 24 hours" are.
const DAY_SECONDS: u64 = 24 * 60 * 60;

pub(crate) fn operation() -> Operation {
    Operation::new::<TransactionStatsView>(
        "retrieveTransactionStats",
        Method::GET,
        "/api/v1/transactions/stats",
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Count transactions and add up what arrived",
    )
    .described(
        "Of the caller's mode. A volume is what has arrived for good in tokens of known price, payments with an \
         `exception` included: it is money that came.",
    )
    .of_owner(open, stats)
}

/// Counts of transactions, under the names of the API and of the official client.
#[derive(Debug, Serialize, ToSchema)]
struct TransactionStatsView {
    /// `transaction_stats`
    #[schema(examples("transaction_stats"))]
    object: &'static str,
    /// All of them.
    total_transactions: u64,
    /// Those that are final.
    completed_transactions: u64,
    /// Those that came to nothing.
    failed_transactions: u64,
    /// Those under way: pending and confirming.
    pending_transactions: u64,
    /// What has arrived, in US dollars with two places.
    total_volume_usd: String,
    /// Those first seen in the last 24 hours.
    last_24h: LastDayView,
    /// How many there are of each status.
    status_breakdown: BTreeMap<&'static str, u64>,
}

/// Transactions first seen in the last 24 hours.
#[derive(Debug, Serialize, ToSchema)]
struct LastDayView {
    /// All of them.
    transactions: u64,
    /// Those that are final.
    completed: u64,
    /// What has arrived with them, in US dollars with two places.
    volume_usd: String,
}

/// What is counted of some transactions.
#[derive(Debug, Default)]
struct Tally {
    by_status: BTreeMap<&'static str, u64>,
    volume: Cents,
}

impl Tally {
    fn add(&mut self, row: &TransactionColumns) {
        *self.by_status.entry(row.status.as_str()).or_default() += 1;
        if row.status == TransactionStatus::Completed {
            self.volume = self.volume.plus(row.worth.unwrap_or(Cents::ZERO));
        }
    }

    fn count(&self, status: TransactionStatus) -> u64 {
        self.by_status.get(status.as_str()).copied().unwrap_or_default()
    }

    fn total(&self) -> u64 {
        self.by_status.values().sum()
    }
}

/// The list of an owner's transactions, opened to look at each.
pub(crate) async fn open(call: Arc<Call>, owner: Owner) -> Result<OpenList<TransactionColumns>, ApiError> {
    let selection = Selection { whole: true, ..Selection::of(TransactionFacet::All) };
    Ok(call.db.open_list(&ListId::all::<TransactionColumns>(&owner), &selection, call.now).await?)
}

async fn stats(call: Arc<Call>, _: Caller, open: OpenList<TransactionColumns>) -> Result<Answer, ApiError> {
    // Those first seen in the last 24 hours, and in all.
    let (mut all, mut last_day) = (Tally::default(), Tally::default());
    for status in TransactionStatus::NAMES.iter().copied() {
        all.by_status.insert(status, 0);
    }
    open.each(&call.db, |_, packed_id, transaction| {
        all.add(transaction);
        if TransactionColumns::ID.made_at(packed_id).is_some_and(|seen| seen.plus_seconds(DAY_SECONDS) > call.now) {
            last_day.add(transaction);
        }
        Ok(())
    })
    .await?;
    call.answer(StatusCode::OK, &view(all, &last_day))
}

fn view(all: Tally, last_day: &Tally) -> TransactionStatsView {
    use TransactionStatus::{Completed, Confirming, Failed, Pending};
    TransactionStatsView {
        object: "transaction_stats",
        total_transactions: all.total(),
        completed_transactions: all.count(Completed),
        failed_transactions: all.count(Failed),
        pending_transactions: all.count(Pending) + all.count(Confirming),
        total_volume_usd: all.volume.to_string(),
        last_24h: LastDayView {
            transactions: last_day.total(),
            completed: last_day.count(Completed),
            volume_usd: last_day.volume.to_string(),
        },
        status_breakdown: all.by_status,
    }
}
