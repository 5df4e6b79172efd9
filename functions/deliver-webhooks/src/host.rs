//! The Lambda host: invoked by the table's stream with what was just written, and once a minute to look at everything.

use crate::deliverer::{Deliverer, Pace};
use anyspend_api::Platform;
use anyspend_domain::webhook_delivery::Queue;
use anyspend_sender::Sender;
use anyspend_store::schema::OUTBOX_PREFIX;
use anyspend_store::{StoreError, outbox, webhook_deliveries};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who we say we are.
pub const USER_AGENT: &str = "AnySpend-Webhooks/1";
/// How long a sweep goes on beginning new attempts. With an attempt's own 30 s this stays below the function's timeout.
const SWEEPS_FOR: Duration = Duration::from_secs(40);
/// The pause between two sweeps of one invocation.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);
/// How long a batch of the stream goes on beginning new attempts: the next batch waits for it.
const BATCH_FOR: Duration = Duration::from_secs(5);

/// What runs in the Lambda runtime: a platform's deliverer, once per event.
///
/// # Errors
/// When TLS cannot be set up.
pub fn job(platform: Arc<Platform>) -> Result<impl AsyncFn(Value) -> Result<BatchAnswer, String>, String> {
    let deliverer = Deliverer::new(platform, Sender::new(USER_AGENT)?);
    Ok(async move |event: Value| handle(&deliverer, &event).await)
}

/// Which records of a batch have to come again: from the first of these on.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// Empty when all went well.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One of them.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// The record's sequence number.
    pub item_identifier: String,
}

/// Does what an event asks for: a batch of the stream is told at once, anything else is a sweep.
///
/// # Errors
/// When a sweep did not get an answer from the table somewhere; the next one tries again.
pub async fn handle(deliverer: &Deliverer, event: &Value) -> Result<BatchAnswer, String> {
    let Some(records) = event["Records"].as_array() else {
        return sweep(deliverer).await.map(|()| BatchAnswer::default());
    };
    let mut answer = BatchAnswer::default();
    for record in records {
        if let Err(error) = tell(deliverer, record).await {
            tracing::error!(%error, "a record of the stream could not be told");
            let item_identifier = record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default().to_owned();
            answer.batch_item_failures.push(BatchItemFailure { item_identifier });
            break;
        }
    }
    deliverer.finished_within(BATCH_FOR).await;
    Ok(answer)
}

/// Sweeps until nothing is left that can be begun, or the time for it is over.
async fn sweep(deliverer: &Deliverer) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let swept = deliverer.sweep().await;
        // Also after an error: what was begun must end before the function is frozen.
        deliverer.finished_within(SWEEPS_FOR.saturating_sub(began.elapsed())).await;
        if swept.map_err(|error| error.to_string())? == 0 || began.elapsed() >= SWEEPS_FOR {
            return Ok(());
        }
        // The index follows the table a moment later: what was just done would be seen as due again.
        tokio::time::sleep(BETWEEN_SWEEPS).await;
    }
}

/// Tells of one record: an event that entered the outbox, or a delivery that a merchant asked for.
async fn tell(deliverer: &Deliverer, record: &Value) -> Result<(), StoreError> {
    let image = record["dynamodb"]["NewImage"].clone();
    // A row that went away is nothing to tell of.
    if image.is_null() {
        return Ok(());
    }
    let image: serde_dynamo::Item =
        serde_json::from_value(image).map_err(|error| StoreError::Fault(error.to_string()))?;
    match record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap_or_default() {
        pk if pk.starts_with(OUTBOX_PREFIX) => {
            deliverer.fan_out(&outbox::event_in_image(image)?, Pace::Prompt).await?;
        }
        _ => {
            let asked = webhook_deliveries::named_in_image(image)?;
            deliverer.take_up(&asked.id, &asked.webhook_id, Queue::First);
        }
    }
    Ok(())
}
