//! Moments: whole milliseconds since the Unix epoch, from 1970 to the end of year 9999.

use crate::Invalid;
use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

/// What a timestamp must look like, as the end of a sentence.
const MUST: &str = "must be an ISO 8601 time such as '2026-02-27T10:30:00Z', or milliseconds since 1970";
const MILLIS_PER_DAY: u64 = 86_400_000;

impl Timestamp {
    /// 9999-12-30T22:00:00.999Z: the last second every offset can express.
    pub const MAX: Self = Self(253_402_207_200_999);

    /// The moment this many milliseconds after the epoch; `None` past year 9999.
    pub fn from_millis(millis: u64) -> Option<Self> {
        (millis <= Self::MAX.0).then_some(Self(millis))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// This moment plus `seconds`, no later than year 9999.
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        self.plus_millis(seconds.saturating_mul(1_000))
    }

    /// This moment less `seconds`, no earlier than 1970.
    pub const fn minus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds.saturating_mul(1_000)))
    }

    /// This moment plus `millis`, no later than year 9999.
    pub const fn plus_millis(self, millis: u64) -> Self {
        let sum = self.0.saturating_add(millis);
        if sum > Self::MAX.0 { Self::MAX } else { Self(sum) }
    }

    /// Milliseconds from `earlier` to this moment, 0 if it is not earlier.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads an ISO 8601 time with an offset (fractions allowed), as request bodies carry it.
    ///
    /// # Errors
    /// When the text is no such time or lies outside 1970–9999.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        // jiff also reads RFC 9557 annotations ("[Europe/Paris]"), which no JSON API promises.
        if text.contains('[') {
            return Err(Invalid::new(MUST));
        }
        let moment: jiff::Timestamp = text.parse().map_err(|_| Invalid::new(MUST))?;
        u64::try_from(moment.as_millisecond()).ok().and_then(Self::from_millis).ok_or_else(|| Invalid::new(MUST))
    }

    /// Reads a filter bound: a date, an ISO 8601 time, or milliseconds. A date as the upper bound means the end
    /// of that day (UTC), since both ends are inclusive.
    ///
    /// # Errors
    /// When the text is none of these.
    pub fn parse_filter(text: &str, upper: bool) -> Result<Self, Invalid> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return text.parse().ok().and_then(Self::from_millis).ok_or_else(|| Invalid::new(MUST));
        }
        let Some(day) = (text.len() == 10).then(|| text.parse::<civil::Date>().ok()).flatten() else {
            return Self::parse(text);
        };
        let midnight = day.to_zoned(TimeZone::UTC).map_err(|_| Invalid::new(MUST))?.timestamp();
        let start = u64::try_from(midnight.as_millisecond())
            .ok()
            .and_then(Self::from_millis)
            .ok_or_else(|| Invalid::new(MUST))?;
        Ok(if upper { start.plus_millis(MILLIS_PER_DAY - 1) } else { start })
    }

    /// ISO 8601 in UTC with whole seconds, e.g. `2026-02-27T10:30:00Z`.
    pub fn to_iso8601(self) -> String {
        let seconds = i64::try_from(self.seconds()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |moment| moment.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_output_has_whole_seconds_and_z() {
        assert_eq!(Timestamp::parse("2026-02-27T10:30:00.987Z").unwrap().to_iso8601(), "2026-02-27T10:30:00Z");
        assert_eq!(Timestamp::MAX.to_iso8601(), "9999-12-30T22:00:00Z");
        assert_eq!(Timestamp::from_millis(0).unwrap().to_iso8601(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn offsets_and_fractions_are_read() {
        let utc = Timestamp::parse("2026-02-27T10:30:00Z").unwrap();
        assert_eq!(Timestamp::parse("2026-02-27T12:30:00+02:00").unwrap(), utc);
        assert_eq!(Timestamp::parse("2026-02-27T10:30:00.25Z").unwrap(), utc.plus_millis(250));
    }

    #[test]
    fn what_is_no_moment_between_1970_and_9999_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2026-02-30T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-02-27T10:30:00",
            "2026-02-27T10:30:00Z[UTC]",
            "-000001-01-01T00:00:00Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
        assert_eq!(Timestamp::from_millis(Timestamp::MAX.millis() + 1), None);
    }

    #[test]
    fn a_date_as_upper_bound_means_the_end_of_that_day() {
        let start = Timestamp::parse("2026-02-27T00:00:00Z").unwrap();
        assert_eq!(Timestamp::parse_filter("2026-02-27", false).unwrap(), start);
        assert_eq!(Timestamp::parse_filter("2026-02-27", true).unwrap(), start.plus_millis(MILLIS_PER_DAY - 1));
        assert_eq!(Timestamp::parse_filter("1709078400000", true).unwrap().millis(), 1_709_078_400_000);
        assert!(Timestamp::parse_filter("2026-02-31", true).is_err());
    }
}
