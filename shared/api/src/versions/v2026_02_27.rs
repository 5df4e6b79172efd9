//! `2026-02-27`: the version new API keys are pinned to, whose names are those of the code. Times are ISO 8601, and
//! addresses as they were sent.

use super::{Dialect, Leaves, Tree};

pub(super) static VERSION: Dialect = Dialect {
    date: "2026-02-27",
    after: None,
    leaves: Leaves { time: |time| Tree::Text(time.to_iso8601()), address: Tree::Text },
    changes: &[],
};
