//! An API key in an answer.

use anyspend_api::versions::Time;
use anyspend_domain::api_key::ApiKey;
use anyspend_domain::{ApiKeyId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// An API key, without the key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeyView {
    /// `ak_…`
    id: String,
    /// `api_key`
    #[schema(examples("api_key"))]
    object: &'static str,
    /// What its owner calls it.
    name: String,
    /// Its first characters.
    key_prefix: String,
    /// What it may do.
    permissions: Vec<&'static str>,
    /// Whether it opens live or test data.
    livemode: bool,
    /// When it was last used, to the minute.
    last_used_at: Option<Time>,
    /// When it stops.
    expires_at: Option<Time>,
    /// Whether it opens anything now.
    active: bool,
    /// When it was made.
    created_at: Time,
}

impl ApiKeyView {
    pub(crate) fn new(key: &ApiKey, now: Timestamp) -> Self {
        let active = key.is_active(now);
        Self {
            id: key.id.to_string(),
            object: ApiKeyId::OBJECT,
            name: key.name.as_str().to_owned(),
            key_prefix: key.prefix.clone(),
            permissions: key.permissions.names(),
            livemode: key.owner.mode.is_live(),
            last_used_at: key.last_used_at.map(Time),
            expires_at: key.expires_at.map(Time),
            active,
            created_at: Time(key.created_at),
        }
    }
}
