//! `GET /organization`

use crate::organization::{OrganizationView, find};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::{Answer, ApiError, Call, Caller};
use anyspend_domain::api_key::Permission;
use http::{Method, StatusCode};
use std::sync::Arc;

pub(crate) fn operation() -> Operation {
    Operation::new::<OrganizationView>(
        "retrieveOrganization",
        Method::GET,
        crate::ORGANIZATION,
        Access::Needs(Permission::Read),
        StatusCode::OK,
        "Retrieve the organization",
    )
    .described("The caller's own; it is the same in both modes.")
    .handled_by(retrieve)
}

async fn retrieve(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let organization = find(&call, &caller).await?;
    call.answer(StatusCode::OK, &OrganizationView::new(&organization))
}
