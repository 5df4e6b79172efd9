//! Who is told of what happened, and how a telling may go.

mod destination;
pub mod public_ip;
pub mod webhook;
pub mod webhook_delivery;
