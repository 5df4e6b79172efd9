//! The one loop of jobs that write what they decide: find, decide, commit, and decide anew when something changed first.

use crate::backoff::Backoff;
use crate::db::{Db, StoreError};
use crate::{CommitError, Refusal, Write};
use std::time::{Duration, Instant};

/// How long one thing is decided anew, at most: something that is refused again and again must not take a run's time from
/// everything else.
const LONGEST_DECISION: Duration = Duration::from_secs(5);
/// How often it is decided in any case, while the run has time: what takes long to read, such as a day of a link's facts,
/// would otherwise be given up after its first refusal.
const FEWEST_DECISIONS: u32 = 8;

/// What a decision comes to.
#[derive(Debug)]
pub enum Step<T> {
    /// These writes make it true, all or none.
    Write(Vec<Write>, T),
    /// There is nothing to write.
    Done(T),
}

/// How long a decision is worth repeating.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    until: Instant,
    through_outages: bool,
}

impl Patience {
    /// Until the run's deadline, as long as the table answers.
    pub const fn until(deadline: Instant) -> Self {
        Self { until: deadline, through_outages: false }
    }

    /// Also while the table does not answer: for what nobody could find out again.
    #[must_use]
    pub const fn through_outages(self) -> Self {
        Self { through_outages: true, ..self }
    }
}

impl Db {
    /// Decides and writes, and decides anew after each refusal, which the next decision is told. `None` when it kept being
    /// refused: then something else keeps changing what it stands on, or the next run is to try.
    ///
    /// # Errors
    /// What `decide` fails of, or when the table does not answer.
    pub async fn decide<T, Deciding>(
        &self,
        patience: Patience,
        mut decide: impl FnMut(Option<Refusal>) -> Deciding,
    ) -> Result<Option<T>, StoreError>
    where
        Deciding: Future<Output = Result<Step<T>, StoreError>>,
    {
        let mut refused = None;
        let began = Instant::now();
        let mut backoff = Backoff::until(patience.until.into());
        for decisions in 1.. {
            let mut outage = None;
            let (writes, done) = match decide(refused).await? {
                Step::Done(done) => return Ok(Some(done)),
                Step::Write(writes, done) => (writes, done),
            };
            match self.commit(writes).await {
                Ok(()) => return Ok(Some(done)),
                Err(CommitError::Refused { refusal, .. }) => refused = Some(refusal),
                Err(CommitError::Store(error @ StoreError::Unavailable(_))) if patience.through_outages => {
                    (refused, outage) = (None, Some(error));
                }
                Err(CommitError::Store(error)) => return Err(error),
            }
            if is_enough(decisions, began.elapsed()) || !backoff.pause().await {
                return outage.map_or(Ok(None), Err);
            }
        }
        Ok(None)
    }
}

/// Whether something that was refused so often, for so long, is left to the next run.
fn is_enough(decisions: u32, elapsed: Duration) -> bool {
    decisions >= FEWEST_DECISIONS && elapsed >= LONGEST_DECISION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_to_read_is_decided_anew_a_few_times_and_what_is_quick_for_a_few_seconds() {
        assert!(!is_enough(1, Duration::from_secs(60)));
        assert!(!is_enough(100, LONGEST_DECISION / 2));
        assert!(is_enough(FEWEST_DECISIONS, LONGEST_DECISION));
    }
}
