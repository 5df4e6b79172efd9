//! The names every version has: no two of them conflict, so answers carry all and requests may use any.
//!
//! This table is read by the one renderer of answers, by the readers of bodies and queries, and by the OpenAPI document.

use super::{Of, Tree};

/// What each field is called besides. What stands within another field comes before that field, which may have a twin.
pub(super) static SUPERSET: &[Of] = &[
    Of::twin("payment_link", "uses", "current_uses", BY_2024),
    Of::twin("payment_link", "active", "is_active", BY_2024),
    Of::twin("product", "active", "is_active", BY_2024),
    Of::twin("discount_code", "uses", "current_uses", BY_2024),
    Of::twin("discount_code", "active", "is_active", BY_2024),
    Of::twin("discount_validation", "error", "reason", BY_CLIENT),
    Of::twin("api_key", "key_prefix", "prefix", BY_CLIENT),
    Of::twin("api_key", "active", "is_active", BY_2024),
    Of::twin("event", "event_type", "type", "The same as `event_type`."),
    Of::twin("webhook", "active", "is_active", BY_2024),
    Of::twin("webhook_delivery", "status_code", "response_code", "The same, by its other name."),
    Of::twin("webhook_event", "event", "type", "The same as `event`."),
    Of::twin("webhook_event", "checkout_session", "checkoutSession", "The same, as the 2024 examples spell it.")
        .within("data")
        .rendered(camel_case),
    Of::twin("customer", "total_spent", "total_paid", "The same as `total_spent`."),
    Of::twin("customer", "first_seen_at", "first_payment_at", "The same as `first_seen_at`."),
    Of::twin("customer", "last_seen_at", "last_payment_at", "The same as `last_seen_at`."),
    Of::twin("transaction", "payer_address", "from_address", "The same as `payer_address`."),
    Of::twin("transaction", "recipient_address", "to_address", "The same as `recipient_address`."),
    Of::twin("transaction", "session_id", "checkout_session_id", "The same as `session_id`."),
    Of::twin("transaction_stats", "volume_usd", "volumeUsd", "The same as `volume_usd`.").within("last_24h"),
    Of::twin("transaction_stats", "total_transactions", "totalTransactions", "The same as `total_transactions`."),
    Of::twin(
        "transaction_stats",
        "completed_transactions",
        "completedTransactions",
        "The same as `completed_transactions`.",
    ),
    Of::twin("transaction_stats", "failed_transactions", "failedTransactions", "The same as `failed_transactions`."),
    Of::twin("transaction_stats", "pending_transactions", "pendingTransactions", "The same as `pending_transactions`."),
    Of::twin("transaction_stats", "total_volume_usd", "totalVolumeUsd", "The same as `total_volume_usd`."),
    Of::twin("transaction_stats", "last_24h", "last24h", "The same as `last_24h`."),
    Of::twin("transaction_stats", "status_breakdown", "statusBreakdown", "The same as `status_breakdown`."),
];

const BY_2024: &str = "The same, by its 2024 name.";
const BY_CLIENT: &str = "The same, by the name the official client knows.";

/// An object with the names of its fields in camelCase.
fn camel_case(tree: &Tree) -> Tree {
    match tree {
        Tree::Fields(fields) => Tree::Fields(fields.iter().map(|(name, value)| (camel(name), value.clone())).collect()),
        other => other.clone(),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &initial.into_iter().chain(letters).collect::<String>()
    })
}
