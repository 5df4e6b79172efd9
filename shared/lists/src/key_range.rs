//! Parts of orders.

/// A part of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Keys at or after this.
    pub from: Option<Vec<u8>>,
    /// Keys before this.
    pub to: Option<Vec<u8>>,
}

impl KeyRange {
    /// Whether a key lies in it.
    pub fn holds(&self, key: &[u8]) -> bool {
        self.from.as_ref().is_none_or(|from| key >= from.as_slice())
            && self.to.as_ref().is_none_or(|to| key < to.as_slice())
    }
}
