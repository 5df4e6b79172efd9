//! What is paid with: amounts, addresses, tokens and the chains they live on.

pub mod address;
pub mod chain;
mod known_chain;
pub mod money;
