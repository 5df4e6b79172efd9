//! The job: told by the table's stream what was just written, and on its schedule to look at everything.

use crate::deliverer::{Deliverer, Pace};
use anyspend_api::Platform;
use anyspend_api::job::{Afterwards, Job, NotPrepared, Run, Summary};
use anyspend_domain::webhook_delivery::Queue;
use anyspend_sender::Sender;
use anyspend_store::schema::OUTBOX_PREFIX;
use anyspend_store::{StoreError, outbox, webhook_deliveries};
use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use serde::Serialize;
use serde_dynamo::AttributeValue;
use std::sync::Arc;
use std::time::Duration;

/// Who we say we are.
const USER_AGENT: &str = "AnySpend-Webhooks/1";
/// The pause between two sweeps of one run.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);
/// How long a batch of the stream goes on beginning new attempts: the next batch waits for it.
const BATCH_FOR: Duration = Duration::from_secs(5);
/// How long webhooks on their way may take once the process is to end. What is cut off is delivered after the next start,
/// once its lease has ended.
const DRAIN: Duration = Duration::from_secs(2);

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Attempts that were taken up.
    pub attempts: usize,
}

impl Summary for Swept {
    fn is_idle(&self) -> bool {
        self.attempts == 0
    }
}

impl Job for Deliverer {
    const NAME: &'static str = "deliver-webhooks";
    const EVERY: Duration = Duration::from_secs(60);
    // With an attempt's own 30 s this stays below the function's timeout.
    const RUN_TIME: Duration = Duration::from_secs(40);
    type Summary = Swept;
    type Error = StoreError;

    fn prepare(platform: Arc<Platform>) -> Result<Self, NotPrepared> {
        let sender = Sender::new(USER_AGENT).map_err(NotPrepared::Unusable)?;
        Ok(Self::new(platform, sender))
    }

    /// Where the process goes on, attempts go on beside the next run, so that an endpoint which does not answer holds up
    /// no other. Where it is frozen, this sweeps until nothing is left that can be begun, or the time for it is over.
    async fn run(&self, run: &Run) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        loop {
            let taken = self.sweep().await;
            if run.afterwards == Afterwards::GoesOn {
                return taken.map(|attempts| Swept { attempts });
            }
            // Also after an error: what was begun must end before the function is frozen.
            self.finished_within(run.remaining()).await;
            let taken = taken?;
            swept.attempts += taken;
            if taken == 0 || run.is_over() {
                return Ok(swept);
            }
            // The index follows the table a moment later: what was just done would be seen as due again.
            tokio::time::sleep(BETWEEN_SWEEPS).await;
        }
    }

    /// Which records have to come again: from the first that could not be told.
    async fn take(&self, _: &Run, records: Vec<EventRecord>) -> Result<DynamoDbEventResponse, StoreError> {
        let mut answer = DynamoDbEventResponse::default();
        for record in records {
            let sequence_number = record.change.sequence_number.clone();
            if let Err(error) = tell(self, record).await {
                tracing::error!(%error, "a record of the stream could not be told");
                let mut failure = DynamoDbBatchItemFailure::default();
                failure.item_identifier = sequence_number;
                answer.batch_item_failures.push(failure);
                break;
            }
        }
        self.finished_within(BATCH_FOR).await;
        Ok(answer)
    }

    async fn stop(&self) {
        let _ = tokio::time::timeout(DRAIN, self.finished()).await;
        self.abort().await;
    }
}

/// Tells of one record: an event that entered the outbox, or a delivery that a merchant asked for.
async fn tell(deliverer: &Deliverer, record: EventRecord) -> Result<(), StoreError> {
    let (keys, image) = (record.change.keys.into_inner(), record.change.new_image);
    // A row that went away is nothing to tell of.
    if image.is_empty() {
        return Ok(());
    }
    match keys.get("pk") {
        Some(AttributeValue::S(pk)) if pk.starts_with(OUTBOX_PREFIX) => {
            deliverer.fan_out(&outbox::event_in_image(image)?, Pace::Prompt).await?;
        }
        _ => {
            let asked = webhook_deliveries::named_in_image(image)?;
            deliverer.take_up(&asked.id, &asked.webhook_id, Queue::First);
        }
    }
    Ok(())
}
