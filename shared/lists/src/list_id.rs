//! Which list.

use crate::columns::Columns;
use anyspend_domain::{Mode, OrgId, Owner};
use std::fmt;

/// Which list: whose objects of which kind, and of those perhaps only the ones that belong to another object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListId {
    /// Whose objects.
    pub owner: Owner,
    /// Which kind.
    pub object: String,
    /// What they belong to, e.g. a link's short code.
    pub of: Option<String>,
}

impl ListId {
    /// All objects of a kind.
    pub fn all<T: Columns>(owner: &Owner) -> Self {
        Self { owner: owner.clone(), object: T::OBJECT.to_owned(), of: None }
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '#');
        let org = OrgId::parse(parts.next()?)?;
        let mode = match parts.next()? {
            "live" => Mode::Live,
            "test" => Mode::Test,
            _ => return None,
        };
        let object = parts.next()?.to_owned();
        Some(Self { owner: Owner { org, mode }, object, of: parts.next().map(str::to_owned) })
    }
}

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}", self.owner.org, self.owner.mode.as_str(), self.object)?;
        self.of.as_ref().map_or(Ok(()), |of| write!(f, "#{of}"))
    }
}
