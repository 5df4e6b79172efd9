//! One buyer's attempt to pay, and what he is asked for.

pub mod buyer;
pub mod checkout_session;
pub mod country;
mod opening;
pub mod payer_answers;
pub mod payer_details;
