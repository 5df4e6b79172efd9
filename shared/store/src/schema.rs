//! The table: the ONLY place that names key attributes, key prefixes, indexes and what is found by which.
//!
//! | what | `pk` | `sk` | index `list` (`lpk`, `lsk`) |
//! |---|---|---|---|
//! | payment link, what lists and counters touch | `LINK#{short_code}` | `HEAD` | |
//! | payment link, what the merchant decided | `LINK#{short_code}` | `TERMS` | |
//! | payment link, its line items | `LINK#{short_code}` | `ITEMS` | |
//! | checkout session | `SESSION#{cs_id}` | `SESSION` | |
//! | product | `PROD#{id}` | `PROD` | |
//! | a change of a listed object | `JOURNAL#{list}` | `{id}#{version}` | |
//! | a list's directory, one per order | `LISTDIR#{list}` | `{facet}#{sort}`, `#text`, `#due` | |
//! | a list's block | `LISTBLK#{list}#{attempt}#{number}` | `BLOCK` | |
//! | a list's version | `LIST#{list}` | `STATE` | |
//! | a compaction under way | `LIST#{list}` | `ATTEMPT#{attempt}` | |
//! | what a version made superfluous | `LIST#{list}` | `LEFTOVER#{version}` | |
//! | a note to look after a list | `LISTDUE` | `{milliseconds}#{list}` | |
//! | what ended at once in a list | `LISTOVER#{shard}` | `{list}#{what it belongs to}` | |
//! | transaction | `TX#{tx_id}` | `TX` | |
//! | transfer that has paid a session | `CLAIM#{chain}#{tx hash}#{log index}` | `CLAIM` | |
//! | amount that only one unpaid session asks for | `ASKED#{chain}#{token}#{recipient}#{amount}` | `ASKED` | |
//! | recipient whose transfers are watched | `WATCH#{chain}` | `{token}#{recipient}#{shard}` | |
//! | transaction that is followed for a session | `FOLLOW#{chain}` | `{tx hash}#{cs_id}` | |
//! | how far a chain was followed | `CHAIN#{chain}` | `CHAIN` | |
//! | customer | `CUST#{locator of the wallet}` | `CUST` | |
//! | discount code | `DC#{locator of the code}` | `HEAD` | |
//! | use of it that a session holds | `DC#{locator of the code}` | `RES#{cs_id}` | |
//! | API key, with its rate-limit bucket | `KEY#{sha256}` | `KEY` | |
//! | API key by public id | `KEYS#{org}#{mode}` | `ak_…` | |
//! | organization | `ORG#{org}` | `ORG` | |
//! | rate-limit bucket of an IP or session | `LIMIT#{group}#{subject}` | `LIMIT` | |
//! | idempotent answer | `IDEM#{org}#{mode}#{sha256}` | `IDEM` | |
//! | the platform's data key, wrapped | `SECRET` | `DATA_KEY` | |
//! | audit event | `AUDIT#{org}#{mode}#{date}` | `evt_…` | |
//! | events of the days that are over | `AUDITDAYS#{org}#{mode}` | `ALL` | |
//! | event that webhooks have yet to be told of | `OUTBOX#{shard}` | `evt_…` | |
//! | webhook endpoint | `WEBHOOKS#{org}#{mode}` | `wh_…` | |
//! | how many endpoints an owner has | `WEBHOOKS#{org}#{mode}` | `COUNT` | |
//! | delivery of an event to an endpoint | `DELIVERY#{del_id}` | `DELIVERY` | `{org}#{mode}#webhook_delivery#{wh_id}`, id |
//! | statistics: a visit | `FACT#{bucket}#{shard}` | `{short_code}#view#{vis_id}` | |
//! | statistics: the visit led to a session | `FACT#{bucket}#{shard}` | `{short_code}#view#{vis_id}#started` | |
//! | statistics: a session was opened | `FACT#{bucket}#{shard}` | `{short_code}#session#{cs_id}` | |
//! | statistics: a payment completed | `FACT#{bucket}#{shard}` | `{short_code}#completed#{tx_id}` | |
//! | statistics of a link, a day | `STATS#{short_code}` | `DAY#{date}` | |
//! | statistics of a link, by value | `STATS#{short_code}` | `VALUES#{dimension}` | |
//! | statistics of a link, from the beginning | `STATS#{short_code}` | `TOTALS` | |
//! | statistics: what was counted of a bucket | `COUNTED#{short_code}` | `{bucket}` | |
//! | statistics: a visitor's first bucket of a day | `SEEN#{short_code}#{date}` | `{visitor_hash}` | |
//! | how far the rollup came | `ROLLUP` | `THROUGH`, `RECOUNTED` | |
//!
//! Deliveries that have yet to be made, and open sessions, also stand in the index `due`: `dpk` is `DUE#{queue}#{shard}`,
//! `dsk` begins with the moment at which somebody has to look at them.
//!
//! A deleted link leaves its head row behind as a tombstone: its sessions fail by it, and its code is never given away
//! again. A link's id ends with its short code, so both lead to `LINK#…` without a look-up, and claiming the partition
//! claims the code. Ids sort by time, so an id is also the sort key of its list.
//!
//! A `{list}` is `{org}#{mode}#{object}`: see [`crate::list`].

use crate::list::ListId;
use anyspend_domain::api_key::KeyHash;
use anyspend_domain::statistics::{self, Day, Dimension, TimeBucket, VisitorHash};
use anyspend_domain::transaction::TxHash;
use anyspend_domain::webhook_delivery::Queue;
use anyspend_domain::{
    Address, Amount, ApiKeyId, CheckoutSessionId, DeliveryId, EventId, Locator, OrgId, Owner, ProductId, ShortCode,
    Timestamp, TransactionId, VisitorId, WebhookId,
};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};

/// Partition key attribute.
pub const PK: &str = "pk";
/// Sort key attribute.
pub const SK: &str = "sk";
/// TTL attribute, in Unix seconds. DynamoDB may leave expired items readable for days, so no code trusts it.
pub const TTL: &str = "ttl";
/// The index that the log of deliveries to an endpoint is read from; sparse: only rows that carry its keys are in it. Every
/// other list is a `crate::list`.
pub const LIST_INDEX: &str = "list";
/// Partition key attribute of [`LIST_INDEX`].
pub const LIST_PK: &str = "lpk";
/// Sort key attribute of [`LIST_INDEX`].
pub const LIST_SK: &str = "lsk";
/// What [`LIST_INDEX`] carries besides keys: the columns lists filter by. Nothing that changes with every request
/// may stand here, or each request would pay for an index write.
pub const LIST_COLUMNS: &[&str] = &["status"];

/// The index of deliveries that have yet to be made and of open sessions; sparse, and of keys only.
pub const DUE_INDEX: &str = "due";
/// Partition key attribute of [`DUE_INDEX`].
pub const DUE_PK: &str = "dpk";
/// Sort key attribute of [`DUE_INDEX`].
pub const DUE_SK: &str = "dsk";

/// The full key of one item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: &str) -> Self {
        Self { pk, sk: sk.to_owned() }
    }

    /// A payment link's head row.
    pub fn link_head(code: &ShortCode) -> Self {
        Self::new(link_partition(code), "HEAD")
    }

    /// A payment link's terms row.
    pub fn link_terms(code: &ShortCode) -> Self {
        Self::new(link_partition(code), "TERMS")
    }

    /// A payment link's line items row.
    pub fn link_items(code: &ShortCode) -> Self {
        Self::new(link_partition(code), "ITEMS")
    }

    /// A checkout session's row.
    pub fn checkout_session(id: &CheckoutSessionId) -> Self {
        Self::new(format!("SESSION#{id}"), "SESSION")
    }

    /// A product's row.
    pub fn product(id: &ProductId) -> Self {
        Self::new(format!("PROD#{id}"), "PROD")
    }

    /// A transaction's row.
    pub fn transaction(id: &TransactionId) -> Self {
        Self::new(format!("TX#{id}"), "TX")
    }

    /// The row that says which session a transfer has paid. A native transfer is no log of its transaction.
    pub fn claim(chain_id: u64, hash: &TxHash, log_index: Option<u64>) -> Self {
        let log = log_index.map_or_else(|| "native".to_owned(), |index| index.to_string());
        Self::new(format!("CLAIM#{chain_id}#{hash}#{log}"), "CLAIM")
    }

    /// The row that says which unpaid session asks for exactly this amount.
    pub fn asked_amount(chain_id: u64, token: &Address, recipient: &Address, amount: Amount) -> Self {
        let (token, recipient) = (token.lower_case(), recipient.lower_case());
        Self::new(format!("ASKED#{chain_id}#{token}#{recipient}#{amount}"), "ASKED")
    }

    /// A row that says whose transfers of which token are watched. The shard is chosen by the session that writes it, so
    /// that the sessions of a busy recipient do not all write the same row.
    pub fn watched_recipient(chain_id: u64, token: &Address, recipient: &Address, session: &CheckoutSessionId) -> Self {
        let (token, recipient) = (token.lower_case(), recipient.lower_case());
        let shard = shard_of(session.token());
        Self::new(watch_partition(chain_id), &format!("{token}#{recipient}#{shard}"))
    }

    /// The row by which a transaction is followed for a session.
    pub fn followed_transaction(chain_id: u64, hash: &TxHash, session: &CheckoutSessionId) -> Self {
        Self::new(follow_partition(chain_id), &format!("{hash}#{session}"))
    }

    /// The row that says how far a chain was followed.
    pub fn chain(chain_id: u64) -> Self {
        Self::new(format!("CHAIN#{chain_id}"), "CHAIN")
    }

    /// A customer's row.
    pub fn customer(locator: &Locator) -> Self {
        Self::new(format!("CUST#{locator}"), "CUST")
    }

    /// A discount code's row.
    pub fn discount_code(locator: &Locator) -> Self {
        Self::new(discount_partition(locator), "HEAD")
    }

    /// The row by which a session holds a use of a discount code.
    pub fn discount_reservation(locator: &Locator, session: &CheckoutSessionId) -> Self {
        Self::new(discount_partition(locator), &format!("{RESERVATION_PREFIX}{session}"))
    }

    /// An API key's row.
    pub fn api_key(hash: KeyHash) -> Self {
        Self::new(format!("{}{}", API_KEY_PREFIX, hash.to_hex()), "KEY")
    }

    /// The row that leads from an API key's public id to its hash.
    pub fn api_key_pointer(owner: &Owner, id: &ApiKeyId) -> Self {
        Self::new(api_keys_partition(owner), id.as_str())
    }

    /// An organization's row.
    pub fn organization(id: &OrgId) -> Self {
        Self::new(format!("ORG#{id}"), "ORG")
    }

    /// The rate-limit bucket of a subject (an IP, a session) within a group of routes.
    pub fn limit(group: &str, subject: &str) -> Self {
        Self::new(format!("LIMIT#{group}#{subject}"), "LIMIT")
    }

    /// The answer kept for an idempotency key, named by its SHA-256.
    pub fn idempotency(owner: &Owner, key_sha256: &str) -> Self {
        Self::new(format!("IDEM#{}#{}#{key_sha256}", owner.org, owner.mode.as_str()), "IDEM")
    }

    /// How many events the days of an owner's trail have that are over.
    pub fn audit_days(owner: &Owner) -> Self {
        Self { pk: format!("AUDITDAYS#{}#{}", owner.org, owner.mode.as_str()), sk: "ALL".to_owned() }
    }

    /// An audit event; a partition holds a day.
    pub fn audit(owner: &Owner, at: Timestamp, id: &EventId) -> Self {
        Self { pk: audit_partition(owner, at), sk: id.to_string() }
    }

    /// A change of a listed object, by the object and the version the change led to.
    pub fn list_journal(list: &ListId, id: &str, version: u64) -> Self {
        Self { pk: list_journal_partition(list), sk: format!("{id}#{version:010}") }
    }

    /// The directory of one order of a list.
    pub fn list_directory(list: &ListId, tree: &str) -> Self {
        Self { pk: format!("LISTDIR#{list}"), sk: tree.to_owned() }
    }

    /// A block of a list, in a partition of its own: a search reads all of them at once.
    pub fn list_block(list: &ListId, attempt: u64, number: u64) -> Self {
        Self::new(format!("LISTBLK#{list}#{attempt:x}#{number}"), "BLOCK")
    }

    /// Which version of a list is in force.
    pub fn list_state(list: &ListId) -> Self {
        Self::new(list_state_partition(list), "STATE")
    }

    /// A compaction that is under way, or that died.
    pub fn list_attempt(list: &ListId, attempt: u64) -> Self {
        Self { pk: list_state_partition(list), sk: format!("{LIST_ATTEMPT_PREFIX}{attempt:x}") }
    }

    /// What a version of a list made superfluous.
    pub fn list_leftover(list: &ListId, version: u64) -> Self {
        Self { pk: list_state_partition(list), sk: format!("{LIST_LEFTOVER_PREFIX}{version:010}") }
    }

    /// A note that a list is to be looked after from a moment on.
    pub fn list_due(list: &ListId, from: Timestamp) -> Self {
        Self { pk: LIST_DUE_PARTITION.to_owned(), sk: format!("{:015}#{list}", from.millis()) }
    }

    /// What ended at once in a list, by what all of it belongs to.
    pub fn list_ending(list: &ListId, what: &str) -> Self {
        Self { pk: list_endings_partition(shard_of(list.owner.org.as_str())), sk: format!("{list}#{what}") }
    }

    /// An event that webhooks have yet to be told of.
    pub fn outbox(id: &EventId) -> Self {
        Self::new(outbox_partition(shard_of(id.as_str())), id.as_str())
    }

    /// A webhook endpoint.
    pub fn webhook(owner: &Owner, id: &WebhookId) -> Self {
        Self::new(webhook_partition(owner), id.as_str())
    }

    /// How many webhook endpoints an owner has.
    pub fn webhook_count(owner: &Owner) -> Self {
        Self::new(webhook_partition(owner), "COUNT")
    }

    /// The delivery of an event to a webhook endpoint.
    pub fn webhook_delivery(id: &DeliveryId) -> Self {
        Self::new(format!("DELIVERY#{id}"), "DELIVERY")
    }

    /// The row of a visit, to which its id alone leads.
    pub fn visit(id: &VisitorId) -> Self {
        let code = id.short_code();
        let sk = format!("{}{id}", visits_prefix(&code));
        Self { pk: fact_partition(TimeBucket::of(id.made_at()), statistics::shard(&code)), sk }
    }

    /// The row that says a visit led to a session; it stands right behind the visit's own.
    pub fn visit_started(id: &VisitorId) -> Self {
        let Self { pk, sk } = Self::visit(id);
        Self { pk, sk: format!("{sk}{STARTED_SUFFIX}") }
    }

    /// The fact that a session was opened.
    pub fn session_fact(code: &ShortCode, id: &CheckoutSessionId, at: Timestamp) -> Self {
        let sk = format!("{code}#session#{id}");
        Self { pk: fact_partition(TimeBucket::of(at), statistics::shard(code)), sk }
    }

    /// The fact that a payment completed.
    pub fn completed_fact(code: &ShortCode, id: &TransactionId, at: Timestamp) -> Self {
        let sk = format!("{code}#completed#{id}");
        Self { pk: fact_partition(TimeBucket::of(at), statistics::shard(code)), sk }
    }

    /// The platform's data key.
    pub fn data_key() -> Self {
        Self::new("SECRET".to_owned(), "DATA_KEY")
    }

    /// A link's statistics from the beginning.
    pub fn statistics_totals(code: &ShortCode) -> Self {
        Self::new(statistics_partition(code), "TOTALS")
    }

    /// A link's statistics from the beginning, by value of a dimension.
    pub fn statistics_breakdown(code: &ShortCode, dimension: Dimension) -> Self {
        Self::new(statistics_partition(code), &format!("VALUES#{}", dimension.as_str()))
    }

    /// A link's statistics of a day. Days sort before the totals, and those before the values, so that from a day on a
    /// range of sort keys is all there is to show, with or without the values.
    pub fn statistics_day(code: &ShortCode, day: Day) -> Self {
        Self::new(statistics_partition(code), &format!("DAY#{}", day.date()))
    }

    /// What was counted of a link and a bucket.
    pub fn counted(code: &ShortCode, bucket: TimeBucket) -> Self {
        Self::new(format!("COUNTED#{code}"), &format!("{:08}", bucket.number()))
    }

    /// When a link's visitor was first seen on a day.
    pub fn seen(code: &ShortCode, day: Day, visitor: &VisitorHash) -> Self {
        Self::new(format!("SEEN#{code}#{}", day.date()), visitor.as_str())
    }

    /// The last bucket that is counted of every link.
    pub fn rollup_through() -> Self {
        Self::new("ROLLUP".to_owned(), "THROUGH")
    }

    /// The last day that was recounted.
    pub fn rollup_recounted() -> Self {
        Self::new("ROLLUP".to_owned(), "RECOUNTED")
    }

    /// A key nothing is ever stored under: reading it tells whether the table answers.
    pub fn probe() -> Self {
        Self::new("PROBE".to_owned(), "PROBE")
    }
}

/// Prefix of an API key's partition.
pub const API_KEY_PREFIX: &str = "KEY#";

/// What the sort key of [`Key::visit_started`] has behind the visit's own.
pub const STARTED_SUFFIX: &str = "#started";

/// The partition that holds the facts of one bucket and one shard.
pub fn fact_partition(bucket: TimeBucket, shard: u8) -> String {
    format!("FACT#{:08}#{shard:02}", bucket.number())
}

/// The partition that holds a link's statistics.
pub fn statistics_partition(code: &ShortCode) -> String {
    format!("STATS#{code}")
}

/// How the sort keys of a link's facts begin.
pub fn facts_prefix(code: &ShortCode) -> String {
    format!("{code}#")
}

/// How the sort keys of a link's visits begin.
pub fn visits_prefix(code: &ShortCode) -> String {
    format!("{code}#view#")
}

/// The partition that holds all of a payment link.
pub fn link_partition(code: &ShortCode) -> String {
    format!("LINK#{code}")
}

/// The partition that holds the changes of a list's objects.
pub fn list_journal_partition(list: &ListId) -> String {
    format!("JOURNAL#{list}")
}

/// The partition that holds a list's state, its attempts and its leftovers.
pub fn list_state_partition(list: &ListId) -> String {
    format!("LIST#{list}")
}

/// What the sort keys of attempts begin with.
pub const LIST_ATTEMPT_PREFIX: &str = "ATTEMPT#";
/// What the sort keys of leftovers begin with.
pub const LIST_LEFTOVER_PREFIX: &str = "LEFTOVER#";
/// The partition of the notes that lists are to be looked after, in the order of time.
pub const LIST_DUE_PARTITION: &str = "LISTDUE";
/// Over how many partitions the queues of webhook delivery are spread: DynamoDB takes a thousand writes a second into one
/// partition. A sweep reads them all, so more would only make an idle sweep dearer.
pub const SHARDS: u8 = 8;

/// The shard of an id, by its random end.
pub(crate) fn shard_of(id: &str) -> u8 {
    id.bytes().rev().take(8).fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % SHARDS
}

/// A partition of what ended at once in lists; all of a list's are in one.
pub(crate) fn list_endings_partition(shard: u8) -> String {
    format!("LISTOVER#{shard}")
}

/// The partition of the recipients that are watched on a chain.
pub(crate) fn watch_partition(chain_id: u64) -> String {
    format!("WATCH#{chain_id}")
}

/// The partition of the transactions that are followed on a chain.
pub(crate) fn follow_partition(chain_id: u64) -> String {
    format!("FOLLOW#{chain_id}")
}

/// Prefix of the outbox's partitions.
pub const OUTBOX_PREFIX: &str = "OUTBOX#";

/// A partition of the outbox.
pub(crate) fn outbox_partition(shard: u8) -> String {
    format!("{OUTBOX_PREFIX}{shard}")
}

/// The partition that holds the public ids of an owner's API keys.
pub(crate) fn api_keys_partition(owner: &Owner) -> String {
    format!("KEYS#{}#{}", owner.org, owner.mode.as_str())
}

/// The partition that holds an owner's webhook endpoints.
pub(crate) fn webhook_partition(owner: &Owner) -> String {
    format!("WEBHOOKS#{}#{}", owner.org, owner.mode.as_str())
}

/// A partition of [`DUE_INDEX`].
pub(crate) fn due_partition(queue: Queue, shard: u8) -> String {
    format!("DUE#{}#{shard}", queue.as_str())
}

/// A partition of [`DUE_INDEX`] with open sessions.
pub(crate) fn due_sessions_partition(shard: u8) -> String {
    format!("DUE#sessions#{shard}")
}

/// Where an open session stands in [`DUE_INDEX`]: at the moment at which it expires.
pub(crate) fn due_session_key(at: Timestamp, id: &CheckoutSessionId) -> (String, String) {
    (due_sessions_partition(shard_of(id.token())), format!("{}{id}", due_prefix(at)))
}

/// Where a delivery stands in [`DUE_INDEX`]. All deliveries to an endpoint share a shard, so that one which does not
/// listen fills no other.
pub(crate) fn due_key(queue: Queue, at: Timestamp, webhook: &WebhookId, delivery: &DeliveryId) -> (String, String) {
    let partition = due_partition(queue, shard_of(webhook.as_str()));
    (partition, format!("{}{webhook}#{delivery}", due_prefix(at)))
}

/// How the sort keys of [`DUE_INDEX`] begin for what is due at a moment.
pub(crate) fn due_prefix(at: Timestamp) -> String {
    format!("{:015}#", at.millis())
}

/// What a reservation's sort key begins with, before the session's id.
pub const RESERVATION_PREFIX: &str = "RES#";

/// The partition that holds a day of an owner's audit trail.
pub fn audit_partition(owner: &Owner, at: Timestamp) -> String {
    format!("AUDIT#{}#{}#{}", owner.org, owner.mode.as_str(), &at.to_iso8601()[..10])
}

/// The partition that holds a discount code and what is held of it.
pub fn discount_partition(locator: &Locator) -> String {
    format!("DC#{locator}")
}

/// The partition of [`LIST_INDEX`] with the deliveries to an endpoint.
pub(crate) fn delivery_log_partition(owner: &Owner, webhook: &WebhookId) -> String {
    format!("{}#{}#{}#{webhook}", owner.org, owner.mode.as_str(), DeliveryId::OBJECT)
}

/// Makes the table where it does not exist, and waits until it answers. On AWS the template makes it.
///
/// # Errors
/// What DynamoDB says, as text for the operator.
pub async fn create_table_if_absent(client: &Client, table: &str) -> Result<(), String> {
    let string = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .map_err(|error| error.to_string())
    };
    let key = |name: &str, role: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(role).build().map_err(|error| error.to_string())
    };
    let due = GlobalSecondaryIndex::builder()
        .index_name(DUE_INDEX)
        .key_schema(key(DUE_PK, KeyType::Hash)?)
        .key_schema(key(DUE_SK, KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .map_err(|error| error.to_string())?;
    let index = GlobalSecondaryIndex::builder()
        .index_name(LIST_INDEX)
        .key_schema(key(LIST_PK, KeyType::Hash)?)
        .key_schema(key(LIST_SK, KeyType::Range)?)
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::Include)
                .set_non_key_attributes(Some(LIST_COLUMNS.iter().map(|&column| column.to_owned()).collect()))
                .build(),
        )
        .build()
        .map_err(|error| error.to_string())?;
    let created = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(string(PK)?)
        .attribute_definitions(string(SK)?)
        .attribute_definitions(string(LIST_PK)?)
        .attribute_definitions(string(LIST_SK)?)
        .attribute_definitions(string(DUE_PK)?)
        .attribute_definitions(string(DUE_SK)?)
        .key_schema(key(PK, KeyType::Hash)?)
        .key_schema(key(SK, KeyType::Range)?)
        .global_secondary_indexes(index)
        .global_secondary_indexes(due)
        .send()
        .await;
    match created {
        Ok(_) => {}
        Err(SdkError::ServiceError(error)) if error.err().is_resource_in_use_exception() => {
            return check_table(client, table).await;
        }
        Err(error) => return Err(format!("cannot create the table '{table}': {}", crate::db::describe(&error))),
    }
    for _ in 0..100 {
        let status = client.describe_table().table_name(table).send().await.ok().and_then(|answer| {
            answer.table.and_then(|description| description.table_status).map(|status| status.as_str().to_owned())
        });
        if status.as_deref() == Some("ACTIVE") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let ttl = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(TTL)
        .build()
        .map_err(|error| error.to_string())?;
    client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(ttl)
        .send()
        .await
        .map_err(|error| format!("cannot switch on TTL: {}", crate::db::describe(&error)))?;
    Ok(())
}

/// A table that an earlier version made may lack an index or columns of one: better said at the start than by every list.
async fn check_table(client: &Client, table: &str) -> Result<(), String> {
    let described = client.describe_table().table_name(table).send().await;
    let described =
        described.map_err(|error| format!("cannot describe the table '{table}': {}", crate::db::describe(&error)))?;
    let indexes = described.table.and_then(|table| table.global_secondary_indexes).unwrap_or_default();
    let mut lacking = Vec::new();
    let list = indexes.iter().find(|index| index.index_name() == Some(LIST_INDEX));
    let columns = list.and_then(|index| index.projection()).map(Projection::non_key_attributes);
    let columns = columns.unwrap_or_default();
    let missing: Vec<&str> =
        LIST_COLUMNS.iter().copied().filter(|wanted| columns.iter().all(|column| column != wanted)).collect();
    if !missing.is_empty() {
        lacking.push(format!("its index '{LIST_INDEX}' lacks {}", missing.join(", ")));
    }
    if !indexes.iter().any(|index| index.index_name() == Some(DUE_INDEX)) {
        lacking.push(format!("it lacks the index '{DUE_INDEX}'"));
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the table '{table}' was made by an earlier version: {}. \
         Start with a new table or data directory, or rebuild its indexes",
        lacking.join(", and ")
    ))
}
