//! Live and test data never mix.

use crate::OrgId;
use serde::{Deserialize, Serialize};

/// Whether an object belongs to real money or to the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Real money.
    Live,
    /// The sandbox.
    Test,
}

impl Mode {
    /// `live` or `test`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

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
