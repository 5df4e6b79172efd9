//! Settlement on a real node: anvil, with tokens that are honest and tokens that are not, and endpoints that lie, lag and
//! fall silent.
#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value)]

mod attacks;
mod cases;
mod end_to_end;
mod endpoints;
mod held_up;
mod node;
mod proxy;
mod quirks;
mod reorganisations;
mod restarts;
#[path = "../stories/webhook_receivers.rs"]
#[expect(dead_code, reason = "stories need more of it")]
mod webhook_receivers;
mod world;
