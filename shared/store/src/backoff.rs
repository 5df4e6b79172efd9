//! How long to wait before something is tried again: longer each time, with jitter, so that those who met do not meet
//! again.

use anyspend_domain::entropy;
use std::time::Duration;

/// Ceiling of the first pause.
const FIRST_MILLIS: u64 = 20;
/// Ceiling of the longest pause.
const LONGEST_MILLIS: u64 = 400;

/// The pause before a try: between half of its ceiling and all of it. `attempt` counts the tries before.
pub fn delay(attempt: u32) -> Duration {
    let ceiling = (FIRST_MILLIS << attempt.saturating_sub(1).min(5)).min(LONGEST_MILLIS);
    let [random] = entropy::bytes::<1>();
    Duration::from_millis(ceiling / 2 + ceiling * u64::from(random) / 512)
}

/// Waits before a try; not before the first.
pub async fn wait(attempt: u32) {
    if attempt > 0 {
        tokio::time::sleep(delay(attempt)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_at_least_half_of_its_ceiling_which_doubles_up_to_the_longest() {
        for (attempt, ceiling) in [(1, 20), (2, 40), (3, 80), (4, 160), (5, 320), (6, 400), (60, 400)] {
            let pause = delay(attempt).as_millis();
            assert!((ceiling / 2..=ceiling).contains(&pause), "{attempt}: {pause}");
        }
    }
}
