//! Deliveries of events to webhook endpoints: one row each, listed under its endpoint, and in the index of what is due
//! for as long as somebody has to look at it.
//!
//! What must stay true: a row is made once, whoever makes it and however often; it moves only from the version it was
//! read at. Making and claiming one are single conditional writes, because they are no effect of a request: whatever dies
//! around them is done again.

use crate::db::{Db, Item, StoreError, read, row, store_error, string};
use crate::meter::Units;
use crate::schema::{self, Key, delivery_log_partition, due_key, due_partition};
use crate::write::number;
use crate::{Write, backoff};
use anyspend_domain::webhook_delivery::{Delivery, KEPT_SECONDS, Queue};
use anyspend_domain::{DeliveryId, Owner, Timestamp, WebhookId, entropy};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How often a write that met a transaction is tried again.
const CONFLICT_ATTEMPTS: u32 = 6;

/// A delivery's row: the delivery, and what the index and the table need of it.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    delivery: &'a Delivery,
    /// For the list's filter.
    status: &'static str,
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
    let ttl = delivery.created_at.plus_seconds(KEPT_SECONDS).seconds();
    let stored = Row { delivery, status: delivery.state.as_str(), ttl };
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

/// The write that makes a delivery which did not exist.
pub fn create(delivery: &Delivery) -> Result<Write, StoreError> {
    Ok(Write::put(whole(delivery)?).if_new())
}

/// The write that replaces a delivery which was read at `version`.
pub fn replace(delivery: &Delivery, version: u64) -> Result<Write, StoreError> {
    Ok(Write::put(whole(delivery)?).at_version(version))
}

/// Where a single write finds the row.
#[derive(Debug, Clone, Copy)]
enum At {
    Absent,
    Version(u64),
}

/// Which delivery an image of a row, as a stream carries it, is of.
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
            backoff::wait(attempt).await;
            let request = self.client().put_item().table_name(self.table()).set_item(Some(item.clone()));
            let request = match at {
                At::Absent => request
                    .condition_expression("attribute_not_exists(#pk)")
                    .expression_attribute_names("#pk", schema::PK),
                At::Version(version) => request
                    .condition_expression("#version = :version")
                    .expression_attribute_names("#version", "version")
                    .expression_attribute_values(":version", number(version)),
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
    pub async fn find_delivery(&self, id: &DeliveryId, now: Timestamp) -> Result<Option<Delivery>, StoreError> {
        let found = self.find::<Delivery>(&Key::webhook_delivery(id)).await?;
        Ok(found.filter(|delivery| now < delivery.created_at.plus_seconds(KEPT_SECONDS)))
    }

    /// What lists need to know of every delivery to an endpoint, oldest first.
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
    pub async fn get_deliveries(&self, page: &[SlimDelivery]) -> Result<Vec<Delivery>, StoreError> {
        let keys: Vec<Key> = page.iter().map(|slim| Key::webhook_delivery(&slim.id)).collect();
        let rows = self.batch_get(&keys).await?.into_iter().map(read::<Delivery>);
        let mut found = rows.map(|delivery| delivery.map(|delivery| (delivery.id.clone(), delivery)));
        let mut found = found.by_ref().collect::<Result<HashMap<_, _>, _>>()?;
        Ok(page.iter().filter_map(|slim| found.remove(&slim.id)).collect())
    }

    /// What is due in a shard of a queue, longest due first.
    pub async fn due_deliveries(
        &self,
        queue: Queue,
        shard: u8,
        now: Timestamp,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let rows = self.query_all(self.query_due(due_partition(queue, shard), now)).await?;
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
