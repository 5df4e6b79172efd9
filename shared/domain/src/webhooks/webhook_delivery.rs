//! A delivery: one event on its way to one endpoint, through attempts that are claimed, made and settled.
//!
//! What must stay true: an attempt is made by whoever holds the lease; a lease ends by itself, so that a delivery whose
//! attempt died with its process is claimed again; and a delivery that succeeded or failed moves only when its merchant
//! asks for it.

use crate::values::named::named;
use crate::webhook::{Webhook, WebhookEvent};
use crate::{CheckoutSessionId, DeliveryId, EventId, Owner, Timestamp, TransactionId, WebhookId};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// After how many seconds a failed attempt is made again: after the first, the second and the third. The fourth is the
/// last.
pub const RETRY_SECONDS: [u64; 3] = [60, 600, 3_600];
/// A retry comes up to this part of its pause later, so that those who failed together do not come back together.
pub const JITTER_PERCENT: u64 = 10;
/// How long an attempt may take, from looking the name up to the last byte read.
pub const ATTEMPT_SECONDS: u64 = 30;
/// How long an attempt belongs to whoever claimed it: long enough to end it and write down how it ended.
pub const LEASE_SECONDS: u64 = 60;
/// How long a delivery waits whose host was too busy.
pub const POSTPONED_SECONDS: u64 = 10;
/// A delivery is not claimed more often than this: one whose attempts keep dying must come to an end too.
pub const MAX_CLAIMS: u32 = 20;
/// How long a delivery is kept.
pub const KEPT_SECONDS: u64 = 30 * 24 * 60 * 60;
/// Most bytes of an answer's body that are kept.
pub const MAX_ANSWER_BYTES: usize = 2_048;

/// Which queue a delivery waits in. Retries never stand before first attempts.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Queue {
    /// Has not been tried, or is tried because its merchant asked.
    First,
    /// Has failed before.
    Retry,
}

named!(Queue);

/// Who wants an attempt to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An endpoint's subscription: not while the endpoint is switched off.
    Subscription,
    /// The merchant, just now: whatever the endpoint's standing.
    Request,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum DeliveryState {
    /// An attempt is to be made.
    Waiting {
        /// From when on.
        #[serde(rename = "until")]
        due_at: Timestamp,
        /// In which queue.
        queue: Queue,
        /// Who wants it.
        cause: Cause,
    },
    /// An attempt is being made.
    Attempting {
        /// Until when it belongs to whoever claimed it.
        until: Timestamp,
        /// The queue it came from.
        queue: Queue,
        /// Who wanted it.
        cause: Cause,
    },
    /// The endpoint took it.
    Succeeded,
    /// It will not be tried again by itself.
    Failed,
}

/// How a delivery stands, as its merchant is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryStatus {
    /// An attempt is to be made, or is being made.
    Pending,
    /// The endpoint took it.
    Success,
    /// It will not be tried again by itself.
    Failed,
}

named!(DeliveryStatus);

impl DeliveryState {
    /// How it stands.
    pub const fn status(self) -> DeliveryStatus {
        match self {
            Self::Waiting { .. } | Self::Attempting { .. } => DeliveryStatus::Pending,
            Self::Succeeded => DeliveryStatus::Success,
            Self::Failed => DeliveryStatus::Failed,
        }
    }

    /// When somebody has to look at it next, and in which queue.
    pub const fn due(self) -> Option<(Queue, Timestamp)> {
        match self {
            Self::Waiting { due_at, queue, .. } => Some((queue, due_at)),
            Self::Attempting { until, queue, .. } => Some((queue, until)),
            Self::Succeeded | Self::Failed => None,
        }
    }
}

/// How an attempt went, as the delivery log tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptReport {
    /// When it was made.
    pub at: Timestamp,
    /// What the endpoint answered.
    pub status_code: Option<u16>,
    /// How long that took.
    pub response_millis: Option<u64>,
    /// The beginning of what it answered, at most [`MAX_ANSWER_BYTES`] of it.
    pub response_body: Option<String>,
    /// What went wrong, in words for the merchant.
    pub error_message: Option<String>,
}

impl AttemptReport {
    /// An attempt that was not made.
    pub fn not_made(at: Timestamp, why: &str) -> Self {
        Self { at, status_code: None, response_millis: None, response_body: None, error_message: Some(why.to_owned()) }
    }

    /// Whether the endpoint took it.
    pub fn is_success(&self) -> bool {
        self.status_code.is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether the endpoint said that it is no more.
    pub fn is_gone(&self) -> bool {
        self.status_code == Some(410)
    }
}

/// What an attempt made of its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It arrived.
    Succeeded,
    /// It will be tried again.
    WillRetry,
    /// It failed for good.
    Failed,
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// `del_…`
    pub id: DeliveryId,
    /// The endpoint.
    pub webhook_id: WebhookId,
    /// Whose it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// The event, which the receiver sees.
    pub event_id: EventId,
    /// What happened.
    pub event: WebhookEvent,
    /// The transaction it is about.
    pub transaction_id: Option<TransactionId>,
    /// The session it is about.
    pub session_id: Option<CheckoutSessionId>,
    /// When it happened.
    pub event_at: Timestamp,
    /// Where it is sent.
    pub url: String,
    /// Where it stands.
    #[serde(flatten)]
    pub state: DeliveryState,
    /// Attempts that were begun.
    pub attempts: u32,
    /// Attempts that ended without success.
    pub failures: u32,
    /// The last attempt that ended.
    pub last: Option<AttemptReport>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes; a change is written on the version it was decided on.
    pub version: u64,
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// `evt_…`
    pub id: EventId,
    /// What happened.
    pub event: WebhookEvent,
    /// The transaction it is about.
    pub transaction_id: Option<TransactionId>,
    /// The session it is about.
    pub session_id: Option<CheckoutSessionId>,
    /// When it happened.
    pub at: Timestamp,
}

/// Why a delivery cannot be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotClaimed {
    /// Somebody else has it, or it is not due, or it is settled.
    NotNow,
    /// Its attempts kept dying; it has failed now.
    GivenUp,
}

impl Delivery {
    /// A delivery to an endpoint, due at once.
    pub fn new(webhook: &Webhook, occurrence: Occurrence, cause: Cause, now: Timestamp) -> Self {
        Self {
            id: DeliveryId::of(&occurrence.id, &webhook.id),
            webhook_id: webhook.id.clone(),
            owner: webhook.owner.clone(),
            event_id: occurrence.id,
            event: occurrence.event,
            transaction_id: occurrence.transaction_id,
            session_id: occurrence.session_id,
            event_at: occurrence.at,
            url: webhook.url.as_str().to_owned(),
            state: DeliveryState::Waiting { due_at: now, queue: Queue::First, cause },
            attempts: 0,
            failures: 0,
            last: None,
            created_at: now,
            version: 1,
        }
    }

    /// Begins an attempt: it belongs to the caller until the lease ends.
    ///
    /// # Errors
    /// [`NotClaimed`]; after [`NotClaimed::GivenUp`] the delivery has changed too.
    pub fn claim(&mut self, now: Timestamp) -> Result<(), NotClaimed> {
        let (due_at, queue, cause) = match self.state {
            DeliveryState::Waiting { due_at, queue, cause } => (due_at, queue, cause),
            DeliveryState::Attempting { until, queue, cause } => (until, queue, cause),
            DeliveryState::Succeeded | DeliveryState::Failed => return Err(NotClaimed::NotNow),
        };
        if now < due_at {
            return Err(NotClaimed::NotNow);
        }
        self.version += 1;
        if self.attempts >= MAX_CLAIMS {
            self.state = DeliveryState::Failed;
            self.last = Some(AttemptReport::not_made(now, "The attempts were interrupted again and again."));
            return Err(NotClaimed::GivenUp);
        }
        self.attempts += 1;
        self.state = DeliveryState::Attempting { until: now.plus_seconds(LEASE_SECONDS), queue, cause };
        Ok(())
    }

    /// Gives a claimed delivery back before it was attempted: it is due again in a while, and nothing counts as tried.
    pub fn postpone(&mut self, now: Timestamp) {
        if let DeliveryState::Attempting { queue, cause, .. } = self.state {
            self.version += 1;
            self.attempts = self.attempts.saturating_sub(1);
            self.state = DeliveryState::Waiting { due_at: now.plus_seconds(POSTPONED_SECONDS), queue, cause };
        }
    }

    /// Ends the attempt. `jitter` is any number: it chooses how much later than its pause a retry comes.
    pub fn settle(&mut self, report: AttemptReport, now: Timestamp, jitter: u64) -> Settled {
        self.version += 1;
        let settled = if report.is_success() {
            self.state = DeliveryState::Succeeded;
            Settled::Succeeded
        } else {
            let pause = usize::try_from(self.failures).ok().and_then(|failures| RETRY_SECONDS.get(failures));
            self.failures += 1;
            match pause.filter(|_| !report.is_gone()) {
                Some(seconds) => {
                    let millis = seconds * 1_000;
                    let late = jitter % (millis * JITTER_PERCENT / 100 + 1);
                    let due_at = now.plus_millis(millis + late);
                    self.state = DeliveryState::Waiting { due_at, queue: Queue::Retry, cause: Cause::Subscription };
                    Settled::WillRetry
                }
                None => {
                    self.state = DeliveryState::Failed;
                    Settled::Failed
                }
            }
        };
        self.last = Some(report);
        settled
    }

    /// Ends it without an attempt, because nobody is there to be told.
    pub fn give_up(&mut self, now: Timestamp, why: &str) {
        self.version += 1;
        self.state = DeliveryState::Failed;
        self.last = Some(AttemptReport::not_made(now, why));
    }

    /// Makes it due at once, because its merchant asks; `false` when an attempt is under way already.
    pub fn retry(&mut self, now: Timestamp) -> bool {
        if let DeliveryState::Attempting { until, .. } = self.state
            && now < until
        {
            return false;
        }
        self.state = DeliveryState::Waiting { due_at: now, queue: Queue::First, cause: Cause::Request };
        self.version += 1;
        true
    }

    /// Whether the attempt is made although the endpoint is switched off.
    pub const fn is_asked_for(&self) -> bool {
        matches!(
            self.state,
            DeliveryState::Waiting { cause: Cause::Request, .. }
                | DeliveryState::Attempting { cause: Cause::Request, .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, OrgId};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000 + seconds * 1_000).unwrap()
    }

    fn delivery() -> Delivery {
        let (event_id, webhook_id) = (EventId::generate(at(0)), WebhookId::generate(at(0)));
        Delivery {
            id: DeliveryId::of(&event_id, &webhook_id),
            webhook_id,
            owner: Owner { org: OrgId::generate(at(0)), mode: Mode::Test },
            event_id,
            event: WebhookEvent::TestPing,
            transaction_id: None,
            session_id: None,
            event_at: at(0),
            url: "https://example.com".to_owned(),
            state: DeliveryState::Waiting { due_at: at(0), queue: Queue::First, cause: Cause::Subscription },
            attempts: 0,
            failures: 0,
            last: None,
            created_at: at(0),
            version: 1,
        }
    }

    fn answered(status: u16) -> AttemptReport {
        AttemptReport {
            at: at(0),
            status_code: Some(status),
            response_millis: Some(5),
            response_body: None,
            error_message: None,
        }
    }

    #[test]
    fn a_delivery_is_tried_again_after_a_minute_ten_minutes_and_an_hour_and_then_fails() {
        let mut delivery = delivery();
        let mut now = at(0);
        for seconds in RETRY_SECONDS {
            delivery.claim(now).unwrap();
            assert_eq!(delivery.settle(answered(500), now, 0), Settled::WillRetry);
            let early = Timestamp::from_millis(now.plus_seconds(seconds).millis() - 1).unwrap();
            assert_eq!(delivery.claim(early), Err(NotClaimed::NotNow));
            assert_eq!(delivery.state.due(), Some((Queue::Retry, now.plus_seconds(seconds))));
            now = now.plus_seconds(seconds);
        }
        delivery.claim(now).unwrap();
        assert_eq!(delivery.settle(answered(503), now, 0), Settled::Failed);
        assert_eq!((delivery.attempts, delivery.state.status().as_str()), (4, "failed"));
        assert_eq!(delivery.claim(Timestamp::MAX), Err(NotClaimed::NotNow));
    }

    #[test]
    fn a_retry_comes_at_most_a_tenth_of_its_pause_late() {
        for jitter in [0, 1, 5_999, 6_000, 6_001, 123_456_789, u64::MAX] {
            let mut delivery = delivery();
            delivery.claim(at(0)).unwrap();
            delivery.settle(answered(500), at(0), jitter);
            let (_, due) = delivery.state.due().unwrap();
            assert!((60_000..=66_000).contains(&due.millis_since(at(0))), "{jitter}");
        }
    }

    #[test]
    fn only_2xx_is_success_and_410_is_final() {
        for status in [200, 201, 204, 299] {
            let mut delivery = delivery();
            delivery.claim(at(0)).unwrap();
            assert_eq!(delivery.settle(answered(status), at(0), 0), Settled::Succeeded, "{status}");
        }
        for status in [100, 199, 301, 302, 307, 400, 404, 429, 500] {
            let mut delivery = delivery();
            delivery.claim(at(0)).unwrap();
            assert_eq!(delivery.settle(answered(status), at(0), 0), Settled::WillRetry, "{status}");
        }
        let mut delivery = delivery();
        delivery.claim(at(0)).unwrap();
        assert_eq!(delivery.settle(answered(410), at(0), 0), Settled::Failed);
    }

    #[test]
    fn an_attempt_belongs_to_whoever_claimed_it_until_the_lease_ends() {
        let mut delivery = delivery();
        delivery.claim(at(0)).unwrap();
        assert_eq!(delivery.claim(at(LEASE_SECONDS - 1)), Err(NotClaimed::NotNow));
        assert!(!delivery.retry(at(LEASE_SECONDS - 1)));
        delivery.claim(at(LEASE_SECONDS)).unwrap();
        assert_eq!(delivery.attempts, 2);
        // A lost attempt is not a failed one: the pauses begin with the first that ended.
        delivery.settle(answered(500), at(LEASE_SECONDS), 0);
        assert_eq!(delivery.state.due(), Some((Queue::Retry, at(LEASE_SECONDS + 60))));
    }

    #[test]
    fn a_delivery_whose_host_is_too_busy_waits_and_nothing_counts_as_tried() {
        let mut delivery = delivery();
        for _ in 0..2 * MAX_CLAIMS {
            let due = delivery.state.due().unwrap().1;
            delivery.claim(due).unwrap();
            delivery.postpone(due);
            assert_eq!((delivery.attempts, delivery.state.due().unwrap().1), (0, due.plus_seconds(POSTPONED_SECONDS)));
        }
        delivery.claim(delivery.state.due().unwrap().1).unwrap();
        assert_eq!(delivery.attempts, 1);
    }

    #[test]
    fn a_delivery_whose_attempts_keep_dying_comes_to_an_end() {
        let mut delivery = delivery();
        let mut now = at(0);
        for _ in 0..MAX_CLAIMS {
            delivery.claim(now).unwrap();
            now = now.plus_seconds(LEASE_SECONDS);
        }
        assert_eq!(delivery.claim(now), Err(NotClaimed::GivenUp));
        assert_eq!(delivery.state, DeliveryState::Failed);
    }

    #[test]
    fn a_merchant_can_have_any_settled_delivery_tried_once_more() {
        let mut delivery = delivery();
        delivery.claim(at(0)).unwrap();
        delivery.settle(answered(410), at(0), 0);
        assert!(delivery.retry(at(5)) && delivery.is_asked_for());
        delivery.claim(at(5)).unwrap();
        assert!(delivery.is_asked_for());
        assert_eq!(delivery.settle(answered(200), at(5), 0), Settled::Succeeded);
        assert!(delivery.retry(at(6)), "also one that arrived");
        assert_eq!(delivery.state.status().as_str(), "pending");
    }
}
