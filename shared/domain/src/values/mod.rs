//! What every subject is made of: ids, moments, texts, and what can be wrong with them.

pub mod decimal;
pub mod entropy;
pub mod id;
pub mod metadata;
pub mod pasted;
pub mod patch;
pub mod problem;
pub mod text;
pub mod time;
pub mod web_url;
