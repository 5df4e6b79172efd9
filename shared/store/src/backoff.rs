//! Pauses between tries of what met somebody else's change: longer with each, by chance, and only while there is time.
//!
//! The pauses are drawn from the whole window ("full jitter"), so that writers who met once do not meet again in step.
//! The window stops growing at [`LONGEST_PAUSE`]: of writers who meet at one object, one gets through at each turn, so all
//! must go on trying often enough to come to theirs before the deadline.

use anyspend_domain::entropy;
use std::time::Duration;
use tokio::time::Instant;

/// The window of the first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The window of the pauses after some five tries, and of all that follow.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Tries that may go on until a deadline.
#[derive(Debug)]
pub struct Backoff {
    window: Duration,
    deadline: Instant,
}

impl Backoff {
    /// Tries until a moment.
    pub const fn until(deadline: Instant) -> Self {
        Self { window: FIRST_PAUSE, deadline }
    }

    /// Tries for so long from now.
    pub fn within(patience: Duration) -> Self {
        Self::until(Instant::now() + patience)
    }

    /// Waits before the next try. `false` when that would begin past the deadline: then it was the last.
    pub async fn pause(&mut self) -> bool {
        let Some(pause) = self.next(Instant::now(), u64::from_be_bytes(entropy::bytes())) else { return false };
        tokio::time::sleep(pause).await;
        true
    }

    /// The next pause, by a random number; `None` when it would end past the deadline.
    fn next(&mut self, now: Instant, random: u64) -> Option<Duration> {
        let pause = Duration::from_micros(random % micros(self.window).max(1));
        self.window = self.window.saturating_mul(2).min(LONGEST_PAUSE);
        (now + pause < self.deadline).then_some(pause)
    }
}

fn micros(window: Duration) -> u64 {
    u64::try_from(window.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_end_before_the_deadline() {
        let mut now = Instant::now();
        let deadline = now + Duration::from_secs(20);
        let (mut backoff, mut pauses) = (Backoff::until(deadline), Vec::new());
        while let Some(pause) = backoff.next(now, u64::MAX) {
            now += pause;
            pauses.push(pause);
        }
        assert!(pauses[0] < FIRST_PAUSE && pauses.iter().all(|pause| *pause < LONGEST_PAUSE));
        assert!(now < deadline);
        assert!(pauses.len() >= 40, "{} pauses", pauses.len());
    }
}
