//! Webhook endpoints: one row each, all of an owner's in one partition, so that an event finds every endpoint there is by
//! one consistent read, the one made a moment ago included.
//!
//! What must stay true: what the merchant decides is written on the version it was read at; what deliveries count is
//! counted up, whatever else changes meanwhile.

use crate::db::{Db, Item, StoreError, read, row};
use crate::rate_limits::number;
use crate::schema::{Key, webhook_partition};
use crate::{Refusal, Write};
use anyspend_domain::text::Description;
use anyspend_domain::web_url::WebUrl;
use anyspend_domain::webhook::{
    FAILURES_TO_DISABLE, Health, MAX_WEBHOOKS, RetiringSecret, Standing, Subscription, Webhook,
};
use anyspend_domain::webhook_delivery::Settled;
use anyspend_domain::{Mode, OrgId, Owner, Timestamp, WebhookId};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct StoredWebhook {
    id: WebhookId,
    org: OrgId,
    mode: Mode,
    #[serde(flatten)]
    terms: StoredTerms,
    api_version: String,
    #[serde(default)]
    success_count: u64,
    #[serde(default)]
    failure_count: u64,
    #[serde(default)]
    failures_in_a_row: u64,
    last_triggered_at: Option<Timestamp>,
    slow_until: Option<Timestamp>,
    created_at: Timestamp,
}

/// What a change of the endpoint writes.
#[derive(Debug, Serialize, Deserialize)]
struct StoredTerms {
    url: WebUrl,
    events: Subscription,
    description: Option<Description>,
    standing: Standing,
    secret: String,
    retiring: Option<RetiringSecret>,
    updated_at: Timestamp,
    version: u64,
}

/// What a change of the endpoint may take away.
const CLEARABLE: [&str; 2] = ["description", "retiring"];

fn terms(webhook: &Webhook) -> StoredTerms {
    StoredTerms {
        url: webhook.url.clone(),
        events: webhook.events.clone(),
        description: webhook.description.clone(),
        standing: webhook.standing,
        secret: webhook.secret.clone(),
        retiring: webhook.retiring.clone(),
        updated_at: webhook.updated_at,
        version: webhook.version,
    }
}

fn webhook(item: Item) -> Result<Webhook, StoreError> {
    let stored: StoredWebhook = read(item)?;
    let terms = stored.terms;
    Ok(Webhook {
        id: stored.id,
        owner: Owner { org: stored.org, mode: stored.mode },
        url: terms.url,
        events: terms.events,
        description: terms.description,
        standing: terms.standing,
        api_version: stored.api_version,
        secret: terms.secret,
        retiring: terms.retiring,
        health: Health {
            success_count: stored.success_count,
            failure_count: stored.failure_count,
            failures_in_a_row: stored.failures_in_a_row,
            last_triggered_at: stored.last_triggered_at,
            slow_until: stored.slow_until,
        },
        created_at: stored.created_at,
        updated_at: terms.updated_at,
        version: terms.version,
    })
}

/// The writes that make an endpoint. Refused as [`Refusal::Unsupported`] where its owner has as many as it may.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn create(webhook: &Webhook) -> Result<Vec<Write>, StoreError> {
    let stored = StoredWebhook {
        id: webhook.id.clone(),
        org: webhook.owner.org.clone(),
        mode: webhook.owner.mode,
        terms: terms(webhook),
        api_version: webhook.api_version.clone(),
        success_count: webhook.health.success_count,
        failure_count: webhook.health.failure_count,
        failures_in_a_row: webhook.health.failures_in_a_row,
        last_triggered_at: webhook.health.last_triggered_at,
        slow_until: webhook.health.slow_until,
        created_at: webhook.created_at,
    };
    Ok(vec![
        Write::create(row(&Key::webhook(&webhook.owner, &webhook.id), &stored)?),
        Write::add(Key::webhook_count(&webhook.owner), vec![("webhooks", 1)], Item::new())
            .while_below("webhooks", MAX_WEBHOOKS),
    ])
}

/// The write that changes an endpoint from what it was when it was read. What deliveries count is left alone, except that
/// an endpoint which is switched on again is forgiven.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn update(before: &Webhook, after: &Webhook) -> Result<Write, StoreError> {
    let key = Key::webhook(&after.owner, &after.id);
    let mut set = row(&key, &terms(after))?;
    set.retain(|name, _| name != crate::schema::PK && name != crate::schema::SK);
    if after.is_active() && !before.is_active() {
        set.insert("failures_in_a_row".to_owned(), number(0));
    }
    let remove = CLEARABLE.into_iter().filter(|name| !set.contains_key(*name)).collect();
    Ok(Write::set_at_version(key, before.version, set, remove))
}

/// The writes that delete an endpoint.
pub fn delete(webhook: &Webhook) -> Vec<Write> {
    vec![
        Write::delete_existing(Key::webhook(&webhook.owner, &webhook.id)),
        Write::add(Key::webhook_count(&webhook.owner), vec![("webhooks", -1)], Item::new()),
    ]
}

/// The write that counts how an attempt ended. Refused as [`Refusal::Unsupported`] where the endpoint is gone, or has
/// failed so often in a row that this failure switches it off: then [`disable`] is what to write.
pub fn record(webhook: &Webhook, settled: Settled, now: Timestamp, slow_until: Option<Timestamp>) -> Write {
    let mut set = Item::from([("last_triggered_at".to_owned(), number(now.millis()))]);
    if let Some(until) = slow_until {
        set.insert("slow_until".to_owned(), number(until.millis()));
    }
    let key = Key::webhook(&webhook.owner, &webhook.id);
    match settled {
        Settled::WillRetry => Write::add(key, Vec::new(), set).where_it_exists(),
        Settled::Succeeded => {
            set.insert("failures_in_a_row".to_owned(), number(0));
            Write::add(key, vec![("success_count", 1)], set).where_it_exists()
        }
        Settled::Failed => {
            let failed = Write::add(key, vec![("failure_count", 1), ("failures_in_a_row", 1)], set);
            match webhook.standing {
                // One more would be one too many. The guard also refuses where the endpoint is gone: a counter that is
                // absent means an absent row, because every row is made with it.
                Standing::Active => failed.while_present_and_below("failures_in_a_row", FAILURES_TO_DISABLE - 1),
                Standing::SwitchedOff | Standing::Disabled { .. } => failed.where_it_exists(),
            }
        }
    }
}

/// The write that counts the failure that switches an endpoint off, and switches it off. `after` is `before`, disabled.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn disable(before: &Webhook, after: &Webhook, now: Timestamp) -> Result<Write, StoreError> {
    let standing = serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(after.standing);
    let standing: AttributeValue = standing.map_err(|error| StoreError::Fault(error.to_string()))?;
    let set = Item::from([
        ("standing".to_owned(), standing),
        ("updated_at".to_owned(), number(after.updated_at.millis())),
        ("version".to_owned(), number(after.version)),
        ("last_triggered_at".to_owned(), number(now.millis())),
    ]);
    let key = Key::webhook(&after.owner, &after.id);
    Ok(Write::add(key, vec![("failure_count", 1), ("failures_in_a_row", 1)], set)
        .at_version(before.version)
        .refused_as(Refusal::Unsupported))
}

impl Db {
    /// An owner's endpoint.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn find_webhook(&self, owner: &Owner, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.get(&Key::webhook(owner, id), true).await?.map(webhook).transpose()
    }

    /// Every endpoint of an owner, oldest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_webhooks(&self, owner: &Owner) -> Result<Vec<Webhook>, StoreError> {
        let rows = self.rows_beginning(&webhook_partition(owner), WebhookId::PREFIX).await?;
        rows.into_iter().map(webhook).collect()
    }
}
