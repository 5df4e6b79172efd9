//! The rules of the platform, pure: what a value may be, and what a payment link, an API key or a rate-limit
//! bucket may become. Nothing here is async, reads a clock, draws randomness on its own, or knows HTTP or AWS;
//! the one exception is [`entropy`], which every generator of ids and keys goes through.
//!
//! What must stay true: a value of a type from this crate is valid by construction, and a decision is a plain
//! function of the state, the command and a stamp of time.
//!
//! The files stand by subject; code outside names a module by its own name, whichever room it stands in.

mod account;
mod assets;
mod catalogue;
mod checkout;
mod owned;
mod payments;
mod values;
mod webhooks;

pub use account::{api_key, audit, customer, mode, organization, rate_limit, token_bucket};
pub use assets::{address, chain, money};
pub use catalogue::{bounds, discount_code, line_item, link_form, payment_link, product, statistics};
pub use checkout::{buyer, checkout_session, country, payer_answers, payer_details};
pub use payments::{followed, matching, payment, settlement, transaction};
pub use values::{decimal, entropy, id, metadata, pasted, patch, problem, sealed, text, time, web_url};
pub use webhooks::{public_ip, webhook, webhook_delivery};

pub use address::Address;
pub use id::*;
pub use metadata::Metadata;
pub use mode::{Mode, Owner};
pub use money::{Amount, Cents};
pub use owned::Owned;
pub use patch::Patch;
pub use problem::{Code, Invalid, Problem, Rejection};
pub use sealed::Sealed;
pub use time::Timestamp;
