//! What is counted of payment links: visits, sessions and completions, each an immutable fact that counts once.
//!
//! What must stay true: a fact belongs to one five-minute bucket, known from its own time, and a bucket to one day (UTC);
//! nothing a visitor sends can make a fact or a total grow without bound.

use crate::checkout_session::Attribution;
use crate::text::UtmTag;
use crate::{Owner, PaymentLinkId, ShortCode, Timestamp, VisitorId};
use serde::{Deserialize, Serialize};

/// How long a fact is kept, counted from the end of its bucket, in seconds: 90 days.
pub const FACTS_KEPT_SECONDS: u64 = 90 * 86_400;
/// Partitions the facts of one bucket are spread over.
pub const SHARDS: u8 = 16;
/// Most bytes kept of a browser's name for itself. Real ones have 80 to 250.
pub const MAX_USER_AGENT_BYTES: usize = 256;
/// Most bytes kept of the page a visitor came from. Browsers send the origin alone to another site.
pub const MAX_REFERRER_BYTES: usize = 200;
/// Most bytes of a UTM tag that statistics tell apart: what bounds a visit's row and a link's table of values.
pub const MAX_TAG_BYTES: usize = 100;

/// Milliseconds in a bucket: five minutes. A day is a whole number of them.
const BUCKET_MILLIS: u64 = 5 * 60 * 1_000;
const DAY_MILLIS: u64 = 86_400_000;
/// Buckets in a day.
pub const BUCKETS_PER_DAY: u64 = DAY_MILLIS / BUCKET_MILLIS;

/// Five minutes of facts, numbered from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket(u64);

impl Bucket {
    /// The bucket a moment lies in.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.millis() / BUCKET_MILLIS)
    }

    /// Its number: buckets since 1970.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The bucket with this number.
    pub const fn numbered(number: u64) -> Self {
        Self(number)
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The one this many before it.
    pub const fn minus(self, buckets: u64) -> Self {
        Self(self.0.saturating_sub(buckets))
    }

    /// The first moment after it.
    pub fn end(self) -> Timestamp {
        Timestamp::from_millis(self.next().0.saturating_mul(BUCKET_MILLIS)).unwrap_or(Timestamp::MAX)
    }

    /// The day it lies in.
    pub const fn day(self) -> Day {
        Day(self.0 / BUCKETS_PER_DAY)
    }

    /// Its place in its day, from 0.
    pub fn place_in_day(self) -> usize {
        usize::try_from(self.0 % BUCKETS_PER_DAY).unwrap_or_default()
    }

    /// When its facts are gone. All facts of a bucket go at once, so that what is left can be counted by buckets.
    pub fn facts_expire_at(self) -> Timestamp {
        self.end().plus_seconds(FACTS_KEPT_SECONDS)
    }
}

/// A day in UTC, numbered from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(u64);

impl Day {
    /// The day a moment lies in.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.millis() / DAY_MILLIS)
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The one this many before it.
    pub const fn minus(self, days: u64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// Its first bucket.
    pub const fn first_bucket(self) -> Bucket {
        Bucket(self.0 * BUCKETS_PER_DAY)
    }

    /// Its last bucket.
    pub const fn last_bucket(self) -> Bucket {
        Bucket(self.next().0 * BUCKETS_PER_DAY - 1)
    }

    /// Its date, e.g. `2026-02-27`.
    pub fn date(self) -> String {
        let mut text = Timestamp::from_millis(self.0.saturating_mul(DAY_MILLIS)).unwrap_or(Timestamp::MAX).to_iso8601();
        text.truncate("2026-02-27".len());
        text
    }
}

/// Which of the 16 partitions of a bucket holds a link's facts.
pub fn shard(code: &ShortCode) -> u8 {
    u8::try_from(crc32fast::hash(code.as_str().as_bytes()) % u32::from(SHARDS)).unwrap_or_default()
}

/// As much of a text as fits into so many bytes.
pub fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// A tag as statistics know it: without white space around it, and at most [`MAX_TAG_BYTES`] long.
pub fn counted_tag(tag: Option<&UtmTag>) -> Option<&str> {
    tag.map(|tag| cut(tag.as_str().trim(), MAX_TAG_BYTES).trim_end()).filter(|tag| !tag.is_empty())
}

/// Two letters of ISO 3166-1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Country(String);

impl Country {
    /// Reads a code as proxies send it. `XX` (unknown) and `T1` (Tor), which some send, are no countries.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        Some(text.to_ascii_uppercase()).filter(|code| letters && code != "XX").map(Self)
    }

    /// The code, in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Stands for a visitor's network and browser on one day: a keyed hash, so that neither is stored, under a key of the
/// day, so that nobody is followed from one day to the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VisitorHash(String);

impl VisitorHash {
    /// Bytes kept of a hash: enough that two visitors of a day do not meet.
    pub const BYTES: usize = 16;

    /// The beginning of a keyed hash.
    pub fn of_mac(mac: &[u8; 32]) -> Self {
        Self(hex::encode(&mac[..Self::BYTES]))
    }

    /// The hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One visit: somebody opened a link's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// `vis_…`; carries the moment of the visit and the link's short code, and so leads to its own row.
    pub id: VisitorId,
    /// The link's owner.
    pub owner: Owner,
    /// The link whose page was opened.
    pub payment_link_id: PaymentLinkId,
    /// Where from, if a trusted proxy told.
    pub ip_country: Option<Country>,
    /// The page before, at most [`MAX_REFERRER_BYTES`].
    pub referrer: Option<String>,
    /// The browser, at most [`MAX_USER_AGENT_BYTES`].
    pub user_agent: Option<String>,
    /// The campaign that brought the visitor.
    pub attribution: Attribution,
    /// Who, for counting uniques.
    pub hash: VisitorHash,
    /// Whether the visitor began to pay.
    pub started_session: bool,
}

impl Visitor {
    /// When the page was opened.
    pub fn visited_at(&self) -> Timestamp {
        self.id.made_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_bucket_is_five_minutes_of_one_day() {
        let bucket = Bucket::of(at("2026-02-27T23:55:00Z"));
        assert_eq!(Bucket::of(at("2026-02-27T23:59:59.999Z")), bucket);
        assert_eq!(bucket.end(), at("2026-02-28T00:00:00Z"));
        assert_eq!(bucket.day().date(), "2026-02-27");
        assert_eq!((bucket.day().last_bucket(), bucket.next()), (bucket, bucket.day().next().first_bucket()));
        assert_eq!((bucket.place_in_day(), bucket.next().place_in_day()), (287, 0));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("héllo", 2), "h");
        assert_eq!(cut("héllo", 3), "hé");
        assert_eq!(cut("h", 200), "h");
        let tag = UtmTag::parse("  spring sale ").unwrap();
        assert_eq!(counted_tag(Some(&tag)), Some("spring sale"));
        assert_eq!(counted_tag(Some(&UtmTag::parse("  ").unwrap())), None);
        let long = UtmTag::parse(&"é".repeat(200)).unwrap();
        assert_eq!(counted_tag(Some(&long)).unwrap().len(), MAX_TAG_BYTES);
    }

    #[test]
    fn a_country_is_two_letters_and_known() {
        assert_eq!(Country::parse("us").unwrap().as_str(), "US");
        for text in ["", "U", "USA", "T1", "xx", "é"] {
            assert_eq!(Country::parse(text), None, "{text}");
        }
    }
}
