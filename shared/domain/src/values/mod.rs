//! What every subject is made of: ids, moments, texts, and what can be wrong with them.

pub mod entropy;
pub mod id;
pub mod metadata;
pub(crate) mod named;
pub mod patch;
pub mod problem;
pub mod text;
pub mod time;
pub mod web_url;
