//! Transactions, which everybody but settlement only reads: the group's table of contents.

mod list;
mod retrieve;
mod stats;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "transactions",
        description: "Payments that were seen. Settlement writes them; merchants read them.",
        operations: vec![list::operation(), stats::operation(), retrieve::operation()],
    }
}

/// The collection's path.
const TRANSACTIONS: &str = "/api/v1/transactions";
/// One transaction's path.
const TRANSACTION: &str = "/api/v1/transactions/{id}";
