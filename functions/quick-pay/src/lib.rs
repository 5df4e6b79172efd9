//! Quick pay, the open tier: one-shot payment links without an account.

mod create;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "quick-pay",
        description: "One-shot payment links without an account.",
        operations: vec![create::operation()],
    }
}
