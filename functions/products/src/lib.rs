//! Products, and the payment links made from them: the group's table of contents.

mod archive;
mod create;
mod generate_link;
mod list;
mod retrieve;
mod stored;
mod update;

use anyspend_api::Group;

/// Every operation of the group, one file each.
pub fn routes() -> Group {
    Group {
        name: "products",
        description: "What a merchant sells again and again: templates that payment links are made from.",
        operations: vec![
            list::operation(),
            create::operation(),
            retrieve::operation(),
            update::operation(),
            archive::operation(),
            generate_link::operation(),
        ],
    }
}

/// The collection's path.
const PRODUCTS: &str = "/api/v1/products";
/// One product's path.
const PRODUCT: &str = "/api/v1/products/{id}";
/// The path that makes a link from a product.
const GENERATE_LINK: &str = "/api/v1/products/{id}/generate-link";
