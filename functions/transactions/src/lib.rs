//! Transactions, which everybody but settlement only reads, and what they add up to: the group's table of contents.

mod export;
mod list;
mod overview;
mod retrieve;
mod stats;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "transactions",
        description: "Payments that were seen, and what they add up to. Settlement writes them; merchants read them.",
        operations: vec![
            list::operation(),
            stats::operation(),
            export::operation(),
            retrieve::operation(),
            overview::operation(),
        ],
    }
}

/// The collection's path.
const TRANSACTIONS: &str = "/api/v1/transactions";
/// One transaction's path.
const TRANSACTION: &str = "/api/v1/transactions/{id}";
