//! What a request costs in DynamoDB calls and capacity units, counted where the calls are made.

use aws_sdk_dynamodb::types::ConsumedCapacity;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What was spent so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Calls made.
    pub calls: u32,
    /// Calls that had to follow one another: the longest chain in which each began after the one before had ended.
    pub depth: u32,
    /// Read request units, in halves (0.5 RRU is 1).
    pub half_rru: u64,
    /// Write request units on the table itself.
    pub wru: u64,
    /// Write request units on indexes.
    pub index_wru: u64,
    /// Time during which at least one call was under way.
    pub busy: Duration,
}

#[derive(Debug, Default)]
struct State {
    cost: Cost,
    under_way: u32,
    busy_since: Option<Instant>,
    finished_depth: u32,
}

/// Counts the calls of one request.
#[derive(Debug, Default)]
pub struct Meter {
    state: Mutex<State>,
}

/// Whether a call's units are reads or writes; DynamoDB does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// Read request units.
    Read,
    /// Write request units.
    Write,
}

/// One call under way. Dropping it without [`Call::finish`] (a cancelled request, a failed call) still ends it.
#[derive(Debug)]
pub struct Call<'a> {
    meter: &'a Meter,
    depth: u32,
}

impl Meter {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins.
    pub fn begin(&self) -> Call<'_> {
        let mut state = self.state();
        state.cost.calls += 1;
        state.under_way += 1;
        if state.under_way == 1 {
            state.busy_since = Some(Instant::now());
        }
        let depth = state.finished_depth + 1;
        state.cost.depth = state.cost.depth.max(depth);
        Call { meter: self, depth }
    }

    /// What was spent so far.
    pub fn cost(&self) -> Cost {
        self.state().cost
    }
}

impl Call<'_> {
    /// The call answered and consumed this much.
    pub fn finish<'c>(self, units: Units, consumed: impl IntoIterator<Item = &'c ConsumedCapacity>) {
        let mut state = self.meter.state();
        for capacity in consumed {
            let index: f64 = capacity
                .global_secondary_indexes()
                .into_iter()
                .flat_map(std::collections::HashMap::values)
                .filter_map(aws_sdk_dynamodb::types::Capacity::capacity_units)
                .sum();
            let total = capacity.capacity_units().unwrap_or_default();
            match units {
                Units::Read => state.cost.half_rru += halves(total),
                Units::Write => {
                    state.cost.wru += (halves(total) - halves(index)) / 2;
                    state.cost.index_wru += halves(index) / 2;
                }
            }
        }
    }

    /// The call was refused by its condition, which DynamoDB charges but does not report.
    pub fn finish_refused(self, wru: u64) {
        self.meter.state().cost.wru += wru;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut state = self.meter.state();
        state.under_way -= 1;
        state.finished_depth = state.finished_depth.max(self.depth);
        if state.under_way == 0
            && let Some(since) = state.busy_since.take()
        {
            state.cost.busy += since.elapsed();
        }
    }
}

/// Units come as floats that are whole halves; they are counted as integers.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "DynamoDB reports units as floats; they are small, positive and whole halves"
)]
fn halves(units: f64) -> u64 {
    (units * 2.0).round() as u64
}

impl Cost {
    /// Read request units as they are written: `0.5`, `1`, `12.5`.
    pub fn rru_text(&self) -> String {
        let whole = self.half_rru / 2;
        if self.half_rru % 2 == 1 { format!("{whole}.5") } else { whole.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_side_by_side_are_one_deep_and_calls_in_a_row_are_two() {
        let meter = Meter::default();
        let (one, other) = (meter.begin(), meter.begin());
        drop(one);
        drop(other);
        assert_eq!((meter.cost().calls, meter.cost().depth), (2, 1));
        drop(meter.begin());
        assert_eq!((meter.cost().calls, meter.cost().depth), (3, 2));
    }

    #[test]
    fn halves_of_read_units_are_kept() {
        let meter = Meter::default();
        let half = ConsumedCapacity::builder().capacity_units(0.5).build();
        meter.begin().finish(Units::Read, [&half]);
        assert_eq!(meter.cost().rru_text(), "0.5");
    }
}
