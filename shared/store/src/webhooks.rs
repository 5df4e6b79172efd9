//! Webhook endpoints: one row each, all of an owner's in one partition, so that an event finds every endpoint there is by
//! one consistent read, the one made a moment ago included.
//!
//! What must stay true: what the merchant decides is written on the version it was read at; what deliveries count is
//! counted up, whatever else changes meanwhile.

use crate::db::{Db, StoreError, read, row};
use crate::rows::to_value;
use crate::schema::{Key, webhook_partition};
use crate::write::{Changes, number};
use crate::{Refusal, Write};
use anyspend_domain::webhook::{FAILURES_TO_DISABLE, MAX_WEBHOOKS, Standing, Webhook};
use anyspend_domain::webhook_delivery::Settled;
use anyspend_domain::{Owner, Timestamp, WebhookId};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What a failure counts.
const FAILURE: [(&str, i64); 2] = [("failure_count", 1), ("failures_in_a_row", 1)];

/// The row that says whose a URL is among an owner's endpoints.
#[derive(Debug, Serialize)]
struct UrlRow<'a> {
    id: &'a WebhookId,
}

fn url_key(webhook: &Webhook) -> Key {
    Key::webhook_url(&webhook.owner, &hex::encode(Sha256::digest(webhook.url.canonical())))
}

/// The write by which an endpoint takes its URL. Refused as [`Refusal::Taken`] where another has it.
fn take_url(webhook: &Webhook) -> Result<Write, StoreError> {
    Ok(Write::put(row(&url_key(webhook), &UrlRow { id: &webhook.id })?).if_new())
}

/// The write by which an endpoint gives its URL up. One that was made before URLs were taken may have none to give.
fn give_url_up(webhook: &Webhook) -> Write {
    Write::delete(url_key(webhook)).where_absent_or_is("id", AttributeValue::S(webhook.id.to_string()))
}

/// The writes that make an endpoint. Refused as [`Refusal::Unsupported`] where its owner has as many as it may, and as
/// [`Refusal::Taken`] where one of them has its URL.
pub fn create(webhook: &Webhook) -> Result<Vec<Write>, StoreError> {
    let count = Changes::default().adding([("webhooks", 1)]);
    Ok(vec![
        Write::put(row(&Key::webhook(&webhook.owner, &webhook.id), webhook)?).if_new(),
        take_url(webhook)?,
        Write::update(Key::webhook_count(&webhook.owner), count)
            .while_absent_or_below("webhooks", MAX_WEBHOOKS)
            .refused_as(Refusal::Unsupported),
    ])
}

/// The writes that change an endpoint from what it was when it was read. What deliveries count is left alone, except that
/// an endpoint which is switched on again is forgiven. Refused as [`Refusal::Taken`] where another has its new URL.
pub fn update(before: &Webhook, after: &Webhook) -> Result<Vec<Write>, StoreError> {
    let key = Key::webhook(&after.owner, &after.id);
    // The same health on both sides: what deliveries count meanwhile is not taken back.
    let as_decided = |webhook: &Webhook| row(&key, &Webhook { health: before.health, ..webhook.clone() });
    let mut changes = Changes::between(&as_decided(before)?, as_decided(after)?);
    if after.is_active() && !before.is_active() {
        changes.set.insert("failures_in_a_row".to_owned(), number(0));
    }
    let mut writes = vec![Write::update(key, changes).at_version(before.version)];
    if after.url.canonical() != before.url.canonical() {
        writes.extend([give_url_up(before), take_url(after)?]);
    }
    Ok(writes)
}

/// The writes that delete an endpoint.
pub fn delete(webhook: &Webhook) -> Vec<Write> {
    let count = Changes::default().adding([("webhooks", -1)]);
    vec![
        Write::delete(Key::webhook(&webhook.owner, &webhook.id)).if_exists(),
        give_url_up(webhook),
        Write::update(Key::webhook_count(&webhook.owner), count),
    ]
}

/// The write that counts how an attempt ended. Refused as [`Refusal::Unsupported`] where the endpoint is gone, or has
/// failed so often in a row that this failure switches it off: then [`disable`] is what to write.
pub fn record(webhook: &Webhook, settled: Settled, now: Timestamp, slow_until: Option<Timestamp>) -> Write {
    let mut counted = Changes::set([("last_triggered_at", number(now.millis()))]);
    if let Some(until) = slow_until {
        counted.set.insert("slow_until".to_owned(), number(until.millis()));
    }
    match settled {
        Settled::WillRetry => {}
        Settled::Succeeded => {
            counted.set.insert("failures_in_a_row".to_owned(), number(0));
            counted.add = vec![("success_count", 1)];
        }
        Settled::Failed => counted.add = FAILURE.to_vec(),
    }
    let write = Write::update(Key::webhook(&webhook.owner, &webhook.id), counted);
    match (settled, webhook.standing) {
        // One more would be one too many. It also refuses where the endpoint is gone: a counter that is absent means an
        // absent row, because every row is made with it.
        (Settled::Failed, Standing::Active) => write.while_below("failures_in_a_row", FAILURES_TO_DISABLE - 1),
        _ => write.if_exists(),
    }
    .refused_as(Refusal::Unsupported)
}

/// The write that counts the failure that switches an endpoint off, and switches it off. `after` is `before`, disabled.
pub fn disable(before: &Webhook, after: &Webhook, now: Timestamp) -> Result<Write, StoreError> {
    let switched_off = Changes::set([
        ("standing", to_value(&after.standing)?),
        ("updated_at", number(after.updated_at.millis())),
        ("version", number(after.version)),
        ("last_triggered_at", number(now.millis())),
    ]);
    Ok(Write::update(Key::webhook(&after.owner, &after.id), switched_off.adding(FAILURE))
        .at_version(before.version)
        .refused_as(Refusal::Unsupported))
}

impl Db {
    /// An owner's endpoint.
    pub async fn find_webhook(&self, owner: &Owner, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.find(&Key::webhook(owner, id)).await
    }

    /// Every endpoint of an owner, oldest first.
    pub async fn list_webhooks(&self, owner: &Owner) -> Result<Vec<Webhook>, StoreError> {
        let query = self.query_beginning(&webhook_partition(owner), WebhookId::PREFIX);
        self.query_all(query).await?.into_iter().map(read).collect()
    }
}
