//! Sums of what happened to a link, in all and by value.

use super::statistics::Event;
use crate::Amount;
use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Most values of one dimension that a link tells apart; later new ones count as [`OTHER`] at once.
pub const MAX_VALUES: usize = 1_000;
/// What counts for values that are not told apart.
pub const OTHER: &str = "other";

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

    /// The difference, `None` where anything would be below zero.
    pub(super) fn minus(self, other: Self) -> Option<Self> {
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
    pub(super) fn named(&self, link: &Self, before: &Self) -> Self {
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

    /// What was counted beyond `before`; `None` where there is less.
    pub(super) fn minus(&self, before: &Self) -> Option<Self> {
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

    /// Adds every count of another.
    pub(super) fn merge(&mut self, other: &Self) {
        for (value, counts) in &other.0 {
            self.add(value, *counts);
        }
    }
}

/// `part` of `whole` as a decimal number with four places, rounded to the nearest; 0 when there is no whole.
pub fn rate(part: u64, whole: u64) -> String {
    const PLACES: u128 = 10_000;
    let (part, whole) = (u128::from(part), u128::from(whole));
    let scaled = (part * PLACES * 2 + whole).checked_div(whole * 2).unwrap_or_default();
    format!("{}.{:04}", scaled / PLACES, scaled % PLACES)
}
