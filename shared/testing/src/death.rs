//! Dying anywhere: of a future that is dropped where it awaits, or at a call to the database.

use crate::faults::{Fault, Faults};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How a job is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Its future is dropped at its n-th await.
    Dropped(u64),
    /// Something happens to its n-th call.
    AtCall(Fault, u64),
}

impl Death {
    /// One of the ways, by a number below 9, at an await or a call.
    pub const fn at(way: u64, awaits: u64, call: u64) -> Self {
        match way {
            0..=2 => Self::Dropped(awaits),
            3..=4 => Self::AtCall(Fault::DieBefore, call),
            5..=6 => Self::AtCall(Fault::DieAfter, call),
            7 => Self::AtCall(Fault::CutBefore, call),
            _ => Self::AtCall(Fault::CutAfter, call),
        }
    }

    /// Whether the job goes on all the same.
    pub const fn is_survived(self) -> bool {
        matches!(self, Self::AtCall(Fault::CutBefore | Fault::CutAfter | Fault::Throttle | Fault::Conflict, _))
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dropped(_) => "dropped",
            Self::AtCall(Fault::DieBefore, _) => "died before a call",
            Self::AtCall(Fault::DieAfter, _) => "died after a call",
            Self::AtCall(Fault::CutBefore, _) => "a call was lost",
            Self::AtCall(Fault::CutAfter, _) => "an answer was lost",
            Self::AtCall(Fault::Throttle, _) => "a call was throttled",
            Self::AtCall(Fault::Conflict, _) => "a transaction met another one",
        }
    }
}

/// Runs a job and disturbs it; `None` where the disturbance took place before its end.
pub fn kill<'a>(faults: &'a Faults, death: Death, job: impl Future + 'a) -> impl Future<Output = Option<()>> + 'a {
    let job = Box::pin(job);
    async move {
        match death {
            Death::Dropped(awaits) => Mortal::new(job, awaits).await.map(|_| ()),
            Death::AtCall(fault, at) => {
                faults.plan(move |call, _| (u64::from(call) == at).then_some(fault));
                faults.until_death(job).await;
                let reached = u64::from(faults.calls()) >= at;
                faults.heal();
                (!reached).then_some(())
            }
        }
    }
}

/// A future that is dropped where it awaits for the n-th time; then `None` comes back.
#[derive(Debug)]
pub struct Mortal<F> {
    future: Option<Pin<Box<F>>>,
    awaits: u64,
}

impl<F> Mortal<F> {
    /// `future`, until it awaits for the `awaits`-th time.
    pub fn new(future: F, awaits: u64) -> Self {
        Self { future: Some(Box::pin(future)), awaits }
    }
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else { return Poll::Ready(None) };
        if let Poll::Ready(done) = future.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        self.awaits = self.awaits.saturating_sub(1);
        if self.awaits > 0 {
            return Poll::Pending;
        }
        self.future = None;
        Poll::Ready(None)
    }
}
