//! The table as the code sees it: few verbs, each counted, each failing in one of two ways.

use crate::backoff::Backoff;
use crate::meter::{Cost, Meter, Units};
use crate::schema::{self, Key};
use crate::vault::Vault;
use anyspend_domain::Timestamp;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, Select};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

pub(crate) use crate::batch::BatchWrite;
pub use crate::connection::{Connection, Roots, http_client};
pub use crate::error::StoreError;
pub(crate) use crate::error::{describe, store_error};
pub use crate::rows::Item;
pub(crate) use crate::rows::{by_id, key_item, open, read, row, sealed_row, string};

/// How long a job's write is tried again because it meets transactions, and any call because the table throttles.
const PATIENCE: Duration = Duration::from_secs(2);

/// The table, with a meter for the request it is used by.
#[derive(Debug, Clone)]
pub struct Db {
    client: Client,
    table: Arc<str>,
    meter: Arc<Meter>,
    deadline: Option<Instant>,
}

impl Db {
    /// The table `table`, with a meter of its own.
    pub fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.into(), meter: Arc::default(), deadline: None }
    }

    /// The same table with a fresh meter: one per request.
    #[must_use]
    pub fn metered(&self) -> Self {
        Self { meter: Arc::default(), ..self.clone() }
    }

    /// The same table for one whose tries must have begun by `deadline`. Without one, each commit has its own patience.
    #[must_use]
    pub fn until(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// How long a write that meets transactions may be tried again.
    pub(crate) fn backoff(&self) -> Backoff {
        self.deadline.map_or_else(|| Backoff::within(PATIENCE), Backoff::until)
    }

    /// How long a call may be tried again that the table has no capacity for: whoever goes on for long makes it worse.
    pub(crate) fn throttled_backoff(&self) -> Backoff {
        let patience = Instant::now() + PATIENCE;
        Backoff::until(self.deadline.map_or(patience, |deadline| deadline.min(patience)))
    }

    /// What this request has spent.
    pub fn cost(&self) -> Cost {
        self.meter.cost()
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Reads one item. `consistent` costs twice as much and sees every write that was answered before.
    pub(crate) async fn get(&self, key: &Key, consistent: bool) -> Result<Option<Item>, StoreError> {
        let call = self.meter.begin();
        let answer = self
            .client
            .get_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(key)))
            .consistent_read(consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        call.finish(Units::Read, &answer.consumed_capacity);
        Ok(answer.item)
    }

    /// The object that is one row, strongly consistent.
    pub(crate) async fn find<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        self.get(key, true).await?.map(read).transpose()
    }

    /// The same for one with sealed parts.
    pub(crate) async fn find_sealed<T: DeserializeOwned>(
        &self,
        key: &Key,
        vault: &impl Vault,
    ) -> Result<Option<T>, StoreError> {
        self.get(key, true).await?.map(|item| open(item, vault)).transpose()
    }

    /// Reads a whole partition, strongly consistent.
    pub(crate) async fn partition(&self, pk: &str) -> Result<Vec<Item>, StoreError> {
        self.partition_as(pk, true).await
    }

    /// Reads a whole partition. `consistent` costs twice as much and sees every write that was answered before.
    pub(crate) async fn partition_as(&self, pk: &str, consistent: bool) -> Result<Vec<Item>, StoreError> {
        self.query_all(self.query_of(pk).consistent_read(consistent)).await
    }

    /// A query of a partition, strongly consistent unless it is told otherwise.
    pub(crate) fn query_of(&self, pk: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", schema::PK)
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
    }

    /// A query of the rows of a partition whose sort keys begin with `prefix`.
    pub(crate) fn query_beginning(&self, pk: &str, prefix: &str) -> QueryFluentBuilder {
        self.query_of(pk)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
            .expression_attribute_names("#sk", schema::SK)
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
    }

    /// A query of the rows of a partition from one sort key to another, both included.
    pub(crate) fn query_between(&self, pk: &str, first: &str, last: &str) -> QueryFluentBuilder {
        self.query_of(pk)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
            .expression_attribute_names("#sk", schema::SK)
            .expression_attribute_values(":first", AttributeValue::S(first.to_owned()))
            .expression_attribute_values(":last", AttributeValue::S(last.to_owned()))
    }

    /// A query of the rows of a partition before a sort key.
    pub(crate) fn query_before(&self, pk: &str, to: &str) -> QueryFluentBuilder {
        self.query_of(pk)
            .key_condition_expression("#pk = :pk AND #sk < :to")
            .expression_attribute_names("#sk", schema::SK)
            .expression_attribute_values(":to", AttributeValue::S(to.to_owned()))
    }

    /// A query of what is due at `now` in a partition of [`schema::DUE_INDEX`], longest due first. The index may be a moment
    /// behind: what is read of the object itself counts.
    pub(crate) fn query_due(&self, partition: String, now: Timestamp) -> QueryFluentBuilder {
        self.client
            .query()
            .index_name(schema::DUE_INDEX)
            .key_condition_expression("#dpk = :dpk AND #dsk < :until")
            .expression_attribute_names("#dpk", schema::DUE_PK)
            .expression_attribute_names("#dsk", schema::DUE_SK)
            .expression_attribute_values(":dpk", AttributeValue::S(partition))
            .expression_attribute_values(":until", AttributeValue::S(schema::due_prefix(now.plus_millis(1))))
    }

    /// The first rows of a partition, at most `most`, strongly consistent.
    pub(crate) async fn first_of_partition(&self, pk: &str, most: u32) -> Result<Vec<Item>, StoreError> {
        self.query_page(self.query_of(pk).limit(i32::try_from(most).unwrap_or(i32::MAX))).await
    }

    /// Follows a query to its end, page by page.
    pub(crate) async fn query_all(&self, query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let (page, next) = self.query_page_from(query.clone(), from).await?;
            items.extend(page);
            from = next;
            if from.is_none() {
                return Ok(items);
            }
        }
    }

    /// How many items a query finds, without fetching them.
    pub(crate) async fn count_all(&self, query: QueryFluentBuilder) -> Result<u64, StoreError> {
        let (mut count, mut from) = (0, None);
        loop {
            let call = self.meter.begin();
            let answer = query
                .clone()
                .table_name(&*self.table)
                .select(Select::Count)
                .set_exclusive_start_key(from)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(|error| store_error(&error))?;
            call.finish(Units::Read, &answer.consumed_capacity);
            count += u64::try_from(answer.count).unwrap_or_default();
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(count);
            }
        }
    }

    /// The page of a query that begins after the key `from`, and after which key the next one begins, if there is one.
    pub(crate) async fn query_page_from(
        &self,
        query: QueryFluentBuilder,
        from: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let call = self.meter.begin();
        let answer = query
            .table_name(&*self.table)
            .set_exclusive_start_key(from)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        call.finish(Units::Read, &answer.consumed_capacity);
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key.filter(|key| !key.is_empty())))
    }

    /// One page of a query.
    pub(crate) async fn query_page(&self, query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
        Ok(self.query_page_from(query, None).await?.0)
    }

    /// Asks the table a question with no answer, to see whether it is there.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.get(&Key::probe(), false).await.map(|_| ())
    }
}
