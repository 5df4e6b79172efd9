//! What is sold: links, products, codes, and what is counted of them.

pub mod bounds;
pub mod discount_code;
pub mod line_item;
pub mod link_form;
pub mod payment_link;
pub mod product;
pub mod statistics;
mod tally;
mod time_bucket;
