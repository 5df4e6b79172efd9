//! What a chain says, asked of its JSON-RPC endpoints, and only what they agree on.
//!
//! What must stay true: an answer is known or unknown, and nothing makes "unknown" into "failed": a `null`, a timeout, an
//! error in whatever clothes, an endpoint of another chain and endpoints that contradict each other all mean "ask later".
//! Only functions that settle depend on this crate.

mod answers;
mod evidence;
mod network;
mod pace;
mod refusal;
mod rpc;
mod voices;

pub use answers::{BlockFacts, FoundTransfer};
pub use evidence::signer;
pub use network::{Coins, Network, Searched, Sighting, Trusted};
pub use rpc::Unknown;
