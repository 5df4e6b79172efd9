//! What several endpoints say together.
//!
//! An answer counts as soon as most gave it: nobody waits for the slowest one.

use crate::rpc::Unknown;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the others are waited for, once most have answered a question whose answers need not be the same.
const GRACE: Duration = Duration::from_millis(500);

/// The first answers that make `majority` agree, each with the number of who gave it, or all there are.
pub(crate) async fn first_to_agree<T: PartialEq>(
    asked: impl IntoIterator<Item = impl Future<Output = (usize, Result<T, Unknown>)>>,
    majority: usize,
) -> Vec<(usize, Result<T, Unknown>)> {
    let mut pending: FuturesUnordered<_> = asked.into_iter().collect();
    let mut given: Vec<(usize, Result<T, Unknown>)> = Vec::new();
    while let Some((who, answer)) = pending.next().await {
        given.push((who, answer));
        let same = given.last().map_or(0, |(_, last)| given.iter().filter(|(_, answer)| answer == last).count());
        if same >= majority {
            break;
        }
    }
    given.sort_by_key(|(who, _)| *who);
    given
}

/// The answers of all who answer, or of most and of whoever is little slower.
pub(crate) async fn most_and_the_quick<T>(
    asked: impl IntoIterator<Item = impl Future<Output = (usize, Result<T, Unknown>)>>,
    majority: usize,
) -> Vec<(usize, Result<T, Unknown>)> {
    let mut pending: FuturesUnordered<_> = asked.into_iter().collect();
    let (mut given, mut until) = (Vec::new(), None);
    loop {
        let next = match until {
            None => pending.next().await,
            Some(until) => timeout_at(until, pending.next()).await.unwrap_or_default(),
        };
        let Some(next) = next else { break };
        given.push(next);
        if until.is_none() && given.iter().filter(|(_, answer)| answer.is_ok()).count() >= majority {
            until = Some(Instant::now() + GRACE);
        }
    }
    given.sort_by_key(|(who, _)| *who);
    given
}

/// The answer that `majority` of those asked gave. "Nothing known" is an answer others must agree with, too.
pub(crate) fn agreed<T: PartialEq>(answers: Vec<Result<T, Unknown>>, majority: usize) -> Result<T, Unknown> {
    let mut voices: Vec<(Result<T, Unknown>, usize)> = Vec::new();
    for answer in answers {
        match voices.iter_mut().find(|(voice, _)| *voice == answer) {
            Some((_, count)) => *count += 1,
            None => voices.push((answer, 1)),
        }
    }
    if let Some(at) = voices.iter().position(|(_, count)| *count >= majority) {
        return voices.swap_remove(at).0;
    }
    // No agreement: what a smaller question or a pause can help says more than other failures, and those more than that.
    let failures = voices.into_iter().filter_map(|(voice, _)| voice.err());
    failures.min_by_key(weight).filter(|unknown| *unknown != Unknown::Absent).map_or(Err(Unknown::Disagreement), Err)
}

const fn weight(unknown: &Unknown) -> u8 {
    match unknown {
        Unknown::TooLarge(_) | Unknown::TooManyAddresses(_) => 0,
        Unknown::SomeLimit(_) => 1,
        Unknown::TooOften(_) => 2,
        Unknown::Absent => 4,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{Future, pending, ready};
    use std::pin::Pin;

    #[test]
    fn more_than_half_must_say_the_same_and_silence_is_no_voice() {
        let silent = || Err(Unknown::Http(502));
        let large = || Err(Unknown::TooLarge("10".to_owned()));
        for (answers, majority, wanted) in [
            (vec![Ok(1)], 1, Ok(1)),
            (vec![silent()], 1, silent()),
            (vec![Err(Unknown::Absent)], 1, Err(Unknown::Absent)),
            (vec![Ok(1), Ok(1)], 2, Ok(1)),
            (vec![Ok(1), Ok(2)], 2, Err(Unknown::Disagreement)),
            (vec![Ok(1), Err(Unknown::Absent)], 2, Err(Unknown::Disagreement)),
            (vec![Ok(1), silent()], 2, silent()),
            (vec![Err(Unknown::Absent), Err(Unknown::Absent)], 2, Err(Unknown::Absent)),
            (vec![Ok(1), Ok(2), Ok(1)], 2, Ok(1)),
            (vec![Ok(1), silent(), Ok(1)], 2, Ok(1)),
            (vec![Ok(1), silent(), silent()], 2, silent()),
            (vec![silent(), large(), Ok(1)], 2, large()),
            (vec![Ok(1), large(), Ok(1)], 2, Ok(1)),
        ] {
            assert_eq!(agreed(answers.clone(), majority), wanted, "{answers:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_counts_as_soon_as_most_gave_it() {
        type Answer = Pin<Box<dyn Future<Output = (usize, Result<u8, Unknown>)>>>;
        let asked =
            || -> Vec<Answer> { vec![Box::pin(pending()), Box::pin(ready((1, Ok(1)))), Box::pin(ready((2, Ok(1))))] };
        assert_eq!(first_to_agree(asked(), 2).await, [(1, Ok(1)), (2, Ok(1))]);
        assert_eq!(most_and_the_quick(asked(), 2).await, [(1, Ok(1)), (2, Ok(1))]);
    }
}
