//! The table as the code sees it: few verbs, each counted, each failing in one of two ways.

use crate::backoff::Backoff;
use crate::meter::{Cost, Meter, Units};
use crate::schema::{self, Key};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, ReturnConsumedCapacity, Select, WriteRequest,
};
use aws_sdk_dynamodb::{Client, config};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// Most keys of one `BatchGetItem`.
const BATCH_GET_KEYS: usize = 100;
/// How long a job's transaction is tried again because it meets others; a request has its own deadline.
const COMMIT_PATIENCE: Duration = Duration::from_secs(2);
/// How long a connection may take to be made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// How long each of several `BatchGetItem`s side by side may take: they share one connection and one CPU, and a search of
/// a very long list has dozens of megabytes to take in. Still less than a function's time.
const SIDE_BY_SIDE_PATIENCE: Duration = Duration::from_secs(24);
/// Most items of one `BatchWriteItem`.
const BATCH_WRITE_ITEMS: usize = 25;
/// How many `BatchWriteItem`s run side by side.
const BATCH_WRITE_CALLS: usize = 8;
/// How often what a batch left unprocessed is tried again.
const BATCH_ROUNDS: u32 = 8;

/// Why the table did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled, unreachable or too slow: trying again later may work.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A request DynamoDB refuses or an item that cannot be read: a fault of ours.
    #[error("the database refused: {0}")]
    Fault(String),
}

/// How to reach DynamoDB. Built by hand: the full AWS configuration chain doubles a Lambda's size and start.
#[derive(Clone)]
pub struct Connection {
    /// The AWS region.
    pub region: String,
    /// Another endpoint than the region's own, e.g. an embedded engine.
    pub endpoint: Option<String>,
    /// Access key id, secret and session token.
    pub credentials: (String, String, Option<String>),
    /// Another HTTP client than the SDK's own; tests put faults there.
    pub http_client: Option<config::SharedHttpClient>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// An engine on this machine, which takes any credentials.
    pub fn local(endpoint: String) -> Self {
        Self {
            region: "us-east-1".to_owned(),
            endpoint: Some(endpoint),
            credentials: ("local".to_owned(), "local".to_owned(), None),
            http_client: None,
        }
    }

    /// An engine inside this process: requests go to wherever `http_client` takes them.
    pub fn in_process(http_client: config::SharedHttpClient) -> Self {
        // A name that no resolver knows: nothing may leave the process, even by mistake.
        Self { http_client: Some(http_client), ..Self::local("http://embedded.invalid".to_owned()) }
    }

    fn roots(&self) -> Roots {
        match &self.endpoint {
            Some(endpoint) if endpoint.starts_with("https:") => Roots::System,
            // Plain http needs none, and then the cheap ones.
            _ => Roots::Amazon,
        }
    }

    /// The SDK client.
    pub fn client(&self) -> Client {
        let (id, secret, token) = self.credentials.clone();
        let mut builder = config::Builder::new()
            // Pinned: a new SDK version must not change timeouts or retries behind our back.
            .behavior_version(config::BehaviorVersion::v2026_01_12())
            .region(config::Region::new(self.region.clone()))
            .credentials_provider(config::Credentials::new(id, secret, token, None, "environment"))
            .retry_config(
                config::retry::RetryConfig::standard()
                    .with_max_attempts(3)
                    .with_initial_backoff(Duration::from_millis(50)),
            )
            .timeout_config(
                config::timeout::TimeoutConfig::builder()
                    .connect_timeout(CONNECT_PATIENCE)
                    .operation_attempt_timeout(Duration::from_secs(3))
                    .operation_timeout(Duration::from_secs(8))
                    .build(),
            );
        builder.set_endpoint_url(self.endpoint.clone());
        builder = match &self.http_client {
            Some(client) => builder.http_client(client.clone()),
            None => builder.http_client(http_client(self.roots())),
        };
        Client::from_conf(builder.build())
    }
}

/// Whose certificates a client believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    /// Amazon Trust Services', which sign every AWS endpoint, compiled in: walking the system's certificate folder costs
    /// a third of a cold start.
    Amazon,
    /// The system's, for an endpoint of somebody else.
    System,
}

/// The HTTP client every SDK client uses: rustls with ring.
pub fn http_client(roots: Roots) -> config::SharedHttpClient {
    use aws_smithy_http_client::{Builder, tls};
    let store = match roots {
        // Amazon Root CA 1 to 4 and Starfield Services Root CA G2: https://www.amazontrust.com/repository/
        Roots::Amazon => tls::TrustStore::empty().with_pem_certificate(include_bytes!("amazon-roots.pem").as_slice()),
        Roots::System => tls::TrustStore::default(),
    };
    Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .tls_context(tls::TlsContext::builder().with_trust_store(store).build().unwrap_or_default())
        .build_https()
}

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

    /// How long a transaction that meets others may be tried again.
    pub(crate) fn backoff(&self) -> Backoff {
        self.deadline.map_or_else(|| Backoff::within(COMMIT_PATIENCE), Backoff::until)
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

    /// Reads a whole partition, strongly consistent.
    pub(crate) async fn partition(&self, pk: &str) -> Result<Vec<Item>, StoreError> {
        self.partition_as(pk, true).await
    }

    /// Reads a whole partition. `consistent` costs twice as much and sees every write that was answered before.
    pub(crate) async fn partition_as(&self, pk: &str, consistent: bool) -> Result<Vec<Item>, StoreError> {
        let base = self
            .client
            .query()
            .consistent_read(consistent)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", schema::PK)
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        self.query_all(base).await
    }

    /// The rows of a partition whose sort key begins with `prefix`, in its order, strongly consistent.
    pub(crate) async fn rows_beginning(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client
            .query()
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
            .expression_attribute_names("#pk", schema::PK)
            .expression_attribute_names("#sk", schema::SK)
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
        self.query_all(query).await
    }

    /// The first rows of a partition, at most `most`, strongly consistent.
    pub(crate) async fn first_of_partition(&self, pk: &str, most: u32) -> Result<Vec<Item>, StoreError> {
        let call = self.meter.begin();
        let answer = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", schema::PK)
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        call.finish(Units::Read, &answer.consumed_capacity);
        Ok(answer.items.unwrap_or_default())
    }

    /// Deletes a row by itself: nothing else may hang on it, since it is no effect of a request.
    pub(crate) async fn delete_row(&self, key: &Key) -> Result<(), StoreError> {
        let call = self.meter.begin();
        let answer = self
            .client
            .delete_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(key)))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        call.finish(Units::Write, &answer.consumed_capacity);
        Ok(())
    }

    /// Follows a query to its end, page by page.
    pub(crate) async fn query_all(
        &self,
        query: aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder,
    ) -> Result<Vec<Item>, StoreError> {
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
    pub(crate) async fn count_all(
        &self,
        query: aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder,
    ) -> Result<u64, StoreError> {
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
        query: aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder,
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
    pub(crate) async fn query_page(
        &self,
        query: aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder,
    ) -> Result<Vec<Item>, StoreError> {
        let call = self.meter.begin();
        let query = query.table_name(&*self.table).return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = query.send().await.map_err(|error| store_error(&error))?;
        call.finish(Units::Read, &answer.consumed_capacity);
        Ok(answer.items.unwrap_or_default())
    }

    /// Puts and deletes many items without any condition, some calls at a time. Not for what must happen as a whole:
    /// when it fails, some of it may have happened.
    pub(crate) async fn batch_write(&self, writes: Vec<BatchWrite>) -> Result<(), StoreError> {
        let requests = writes.into_iter().map(BatchWrite::into_sdk).collect::<Result<Vec<_>, _>>()?;
        for side_by_side in requests.chunks(BATCH_WRITE_ITEMS * BATCH_WRITE_CALLS) {
            let calls = side_by_side.chunks(BATCH_WRITE_ITEMS).map(|chunk| self.batch_write_chunk(chunk.to_vec()));
            futures_util::future::try_join_all(calls).await?;
        }
        Ok(())
    }

    async fn batch_write_chunk(&self, mut wanted: Vec<WriteRequest>) -> Result<(), StoreError> {
        for round in 0..BATCH_ROUNDS {
            if round > 0 {
                tokio::time::sleep(Duration::from_millis(20 << round)).await;
            }
            let call = self.meter.begin();
            let answer = self
                .client
                .batch_write_item()
                .request_items(&*self.table, std::mem::take(&mut wanted))
                .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
                .send()
                .await
                .map_err(|error| store_error(&error))?;
            call.finish(Units::Write, answer.consumed_capacity());
            match answer.unprocessed_items.and_then(|mut tables| tables.remove(&*self.table)) {
                Some(rest) if !rest.is_empty() => wanted = rest,
                _ => return Ok(()),
            }
        }
        Err(StoreError::Unavailable("a batch was left unprocessed".to_owned()))
    }

    /// Reads many items at once, in no particular order; those that do not exist are absent from the answer.
    pub(crate) async fn batch_get(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.batch_get_as(keys, false).await
    }

    /// The same, seeing every write that was answered before.
    pub(crate) async fn batch_get_consistent(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.batch_get_as(keys, true).await
    }

    async fn batch_get_as(&self, keys: &[Key], consistent: bool) -> Result<Vec<Item>, StoreError> {
        let patience = (keys.len() > BATCH_GET_KEYS).then_some(SIDE_BY_SIDE_PATIENCE);
        let chunks = keys.chunks(BATCH_GET_KEYS).map(|chunk| self.batch_get_chunk(chunk, consistent, patience));
        Ok(futures_util::future::try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    async fn batch_get_chunk(
        &self,
        keys: &[Key],
        consistent: bool,
        patience: Option<Duration>,
    ) -> Result<Vec<Item>, StoreError> {
        let timeouts = patience.map(|patience| {
            config::timeout::TimeoutConfig::builder()
                .connect_timeout(CONNECT_PATIENCE)
                .operation_attempt_timeout(patience)
                .operation_timeout(patience)
                .build()
        });
        let mut wanted = keys.iter().map(key_item).collect::<Vec<_>>();
        let mut items = Vec::new();
        for round in 0..BATCH_ROUNDS {
            if round > 0 {
                tokio::time::sleep(Duration::from_millis(20 << round)).await;
            }
            let request = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut wanted)))
                .consistent_read(consistent)
                .build()
                .map_err(|error| StoreError::Fault(error.to_string()))?;
            let call = self.meter.begin();
            let request = self
                .client
                .batch_get_item()
                .request_items(&*self.table, request)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = match timeouts.clone() {
                Some(timeouts) => {
                    let config = config::Config::builder().timeout_config(timeouts);
                    request.customize().config_override(config).send().await
                }
                None => request.send().await,
            };
            let mut answer = answer.map_err(|error| store_error(&error))?;
            call.finish(Units::Read, answer.consumed_capacity());
            items.extend(answer.responses.as_mut().and_then(|tables| tables.remove(&*self.table)).unwrap_or_default());
            match answer.unprocessed_keys.and_then(|mut tables| tables.remove(&*self.table)) {
                Some(rest) if !rest.keys.is_empty() => wanted = rest.keys,
                _ => return Ok(items),
            }
        }
        Err(StoreError::Unavailable("a batch was left unprocessed".to_owned()))
    }

    /// Asks the table a question with no answer, to see whether it is there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.get(&Key::probe(), false).await.map(|_| ())
    }
}

/// One write of a batch.
#[derive(Debug)]
pub(crate) enum BatchWrite {
    /// Stores an item, whatever was there.
    Put(Item),
    /// Deletes an item if it is there.
    Delete(Key),
}

impl BatchWrite {
    fn into_sdk(self) -> Result<WriteRequest, StoreError> {
        let fault = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Fault(error.to_string());
        let request = WriteRequest::builder();
        Ok(match self {
            Self::Put(item) => request.put_request(PutRequest::builder().set_item(Some(item)).build().map_err(fault)?),
            Self::Delete(key) => {
                let delete = DeleteRequest::builder().set_key(Some(key_item(&key)));
                request.delete_request(delete.build().map_err(fault)?)
            }
        }
        .build())
    }
}

/// The key attributes of an item.
pub(crate) fn key_item(key: &Key) -> Item {
    HashMap::from([
        (schema::PK.to_owned(), AttributeValue::S(key.pk.clone())),
        (schema::SK.to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

/// A stored item from its key and its attributes; attributes that are null are left out.
pub(crate) fn row(key: &Key, attributes: &impl Serialize) -> Result<Item, StoreError> {
    let mut item: Item =
        serde_dynamo::aws_sdk_dynamodb_1::to_item(attributes).map_err(|error| StoreError::Fault(error.to_string()))?;
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.extend(key_item(key));
    Ok(item)
}

/// Reads an item's attributes.
pub(crate) fn read<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item)
        .map_err(|error| StoreError::Fault(format!("an item cannot be read: {error}")))
}

/// A string attribute; empty when absent.
pub(crate) fn string<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

/// Rows that were read in no particular order, in the order of their keys, of which each partition has one; those that are
/// gone are left out.
pub(crate) fn in_order(keys: impl Iterator<Item = Key>, rows: Vec<Item>) -> impl Iterator<Item = Item> {
    let mut rows: HashMap<String, Item> =
        rows.into_iter().map(|item| (string(&item, schema::PK).to_owned(), item)).collect();
    keys.filter_map(move |key| rows.remove(&key.pk))
}

/// What an SDK error says, for the operator.
pub(crate) fn describe<E: ProvideErrorMetadata + fmt::Debug, R: fmt::Debug>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(service) => format!(
            "{}: {}",
            service.err().code().unwrap_or("unknown error"),
            service.err().message().unwrap_or("no message")
        ),
        SdkError::DispatchFailure(failure) => {
            format!("cannot connect: {:?}", failure.as_connector_error().map(ToString::to_string))
        }
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Sorts an SDK error into "try later" and "our fault". Codes decide, never texts.
pub(crate) fn store_error<E: ProvideErrorMetadata + fmt::Debug, R: fmt::Debug>(error: &SdkError<E, R>) -> StoreError {
    const TRY_LATER: &[&str] = &[
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "TransactionInProgressException",
        "LimitExceededException",
        "ServiceUnavailable",
        "ResourceNotFoundException",
    ];
    match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or_default();
            if code.is_empty() || TRY_LATER.contains(&code) {
                StoreError::Unavailable(describe(error))
            } else {
                StoreError::Fault(describe(error))
            }
        }
        SdkError::ConstructionFailure(_) => StoreError::Fault(describe(error)),
        _ => StoreError::Unavailable(describe(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_roots_are_certificates() {
        let pem = include_str!("amazon-roots.pem");
        assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----").count(), 5);
        // The SDK panics on a certificate it cannot read.
        let _ = http_client(Roots::Amazon);
        let _ = http_client(Roots::System);
    }

    #[test]
    fn only_an_endpoint_of_somebody_else_is_checked_against_the_systems_roots() {
        let roots = |endpoint: Option<&str>| {
            Connection { endpoint: endpoint.map(str::to_owned), ..Connection::local(String::new()) }.roots()
        };
        assert_eq!(roots(None), Roots::Amazon);
        assert_eq!(roots(Some("http://127.0.0.1:8000")), Roots::Amazon);
        assert_eq!(roots(Some("https://dynamodb.example.com")), Roots::System);
    }
}
