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
    .of_owner(find, list)
}

async fn find(call: Arc<Call>, owner: Owner) -> Result<Vec<ApiKey>, ApiError> {
    Ok(call.db.list_api_keys(&owner).await?)
}

async fn list(call: Arc<Call>, _: Caller, keys: Vec<ApiKey>) -> Result<Answer, ApiError> {
    let request = PageRequest::read(&call, Order::Descending, "")?;
    let page = request.cut(keys, |key| key.id.to_string());
    let data = page.rows.iter().map(|key| ApiKeyView::new(key, call.now)).collect();
    call.answer(StatusCode::OK, &page.view(&call, data))
}
