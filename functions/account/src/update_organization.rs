//! `PATCH /organization`

use crate::organization::{OrganizationView, find};
use anyspend_api::fields::{Body, Fields};
use anyspend_api::operation::{Access, Operation};
use anyspend_api::payment_link::ChainId;
use anyspend_api::{Answer, ApiError, Call, Caller, Changes};
use anyspend_domain::api_key::Permission;
use anyspend_domain::audit::AuditEventType;
use anyspend_domain::organization::OrganizationPatch;
use anyspend_domain::{Code, OrgId};
use anyspend_store::organizations;
use http::{Method, StatusCode};
use std::sync::Arc;

/// The body.
struct UpdateOrganization {
    patch: OrganizationPatch,
    is_empty: bool,
}

impl Body for UpdateOrganization {
    const RESOURCE: &'static str = OrgId::OBJECT;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            is_empty: fields.is_empty(),
            patch: OrganizationPatch {
                name: fields.patch("name"),
                description: fields.patch("description"),
                logo_url: fields.patch("logo_url"),
                website_url: fields.patch("website_url"),
                default_recipient_address: fields.patch("default_recipient_address"),
                default_chain_id: fields.patch::<ChainId>("default_chain_id").map(|id| id.0),
                default_token_address: fields.patch("default_token_address"),
            },
        })
    }
}

pub(crate) fn operation() -> Operation {
    Operation::new::<OrganizationView>(
        "updateOrganization",
        Method::PATCH,
        crate::ORGANIZATION,
        Access::Needs(Permission::Admin),
        StatusCode::OK,
        "Update the organization",
    )
    .described(
        "Changes only what is sent; `null` clears. Defaults fill what is not sent when a link is made; links that exist \
         stay as they are.",
    )
    .body::<UpdateOrganization>()
    .handled_by(update)
}

async fn update(call: Arc<Call>, caller: Caller) -> Result<Answer, ApiError> {
    let (UpdateOrganization { patch, is_empty }, problems) = call.read_body::<UpdateOrganization>(&caller)?.parts()?;
    if is_empty {
        return Err(ApiError::new(Code::NoUpdatesProvided, "The request body names no field to update."));
    }
    let (call, caller, problems, patch) = (&*call, &caller, &problems, &patch);
    let found = find(call, caller).await?;
    call.decide(
        caller.owner.org.as_str(),
        found,
        || find(call, caller),
        |mut organization| async move {
            let before = organization.version;
            ApiError::settle(problems.clone(), organization.update(patch.clone(), call.surroundings()))?;
            let changes = Changes {
                writes: vec![organizations::replace(&organization, before)?],
                event_type: AuditEventType::OrganizationUpdated,
                resource_id: organization.id.to_string(),
                answer: call.answer(StatusCode::OK, &OrganizationView::new(&organization))?,
            };
            call.commit(caller, changes).await
        },
    )
    .await
}
