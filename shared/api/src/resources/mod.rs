//! The resources more than one function reads from bodies, or shows.

pub mod checkout_session;
pub mod discount_code;
mod link_owners;
pub mod new_link;
pub mod payment_link;
pub mod product;
pub mod settlement;
pub mod transaction;
pub mod visit;
pub mod webhook;
