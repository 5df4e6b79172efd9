//! Discount codes: the group's table of contents.

mod batch;
mod create;
mod delete;
mod list;
mod stored;
mod update;
mod validate;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "discount-codes",
        description: "Codes that take something off a price, as often as they may.",
        operations: vec![
            list::operation(),
            create::operation(),
            batch::operation(),
            validate::operation(),
            update::operation(),
            delete::operation(),
        ],
    }
}

/// The collection's path.
const DISCOUNT_CODES: &str = "/api/v1/discount-codes";
/// One code's path.
const DISCOUNT_CODE: &str = "/api/v1/discount-codes/{id}";
