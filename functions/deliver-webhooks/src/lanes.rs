//! Who may attempt a delivery when, within one process.
//!
//! What must stay true: an endpoint holds at most a few places, however much there is for it, so that one which does not
//! answer takes none from the others; retries have places of their own; an attempt that takes long gives its place
//! among the quick ones back; and no host is asked more than so often at a time, however many endpoints lead to it.

use anyspend_domain::webhook_delivery::Queue;
use anyspend_domain::{DeliveryId, WebhookId};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Attempts at one endpoint at a time.
const PER_ENDPOINT: usize = 8;
/// Attempts at one host at a time, by whichever merchants' endpoints: nobody is made to flood it.
const PER_HOST: usize = 64;
/// Deliveries to one endpoint that a process waits with; the rest waits in the table.
const WAITING_PER_ENDPOINT: usize = 128;
/// First attempts at a time. With the other two, fewer than the 1,024 connections a Lambda can have.
const FIRST: usize = 256;
/// Retries at a time.
const RETRIES: usize = 64;
/// Attempts at a time that have taken long already.
const LONG: usize = 384;

/// The places of one process.
#[derive(Debug)]
pub(crate) struct Lanes {
    endpoints: Mutex<HashMap<WebhookId, Weak<Lane>>>,
    hosts: Mutex<HashMap<String, Weak<Semaphore>>>,
    taken: Mutex<HashSet<DeliveryId>>,
    first: Arc<Semaphore>,
    retries: Arc<Semaphore>,
    long: Arc<Semaphore>,
    open: watch::Sender<bool>,
}

#[derive(Debug)]
struct Lane {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A delivery that this process has taken up: nobody else in it will, until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    lanes: Arc<Lanes>,
    lane: Arc<Lane>,
    delivery: DeliveryId,
}

/// The right to make an attempt now.
#[derive(Debug)]
pub(crate) struct Turn {
    ticket: Ticket,
    _endpoint: OwnedSemaphorePermit,
    place: OwnedSemaphorePermit,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lanes {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            endpoints: Mutex::default(),
            hosts: Mutex::default(),
            taken: Mutex::default(),
            first: Arc::new(Semaphore::new(FIRST)),
            retries: Arc::new(Semaphore::new(RETRIES)),
            long: Arc::new(Semaphore::new(LONG)),
            open: watch::Sender::new(true),
        })
    }

    /// Takes up a delivery; `None` when it is taken up already, or when enough is waiting for its endpoint.
    pub(crate) fn take_up(self: &Arc<Self>, webhook: &WebhookId, delivery: &DeliveryId) -> Option<Ticket> {
        let lane = {
            let mut endpoints = locked(&self.endpoints);
            match endpoints.get(webhook).and_then(Weak::upgrade) {
                Some(lane) => lane,
                None => {
                    endpoints.retain(|_, lane| lane.strong_count() > 0);
                    let lane =
                        Arc::new(Lane { places: Arc::new(Semaphore::new(PER_ENDPOINT)), waiting: AtomicUsize::new(0) });
                    endpoints.insert(webhook.clone(), Arc::downgrade(&lane));
                    lane
                }
            }
        };
        let mut taken = locked(&self.taken);
        if lane.waiting.load(Ordering::SeqCst) >= WAITING_PER_ENDPOINT || !taken.insert(delivery.clone()) {
            return None;
        }
        lane.waiting.fetch_add(1, Ordering::SeqCst);
        Some(Ticket { lanes: self.clone(), lane, delivery: delivery.clone() })
    }

    /// A place at a host, if one is free within `patience`.
    async fn at_host(&self, host: &str, patience: Duration) -> Option<OwnedSemaphorePermit> {
        let places = {
            let mut hosts = locked(&self.hosts);
            match hosts.get(host).and_then(Weak::upgrade) {
                Some(places) => places,
                None => {
                    hosts.retain(|_, places| places.strong_count() > 0);
                    let places = Arc::new(Semaphore::new(PER_HOST));
                    hosts.insert(host.to_owned(), Arc::downgrade(&places));
                    places
                }
            }
        };
        tokio::time::timeout(patience, places.acquire_owned()).await.ok()?.ok()
    }

    /// From now on nobody who still waits gets a turn.
    pub(crate) fn close(&self) {
        self.open.send_replace(false);
    }

    /// From now on turns are given again.
    pub(crate) fn reopen(&self) {
        self.open.send_replace(true);
    }

    fn places(&self, queue: Queue) -> &Arc<Semaphore> {
        match queue {
            Queue::First => &self.first,
            Queue::Retry => &self.retries,
        }
    }
}

impl Ticket {
    /// A turn, if one is free at this moment; otherwise the ticket back.
    pub(crate) fn turn_now(self, queue: Queue) -> Result<Turn, Self> {
        let endpoint = self.lane.places.clone().try_acquire_owned();
        let place = self.lanes.places(queue).clone().try_acquire_owned();
        match (endpoint, place) {
            (Ok(endpoint), Ok(place)) => Ok(Turn { ticket: self, _endpoint: endpoint, place }),
            _ => Err(self),
        }
    }

    /// Waits for a turn. The endpoint's own comes first, so that whoever waits for a slow one holds no place that others
    /// could use. `None` when the process is closing.
    pub(crate) async fn turn(self, queue: Queue) -> Option<Turn> {
        let mut open = self.lanes.open.subscribe();
        let closed = async move {
            let _ = open.wait_for(|open| !*open).await;
        };
        let (endpoint, place) = (self.lane.places.clone(), self.lanes.places(queue).clone());
        let permits = async move {
            let endpoint = endpoint.acquire_owned().await.ok()?;
            Some((endpoint, place.acquire_owned().await.ok()?))
        };
        let (endpoint, place) = tokio::select! {
            biased;
            () = closed => None,
            permits = permits => permits,
        }?;
        Some(Turn { ticket: self, _endpoint: endpoint, place })
    }
}

impl Turn {
    /// A place at the host that is asked, held until it is dropped; `None` when none became free within `patience`.
    pub(crate) async fn at_host(&self, host: &str, patience: Duration) -> Option<OwnedSemaphorePermit> {
        self.ticket.lanes.at_host(host, patience).await
    }

    /// The attempt takes long: it goes on in a place for such, if there is one.
    pub(crate) fn takes_long(&mut self) {
        if let Ok(place) = self.ticket.lanes.long.clone().try_acquire_owned() {
            self.place = place;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        locked(&self.lanes.taken).remove(&self.delivery);
        self.lane.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyspend_domain::{EventId, Timestamp};

    fn ids() -> (WebhookId, impl Fn(&WebhookId) -> DeliveryId) {
        let now = Timestamp::from_millis(1_000).unwrap();
        (WebhookId::generate(now), move |webhook: &WebhookId| DeliveryId::of(&EventId::generate(now), webhook))
    }

    #[tokio::test]
    async fn an_endpoint_that_does_not_answer_holds_a_few_places_and_the_rest_is_free() {
        let lanes = Lanes::new();
        let (silent, delivery) = ids();
        let mut turns = Vec::new();
        let mut waiting = Vec::new();
        while let Some(ticket) = lanes.take_up(&silent, &delivery(&silent)) {
            match ticket.turn_now(Queue::First) {
                Ok(turn) => turns.push(turn),
                Err(ticket) => waiting.push(ticket),
            }
        }
        assert_eq!((turns.len(), waiting.len()), (PER_ENDPOINT, WAITING_PER_ENDPOINT - PER_ENDPOINT));
        assert_eq!(lanes.first.available_permits(), FIRST - PER_ENDPOINT);
        turns.iter_mut().for_each(Turn::takes_long);
        assert_eq!((lanes.first.available_permits(), lanes.long.available_permits()), (FIRST, LONG - PER_ENDPOINT));
        let (other, delivery) = ids();
        assert!(lanes.take_up(&other, &delivery(&other)).unwrap().turn_now(Queue::First).is_ok());
    }

    #[tokio::test]
    async fn a_host_is_asked_by_a_bounded_number_at_once_whatever_endpoints_lead_to_it() {
        let lanes = Lanes::new();
        let mut places = Vec::new();
        while let Some(place) = lanes.at_host("example.com", Duration::ZERO).await {
            places.push(place);
        }
        assert_eq!(places.len(), PER_HOST);
        assert!(lanes.at_host("other.example.com", Duration::ZERO).await.is_some());
        places.pop();
        assert!(lanes.at_host("example.com", Duration::ZERO).await.is_some());
    }

    #[tokio::test]
    async fn a_delivery_is_taken_up_once_until_it_is_let_go() {
        let lanes = Lanes::new();
        let (webhook, delivery) = ids();
        let delivery = delivery(&webhook);
        let ticket = lanes.take_up(&webhook, &delivery).unwrap();
        assert!(lanes.take_up(&webhook, &delivery).is_none());
        drop(ticket);
        assert!(lanes.take_up(&webhook, &delivery).is_some());
        assert!(locked(&lanes.taken).is_empty());
    }

    #[tokio::test]
    async fn retries_take_no_place_of_first_attempts() {
        let lanes = Lanes::new();
        let mut turns = Vec::new();
        for _ in 0..RETRIES {
            let (webhook, delivery) = ids();
            turns.push(lanes.take_up(&webhook, &delivery(&webhook)).unwrap().turn_now(Queue::Retry).unwrap());
        }
        let (webhook, delivery) = ids();
        let ticket = lanes.take_up(&webhook, &delivery(&webhook)).unwrap().turn_now(Queue::Retry).unwrap_err();
        assert!(ticket.turn_now(Queue::First).is_ok());
    }

    #[tokio::test]
    async fn who_waits_when_the_process_closes_gets_no_turn() {
        let lanes = Lanes::new();
        let (webhook, delivery) = ids();
        let ticket = |lanes: &Arc<Lanes>| lanes.take_up(&webhook, &delivery(&webhook)).unwrap();
        let turns: Vec<_> = (0..PER_ENDPOINT).map(|_| ticket(&lanes).turn_now(Queue::First).unwrap()).collect();
        let waiting = tokio::spawn(ticket(&lanes).turn(Queue::First));
        lanes.close();
        assert!(waiting.await.unwrap().is_none());
        drop(turns);
        assert!(ticket(&lanes).turn(Queue::First).await.is_none());
        lanes.reopen();
        assert!(ticket(&lanes).turn(Queue::First).await.is_some());
    }
}
