//! Delivers webhooks: from the outbox to a delivery for each endpoint that wants to know, and from there to the endpoint.
//!
//! What must stay true: every step is written down before the next one is taken, and taken again by whoever comes next if
//! its process dies, so nothing is lost and a receiver sees an event twice only where an answer was lost; an endpoint
//! that does not answer costs nobody but itself; and nothing is sent but through [`anyspend_sender`].
//!
//! It runs on the table's stream for latency and on a schedule as the guarantee; in one process, on a timer.

mod attempt;
mod deliverer;
mod job;
mod lanes;
mod message;
mod signature;
mod subject;

pub use deliverer::{Deliverer, Pace};
pub use job::Swept;
