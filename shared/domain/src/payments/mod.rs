//! What a transfer on a chain is to a session, and what it makes of it.

mod finality;
pub mod followed;
pub mod matching;
pub mod payment;
mod reference;
pub mod settlement;
mod signature;
pub mod transaction;
mod unique_amount;
