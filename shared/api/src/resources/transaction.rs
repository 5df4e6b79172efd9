//! How a transaction is shown and listed: shared by the transactions' own group and a customer's list of them.

use crate::call::Call;
use crate::checkout_session::{ShippingAddressSchema, ShippingOptionSchema};
use crate::error::ApiError;
use crate::fields::MAX_SAFE_INTEGER;
use crate::list::{CURSOR, LIMIT, Listing, Matcher, ORDER, PAGE, Part};
use crate::query::{QueryKind, QueryParam};
use crate::versions::{Addr, Time};
use anyspend_domain::buyer::{FormData, ShippingAddress};
use anyspend_domain::chain::usd_value;
use anyspend_domain::link_form::ShippingOption;
use anyspend_domain::transaction::{PaymentException, Transaction, TransactionStatus};
use anyspend_domain::{CustomerId, Metadata, Owner, PaymentLinkId, Problem, TransactionId};
use anyspend_store::list::{ListRow, OpenList};
use anyspend_store::transactions::{TransactionColumns, TransactionFacet, TransactionFilter};
use serde::Serialize;
use utoipa::ToSchema;

/// Most characters of an id in a filter.
const ID: usize = 64;

/// `status`
pub const STATUS: QueryParam = QueryParam {
    name: "status",
    description: "Only transactions that have come this far.",
    kind: QueryKind::OneOf(TransactionStatus::NAMES),
};
/// `from`
pub const FROM: QueryParam = QueryParam {
    name: "from",
    description: "Only transactions first seen at or after this date, ISO 8601 time, or milliseconds.",
    kind: QueryKind::Moment,
};
/// `to`
pub const TO: QueryParam = QueryParam {
    name: "to",
    description: "Only transactions first seen at or before this; a date means the end of that day, UTC.",
    kind: QueryKind::Moment,
};
const CUSTOMER_ID: QueryParam = QueryParam {
    name: "customer_id",
    description: "Only this customer's, one who was erased included.",
    kind: QueryKind::Text(ID),
};
const PAYMENT_LINK_ID: QueryParam = QueryParam {
    name: "payment_link_id",
    description: "Only those that paid this link, one that was deleted included.",
    kind: QueryKind::Text(ID),
};
const CHAIN_ID: QueryParam = QueryParam {
    name: "chain_id",
    description: "Only those on this chain.",
    kind: QueryKind::Whole(1, MAX_SAFE_INTEGER),
};
/// The query of the list of transactions.
pub const QUERY: &[QueryParam] =
    &[STATUS, CUSTOMER_ID, PAYMENT_LINK_ID, CHAIN_ID, FROM, TO, ORDER, PAGE, LIMIT, CURSOR];
/// The query of a customer's list of transactions.
pub const OF_CUSTOMER: &[QueryParam] = &[STATUS, PAYMENT_LINK_ID, CHAIN_ID, FROM, TO, ORDER, PAGE, LIMIT, CURSOR];

/// What the query wants of transactions; in a list of a customer's, whose path names it, of those.
///
/// # Errors
/// `invalid_field_value` naming the first parameter that is wrong.
pub fn read_filter(call: &Call) -> Result<TransactionFilter, ApiError> {
    let query = call.query();
    let customer = query
        .identifier("customer_id")
        .map(|text| CustomerId::parse(&text).ok_or_else(|| Problem::invalid("customer_id", "must be a customer's id")));
    let link = query.identifier("payment_link_id").map(|text| {
        PaymentLinkId::parse(&text).ok_or_else(|| Problem::invalid("payment_link_id", "must be a payment link's id"))
    });
    Ok(TransactionFilter {
        status: query.one_of("status", TransactionStatus::NAMES)?.and_then(TransactionStatus::named),
        customer_id: customer.transpose()?.or_else(|| CustomerId::parse(call.param("id"))),
        payment_link_id: link.transpose()?,
        chain_id: query.whole("chain_id", 1..=MAX_SAFE_INTEGER)?,
        from: query.moment("from", false)?,
        to: query.moment("to", true)?,
    })
}

/// Transactions in lists.
#[derive(Debug)]
pub struct Transactions;

/// The part of the list that a filter stands in.
pub fn part(filter: &TransactionFilter) -> Part<TransactionColumns> {
    let (sort, range) = filter.part();
    Part { sort, range }
}

impl Listing for Transactions {
    type Columns = TransactionColumns;
    type View = TransactionView;
    const RESOURCE: &'static str = TransactionId::OBJECT;

    fn facet(call: &Call) -> Result<TransactionFacet, ApiError> {
        Ok(read_filter(call)?.facet())
    }

    fn part(call: &Call) -> Result<Option<Part<TransactionColumns>>, ApiError> {
        let filter = read_filter(call)?;
        // Looking at each, the order of creation is the one.
        let wide = TransactionFilter { from: filter.from, to: filter.to, ..TransactionFilter::default() };
        Ok(Some(part(if filter.is_narrower_than_a_part() { &wide } else { &filter })))
    }

    fn sought(call: &Call) -> Result<Option<String>, ApiError> {
        let filter = read_filter(call)?;
        Ok(filter.is_narrower_than_a_part().then(|| format!("{filter:?}")))
    }

    fn matcher(call: &Call, _: &Owner, _: String) -> Result<Matcher<TransactionColumns>, ApiError> {
        Ok(Box::new(read_filter(call)?.finds()))
    }

    async fn views(
        call: &Call,
        _: &OpenList<TransactionColumns>,
        rows: &[ListRow],
    ) -> Result<Vec<TransactionView>, ApiError> {
        let transactions = call.db.get_transactions(rows, &*call.platform).await?;
        Ok(transactions.iter().map(TransactionView::new).collect())
    }
}

/// A transaction in an answer to its merchant, and in webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransactionView {
    /// `tx_…`
    id: String,
    /// `transaction`
    #[schema(examples("transaction"))]
    object: &'static str,
    /// Whether it is real money.
    livemode: bool,
    /// `pending`, `confirming`, `completed` or `failed`
    status: &'static str,
    /// What arrived, in the token's smallest unit; of a pending one, what is expected.
    amount: String,
    /// The amount in US dollars, where it is known.
    amount_usd: Option<String>,
    /// What was paid with.
    token_address: Addr,
    /// Where it was paid.
    chain_id: u64,
    /// Its hash on the chain.
    tx_hash: String,
    /// Which log of it is the transfer.
    log_index: Option<u64>,
    /// The block it stands in.
    block_number: Option<u64>,
    /// Blocks on top of it, its own included.
    confirmations: u64,
    /// Who paid.
    payer_address: Option<Addr>,
    /// Who was paid.
    recipient_address: Addr,
    /// The customer record.
    customer_id: Option<String>,
    /// The link that was paid.
    payment_link_id: Option<String>,
    /// The session that was paid; null while nothing says whose payment it is (`unmatched`).
    session_id: Option<String>,
    /// Where the money came from, when it was swapped on the way. Payments are not swapped here.
    #[schema(value_type = Option<u64>)]
    source_chain_id: Option<()>,
    /// The token it was swapped from.
    #[schema(value_type = Option<String>)]
    source_token_address: Option<()>,
    /// The amount it was swapped from.
    #[schema(value_type = Option<String>)]
    source_amount: Option<()>,
    /// The platform's fee. Payments go straight to the merchant, and none is taken.
    #[schema(value_type = Option<String>)]
    fee_amount: Option<()>,
    /// What was unusual: `underpaid`, `overpaid`, `late`, `link_deleted`, `link_used_up` or `unmatched`.
    exception: Option<&'static str>,
    /// What the buyer filled in.
    #[schema(value_type = Option<Object>, additional_properties)]
    form_data: Option<FormData>,
    /// Where goods are sent.
    #[schema(value_type = Option<ShippingAddressSchema>)]
    shipping_address: Option<ShippingAddress>,
    /// How goods are sent.
    #[schema(value_type = Option<ShippingOptionSchema>)]
    shipping_option: Option<ShippingOption>,
    /// The session's notes.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    metadata: Option<Metadata>,
    /// When it was first seen.
    created_at: Time,
    /// When it was first seen in a block.
    confirmed_at: Option<Time>,
    /// When it became final.
    completed_at: Option<Time>,
    /// When it last changed.
    updated_at: Time,
}

impl TransactionView {
    /// Shows a transaction.
    pub fn new(transaction: &Transaction) -> Self {
        let payer = transaction.payer_address.clone().map(Addr);
        let session = transaction.session_id.as_ref().map(ToString::to_string);
        let worth = usd_value(&transaction.token_address, transaction.chain_id, transaction.amount);
        Self {
            id: transaction.id.to_string(),
            object: TransactionId::OBJECT,
            livemode: transaction.owner.mode.is_live(),
            status: transaction.status.as_str(),
            amount: transaction.amount.to_string(),
            amount_usd: worth.map(|cents| cents.to_string()),
            token_address: Addr(transaction.token_address.clone()),
            chain_id: transaction.chain_id,
            tx_hash: transaction.tx_hash.to_string(),
            log_index: transaction.log_index,
            block_number: transaction.block.as_ref().map(|block| block.number),
            confirmations: transaction.confirmations,
            payer_address: payer.clone(),
            recipient_address: Addr(transaction.recipient_address.clone()),
            customer_id: transaction.customer_id.as_ref().map(ToString::to_string),
            payment_link_id: transaction.payment_link_id.as_ref().map(ToString::to_string),
            session_id: session.clone(),
            source_chain_id: None,
            source_token_address: None,
            source_amount: None,
            fee_amount: None,
            exception: transaction.exception.map(PaymentException::as_str),
            form_data: transaction.buyer.form_data.clone(),
            shipping_address: transaction.buyer.shipping_address.clone(),
            shipping_option: transaction.shipping_option.clone(),
            metadata: transaction.metadata.clone(),
            created_at: Time(transaction.created_at),
            confirmed_at: transaction.confirmed_at.map(Time),
            completed_at: transaction.completed_at.map(Time),
            updated_at: Time(transaction.updated_at),
        }
    }
}
