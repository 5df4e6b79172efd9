//! The rules of the platform, pure: what a value may be, and what a payment link, an API key or a rate-limit
//! bucket may become. Nothing here is async, reads a clock, draws randomness on its own, or knows HTTP or AWS;
//! the one exception is [`entropy`], which every generator of ids and keys goes through.
//!
//! What must stay true: a value of a type from this crate is valid by construction, and a decision is a plain
//! function of the state, the command and a stamp of time.

pub mod address;
pub mod api_key;
pub mod buyer;
pub mod chain;
pub mod checkout_session;
pub mod country;
pub mod customer;
pub mod discount_code;
pub mod entropy;
pub mod id;
pub mod line_item;
pub mod link_form;
pub mod metadata;
pub mod mode;
pub mod money;
pub mod patch;
pub mod payer_answers;
pub mod payer_details;
pub mod payment;
pub mod payment_link;
pub mod problem;
pub mod product;
pub mod public_ip;
pub mod settlement;
pub mod statistics;
pub mod text;
pub mod time;
pub mod token_bucket;
pub mod transaction;
pub mod web_url;
pub mod webhook;
pub mod webhook_delivery;

pub use address::Address;
pub use id::*;
pub use metadata::Metadata;
pub use mode::{Mode, Owner};
pub use money::{Amount, Cents};
pub use patch::Patch;
pub use problem::{Code, Invalid, Problem, Rejection};
pub use time::Timestamp;
