//! Deliveries of events to webhook endpoints: one row each, listed under its endpoint, and in the index of what is due
//! for as long as somebody has to look at it.
//!
//! What must stay true: a row is made once, whoever makes it and however often; it moves only from the version it was
//! read at. Making and claiming one are single conditional writes, because they are no effect of a request: whatever dies
//! around them is done again.

use crate::Write;
use crate::db::{Db, Item, StoreError, by_id, read, row, string};
use crate::schema::{self, Key, delivery_log_partition, due_key, due_partition};
use crate::single::Expected;
use anyspend_domain::webhook_delivery::{Delivery, KEPT_SECONDS, Queue};
use anyspend_domain::{DeliveryId, Owner, Timestamp, WebhookId, entropy};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

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
    let stored = Row { delivery, status: delivery.state.status().as_str(), ttl };
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
        self.put_delivery(delivery, Expected::Absent).await
    }

    /// Writes a delivery down as it was changed from `version`; `false` when it is at another one by now.
    ///
    /// # Errors
    /// When the table does not answer: it may be written or not then.
    pub async fn move_delivery(&self, delivery: &Delivery, version: u64) -> Result<bool, StoreError> {
        self.put_delivery(delivery, Expected::Version(version)).await
    }

    async fn put_delivery(&self, delivery: &Delivery, expected: Expected) -> Result<bool, StoreError> {
        let mut item = whole(delivery)?;
        // Tells our own first try, whose answer was lost, from somebody else's write.
        let writer = entropy::base62(16);
        item.insert("writer".to_owned(), AttributeValue::S(writer.clone()));
        Ok(match self.put_row(item, expected).await? {
            Ok(()) => true,
            Err(old) => string(&old, "writer") == writer,
        })
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
        let mut rows = by_id(self.batch_get(&keys).await?);
        page.iter().filter_map(|slim| rows.remove(slim.id.as_str())).map(read).collect()
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
