//! Figures as text: durations, sizes, ratios, and whether a goal is met. Whole numbers throughout.

use std::fmt::Write;
use std::time::Duration;

/// Width of the first column.
const NAME: usize = 48;
/// Width of a column with a value.
const VALUE: usize = 16;

/// Measured durations.
pub(crate) struct Sample {
    sorted: Vec<Duration>,
}

impl Sample {
    /// Takes the durations in any order.
    pub(crate) fn new(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self { sorted: durations }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The duration that `percent` of a hundred do not exceed; nothing measured is zero.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// The middle one.
    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }
}

/// `1.234 ms`
pub(crate) fn milliseconds(duration: Duration) -> String {
    let micros = duration.as_micros();
    format!("{}.{:03} ms", micros / 1_000, micros % 1_000)
}

/// `1.23 MB`, in millions of bytes.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}

/// `1.23x`: how often `base` goes into `value`.
pub(crate) fn ratio(value: u128, base: u128) -> String {
    let hundredths = value * 100 / base.max(1);
    format!("{}.{:02}x", hundredths / 100, hundredths % 100)
}

/// How many happen in a second.
pub(crate) fn per_second(count: usize, elapsed: Duration) -> u128 {
    count as u128 * 1_000_000 / elapsed.as_micros().max(1)
}

/// A table of figures, as text.
pub(crate) struct Report {
    text: String,
}

impl Report {
    /// A report with a heading and the names of its three columns of values.
    pub(crate) fn new(heading: &str, columns: [&str; 3]) -> Self {
        let mut report = Self { text: format!("{heading}\n\n") };
        report.line("", columns);
        report
    }

    /// One line of figures.
    pub(crate) fn line(&mut self, name: &str, values: [&str; 3]) {
        let [one, other, ratio] = values;
        // Writing into a `String` cannot fail.
        let _ = writeln!(self.text, "{name:<NAME$}{one:>VALUE$}{other:>VALUE$}{ratio:>VALUE$}");
    }

    /// A line of two durations and their ratio.
    pub(crate) fn durations(&mut self, name: &str, one: Duration, other: Duration) {
        let ratio = ratio(one.as_micros(), other.as_micros());
        self.line(name, [&milliseconds(one), &milliseconds(other), &ratio]);
    }

    /// A line of two sizes and their ratio.
    pub(crate) fn sizes(&mut self, name: &str, one: u64, other: u64) {
        self.line(name, [&megabytes(one), &megabytes(other), &ratio(one.into(), other.into())]);
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// A goal, and whether it is met.
    pub(crate) fn goal(&mut self, met: bool, goal: &str, found: &str) {
        let verdict = if met { "PASS" } else { "MISS" };
        let _ = writeln!(self.text, "{verdict}  {goal}: {found}");
    }

    /// The whole text.
    pub(crate) fn text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sample = Sample::new((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!(sample.median(), Duration::from_millis(50));
        assert_eq!(sample.percentile(99), Duration::from_millis(99));
        assert_eq!(sample.percentile(100), Duration::from_millis(100));
        assert_eq!(Sample::new(vec![Duration::from_millis(7)]).percentile(99), Duration::from_millis(7));
        assert_eq!(Sample::new(vec![]).median(), Duration::ZERO);
    }

    #[test]
    fn figures_are_cut_not_rounded() {
        assert_eq!(milliseconds(Duration::from_micros(1_005)), "1.005 ms");
        assert_eq!(megabytes(3_209_999), "3.20 MB");
        assert_eq!(ratio(5, 3), "1.66x");
        assert_eq!(ratio(5, 0), "5.00x");
        assert_eq!(per_second(500, Duration::from_millis(250)), 2_000);
    }
}
