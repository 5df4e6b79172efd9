//! Customers: the wallets that have paid a merchant, or that it knows. The group's table of contents.

mod create;
mod erase;
mod list;
mod retrieve;
mod stored;
mod transactions;
mod update;
mod view;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "customers",
        description: "Who has paid: one record per wallet, made by its first payment or by the merchant.",
        operations: vec![
            list::operation(),
            create::operation(),
            retrieve::operation(),
            update::operation(),
            erase::operation(),
            transactions::operation(),
        ],
    }
}

/// The collection's path.
const CUSTOMERS: &str = "/api/v1/customers";
/// One customer's path.
const CUSTOMER: &str = "/api/v1/customers/{id}";
/// The path of one customer's transactions.
const CUSTOMER_TRANSACTIONS: &str = "/api/v1/customers/{id}/transactions";
