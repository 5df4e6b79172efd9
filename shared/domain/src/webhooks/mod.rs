//! Who is told of what happened, and how a telling may go.

mod destination;
mod event;
pub mod public_ip;
pub mod webhook;
pub mod webhook_delivery;
