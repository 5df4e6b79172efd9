//! Deliveries of events to webhook endpoints: one row each, listed under its endpoint, and in the index of what is due
//! for as long as somebody has to look at it.
//!
//! What must stay true: a row is made once, whoever makes it and however often; it moves only from the version it was
//! read at. Making and claiming one are single conditional writes, because they are no effect of a request: whatever dies
//! around them is done again.

use crate::commit::pause;
use crate::db::{Db, Item, StoreError, read, row, store_error, string};
use crate::meter::Units;
use crate::schema::{self, Key, delivery_log_partition, due_key, due_partition, due_prefix};
use crate::{Refusal, Write};
use anyspend_domain::webhook::WebhookEvent;
use anyspend_domain::webhook_delivery::{AttemptReport, Cause, Delivery, DeliveryState, KEPT_SECONDS, Queue};
use anyspend_domain::{
    CheckoutSessionId, DeliveryId, EventId, Mode, OrgId, Owner, Timestamp, TransactionId, WebhookId, entropy,
};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How often a write that met a transaction is tried again.
const CONFLICT_ATTEMPTS: u32 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Waiting,
    Attempting,
    Succeeded,
    Failed,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredDelivery {
    id: DeliveryId,
    webhook_id: WebhookId,
    org: OrgId,
    mode: Mode,
    event_id: EventId,
    event: WebhookEvent,
    transaction_id: Option<TransactionId>,
    session_id: Option<CheckoutSessionId>,
    event_at: Timestamp,
    url: String,
    /// For the list's filter.
    status: String,
    phase: Phase,
    /// When it is due, or until when the attempt is somebody's.
    until: Option<Timestamp>,
    queue: Option<Queue>,
    cause: Option<Cause>,
    attempts: u32,
    failures: u32,
    last: Option<AttemptReport>,
    created_at: Timestamp,
    version: u64,
    ttl: u64,
}

/// What a list needs to know of a delivery before it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SlimDelivery {
    /// The delivery.
    #[serde(rename = "lsk")]
    pub id: DeliveryId,
    /// `pending`, `success` or `failed`
    pub status: String,
}

/// A delivery that somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DueDelivery {
    /// The delivery.
    pub id: DeliveryId,
    /// Its endpoint.
    pub webhook_id: WebhookId,
}

fn whole(delivery: &Delivery) -> Result<Item, StoreError> {
    let (phase, next) = match delivery.state {
        DeliveryState::Waiting { due_at, queue, cause } => (Phase::Waiting, Some((due_at, queue, cause))),
        DeliveryState::Attempting { until, queue, cause } => (Phase::Attempting, Some((until, queue, cause))),
        DeliveryState::Succeeded => (Phase::Succeeded, None),
        DeliveryState::Failed => (Phase::Failed, None),
    };
    let stored = StoredDelivery {
        id: delivery.id.clone(),
        webhook_id: delivery.webhook_id.clone(),
        org: delivery.owner.org.clone(),
        mode: delivery.owner.mode,
        event_id: delivery.event_id.clone(),
        event: delivery.event,
        transaction_id: delivery.transaction_id.clone(),
        session_id: delivery.session_id.clone(),
        event_at: delivery.event_at,
        url: delivery.url.clone(),
        status: delivery.state.as_str().to_owned(),
        phase,
        until: next.map(|(until, _, _)| until),
        queue: next.map(|(_, queue, _)| queue),
        cause: next.map(|(_, _, cause)| cause),
        attempts: delivery.attempts,
        failures: delivery.failures,
        last: delivery.last.clone(),
        created_at: delivery.created_at,
        version: delivery.version,
        ttl: delivery.created_at.plus_seconds(KEPT_SECONDS).seconds(),
    };
    let mut item = row(&Key::webhook_delivery(&delivery.id), &stored)?;
    let log = delivery_log_partition(&delivery.owner, &delivery.webhook_id);
    item.insert(schema::LIST_PK.to_owned(), AttributeValue::S(log));
    item.insert(schema::LIST_SK.to_owned(), AttributeValue::S(delivery.id.to_string()));
    if let Some((queue, at)) = delivery.state.due() {
        let (partition, sort) = due_key(queue, at, &delivery.webhook_id, &delivery.id);
        item.insert(schema::DUE_PK.to_owned(), AttributeValue::S(partition));
        item.insert(schema::DUE_SK.to_owned(), AttributeValue::S(sort));
    }
    Ok(item)
}

fn delivery(item: Item) -> Result<Delivery, StoreError> {
    let stored: StoredDelivery = read(item)?;
    let fault = || StoreError::Fault(format!("the delivery {} stands nowhere", stored.id));
    let state = match (stored.phase, stored.until, stored.queue, stored.cause) {
        (Phase::Waiting, Some(due_at), Some(queue), Some(cause)) => DeliveryState::Waiting { due_at, queue, cause },
        (Phase::Attempting, Some(until), Some(queue), Some(cause)) => DeliveryState::Attempting { until, queue, cause },
        (Phase::Succeeded, ..) => DeliveryState::Succeeded,
        (Phase::Failed, ..) => DeliveryState::Failed,
        (Phase::Waiting | Phase::Attempting, ..) => return Err(fault()),
    };
    Ok(Delivery {
        id: stored.id,
        webhook_id: stored.webhook_id,
        owner: Owner { org: stored.org, mode: stored.mode },
        event_id: stored.event_id,
        event: stored.event,
        transaction_id: stored.transaction_id,
        session_id: stored.session_id,
        event_at: stored.event_at,
        url: stored.url,
        state,
        attempts: stored.attempts,
        failures: stored.failures,
        last: stored.last,
        created_at: stored.created_at,
        version: stored.version,
    })
}

/// The write that makes a delivery which did not exist.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn create(delivery: &Delivery) -> Result<Write, StoreError> {
    Ok(Write::create(whole(delivery)?))
}

/// The write that replaces a delivery which was read at `version`.
///
/// # Errors
/// When it cannot be stored, which is a fault of ours.
pub fn replace(delivery: &Delivery, version: u64) -> Result<Write, StoreError> {
    Ok(Write::replace_at_version(whole(delivery)?, version).refused_as(Refusal::Changed))
}

/// Where a single write finds the row.
#[derive(Debug, Clone, Copy)]
enum At {
    Absent,
    Version(u64),
}

/// Which delivery an image of a row, as a stream carries it, is of.
///
/// # Errors
/// When it cannot be read, which is a fault of ours.
pub fn named_in_image(image: serde_dynamo::Item) -> Result<DueDelivery, StoreError> {
    serde_dynamo::from_item(image).map_err(|error| StoreError::Fault(format!("an image cannot be read: {error}")))
}

impl Db {
    /// Makes a delivery; `false` when it exists already.
    ///
    /// # Errors
    /// When the table does not answer: the delivery may exist or not then.
    pub async fn make_delivery(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        self.put_delivery(delivery, At::Absent).await
    }

    /// Writes a delivery down as it was changed from `version`; `false` when it is at another one by now.
    ///
    /// # Errors
    /// When the table does not answer: it may be written or not then.
    pub async fn move_delivery(&self, delivery: &Delivery, version: u64) -> Result<bool, StoreError> {
        self.put_delivery(delivery, At::Version(version)).await
    }

    async fn put_delivery(&self, delivery: &Delivery, at: At) -> Result<bool, StoreError> {
        let mut item = whole(delivery)?;
        // Tells our own first try, whose answer was lost, from somebody else's write.
        let writer = entropy::base62(16);
        item.insert("writer".to_owned(), AttributeValue::S(writer.clone()));
        for attempt in 0..CONFLICT_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(pause(attempt)).await;
            }
            let request = self.client().put_item().table_name(self.table()).set_item(Some(item.clone()));
            let request = match at {
                At::Absent => request
                    .condition_expression("attribute_not_exists(#pk)")
                    .expression_attribute_names("#pk", schema::PK),
                At::Version(version) => request
                    .condition_expression("#version = :version")
                    .expression_attribute_names("#version", "version")
                    .expression_attribute_values(":version", AttributeValue::N(version.to_string())),
            };
            let call = self.meter().begin();
            let answer = request
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
                .send()
                .await;
            match answer {
                Ok(answer) => {
                    call.finish(Units::Write, &answer.consumed_capacity);
                    return Ok(true);
                }
                Err(SdkError::ServiceError(error)) => match error.err() {
                    PutItemError::ConditionalCheckFailedException(failed) => {
                        call.finish_refused(1);
                        return Ok(failed.item().is_some_and(|old| string(old, "writer") == writer));
                    }
                    PutItemError::TransactionConflictException(_) => {}
                    _ => return Err(store_error(&SdkError::ServiceError(error))),
                },
                Err(error) => return Err(store_error(&error)),
            }
        }
        Err(StoreError::Unavailable("a delivery kept meeting transactions".to_owned()))
    }

    /// The delivery with this id, whoever owns it; none that should be forgotten by now.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn find_delivery(&self, id: &DeliveryId, now: Timestamp) -> Result<Option<Delivery>, StoreError> {
        let found = self.get(&Key::webhook_delivery(id), true).await?.map(delivery).transpose()?;
        Ok(found.filter(|delivery| now < delivery.created_at.plus_seconds(KEPT_SECONDS)))
    }

    /// What lists need to know of every delivery to an endpoint, oldest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn list_slim_deliveries(
        &self,
        owner: &Owner,
        webhook: &WebhookId,
        now: Timestamp,
    ) -> Result<Vec<SlimDelivery>, StoreError> {
        let query = self
            .client()
            .query()
            .index_name(schema::LIST_INDEX)
            .key_condition_expression("#lpk = :lpk")
            .expression_attribute_names("#lpk", schema::LIST_PK)
            .expression_attribute_values(":lpk", AttributeValue::S(delivery_log_partition(owner, webhook)));
        let rows = self.query_all(query).await?.into_iter().map(read::<SlimDelivery>).collect::<Result<Vec<_>, _>>()?;
        Ok(rows.into_iter().filter(|row| !is_forgotten(&row.id, now)).collect())
    }

    /// The whole deliveries of a page, in its order.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn get_deliveries(&self, page: &[SlimDelivery]) -> Result<Vec<Delivery>, StoreError> {
        let keys: Vec<Key> = page.iter().map(|slim| Key::webhook_delivery(&slim.id)).collect();
        let mut rows: HashMap<String, Item> = HashMap::new();
        for item in self.batch_get(&keys).await? {
            rows.insert(string(&item, schema::PK).to_owned(), item);
        }
        keys.iter().filter_map(|key| rows.remove(&key.pk)).map(delivery).collect()
    }

    /// What is due in a shard of a queue, longest due first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn due_deliveries(
        &self,
        queue: Queue,
        shard: u8,
        now: Timestamp,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let query = self
            .client()
            .query()
            .index_name(schema::DUE_INDEX)
            .key_condition_expression("#dpk = :dpk AND #dsk < :until")
            .expression_attribute_names("#dpk", schema::DUE_PK)
            .expression_attribute_names("#dsk", schema::DUE_SK)
            .expression_attribute_values(":dpk", AttributeValue::S(due_partition(queue, shard)))
            .expression_attribute_values(":until", AttributeValue::S(due_prefix(now.plus_millis(1))));
        let rows = self.query_all(query).await?;
        let due = rows.iter().filter_map(|row| pointed_to(string(row, schema::DUE_SK)));
        Ok(due.filter(|due| !is_forgotten(&due.id, now)).collect())
    }
}

/// Whether a delivery is no longer kept, whether or not it has been deleted yet. Its id tells when it began.
fn is_forgotten(id: &DeliveryId, now: Timestamp) -> bool {
    now >= id.made_at().plus_seconds(KEPT_SECONDS)
}

/// The delivery that a sort key of the index of what is due names.
fn pointed_to(sort: &str) -> Option<DueDelivery> {
    let mut parts = sort.split('#').skip(1);
    let (webhook_id, id) = (WebhookId::parse(parts.next()?)?, DeliveryId::parse(parts.next()?)?);
    Some(DueDelivery { id, webhook_id })
}
