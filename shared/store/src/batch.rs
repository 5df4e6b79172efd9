//! Many items at once, without any condition: `BatchGetItem` and `BatchWriteItem`, some side by side.

use crate::connection::CONNECT_PATIENCE;
use crate::db::{Db, Item, StoreError, key_item, store_error};
use crate::limits::{BATCH_GET_KEYS, BATCH_WRITE_ITEMS};
use crate::meter::Units;
use crate::schema::Key;
use aws_sdk_dynamodb::config;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, ReturnConsumedCapacity, WriteRequest};
use std::time::Duration;

/// How long each of several `BatchGetItem`s side by side may take: they share one connection and one CPU, and a search of
/// a very long list has dozens of megabytes to take in. Still less than a function's time.
const SIDE_BY_SIDE_PATIENCE: Duration = Duration::from_secs(24);
/// How many `BatchWriteItem`s run side by side.
const BATCH_WRITE_CALLS: usize = 8;

impl Db {
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
        let mut backoff = self.throttled_backoff();
        loop {
            let call = self.meter().begin();
            let answer = self
                .client()
                .batch_write_item()
                .request_items(self.table(), std::mem::take(&mut wanted))
                .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
                .send()
                .await
                .map_err(|error| store_error(&error))?;
            call.finish(Units::Write, answer.consumed_capacity());
            match answer.unprocessed_items.and_then(|mut tables| tables.remove(self.table())) {
                Some(rest) if !rest.is_empty() => wanted = rest,
                _ => return Ok(()),
            }
            if !backoff.pause().await {
                return Err(StoreError::Unavailable("a batch was left unprocessed".to_owned()));
            }
        }
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
        let mut backoff = self.throttled_backoff();
        loop {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut wanted)))
                .consistent_read(consistent)
                .build()
                .map_err(|error| StoreError::Fault(error.to_string()))?;
            let call = self.meter().begin();
            let request = self
                .client()
                .batch_get_item()
                .request_items(self.table(), request)
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
            items.extend(answer.responses.as_mut().and_then(|tables| tables.remove(self.table())).unwrap_or_default());
            match answer.unprocessed_keys.and_then(|mut tables| tables.remove(self.table())) {
                Some(rest) if !rest.keys.is_empty() => wanted = rest.keys,
                _ => return Ok(items),
            }
            if !backoff.pause().await {
                return Err(StoreError::Unavailable("a batch was left unprocessed".to_owned()));
            }
        }
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
        let fault = |error: BuildError| StoreError::Fault(error.to_string());
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
