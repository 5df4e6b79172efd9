//! `2024-02-28`: times are milliseconds since 1970, and addresses lower case.

use super::{Dialect, Leaves, Tree, v2026_02_27};

pub(super) static VERSION: Dialect = Dialect {
    date: "2024-02-28",
    after: Some(&v2026_02_27::VERSION),
    leaves: Leaves {
        time: |time| Tree::Number(time.millis().into()),
        address: |address| Tree::Text(address.to_ascii_lowercase()),
    },
    changes: &[],
};
