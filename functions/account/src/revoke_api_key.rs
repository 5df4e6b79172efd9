//! `DELETE /api-keys/{id}`

use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::api_key::{ApiKey, Permission};
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::{ApiKeyId, Code, Owner};
use anyspend_store::api_keys;
use http::{Method, StatusCode};
use serde::Serialize;
use std::future::ready;
use std::sync::Arc;
use utoipa::ToSchema;

/// A revoked key.
#[derive(Debug, Serialize, ToSchema)]
struct RevokedView {
    /// `api_key_revoked`
    object: &'static str,
    /// The key.
    id: String,
    /// `true`
    revoked: bool,
}

pub(crate) fn operation() -> Operation {
    Operation::new::<RevokedView>(
        "revokeApiKey",
        Method::DELETE,
        crate::API_KEY,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "Revoke an API key",
    )
    .described(
        "At once and for good. The last active admin key of an organization cannot be revoked: it would lock its \
         owner out.",
    )
    .of_owner(find, revoke)
}

/// The key the path names.
async fn find(call: Arc<Call>, owner: Owner) -> Result<Option<ApiKey>, ApiError> {
    match ApiKeyId::parse(call.param("id")) {
        Some(id) => Ok(call.db.find_api_key(&owner, &id).await?),
        None => Ok(None),
    }
}

async fn revoke(call: Arc<Call>, caller: Caller, found: Option<ApiKey>) -> Result<Answer, ApiError> {
    let key = found.ok_or_else(|| ApiError::not_found(ApiKeyId::OBJECT, call.param("id")))?;
    let view = RevokedView { object: "api_key_revoked", id: key.id.to_string(), revoked: true };
    let answer = call.answer(StatusCode::OK, &view)?;
    if key.revoked_at.is_some() {
        return Ok(answer);
    }
    // The key itself does not change before it is revoked; who else is an administrator does.
    let (call, caller, key, answer) = (&*call, &caller, &key, &answer);
    call.decide(
        caller.owner.org.as_str(),
        (),
        || ready(Ok(())),
        |()| async move {
            let mut writes = vec![api_keys::revoke(key, call.now)];
            if key.permissions.allow(Permission::Admin) && key.is_active(call.now) {
                // The other administrator must still be one when this commits: two who revoke each other at the same
                // moment cannot both succeed.
                let keys = call.db.list_api_keys(&caller.owner).await?;
                let other = another_administrator(&keys, key, call, caller).ok_or_else(last_admin_key)?;
                writes.push(api_keys::check_active_admin(other, call.now));
            }
            let changes = Changes {
                writes,
                event_type: AuditEventType::ApiKeyRevoked,
                resource_id: key.id.to_string(),
                answer: answer.clone(),
            };
            call.commit(caller, changes).await
        },
    )
    .await
}

fn last_admin_key() -> ApiError {
    ApiError::new(
        Code::LastAdminKey,
        "This is the last active admin key of the organization. Create another one before revoking it.",
    )
}

/// An active admin key besides `key`: the caller's own if it is one, else the one that lasts longest.
fn another_administrator<'k>(keys: &'k [ApiKey], key: &ApiKey, call: &Call, caller: &Caller) -> Option<&'k ApiKey> {
    keys.iter()
        .filter(|other| other.id != key.id && other.permissions.allow(Permission::Admin) && other.is_active(call.now))
        .max_by_key(|other| {
            let lasts = other.expires_at.map_or(u64::MAX, anyspend_domain::Timestamp::millis);
            (other.id.as_str() == caller.actor_id, lasts)
        })
}
