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
//! | transfer that has paid a session of a live organization | `CLAIM#{chain}#{tx hash}#{log index}` | `CLAIM` | |
//! | transfer that has paid a session of another scope | `CLAIM#{chain}#{tx hash}#{log index}#{scope}` | `CLAIM` | |
//! | amount that one session of a scope asks for | `ASKED#{chain}#{token}#{recipient}` | `{amount as 64 hex digits}#{scope}` | |
//! | bare price of a session without an amount of its own | `ASKED#{chain}#{token}#{recipient}` | `{amount}#{scope}#{cs_id}` | |
//! | since when an organization names a recipient | `NAMED#{recipient}` | `{org}` | |
//! | transfer that is nobody's in a scope | `UNMATCHED#{chain}#{tx hash}#{scope}` | `{log index}` | |
//! | count of a day's transfers that are nobody's | `UNMATCHED#{chain}#{token}#{recipient}#{day}` | `COUNT` | |
//! | recipient whose transfers are watched | `WATCH#{chain}` | `{class}#{token}#{recipient}#{shard}` | |
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
//! | which endpoint has a URL | `WEBHOOKS#{org}#{mode}` | `URL#{sha256}` | |
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

mod keys;
mod table;

pub use keys::Key;
pub use table::create_table_if_absent;

use anyspend_domain::matching::Scope;
use anyspend_domain::statistics::TimeBucket;
use anyspend_domain::transaction::TxHash;
use anyspend_domain::webhook_delivery::Queue;
use anyspend_domain::{
    Address, Amount, CheckoutSessionId, DeliveryId, Locator, Owner, ShortCode, Timestamp, WebhookId,
};
use anyspend_lists::ListId;

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

/// What sessions ask for of a token for a recipient, by amount.
pub(crate) fn asked_partition(chain_id: u64, token: &Address, recipient: &Address) -> String {
    format!("ASKED#{chain_id}#{}#{}", token.lower_case(), recipient.lower_case())
}

/// What the sort keys of an amount begin with: amounts are ordered as numbers.
pub(crate) fn asked_from(amount: Amount) -> String {
    format!("{}#", hex::encode(amount.to_be_bytes()))
}

/// What of a transaction is nobody's in a scope.
pub(crate) fn unmatched_partition(chain_id: u64, hash: &TxHash, scope: &Scope) -> String {
    format!("UNMATCHED#{chain_id}#{hash}#{scope}")
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
