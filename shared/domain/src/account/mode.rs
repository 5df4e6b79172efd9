//! Live and test data never mix.

use crate::OrgId;
use crate::values::named::named;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Whether an object belongs to real money or to the sandbox.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Mode {
    /// Real money.
    Live,
    /// The sandbox.
    Test,
}

named!(Mode);

impl Mode {
    /// The `livemode` of a resource.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }
}

/// Who an object belongs to. Objects of another owner do not exist for a caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// The organization.
    pub org: OrgId,
    /// Its live or its test half.
    pub mode: Mode,
}
