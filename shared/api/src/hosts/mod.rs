//! The hosts: what runs the frame, and the jobs, in a Lambda function or in one process.

pub mod job;
pub mod serve;
