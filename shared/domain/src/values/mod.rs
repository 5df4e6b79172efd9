//! What every subject is made of: ids, moments, texts, and what can be wrong with them.

pub mod decimal;
pub mod entropy;
pub mod id;
pub mod metadata;
pub(crate) mod named;
pub mod pasted;
pub mod patch;
pub mod problem;
pub mod sealed;
pub mod text;
pub mod time;
pub mod web_url;

/// Whether a field says nothing, so that it need not be kept.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
