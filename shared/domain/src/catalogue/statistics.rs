//! What is counted of payment links: visits, sessions and completions, each an immutable fact that counts once.
//!
//! What must stay true: a fact belongs to one five-minute bucket, known from its own time, and a bucket to one day (UTC);
//! nothing a visitor sends can make a fact or a total grow without bound.

pub use super::tally::{Breakdown, Breakdowns, Counts, MAX_VALUES, OTHER, Tally, Volume, rate};
pub use super::time_bucket::{BUCKETS_PER_DAY, Day, FACTS_KEPT_SECONDS, TimeBucket};

use crate::checkout_session::Attribution;
use crate::text::UtmTag;
use crate::values::named::named;
use crate::{Amount, Owner, PaymentLinkId, ShortCode, Timestamp, VisitorId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Partitions the facts of one bucket are spread over.
pub const SHARDS: u8 = 16;
/// Most bytes kept of a browser's name for itself. Real ones have 80 to 250.
pub const MAX_USER_AGENT_BYTES: usize = 256;
/// Most bytes kept of the page a visitor came from. Browsers send the origin alone to another site.
pub const MAX_REFERRER_BYTES: usize = 200;
/// Most bytes of a UTM tag that statistics tell apart: what bounds a visit's row and a link's table of values.
pub const MAX_TAG_BYTES: usize = 100;

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

/// What can happen to a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its page was opened.
    View(VisitorHash),
    /// A session was opened from it.
    Session,
    /// A payment of it completed.
    Completion(Amount),
}

/// By what statistics are broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Dimension {
    /// `utm_source`
    Source,
    /// `utm_medium`
    Medium,
    /// `utm_campaign`
    Campaign,
}

named!(Dimension);

impl Dimension {
    /// What counts for a fact that carries no value.
    pub const fn absent(self) -> &'static str {
        match self {
            Self::Source => "direct",
            Self::Medium | Self::Campaign => "none",
        }
    }
}

/// One thing that happened to a link, as it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The link's owner.
    pub owner: Owner,
    /// Its value of each dimension.
    pub tags: [Option<String>; 3],
    /// What happened.
    pub event: Event,
}

/// The facts of one link and one bucket, gathered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    /// All of them.
    pub tally: Tally,
    /// By value, under the values' own names.
    pub breakdowns: Breakdowns,
    /// Who came.
    pub visitors: BTreeSet<VisitorHash>,
}

impl Gathered {
    /// Takes a fact in.
    pub fn take(&mut self, fact: &Fact) {
        let one = Tally::one(&fact.event);
        self.tally = self.tally.plus(one);
        for ((breakdown, dimension), tag) in self.breakdowns.iter_mut().zip(Dimension::ALL).zip(&fact.tags) {
            breakdown.add(tag.as_deref().unwrap_or(dimension.absent()), one.counts);
        }
        if let Event::View(visitor) = &fact.event {
            self.visitors.insert(visitor.clone());
        }
    }
}

/// What was counted of one link and one bucket: the receipt by which the same facts are never counted again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// All of it.
    pub tally: Tally,
    /// By value, under the names the link counts them by.
    pub breakdowns: Breakdowns,
}

/// The views of each bucket of a day, by which a page of visitors is found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ViewsByBucket(Vec<u64>);

impl ViewsByBucket {
    /// The views of a bucket.
    pub fn get(&self, bucket: TimeBucket) -> u64 {
        self.0.get(bucket.place_in_day()).copied().unwrap_or_default()
    }

    fn add(&mut self, bucket: TimeBucket, views: u64) {
        let place = bucket.place_in_day();
        if views > 0 && self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        if let Some(count) = self.0.get_mut(place) {
            *count = count.saturating_add(views);
        }
    }
}

/// Numbers with commas between, none for a zero: a whole day of a quiet link is 288 bytes.
impl From<ViewsByBucket> for String {
    fn from(views: ViewsByBucket) -> Self {
        let numbers = views.0.iter().map(|count| if *count == 0 { Self::new() } else { count.to_string() });
        numbers.collect::<Vec<_>>().join(",")
    }
}

impl TryFrom<String> for ViewsByBucket {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let numbers = text.split(',').map(|number| if number.is_empty() { Ok(0) } else { number.parse() });
        numbers.collect::<Result<_, _>>().map(Self).map_err(|_| "not a day's views")
    }
}

/// A link's day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayCounts {
    /// All of it.
    pub tally: Tally,
    /// Visitors told apart by network and browser.
    pub unique_visitors: u64,
    /// When the views were.
    pub views_by_bucket: ViewsByBucket,
}

impl DayCounts {
    /// Counts something of a bucket of this day.
    pub fn add(&mut self, bucket: TimeBucket, tally: Tally) {
        self.tally = self.tally.plus(tally);
        self.views_by_bucket.add(bucket, tally.counts.views);
    }
}

/// What is counted of a link: from its beginning, and of the days at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// From the beginning.
    pub totals: Tally,
    /// From the beginning, by value.
    pub breakdowns: Breakdowns,
    /// The days at hand.
    pub days: BTreeMap<Day, DayCounts>,
}

/// More was counted than there are facts: a receipt and the facts contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more was counted than there are facts")]
pub struct Overcounted;

impl LinkCounts {
    /// Counts what of these facts was not counted `before`, and returns the bucket's receipt as it is then. Unique
    /// visitors are a matter of the whole day, not of a bucket, and are the caller's.
    ///
    /// # Errors
    /// When more was counted before than the facts are; nothing is changed then.
    pub fn count(&mut self, bucket: TimeBucket, facts: &Gathered, before: &Counted) -> Result<Counted, Overcounted> {
        let more = facts.tally.minus(before.tally).ok_or(Overcounted)?;
        let mut breakdowns = Breakdowns::default();
        let mut differences = Breakdowns::default();
        for (place, raw) in facts.breakdowns.iter().enumerate() {
            breakdowns[place] = raw.named(&self.breakdowns[place], &before.breakdowns[place]);
            differences[place] = breakdowns[place].minus(&before.breakdowns[place]).ok_or(Overcounted)?;
        }
        self.totals = self.totals.plus(more);
        for (sum, difference) in self.breakdowns.iter_mut().zip(&differences) {
            sum.merge(difference);
        }
        self.days.entry(bucket.day()).or_default().add(bucket, more);
        Ok(Counted { tally: facts.tally, breakdowns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("héllo", 2), "h");
        assert_eq!(cut("héllo", 3), "hé");
        assert_eq!(cut("h", 200), "h");
        let tag = UtmTag::parse("  spring sale ").unwrap();
        assert_eq!(counted_tag(Some(&tag)), Some("spring sale"));
        assert_eq!(counted_tag(Some(&serde_json::from_str::<UtmTag>("\"  \"").unwrap())), None);
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
