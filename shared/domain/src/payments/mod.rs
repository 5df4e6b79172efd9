//! What a transfer on a chain is to a session, and what it makes of it.

pub mod followed;
pub mod payment;
pub mod settlement;
pub mod transaction;
