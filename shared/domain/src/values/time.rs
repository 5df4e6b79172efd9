//! Moments: whole milliseconds since the Unix epoch, from 1970 to the end of year 9999.

use crate::{Invalid, pasted};
use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

/// What a timestamp must look like, as the end of a sentence.
const MUST: &str = "must be an ISO 8601 time such as '2026-02-27T10:30:00Z', or milliseconds since 1970";
/// The same of a time that could be of any zone.
const MUST_HAVE_OFFSET: &str =
    "must say its offset from UTC, such as '2026-02-27T10:30:00Z' or '2026-02-27T12:30:00+02:00'";
/// The same of a date where a moment is meant.
const MUST_HAVE_TIME: &str = "must say the time of day too, such as '2026-02-27T10:30:00Z'";
const MILLIS_PER_DAY: u64 = 86_400_000;
/// Fewest milliseconds that are taken for milliseconds: what is less are seconds until the year 5138.
const FEWEST_MILLIS: u64 = 100_000_000_000;
/// Characters of a date.
const DATE: usize = "2026-02-27".len();

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

    /// Reads milliseconds since the epoch as a request carries them.
    ///
    /// # Errors
    /// When they lie past year 9999, or so far before today that they are seconds: nobody means January 1970.
    pub fn from_sent_millis(millis: u64) -> Result<Self, Invalid> {
        if millis < FEWEST_MILLIS {
            let must = "must be milliseconds since 1970, at least 100000000000 (March 1973)";
            return Err(Invalid::new(format!("{must}: {millis} looks like seconds, which are not taken")));
        }
        Self::from_millis(millis).ok_or_else(|| Invalid::new("must be milliseconds since 1970, before the year 10000"))
    }

    /// Reads a time as requests carry it: ISO 8601 with an offset, fractions allowed, or milliseconds.
    ///
    /// # Errors
    /// When the text is no such time, leaves open which moment it means, or lies outside 1970–9999.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = pasted::machine_form(text);
        if let Some(millis) = millis_of(&text) {
            return millis.and_then(Self::from_sent_millis);
        }
        // jiff also reads RFC 9557 annotations ("[Europe/Paris]"), which no JSON API promises.
        if text.contains('[') {
            return Err(Invalid::new(MUST));
        }
        let iso = iso8601(&text);
        let moment: jiff::Timestamp = iso.parse().map_err(|_| match iso.parse::<civil::DateTime>() {
            Ok(_) if iso.len() > DATE => Invalid::new(MUST_HAVE_OFFSET),
            Ok(_) => Invalid::new(MUST_HAVE_TIME),
            Err(_) => Invalid::new(MUST),
        })?;
        u64::try_from(moment.as_millisecond()).ok().and_then(Self::from_millis).ok_or_else(|| Invalid::new(MUST))
    }

    /// Reads a filter bound: a date, an ISO 8601 time, or milliseconds. A date as the upper bound means the end
    /// of that day (UTC), since both ends are inclusive.
    ///
    /// # Errors
    /// When the text is none of these.
    pub fn parse_filter(text: &str, upper: bool) -> Result<Self, Invalid> {
        let text = pasted::machine_form(text);
        let Some(day) = (text.len() == DATE).then(|| text.parse::<civil::Date>().ok()).flatten() else {
            return Self::parse(&text);
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

/// The number a text is, where it is nothing but digits.
fn millis_of(text: &str) -> Option<Result<u64, Invalid>> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().map_err(|_| Invalid::new(MUST)))
}

/// The spellings of libraries in ISO 8601: a space before the time of day, one before the offset, `UTC` for it, and the
/// plus that became a space because a query was not encoded.
fn iso8601(text: &str) -> String {
    let Some((date, rest)) = text.split_at_checked(DATE) else { return text.to_owned() };
    let Some(time) = rest.strip_prefix(['T', 't', ' ']) else { return text.to_owned() };
    let Some((clock, offset)) = time.split_once(' ') else { return format!("{date}T{time}") };
    match offset {
        "UTC" | "GMT" | "Z" | "z" => format!("{date}T{clock}Z"),
        _ if offset.starts_with(['+', '-']) => format!("{date}T{clock}{offset}"),
        _ => format!("{date}T{clock}+{offset}"),
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
            "2026-02-27",
            "2026-02-27T10:30:00 Paris",
            "Fri, 27 Feb 2026 10:30:00 GMT",
            "2026-02-27T10:30:00 +02:00 CEST",
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
    fn a_time_is_read_as_libraries_write_it() {
        let utc = Timestamp::parse("2026-02-27T10:30:00Z").unwrap();
        for text in [
            "2026-02-27t10:30:00z",
            "2026-02-27 10:30:00Z",
            "2026-02-27 10:30:00 UTC",
            "2026-02-27 12:30:00 +0200",
            "2026-02-27T12:30:00+0200",
            "2026-02-27T12:30:00 02:00",
            "2026-02-27T10:30:00.0000000Z",
            "2026-02-27T10:30:00.000000+00:00",
            "2026-02-27T10:30Z",
            "1772188200000",
            " 2026-02-27T10:30:00Z\u{200B}",
            "\u{662}\u{660}\u{662}\u{666}-02\u{2011}27T10:30:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), Ok(utc), "{text:?}");
            assert_eq!(Timestamp::parse_filter(text, true), Ok(utc), "{text:?}");
        }
    }

    #[test]
    fn seconds_are_refused_with_a_sentence_that_says_milliseconds() {
        for text in ["0", "1767225600", "99999999999", "20260227"] {
            for read in [Timestamp::parse(text), Timestamp::parse_filter(text, true)] {
                assert!(read.unwrap_err().must.contains("milliseconds"), "{text}");
            }
        }
        assert_eq!(Timestamp::from_sent_millis(100_000_000_000).unwrap().millis(), 100_000_000_000);
        let vague = |text: &str| Timestamp::parse(text).unwrap_err().must;
        assert!(vague("2026-02-27T10:30:00").contains("offset"), "{}", vague("2026-02-27T10:30:00"));
        assert!(vague("2026-02-27").contains("time of day"), "{}", vague("2026-02-27"));
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
