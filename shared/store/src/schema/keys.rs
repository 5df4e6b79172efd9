//! The key of every item.

use super::{
    API_KEY_PREFIX, LIST_ATTEMPT_PREFIX, LIST_DUE_PARTITION, LIST_LEFTOVER_PREFIX, RESERVATION_PREFIX, STARTED_SUFFIX,
    api_keys_partition, asked_from, asked_partition, audit_partition, discount_partition, fact_partition,
    follow_partition, link_partition, list_endings_partition, list_journal_partition, list_state_partition,
    outbox_partition, shard_of, statistics_partition, unmatched_partition, visits_prefix, watch_partition,
    webhook_partition,
};
use anyspend_domain::api_key::KeyHash;
use anyspend_domain::matching::{Ask, Class, Scope};
use anyspend_domain::statistics::{self, Day, Dimension, TimeBucket, VisitorHash};
use anyspend_domain::transaction::TxHash;
use anyspend_domain::{
    Address, Amount, ApiKeyId, CheckoutSessionId, DeliveryId, EventId, Locator, OrgId, Owner, ProductId, ShortCode,
    Timestamp, TransactionId, VisitorId, WebhookId,
};
use anyspend_lists::ListId;

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
    /// All live organizations have one claim of a transfer; a test organization and a quick-pay link one of their own.
    pub fn claim(chain_id: u64, hash: &TxHash, log_index: Option<u64>, scope: &Scope) -> Self {
        let log = log_index.map_or_else(|| "native".to_owned(), |index| index.to_string());
        let whose = if scope.class() == Class::Live { String::new() } else { format!("#{scope}") };
        Self::new(format!("CLAIM#{chain_id}#{hash}#{log}{whose}"), "CLAIM")
    }

    /// The row that says which transaction records a transfer that is nobody's in a scope.
    pub fn unmatched(chain_id: u64, hash: &TxHash, log_index: Option<u64>, scope: &Scope) -> Self {
        let log = log_index.map_or_else(|| "native".to_owned(), |index| index.to_string());
        Self::new(unmatched_partition(chain_id, hash, scope), &log)
    }

    /// The count of a day's transfers to a recipient that were recorded as nobody's.
    pub fn unmatched_count(chain_id: u64, token: &Address, recipient: &Address, now: Timestamp) -> Self {
        let (token, recipient, day) = (token.lower_case(), recipient.lower_case(), now.seconds() / 86_400);
        Self::new(format!("UNMATCHED#{chain_id}#{token}#{recipient}#{day}"), "COUNT")
    }

    /// The row that says since when an organization names a recipient.
    pub fn named_recipient(recipient: &Address, org: &OrgId) -> Self {
        Self::new(format!("NAMED#{}", recipient.lower_case()), org.as_str())
    }

    /// The row that says which session of a scope asks for exactly this amount. One that has no amount of its own has a
    /// row of its own at its bare price.
    pub fn asked_amount(chain_id: u64, token: &Address, recipient: &Address, ask: &Ask) -> Self {
        let own = if ask.is_own { String::new() } else { format!("#{}", ask.session) };
        let sk = format!("{}{}{own}", asked_from(ask.asked), ask.scope);
        Self { pk: asked_partition(chain_id, token, recipient), sk }
    }

    /// The row by which an earlier version said which session of a recipient asks for exactly this amount.
    pub fn asked_amount_of_0_1(chain_id: u64, token: &Address, recipient: &Address, amount: Amount) -> Self {
        let (token, recipient) = (token.lower_case(), recipient.lower_case());
        Self::new(format!("ASKED#{chain_id}#{token}#{recipient}#{amount}"), "ASKED")
    }

    /// A row that says whose transfers of which token are watched. The shard is chosen by the session that writes it, so
    /// that the sessions of a busy recipient do not all write the same row. Rows of an earlier version lack the class.
    pub fn watched_recipient(
        chain_id: u64,
        class: Class,
        (token, recipient): (&Address, &Address),
        session: &CheckoutSessionId,
    ) -> Self {
        let (token, recipient) = (token.lower_case(), recipient.lower_case());
        let shard = shard_of(session.token());
        Self::new(watch_partition(chain_id), &format!("{}#{token}#{recipient}#{shard}", class.as_str()))
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
        Self::new(format!("AUDITDAYS#{}#{}", owner.org, owner.mode.as_str()), "ALL")
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

    /// Which endpoint of an owner has a URL, by the SHA-256 of it.
    pub fn webhook_url(owner: &Owner, url_sha256: &str) -> Self {
        Self::new(webhook_partition(owner), &format!("URL#{url_sha256}"))
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
