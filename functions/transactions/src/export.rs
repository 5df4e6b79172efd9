//! `GET /transactions/export`

use anyspend_api::export::{Export, FORMAT, content};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::transaction::{FROM, STATUS, TO, TransactionView, read_filter};
use anyspend_api::{ApiError, Call, Caller};
use anyspend_domain::TransactionId;
use anyspend_domain::api_key::Permission;
use anyspend_store::list::ListRow;
use http::{Method, StatusCode};

pub(crate) fn operation() -> Operation {
    Operation::answering(
        "exportTransactions",
        Method::GET,
        "/api/v1/transactions/export",
        Access::Needs(Permission::Read),
        (StatusCode::OK, content::<Transactions>()),
        "Export transactions",
    )
    .described(
        "Newest first, at most 50,000; more is refused, naming `from`, and so is an answer of more than 6 MB where the \
         platform runs on Lambda. An answer that breaks off is not complete.",
    )
    .query(&[FORMAT, STATUS, FROM, TO])
    .exporting::<Transactions>()
}

struct Transactions;

impl Export for Transactions {
    type Id = ListRow;
    type View = TransactionView;
    const RESOURCE: &'static str = TransactionId::OBJECT;
    const NAME: &'static str = "transactions";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "status",
        "amount",
        "amount_usd",
        "token_address",
        "chain_id",
        "tx_hash",
        "payer_address",
        "recipient_address",
        "customer_id",
        "payment_link_id",
        "created_at",
        "completed_at",
    ];
    const MOST: usize = 50_000;

    async fn find(call: &Call, caller: &Caller, most: usize) -> Result<Vec<ListRow>, ApiError> {
        let filter = read_filter(call)?;
        Ok(call.db.find_transactions(&caller.owner, &filter, most, call.now).await?)
    }

    async fn views(call: &Call, page: &[ListRow]) -> Result<Vec<TransactionView>, ApiError> {
        let transactions = call.db.get_transactions(page, &*call.platform).await?;
        Ok(transactions.iter().map(TransactionView::new).collect())
    }
}
