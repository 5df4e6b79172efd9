//! Finds what is to be told and sees that it is: the outbox fanned out, and what is due attempted.

use crate::attempt::Known;
use crate::lanes::{Lanes, Ticket};
use crate::subject::Subject;
use anyspend_api::Platform;
use anyspend_domain::webhook::Webhook;
use anyspend_domain::webhook_delivery::{Cause, Delivery, NotClaimed, Occurrence, Queue};
use anyspend_domain::{DeliveryId, Timestamp, WebhookId};
use anyspend_sender::Sender;
use anyspend_store::outbox::{self, OutboxEvent};
use anyspend_store::schema::SHARDS;
use anyspend_store::{Cost, Db, StoreError};
use futures_util::stream::{self, StreamExt};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

/// Events taken out of a shard of the outbox by one sweep.
const EVENTS_PER_SHARD: u32 = 200;
/// Events fanned out at a time.
const EVENTS_AT_ONCE: usize = 8;
/// Deliveries of one event written at a time.
const WRITES_AT_ONCE: usize = 32;

/// Which endpoints are told at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// All.
    Patient,
    /// Those that were not slow lately. The stream is read in order, so whoever waits for one holds up all that follows;
    /// the slow ones are left to the sweep.
    Prompt,
}

/// Delivers webhooks, in one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Deliverer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    platform: Arc<Platform>,
    db: Db,
    sender: Sender,
    lanes: Arc<Lanes>,
    tasks: Mutex<JoinSet<()>>,
}

impl Deliverer {
    /// A deliverer on a platform's table.
    pub fn new(platform: Arc<Platform>, sender: Sender) -> Self {
        let db = platform.db.metered();
        Self(Arc::new(Shared { platform, db, sender, lanes: Lanes::new(), tasks: Mutex::default() }))
    }

    pub(crate) fn platform(&self) -> &Platform {
        &self.0.platform
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn sender(&self) -> &Sender {
        &self.0.sender
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.platform.clock.now()
    }

    /// What it has spent so far.
    pub fn cost(&self) -> Cost {
        self.0.db.cost()
    }

    /// Looks at everything there is to do and begins it; how it ends is [`Deliverer::finished`]'s to wait for. Comes back
    /// with how many attempts it took up.
    ///
    /// # Errors
    /// When the table did not answer somewhere; what could be begun is begun all the same.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        self.reap();
        let outbox = stream::iter(0..SHARDS).map(|shard| self.sweep_outbox(shard)).buffer_unordered(SHARDS.into());
        let queues = Queue::ALL.iter().copied().flat_map(|queue| (0..SHARDS).map(move |shard| (queue, shard)));
        let queues =
            stream::iter(queues).map(|(queue, shard)| self.sweep_queue(queue, shard)).buffer_unordered(SHARDS.into());
        let (outbox, queues): (Vec<_>, Vec<_>) = tokio::join!(outbox.collect(), queues.collect());
        outbox.into_iter().chain(queues).try_fold(0, |sum, taken| taken.map(|taken| sum + taken))
    }

    /// Waits until everything that was begun has ended.
    pub async fn finished(&self) {
        loop {
            let mut tasks = std::mem::take(&mut *self.tasks());
            if tasks.is_empty() {
                return;
            }
            while let Some(ended) = tasks.join_next().await {
                note(ended);
            }
        }
    }

    /// The same, but who has not had a turn within `patience` gets none any more: the next sweep finds it again.
    pub async fn finished_within(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.finished()).await.is_err() {
            self.0.lanes.close();
            self.finished().await;
            self.0.lanes.reopen();
        }
    }

    /// Ends everything on the spot. What was under way is attempted again once its lease has ended.
    pub async fn abort(&self) {
        self.0.lanes.close();
        let mut tasks = std::mem::take(&mut *self.tasks());
        tasks.shutdown().await;
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the tasks that have ended.
    fn reap(&self) {
        let mut tasks = self.tasks();
        while let Some(ended) = tasks.try_join_next() {
            note(ended);
        }
    }

    fn spawn(&self, delivery: DeliveryId, task: impl Future<Output = Result<(), StoreError>> + Send + 'static) {
        self.tasks().spawn(async move {
            if let Err(error) = task.await {
                tracing::error!(%error, delivery = delivery.as_str(), "a webhook attempt could not be written down");
            }
        });
    }

    async fn sweep_outbox(&self, shard: u8) -> Result<usize, StoreError> {
        let rows = self.db().outbox_rows(shard, EVENTS_PER_SHARD).await?;
        let events = rows.into_iter().filter_map(|row| match outbox::event(row) {
            Ok(event) => Some(event),
            Err(error) => {
                tracing::error!(%error, "an event in the outbox cannot be read");
                None
            }
        });
        let taken: Vec<_> = stream::iter(events)
            .map(|event| async move { self.fan_out(&event, Pace::Patient).await })
            .buffer_unordered(EVENTS_AT_ONCE)
            .collect()
            .await;
        taken.into_iter().try_fold(0, |sum, taken| taken.map(|taken| sum + taken))
    }

    /// Makes a delivery for each endpoint that wants the event, begins the attempts there are places for, and takes the
    /// event out of the outbox. Done twice, or by two at once, it makes each delivery once.
    ///
    /// # Errors
    /// When the table does not answer; the event then stays where it is, and is fanned out again.
    pub async fn fan_out(&self, event: &OutboxEvent, pace: Pace) -> Result<usize, StoreError> {
        let webhooks = self.db().list_webhooks(&event.owner).await?;
        let subject = Arc::new(OnceCell::new());
        // An endpoint is told of what happens from its making on, however long an event waits here.
        let wanted = webhooks.into_iter().filter(|webhook| {
            webhook.is_active() && webhook.events.wants(event.event) && webhook.created_at <= event.created_at
        });
        let made: Vec<_> = stream::iter(wanted)
            .map(|webhook| self.make(event, webhook, subject.clone(), pace))
            .buffer_unordered(WRITES_AT_ONCE)
            .collect()
            .await;
        let taken = made.into_iter().try_fold(0, |sum, taken| taken.map(|taken: bool| sum + usize::from(taken)))?;
        self.db().remove_from_outbox(&event.id).await?;
        Ok(taken)
    }

    /// Makes a delivery, claimed already where its attempt can begin at once: that saves a write and a round trip.
    async fn make(
        &self,
        event: &OutboxEvent,
        webhook: Webhook,
        subject: Arc<OnceCell<Arc<Subject>>>,
        pace: Pace,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let occurrence = Occurrence {
            id: event.id.clone(),
            event: event.event,
            transaction_id: event.transaction_id.clone(),
            session_id: event.session_id.clone(),
            at: event.created_at,
        };
        let mut delivery = Delivery::new(&webhook, occurrence, Cause::Subscription, now);
        let ticket = match pace == Pace::Prompt && webhook.is_slow(now) {
            true => None,
            false => self.0.lanes.take_up(&webhook.id, &delivery.id),
        };
        let turn = ticket.map(|ticket| ticket.turn_now(Queue::First));
        let claimed = matches!(turn, Some(Ok(_))) && delivery.claim(now).is_ok();
        if !self.db().make_delivery(&delivery).await? {
            return Ok(false);
        }
        let this = self.clone();
        let id = delivery.id.clone();
        match turn {
            Some(Ok(mut turn)) if claimed => self.spawn(id, async move {
                let load = || async { Subject::load(this.platform(), this.db(), &delivery).await.map(Arc::new) };
                let subject = subject.get_or_try_init(load).await?.clone();
                let known = Known { webhook: Some(webhook), subject: Some(subject) };
                this.attempt(delivery, known, &mut turn).await
            }),
            Some(Err(ticket)) => {
                self.spawn(id.clone(), async move { this.attempt_in_turn(id, Queue::First, ticket).await });
            }
            Some(Ok(_)) | None => return Ok(false),
        }
        Ok(true)
    }

    async fn sweep_queue(&self, queue: Queue, shard: u8) -> Result<usize, StoreError> {
        let due = self.db().due_deliveries(queue, shard, self.now()).await?;
        Ok(due.into_iter().filter(|due| self.take_up(&due.id, &due.webhook_id, queue)).count())
    }

    /// Begins an attempt at a delivery that is due; `false` when there is no place for it now.
    pub fn take_up(&self, delivery: &DeliveryId, webhook: &WebhookId, queue: Queue) -> bool {
        let Some(ticket) = self.0.lanes.take_up(webhook, delivery) else { return false };
        let (this, delivery) = (self.clone(), delivery.clone());
        self.spawn(delivery.clone(), async move { this.attempt_in_turn(delivery, queue, ticket).await });
        true
    }

    /// Waits for a turn, claims the delivery as it is then, and attempts it.
    async fn attempt_in_turn(&self, id: DeliveryId, queue: Queue, ticket: Ticket) -> Result<(), StoreError> {
        let Some(mut turn) = ticket.turn(queue).await else { return Ok(()) };
        match self.claim(&id).await? {
            Some(delivery) => self.attempt(delivery, Known::default(), &mut turn).await,
            None => Ok(()),
        }
    }

    /// Claims a delivery; `None` when it is not to be had.
    async fn claim(&self, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let now = self.now();
        let Some(mut delivery) = self.db().find_delivery(id, now).await? else { return Ok(None) };
        let version = delivery.version;
        let claimed = delivery.claim(now);
        if claimed == Err(NotClaimed::NotNow) {
            return Ok(None);
        }
        let written = self.db().move_delivery(&delivery, version).await?;
        Ok((written && claimed.is_ok()).then_some(delivery))
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a webhook attempt panicked");
    }
}
