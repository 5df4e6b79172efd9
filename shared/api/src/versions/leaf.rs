//! Times and addresses in views: typed until a version shows them.

use super::Tree;
use anyspend_domain::{Address, Timestamp};
use serde::{Serialize, Serializer, ser};
use serde_json::Error;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// By these names the one serializer of views knows what a value is.
const TIME: &str = "$time";
const ADDRESS: &str = "$address";

/// How a version shows times and addresses.
#[derive(Debug, Clone, Copy)]
pub struct Leaves {
    /// How it shows a moment.
    pub time: fn(Timestamp) -> Tree,
    /// How it shows an address that was sent like this.
    pub address: fn(String) -> Tree,
}

/// A moment in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(TIME, &self.0.millis())
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

/// An address in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addr(pub Address);

impl Serialize for Addr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(ADDRESS, self.0.as_sent())
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

/// What was serialized under a name, as a version shows it.
pub(super) fn shown(name: &str, tree: Tree, leaves: Leaves) -> Result<Tree, Error> {
    match (name, tree) {
        (TIME, Tree::Number(millis)) => {
            let time = millis.as_u64().and_then(Timestamp::from_millis);
            time.map(leaves.time).ok_or_else(|| ser::Error::custom("no moment"))
        }
        (ADDRESS, Tree::Text(address)) => Ok((leaves.address)(address)),
        (_, tree) => Ok(tree),
    }
}
