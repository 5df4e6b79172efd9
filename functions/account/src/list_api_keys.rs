//! `GET /api-keys`

use crate::view::ApiKeyView;
use anyspend_api::list::{CURSOR, LIMIT, ListView, ORDER, Order, PAGE, PageRequest};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::Owner;
use anyspend_domain::api_key::{ApiKey, Permission};
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<ListView<ApiKeyView>>(
        "listApiKeys",
        Method::GET,
        crate::API_KEYS,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "List API keys",
    )
    .described("Of the caller's mode, newest first; revoked and expired keys stay, with `active: false`.")
    .query(&[ORDER, PAGE, LIMIT, CURSOR])
    .beside(expected, list)
}

/// The keys of the organization the caller's key opened the last time.
async fn expected(call: Arc<Call>) -> Result<Option<(Owner, Vec<ApiKey>)>, ApiError> {
    let Some(owner) = call.expected_owner() else { return Ok(None) };
    let keys = call.db.list_api_keys(&owner).await?;
    Ok(Some((owner, keys)))
}

async fn list(call: Arc<Call>, caller: Caller, expected: Option<(Owner, Vec<ApiKey>)>) -> Result<Answer, ApiError> {
    let request = PageRequest::read(&call, Order::Descending, "")?;
    let keys = match expected {
        Some((owner, keys)) if owner == caller.owner => keys,
        _ => call.db.list_api_keys(&caller.owner).await?,
    };
    let page = request.cut(keys, |key| key.id.to_string());
    let data = page.rows.iter().map(|key| ApiKeyView::new(key, call.now)).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}
