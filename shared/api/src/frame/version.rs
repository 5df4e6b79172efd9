//! The dated versions of the API, and the only place where they differ.
//!
//! Names never conflict between versions, so every answer carries both sets; *values* do, and those are the two
//! types here. A view holds [`Time`] and [`Addr`]; [`render`] decides how they look. A third version is one more
//! entry of [`VERSIONS`].

use anyspend_domain::{Address, Timestamp};
use serde::{Serialize, Serializer};
use std::cell::Cell;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// How one version renders what versions disagree on.
#[derive(Debug)]
struct Dialect {
    name: &'static str,
    time: fn(Timestamp) -> TimeValue,
    address: fn(&Address) -> String,
}

/// Newest first; the first is the default.
static VERSIONS: &[Dialect] = &[
    Dialect {
        name: "2026-02-27",
        time: |time| TimeValue::Iso(time.to_iso8601()),
        address: |address| address.as_sent().to_owned(),
    },
    Dialect { name: "2024-02-28", time: |time| TimeValue::Millis(time.millis()), address: Address::lower_case },
];

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum TimeValue {
    Iso(String),
    Millis(u64),
}

/// A version of the API.
#[derive(Debug, Clone, Copy)]
pub struct Version(&'static Dialect);

impl Version {
    /// The version new API keys are pinned to.
    pub fn current() -> Self {
        Self(&VERSIONS[0])
    }

    /// The version with this name.
    pub fn parse(name: &str) -> Option<Self> {
        VERSIONS.iter().find(|version| version.name == name).map(Self)
    }

    /// Its date.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// Every version's date, newest first.
    pub fn names() -> Vec<&'static str> {
        VERSIONS.iter().map(|version| version.name).collect()
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Version {}

thread_local! {
    /// The version of the rendering under way on this thread; set for the length of one synchronous call only.
    static IN_FORCE: Cell<Option<Version>> = const { Cell::new(None) };
}

/// Renders a view as JSON in a version.
///
/// # Errors
/// When the view cannot be JSON, which is a fault of ours.
pub fn render(version: Version, view: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    struct Reset(Option<Version>);
    impl Drop for Reset {
        fn drop(&mut self) {
            IN_FORCE.set(self.0);
        }
    }
    let _reset = Reset(IN_FORCE.replace(Some(version)));
    serde_json::to_vec(view)
}

fn in_force() -> &'static Dialect {
    IN_FORCE.get().unwrap_or_else(Version::current).0
}

/// A moment in an answer: ISO 8601 or milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (in_force().time)(self.0).serialize(serializer)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let iso = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .description(Some("ISO 8601 in UTC with whole seconds (version 2026-02-27)"));
        let millis = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .description(Some("Milliseconds since 1970 (version 2024-02-28)"));
        OneOfBuilder::new().item(iso).item(millis).into()
    }
}

impl ToSchema for Time {}

/// An address in an answer: as it was sent, or lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addr(pub Address);

impl Serialize for Addr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (in_force().address)(&self.0).serialize(serializer)
    }
}

impl PartialSchema for Addr {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .pattern(Some("^0x[0-9a-fA-F]{40}$"))
            .description(Some("As it was sent (version 2026-02-27), or lower case (version 2024-02-28)"))
            .into()
    }
}

impl ToSchema for Addr {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_differ_in_times_and_addresses_only() {
        let time = Time(Timestamp::from_millis(1_709_078_400_000).unwrap());
        let address = Addr(Address::parse("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48").unwrap());
        let text = |version: &str| {
            let bytes = render(Version::parse(version).unwrap(), &(time, address.clone())).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(text("2026-02-27"), r#"["2024-02-28T00:00:00Z","0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"]"#);
        assert_eq!(text("2024-02-28"), r#"[1709078400000,"0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"]"#);
        assert!(Version::parse("2025-01-01").is_none());
    }
}
