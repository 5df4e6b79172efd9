//! What is counted of payment links: visits, sessions and completions, each an immutable fact that counts once.
//!
//! What must stay true: a fact belongs to one five-minute bucket, known from its own time, and a bucket to one day (UTC);
//! nothing a visitor sends can make a fact or a total grow without bound.

use crate::checkout_session::Attribution;
use crate::text::UtmTag;
use crate::{Amount, Owner, PaymentLinkId, ShortCode, Timestamp, VisitorId};
use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

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

/// Most values of one dimension that a link tells apart; later new ones count as [`OTHER`] at once.
pub const MAX_VALUES: usize = 1_000;
/// What counts for values that are not told apart.
pub const OTHER: &str = "other";

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
    /// Seconds in a bucket.
    pub const SECONDS: u64 = BUCKET_MILLIS / 1_000;

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

    /// Its number: days since 1970.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The day with this number.
    pub const fn numbered(number: u64) -> Self {
        Self(number)
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

    /// All of its buckets.
    pub fn buckets(self) -> impl Iterator<Item = Bucket> {
        (self.first_bucket().0..=self.last_bucket().0).map(Bucket)
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// `utm_source`
    Source,
    /// `utm_medium`
    Medium,
    /// `utm_campaign`
    Campaign,
}

impl Dimension {
    /// Every dimension, in the order of [`Breakdowns`].
    pub const ALL: [Self; 3] = [Self::Source, Self::Medium, Self::Campaign];

    /// The name in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Medium => "medium",
            Self::Campaign => "campaign",
        }
    }

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

/// A sum of amounts in a token's smallest unit. It stops at 2^256 − 1, which no token can move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Volume(U256);

impl Volume {
    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, `None` below zero.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl From<Amount> for Volume {
    fn from(amount: Amount) -> Self {
        Self(amount.units())
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Volume {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        U256::from_str_radix(&text, 10).map(Self).map_err(|_| "not a volume")
    }
}

impl From<Volume> for String {
    fn from(volume: Volume) -> Self {
        volume.to_string()
    }
}

/// How often each thing happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64)", into = "(u64, u64, u64)")]
pub struct Counts {
    /// Page views.
    pub views: u64,
    /// Sessions opened.
    pub sessions: u64,
    /// Payments completed.
    pub completed: u64,
}

impl From<(u64, u64, u64)> for Counts {
    fn from((views, sessions, completed): (u64, u64, u64)) -> Self {
        Self { views, sessions, completed }
    }
}

impl From<Counts> for (u64, u64, u64) {
    fn from(counts: Counts) -> Self {
        (counts.views, counts.sessions, counts.completed)
    }
}

impl Counts {
    /// One event.
    pub const fn one(event: &Event) -> Self {
        let (views, sessions, completed) = match event {
            Event::View(_) => (1, 0, 0),
            Event::Session => (0, 1, 0),
            Event::Completion(_) => (0, 0, 1),
        };
        Self { views, sessions, completed }
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            views: self.views.saturating_add(other.views),
            sessions: self.sessions.saturating_add(other.sessions),
            completed: self.completed.saturating_add(other.completed),
        }
    }

    /// The difference, `None` where any count would be below zero.
    pub fn minus(self, other: Self) -> Option<Self> {
        Some(Self {
            views: self.views.checked_sub(other.views)?,
            sessions: self.sessions.checked_sub(other.sessions)?,
            completed: self.completed.checked_sub(other.completed)?,
        })
    }
}

/// Counts and the volume of the completions among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How often each thing happened.
    pub counts: Counts,
    /// What was paid.
    pub volume: Volume,
}

impl Tally {
    /// One event.
    pub fn one(event: &Event) -> Self {
        let volume = match event {
            Event::Completion(amount) => Volume::from(*amount),
            Event::View(_) | Event::Session => Volume::default(),
        };
        Self { counts: Counts::one(event), volume }
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { counts: self.counts.plus(other.counts), volume: self.volume.plus(other.volume) }
    }

    fn minus(self, other: Self) -> Option<Self> {
        Some(Self { counts: self.counts.minus(other.counts)?, volume: self.volume.minus(other.volume)? })
    }
}

/// The counts of each value of a dimension.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Breakdown(BTreeMap<String, Counts>);

/// One breakdown per dimension, in the order of [`Dimension::ALL`].
pub type Breakdowns = [Breakdown; 3];

impl Breakdown {
    /// Adds to the counts of a value.
    pub fn add(&mut self, value: &str, counts: Counts) {
        match self.0.get_mut(value) {
            Some(sum) => *sum = sum.plus(counts),
            None => {
                self.0.insert(value.to_owned(), counts);
            }
        }
    }

    /// The counts of a value.
    pub fn get(&self, value: &str) -> Option<Counts> {
        self.0.get(value).copied()
    }

    /// How many values there are, [`OTHER`] among them.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Largest first: by views, then sessions, then completions, then name.
    fn by_size(&self) -> Vec<(&String, Counts)> {
        let mut values: Vec<_> = self.0.iter().map(|(value, counts)| (value, *counts)).collect();
        // The names are sorted already, and stay so among equals.
        values.sort_by_key(|(_, counts)| std::cmp::Reverse(*counts));
        values
    }

    /// The `most` largest values in that order, and everything else as [`OTHER`], which comes last and only where there
    /// is something else.
    pub fn largest(&self, most: usize) -> Vec<(String, Counts)> {
        let mut shown = Vec::new();
        let mut rest = self.get(OTHER);
        for (value, counts) in self.by_size().into_iter().filter(|(value, _)| *value != OTHER) {
            if shown.len() < most {
                shown.push((value.clone(), counts));
            } else {
                rest = Some(rest.unwrap_or_default().plus(counts));
            }
        }
        shown.extend(rest.map(|counts| (OTHER.to_owned(), counts)));
        shown
    }

    /// These raw counts of a bucket under the names the link counts them by, of which it has at most [`MAX_VALUES`]: a
    /// new value gets in, the largest first, while there is room. `before` is what was counted of this bucket before.
    ///
    /// A value never leaves, so once there is no room for a value there never is; what was counted as [`OTHER`] stays
    /// there, and what has a name in `before` has the same name now.
    fn named(&self, link: &Self, before: &Self) -> Self {
        let mut room = MAX_VALUES.saturating_sub(link.0.keys().filter(|value| *value != OTHER).count());
        let mut named = Self::default();
        for (value, counts) in self.by_size() {
            let known = value == OTHER || link.0.contains_key(value) || before.0.contains_key(value);
            if !known && room == 0 {
                named.add(OTHER, counts);
                continue;
            }
            if !known {
                room -= 1;
            }
            named.add(value, counts);
        }
        named
    }

    fn minus(&self, before: &Self) -> Option<Self> {
        if before.0.keys().any(|value| !self.0.contains_key(value)) {
            return None;
        }
        let differences = self
            .0
            .iter()
            .map(|(value, counts)| Some((value.clone(), counts.minus(before.get(value).unwrap_or_default())?)));
        let differences: Option<BTreeMap<_, _>> = differences.collect();
        differences.map(|mut differences| {
            differences.retain(|_, counts| *counts != Counts::default());
            Self(differences)
        })
    }

    fn merge(&mut self, other: &Self) {
        for (value, counts) in &other.0 {
            self.add(value, *counts);
        }
    }
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
    pub fn get(&self, bucket: Bucket) -> u64 {
        self.0.get(bucket.place_in_day()).copied().unwrap_or_default()
    }

    fn add(&mut self, bucket: Bucket, views: u64) {
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
    pub fn add(&mut self, bucket: Bucket, tally: Tally) {
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
    pub fn count(&mut self, bucket: Bucket, facts: &Gathered, before: &Counted) -> Result<Counted, Overcounted> {
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

/// `part` of `whole` as a decimal number with four places, rounded to the nearest; 0 when there is no whole.
pub fn rate(part: u64, whole: u64) -> String {
    const PLACES: u128 = 10_000;
    let (part, whole) = (u128::from(part), u128::from(whole));
    let scaled = (part * PLACES * 2 + whole).checked_div(whole * 2).unwrap_or_default();
    format!("{}.{:04}", scaled / PLACES, scaled % PLACES)
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
