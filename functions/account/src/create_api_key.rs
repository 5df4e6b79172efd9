//! `POST /api-keys`

use crate::view::ApiKeyView;
use anyspend_api::fields::{Body, Fields, List};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::versions::Version;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::api_key::{ApiKey, KeyText, Permission, Permissions};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::text::Name;
use anyspend_domain::{ApiKeyId, Code, Problem, Timestamp};
use anyspend_store::api_keys;
use http::{Method, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The body.
struct CreateApiKey {
    name: Name,
    permissions: Vec<Permission>,
    expires_at: Option<Timestamp>,
}

impl Body for CreateApiKey {
    const RESOURCE: &'static str = ApiKeyId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required::<Name>("name");
        let permissions = fields.required::<List<Permission, 1, 3>>("permissions");
        let expires_at = fields.optional::<Timestamp>("expires_at");
        Some(Self { name: name?, permissions: permissions?.0, expires_at })
    }
}

/// A new API key, with the key: shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct NewApiKeyView {
    #[serde(flatten)]
    view: ApiKeyView,
    /// The key itself. It is not stored and will not be shown again.
    key: String,
}

pub(crate) fn operation() -> Operation {
    Operation::new::<NewApiKeyView>(
        "createApiKey",
        Method::POST,
        crate::API_KEYS,
        Access::Needs(Permission::Admin),
        StatusCode::CREATED,
        "Create an API key",
    )
    .described("Of the caller's own mode, pinned to the current API version. The `key` is shown this once.")
    .body::<CreateApiKey>()
    .handled_by(create)
}

async fn create(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let body = call.body::<CreateApiKey>(&caller)?;
    if body.expires_at.is_some_and(|expiry| expiry <= call.now) {
        return Err(Problem::invalid("expires_at", "must be in the future").into());
    }
    let permissions = Permissions::new(body.permissions).map_err(|invalid| invalid.at("permissions"))?;
    if !caller.permissions.allow(permissions.strongest()) {
        return Err(ApiError::new(Code::InsufficientPermissions, "A key cannot grant more than it has itself."));
    }
    let text = KeyText::generate(caller.owner.mode);
    let version = Version::current().name();
    let key = ApiKey {
        expires_at: body.expires_at,
        // An organization's own limit is on its keys, so the next key has it from the one that makes it.
        rate_limit: caller.key_rate_limit,
        ..ApiKey::new(&text, caller.owner.clone(), body.name, permissions, version, call.now)
    };
    let view = NewApiKeyView { view: ApiKeyView::new(&key, call.now), key: text.expose().to_owned() };
    let mut answer = call.answer(StatusCode::CREATED, &view)?;
    answer.bears_secret = true;
    let changes = Changes {
        writes: api_keys::create(&key)?,
        event_type: AuditEventType::ApiKeyCreated,
        resource_id: key.id.to_string(),
        answer,
    };
    Ok(call.commit(&caller, changes).await?)
}
