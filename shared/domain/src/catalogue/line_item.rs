//! What a payment link is for: its line items.

use crate::text::{Description, Name};
use crate::web_url::WebUrl;
use crate::{Amount, LineItemId, ProductId, Timestamp};
use serde::{Deserialize, Serialize};

/// Most line items of one payment link.
pub const MAX_LINE_ITEMS: usize = 100;

/// A line item as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLineItem {
    /// Its id, drawn before the decision so that the decision is pure.
    pub id: LineItemId,
    /// What is sold.
    pub name: Name,
    /// More about it.
    pub description: Option<Description>,
    /// Price of one, in the token's smallest unit.
    pub amount: Amount,
    /// How many, at least 1.
    pub quantity: u64,
    /// A picture of it.
    pub image_url: Option<WebUrl>,
    /// The product it stands for.
    pub product_id: Option<ProductId>,
    /// Position among the link's items; `None` means after the last.
    pub sort_order: Option<u64>,
}

/// A line item of a payment link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineItem {
    /// `pli_…`
    pub id: LineItemId,
    /// What is sold.
    pub name: Name,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Price of one, in the token's smallest unit.
    pub amount: Amount,
    /// How many, at least 1.
    pub quantity: u64,
    /// A picture of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<WebUrl>,
    /// The product it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// Position among the link's items, ascending.
    pub sort_order: u64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl NewLineItem {
    /// The item added at `now` behind items that end at `next_position` − 1.
    pub fn added(self, next_position: u64, now: Timestamp) -> LineItem {
        LineItem {
            id: self.id,
            name: self.name,
            description: self.description,
            amount: self.amount,
            quantity: self.quantity,
            image_url: self.image_url,
            product_id: self.product_id,
            sort_order: self.sort_order.unwrap_or(next_position),
            created_at: now,
            updated_at: now,
        }
    }
}

/// Σ amount × quantity; `None` when there are no items or the sum passes 2^256 − 1.
pub fn total(items: &[LineItem]) -> Option<Amount> {
    let mut lines = items.iter().map(|item| item.amount.checked_mul(item.quantity));
    let first = lines.next()??;
    lines.try_fold(first, |sum, line| sum.checked_add(line?))
}
