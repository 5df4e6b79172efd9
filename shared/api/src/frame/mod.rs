//! The frame: what happens to every request, whatever it is about.

pub mod access_log;
pub mod auth;
pub mod call;
pub mod clock;
pub mod config;
pub mod door;
pub mod error;
pub mod export;
pub mod fields;
pub mod json;
pub mod kms;
pub mod limiter;
pub mod link_owners;
pub mod list;
pub mod openapi;
pub mod operation;
pub mod platform;
mod problems;
pub mod query;
pub mod road;
pub mod seal;
pub mod session_token;
pub mod settings;
pub mod vault;
pub mod version;
