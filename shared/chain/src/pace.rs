//! How fast an endpoint may be asked, learnt from its refusals.

use anyspend_domain::entropy;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often a question is put again to an endpoint that is asked too often.
pub(crate) const ASKED_AGAIN: u32 = 3;
/// The first pause after such a refusal; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The gap between two questions after a first refusal.
const FIRST_GAP: Duration = Duration::from_millis(20);
/// The longest gap between two questions.
const LONGEST_GAP: Duration = Duration::from_millis(250);
/// A gap below which there need be none.
const SHORTEST_GAP: Duration = Duration::from_millis(5);

/// The pace of one endpoint. It outlives a run.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the next question may be put.
    next: Option<Instant>,
    /// Between two questions.
    gap: Duration,
}

impl Pace {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When a question may be put; the next one may then be put a gap later. `None` when that is after `deadline`.
    pub(crate) fn turn(&self, now: Instant, deadline: Instant) -> Option<Instant> {
        self.with(|state| {
            let at = state.next.map_or(now, |next| next.max(now));
            if at > deadline {
                return None;
            }
            state.next = Some(at + state.gap);
            Some(at)
        })
    }

    /// It was asked too often, for the `attempt`th time in this question, and says when to ask again, or does not.
    pub(crate) fn slow_down(&self, now: Instant, attempt: u32, retry_after: Option<Duration>) {
        // Not all of them at the same moment again.
        let jitter = u32::from(u8::from_be_bytes(entropy::bytes()));
        let backed_off = FIRST_PAUSE * 2_u32.saturating_pow(attempt.min(ASKED_AGAIN));
        let pause = retry_after.unwrap_or(backed_off / 2) + backed_off / 2 * jitter / 255;
        self.with(|state| {
            state.gap = (state.gap * 2).clamp(FIRST_GAP, LONGEST_GAP);
            state.next = Some(state.next.map_or(now, |next| next.max(now)).max(now + pause));
        });
    }

    /// It has answered: by and by it may be asked a little faster.
    pub(crate) fn answered(&self) {
        self.with(|state| {
            state.gap = state.gap * 3 / 4;
            if state.gap < SHORTEST_GAP {
                state.gap = Duration::ZERO;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_is_asked_too_often_is_asked_later_and_then_slower_and_by_and_by_faster_again() {
        let (pace, now) = (Pace::default(), Instant::now());
        let deadline = now + Duration::from_secs(60);
        assert_eq!(pace.turn(now, deadline), Some(now));
        assert_eq!(pace.turn(now, deadline), Some(now), "nothing is known against it");
        pace.slow_down(now, 0, Some(Duration::from_secs(7)));
        let first = pace.turn(now, deadline).unwrap();
        assert!(first >= now + Duration::from_secs(7), "it has said when");
        assert_eq!(pace.turn(now, deadline), Some(first + FIRST_GAP));
        assert_eq!(pace.turn(now, now + Duration::from_secs(1)), None, "not within the run");
        for _ in 0..100 {
            pace.answered();
        }
        let again = pace.turn(now, deadline).unwrap();
        assert_eq!(pace.turn(now, deadline), Some(again), "no gap");
    }
}
