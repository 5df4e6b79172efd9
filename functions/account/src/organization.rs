//! The caller's organization in an answer, and reading it.

use anyspend_api::versions::{Addr, Time};
use anyspend_api::{ApiError, Call, Caller};
use anyspend_domain::OrgId;
use anyspend_domain::organization::Organization;
use serde::Serialize;
use utoipa::ToSchema;

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrganizationView {
    /// `org_…`
    id: String,
    /// `organization`
    #[schema(examples("organization"))]
    object: &'static str,
    /// Its name.
    name: String,
    /// The name as it can stand in a URL. Follows the name, and need not be unique.
    slug: String,
    /// What it says about itself.
    description: Option<String>,
    /// Its logo.
    logo_url: Option<String>,
    /// Its website.
    website_url: Option<String>,
    /// Fills a link's `recipient_address` where none is sent.
    default_recipient_address: Option<Addr>,
    /// Fills a link's `chain_id` where none is sent.
    default_chain_id: Option<u64>,
    /// Fills a link's `token_address` where none is sent.
    default_token_address: Option<Addr>,
    /// When it was made.
    created_at: Time,
}

impl OrganizationView {
    pub(crate) fn new(organization: &Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            object: OrgId::OBJECT,
            name: organization.name.as_str().to_owned(),
            slug: organization.slug(),
            description: organization.description.as_ref().map(|text| text.as_str().to_owned()),
            logo_url: organization.logo_url.as_ref().map(|url| url.as_str().to_owned()),
            website_url: organization.website_url.as_ref().map(|url| url.as_str().to_owned()),
            default_recipient_address: organization.default_recipient_address.clone().map(Addr),
            default_chain_id: organization.default_chain_id,
            default_token_address: organization.default_token_address.clone().map(Addr),
            created_at: Time(organization.created_at),
        }
    }
}

/// The organization the caller belongs to.
pub(crate) async fn find(call: &Call, caller: &Caller) -> Result<Organization, ApiError> {
    let id = &caller.owner.org;
    call.db.find_organization(id).await?.ok_or_else(|| ApiError::not_found(OrgId::OBJECT, id.as_str()))
}
